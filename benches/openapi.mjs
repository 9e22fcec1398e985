#!/usr/bin/env node
// What the description of an API costs a gateway: CPU until the first answer, and for each request whose 10 kB of content are checked, beside the
// same gateway without it. On the native program and on the Worker on workerd, whose wasm does both.
//
//   npm ci && ./test build && node_modules/.bin/node benches/openapi.mjs [--on native,workerd] [--requests 2000] [--rounds 7] [--document FILE]
//
// The content is read whole for the check, and not at all without: that is part of what is told. --document names another document of OpenAPI in JSON,
// of which the load alone is measured.

import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';

import { serveNative } from '../tests/runtime/native.mjs';
import { serveWorker } from '../tests/runtime/workerd.mjs';
import { cpuNanoseconds } from './compare/cpu.mjs';

const targets = {
  native: (config) => serveNative({ server: { listen: '127.0.0.1:0', accessLog: 'off' }, ...config }),
  workerd: (config) => serveWorker(config),
};

const { values } = parseArgs({
  options: {
    on: { type: 'string', default: Object.keys(targets).join(',') },
    requests: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '7' },
    document: { type: 'string' },
  },
});
const requests = Number(values.requests);
const rounds = Number(values.rounds);

/** 600 operations on 150 kinds of things. `benches/openapi.rs` has the same. */
function things() {
  const [paths, schemas] = [{}, {}];
  const text = (most) => ({ type: 'string', maxLength: most });
  schemas.Line = {
    type: 'object',
    required: ['sku', 'quantity', 'price'],
    properties: {
      sku: { ...text(40), minLength: 3 },
      quantity: { type: 'integer', minimum: 1, maximum: 10_000 },
      price: {
        type: 'object',
        required: ['amount', 'currency'],
        properties: { amount: { type: 'number', minimum: 0, multipleOf: 0.01 }, currency: { enum: ['CHF', 'EUR', 'GBP', 'USD'] } },
      },
      tags: { type: 'array', items: text(20) },
    },
  };
  for (let number = 0; number < 10; number += 1) schemas[`Reference${number}`] = { type: 'object', properties: { id: { type: 'string' } } };
  for (let number = 0; number < 150; number += 1) {
    schemas[`Thing${number}`] = {
      type: 'object',
      required: ['id', 'name', 'lines'],
      properties: {
        id: { type: 'string', pattern: '^[a-z]{3}_[0-9a-f]{8}$', readOnly: true },
        name: { ...text(100), minLength: 1 },
        created: { type: 'string', format: 'date-time' },
        parent: { $ref: `#/components/schemas/Reference${number % 10}` },
        lines: { type: 'array', maxItems: 500, items: { $ref: '#/components/schemas/Line' } },
      },
      additionalProperties: false,
    };
    const thing = { $ref: `#/components/schemas/Thing${number}` };
    const content = { 'application/json': { schema: thing } };
    const answer = { description: 'a thing', content };
    const all = { description: 'things', content: { 'application/json': { schema: { type: 'array', items: thing } } } };
    paths[`/things${number}`] = {
      get: { parameters: [{ $ref: '#/components/parameters/limit' }], responses: { 200: all } },
      post: { requestBody: { required: true, content }, responses: { 201: answer } },
    };
    paths[`/things${number}/{id}`] = {
      parameters: [{ name: 'id', in: 'path', required: true, schema: text(40) }],
      get: { responses: { 200: answer } },
      put: { requestBody: { content }, responses: { 200: answer } },
    };
  }
  const limit = { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100 } };
  return { openapi: '3.1.0', info: { title: 'things', version: '1' }, paths, components: { schemas, parameters: { limit } } };
}

/** A thing of some 10 kB. */
function thing() {
  const line = (_, number) => ({
    sku: `article-${String(number).padStart(5, '0')}`,
    quantity: (number % 9) + 1,
    price: { amount: (number * 325 + 99) / 100, currency: 'EUR' },
    tags: ['fragile', 'new', `lot-${number}`],
  });
  return JSON.stringify({ name: 'a thing', created: '2026-11-30T04:30:00Z', lines: Array.from({ length: 85 }, line) });
}

/** The same API with a description and without. */
function config(text) {
  const api = { name: 'things', prefix: '/api', routes: [{ name: 'all', match: { prefix: '/' }, respond: { body: 'ok' } }] };
  // In texts of a configuration `${` begins a variable.
  const openapi = text && { things: JSON.parse(text.replaceAll('${', () => '$${')) };
  return text ? { openapi, apis: [{ ...api, openapi: { document: 'things' } }] } : { apis: [api] };
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function post(port, content) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': content.length };
    const sent = request({ agent, host: '127.0.0.1', port, method: 'POST', path: '/api/things77', headers }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    });
    sent.once('error', reject);
    sent.end(content);
  });
}

const median = (numbers) => numbers.toSorted((one, other) => one - other)[numbers.length >> 1];

/** Milliseconds of CPU until the first answer. */
async function started(serve, text) {
  const gateway = await serve(config(text));
  await post(gateway.port, '{}');
  const milliseconds = cpuNanoseconds(gateway.pid) / 1e6;
  await gateway.end();
  return milliseconds;
}

async function loads(target, text) {
  const times = { without: [], with: [] };
  for (let round = 0; round < rounds; round += 1) {
    times.without.push(await started(targets[target]));
    times.with.push(await started(targets[target], text));
  }
  const [without, whole] = [median(times.without), median(times.with)];
  console.log(`${target.padEnd(8)} load of ${text.length} bytes: ${(whole - without).toFixed(1)} ms more until the first answer (${without.toFixed(1)} without)`);
}

async function checks(target, text) {
  const gateways = [await targets[target](config()), await targets[target](config(text))];
  const content = thing();
  const times = [[], []];
  try {
    // The first round is for the compilers of the runtime.
    for (let round = 0; round <= rounds; round += 1) {
      for (const [which, { port, pid }] of gateways.entries()) {
        const before = cpuNanoseconds(pid);
        for (let count = 0; count < requests; count += 1) {
          const status = await post(port, content);
          if (status !== 200) throw new Error(`${status}`);
        }
        if (round > 0) times[which].push((cpuNanoseconds(pid) - before) / requests / 1000);
      }
    }
  } finally {
    for (const gateway of gateways) await gateway.end();
  }
  const [without, whole] = times.map(median);
  console.log(`${target.padEnd(8)} check of ${content.length} bytes: ${(whole - without).toFixed(1)} µs more a request (${without.toFixed(1)} without)`);
}

/** The load in the wasm alone, by Node: the first call in this process, and the median of those that follow. `check` does all that a load takes, and more. */
async function loadsInWasm(text) {
  const { check } = await import('../dist/cloudflare/check.mjs');
  const whole = JSON.stringify(config(text));
  const times = Array.from({ length: 20 }, () => {
    const begun = performance.now();
    const faults = check(whole);
    if (faults !== '') throw new Error(faults);
    return performance.now() - begun;
  });
  console.log(`wasm     check of a file with ${text.length} bytes of it: ${times[0].toFixed(1)} ms the first time, ${median(times.slice(1)).toFixed(1)} ms then`);
}

const document = values.document === undefined ? JSON.stringify(things()) : readFileSync(values.document, 'utf8');
for (const target of values.on.split(',')) {
  await loads(target, document);
  if (values.document === undefined) await checks(target, document);
  if (target === 'workerd') await loadsInWasm(document);
}
agent.destroy();
