#!/usr/bin/env node
// How long an answer of several calls takes beside the longest path through them: six calls on two levels, one of which is made for 50
// values. On the native program, the Worker on workerd and the component in the host for tests.
//
//   npm ci && ./test build && node_modules/.bin/node benches/aggregate.mjs [--on native,workerd,spin] [--delay 100] [--rounds 20] [--json]
//
// Each is measured twice: with an upstream that answers all that it is asked, and with one that lets six wait at the same time and the others
// queue, as Cloudflare has it for a Worker.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { serveNative } from '../tests/runtime/native.mjs';
import { serveSpin } from '../tests/runtime/spin.mjs';
import { serveWorker } from '../tests/runtime/workerd.mjs';

const VALUES = 50;

const targets = {
  native: (config) => serveNative({ server: { listen: '127.0.0.1:0', accessLog: 'off' }, ...config }),
  workerd: (config) => serveWorker(config),
  spin: (config) => serveSpin(config),
};

const { values } = parseArgs({
  options: {
    on: { type: 'string', default: Object.keys(targets).join(',') },
    delay: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
});
const delay = Number(values.delay);
const rounds = Number(values.rounds);

/** An upstream that takes `delay` for each answer, and has `most` under way at the same time. */
async function serveUpstream(most) {
  const queue = [];
  let free = most;
  let asked = 0;
  const next = () => {
    if (free === 0 || queue.length === 0) return;
    free -= 1;
    const { request, response } = queue.shift();
    setTimeout(() => {
      free += 1;
      const name = request.url.slice(1);
      const answer = name === 'cart' ? { items: Array.from({ length: VALUES }, (_, id) => ({ id })) } : { name, text: 'x'.repeat(200) };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answer));
      next();
    }, delay);
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    asked += 1;
    queue.push({ request, response });
    next();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}`, asked: () => asked, end: () => (server.closeAllConnections(), server.close()) };
}

const call = (path, more = {}) => ({ upstream: 'up', path, ...more });

const config = (url) => ({
  upstreams: { up: { url } },
  routes: [
    {
      name: 'page',
      aggregate: {
        calls: {
          user: call('/user'),
          cart: call('/cart'),
          offers: call('/offers'),
          orders: call('/orders/{$.user.name}'),
          advice: call('/advice/{$.user.name}'),
          items: call('/items/{@.id}', { each: '$.cart.items[*]', most: VALUES, atOnce: VALUES }),
        },
        timeout: '60s',
      },
    },
  ],
});

/** The shortest time, in milliseconds: a level after another, each in as many turns as the upstream makes of it. */
const longestPath = (most) => delay * (Math.ceil(3 / most) + Math.ceil((VALUES + 2) / most));

async function measure(serve, most) {
  const upstream = await serveUpstream(most);
  const gateway = await serve(config(upstream.url));
  try {
    const times = [];
    for (let round = 0; round <= rounds; round += 1) {
      const before = upstream.asked();
      const begun = performance.now();
      const response = await fetch(`http://127.0.0.1:${gateway.port}/`);
      const answer = await response.json();
      times.push(performance.now() - begun);
      if (response.status !== 200 || answer.items.length !== VALUES || upstream.asked() - before !== VALUES + 5) {
        throw new Error(`${response.status}: ${JSON.stringify(answer).slice(0, 500)}`);
      }
    }
    const [first, ...others] = times;
    others.sort((one, other) => one - other);
    return { first, least: others[0], median: others[others.length >> 1], most: others.at(-1) };
  } finally {
    await gateway.end();
    upstream.end();
  }
}

const results = [];
for (const target of values.on.split(',')) {
  for (const most of [Infinity, 6]) {
    const path = longestPath(most === Infinity ? VALUES * 2 : most);
    results.push({ target, atOnce: most === Infinity ? 'all' : most, path, ...(await measure(targets[target], most)) });
  }
}
if (values.json) {
  console.log(JSON.stringify({ delay, rounds, results, unit: 'ms', node: process.version }, null, 2));
} else {
  console.log('            at once  longest path     first     least    median      most   median/path');
  for (const { target, atOnce, path, first, least, median, most } of results) {
    const times = [first, least, median, most].map((time) => `${time.toFixed(0)} ms`.padStart(10));
    console.log(`${target.padEnd(10)}  ${String(atOnce).padStart(7)}  ${`${path} ms`.padStart(12)}${times.join('')}  ${(median / path).toFixed(3).padStart(12)}`);
  }
}
