#!/usr/bin/env node
// Sends more responses through the cache of the native gateway than it has memory for, and watches that memory. See
// docs/benchmarks.md.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { run, say } from './compare/command.mjs';
import { built } from './compare/environment.mjs';
import { end, freePort, ready, remove, start, temporaryFolder } from './compare/processes.mjs';

const HELP = `usage: node benches/cache-memory.mjs [options]

Asks a native gateway for responses of 1 MiB, each of another URL and each stored, and prints how much memory the gateway
has in RAM meanwhile. Fails if a response is not the upstream's, if one is not stored, or if the memory exceeds its bound:
\`--memory\`, a quarter of it for contents on their way, 4 MiB for each connection and 64 MiB for all else.

  --responses N      how many (default: 10240, which is 10 GiB)
  --memory MIB       the gateway's \`cacheMemory\` in MiB (default: 256)
  --connections N    how many ask at a time (default: 16)
  --program PATH     the edgeway to measure (default: target/release/edgeway)
  --json             print JSON instead of a table
  --help             print this

Everything stays on 127.0.0.1.`;

const MIB = 1 << 20;
/** What a connection may take, in MiB: responses that are sent, and that the cache has forgotten meanwhile. */
const EACH = 4;
/** What the program takes by itself, and what the allocator has yet to give back, in MiB. */
const ELSE = 64;
/** How many of the last responses are asked for again. */
const AGAIN = 32;

const { values: options } = parseArgs({
  options: {
    responses: { type: 'string', default: '10240' },
    memory: { type: 'string', default: '256' },
    connections: { type: 'string', default: '16' },
    program: { type: 'string', default: built('edgeway') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const REST = Buffer.alloc(MIB - 8, 'x');

/** A response begins with its number. */
function upstream() {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    response.on('error', () => {});
    response.writeHead(200, { 'content-length': MIB, 'cache-control': 'max-age=3600' });
    response.write(request.url.slice(1).padStart(8, '0'));
    response.end(REST);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const close = () => {
        server.closeAllConnections();
        server.close();
      };
      resolve({ port: server.address().port, asked: () => asked, close });
    });
  });
}

/** Asks for response `number`; returns what is wrong with it, if anything, and what the cache did. */
function ask(agent, port, number) {
  return new Promise((resolve) => {
    const request = get({ agent, port, host: '127.0.0.1', path: `/${number}` }, (response) => {
      let [length, begin] = [0, ''];
      response.on('data', (piece) => {
        if (begin.length < 8) begin += piece.toString('latin1', 0, 8 - begin.length);
        length += piece.length;
      });
      response.on('error', (error) => resolve({ wrong: error.message }));
      response.on('end', () => {
        const isRight = response.statusCode === 200 && length === MIB && Number(begin) === number;
        resolve({ wrong: isRight ? undefined : `${response.statusCode}, ${length} bytes`, did: response.headers['cache-status'] });
      });
    });
    request.on('error', (error) => resolve({ wrong: error.message }));
  });
}

/** In MiB. */
const resident = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

async function main() {
  if (options.help) return console.log(HELP);
  const [responses, memory, connections] = [options.responses, options.memory, options.connections].map(Number);
  if (!existsSync(options.program)) return say(`skipped: ${options.program} is not built`);
  const folder = temporaryFolder();
  const [port, up] = [await freePort(), await upstream()];
  writeFileSync(
    join(folder, 'gateway.json'),
    JSON.stringify({
      server: { listen: `127.0.0.1:${port}`, accessLog: 'off', cacheMemory: `${memory}MiB` },
      upstreams: { up: { url: `http://127.0.0.1:${up.port}` } },
      routes: [{ name: 'all', match: { prefix: '/' }, upstream: 'up', policies: [{ cache: {} }] }],
    }),
  );
  const child = start([options.program, 'serve', join(folder, 'gateway.json')], { cwd: folder });
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  try {
    await ready(child, port);
    const idle = resident(child.pid);
    /** The most in each tenth of the responses. */
    const peaks = new Array(10).fill(0);
    const wrong = [];
    let [number, unstored] = [0, 0];
    const watch = setInterval(() => {
      const tenth = Math.min(9, Math.floor((10 * number) / responses));
      peaks[tenth] = Math.max(peaks[tenth], resident(child.pid));
    }, 20);
    const begun = Date.now();
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (number < responses) {
          const answer = await ask(agent, port, number++);
          if (answer.wrong) wrong.push(answer.wrong);
          else if (!answer.did.endsWith('stored')) unstored += 1;
        }
      }),
    );
    const seconds = (Date.now() - begun) / 1000;
    clearInterval(watch);
    const asked = up.asked();
    let hits = 0;
    for (let last = responses - 1; last >= responses - AGAIN; last -= 1) {
      if (/; hit/.test((await ask(agent, port, last)).did)) hits += 1;
    }
    const peak = Math.max(...peaks);
    const bound = memory + memory / 4 + EACH * connections + ELSE;
    const figures = { responses, memory, seconds, idle, peaks, peak, bound, wrong: wrong.length, unstored, asked, hits };
    if (options.json) console.log(JSON.stringify(figures));
    else print(figures);
    if (wrong.length > 0) throw new Error(`${wrong.length} responses are not the upstream's: ${wrong[0]}`);
    if (asked !== responses || unstored > 0) throw new Error(`${unstored} of ${responses} were not stored; the upstream was asked ${asked} times`);
    if (hits === 0) throw new Error(`of the last ${AGAIN}, none is in the cache`);
    if (peak > bound) throw new Error(`${peak.toFixed()} MiB are more than ${bound.toFixed()}`);
  } finally {
    agent.destroy();
    await end(child);
    up.close();
    remove(folder);
  }
}

function print({ responses, memory, seconds, idle, peaks, peak, bound, wrong, hits }) {
  console.log(`${responses} responses of 1 MiB through a cache of ${memory} MiB in ${seconds.toFixed()} s; ${wrong} wrong; ${hits} of the last ${AGAIN} are in the cache`);
  console.log(`in RAM: ${idle.toFixed()} MiB idle, then at most ${peak.toFixed()} of ${bound.toFixed()}; by tenths ${peaks.map((one) => one.toFixed()).join(' ')}`);
}

await run(main);
