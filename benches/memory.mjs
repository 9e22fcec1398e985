#!/usr/bin/env node
// Measures the memory that gateways hold for clients that read nothing, and for upstreams that say nothing. See
// docs/benchmarks.md.

import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';

import { built } from './compare/environment.mjs';
import { end, endAll, freePort, ready, remove, start, temporaryFolder } from './compare/processes.mjs';
import { CLIENTS, LARGE, SMALL, STREAMS, leave, open } from './memory/clients.mjs';
import { gateways } from './memory/gateways.mjs';
import { MUTE, upstream } from './memory/upstream.mjs';

const HELP = `usage: node benches/memory.mjs [options]

Opens connections to each gateway, asks for bodies of 20 MB on them, reads nothing, and prints how much more memory the
gateway has in RAM then. The same with an upstream that never answers.

  --only NAMES       only these of edgeway, nginx, haproxy
  --connections N,…  how many connections (default: 1,10,100)
  --program PATH     the edgeway to measure (default: target/release/edgeway)
  --json             print JSON instead of a table
  --help             print this

Everything stays on 127.0.0.1. A program that is missing is skipped, with a line that says so.`;

/** How long the memory has to stay the same, in milliseconds, and how long is waited for that. */
const QUIET = 1500;
const LONGEST = 20_000;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    connections: { type: 'string', default: '1,10,100' },
    program: { type: 'string', default: built('edgeway') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (text) => process.stderr.write(`${text}\n`);

/** The memory in RAM of a process and its children, in KiB. */
async function resident(pid) {
  const { readFileSync } = await import('node:fs');
  const own = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  let all = own;
  for (const child of children) all += await resident(child);
  return all;
}

/** The memory once it stays the same, within a percent. */
async function settled(pid) {
  const begun = Date.now();
  let [last, since] = [await resident(pid), Date.now()];
  let most = last;
  while (Date.now() - since < QUIET && Date.now() - begun < LONGEST) {
    await sleep(100);
    const now = await resident(pid);
    most = Math.max(most, now);
    if (Math.abs(now - last) > last / 100) [last, since] = [now, Date.now()];
  }
  return most;
}

/** Measures one case with a process of its own. */
async function measure(gateway, kind, count, path) {
  const folder = temporaryFolder();
  const ports = { http1: await freePort(), http2: await freePort() };
  const up = await upstream();
  const child = start(gateway.prepare({ folder, ports, upstream: up.port }), { cwd: folder });
  let clients = [];
  try {
    await ready(child, ports.http1);
    const idle = await settled(child.pid);
    clients = await open(kind, count, ports, path);
    const most = await settled(child.pid);
    return { memory: most - idle, asked: up.asked() };
  } finally {
    leave(clients);
    await end(child);
    up.close();
    remove(folder);
  }
}

async function main() {
  if (values.help) return console.log(HELP);
  const counts = values.connections.split(',').map(Number);
  const only = values.only?.split(',');
  const taking = gateways(values.program, say).filter((one) => !only || only.includes(one.name));
  const rows = [];
  for (const [what, path] of [['reads nothing', '/large'], ['upstream says nothing', MUTE]]) {
    for (const kind of CLIENTS) {
      // A window makes no difference where there is no answer.
      if (path === MUTE && kind === LARGE) continue;
      for (const count of counts) {
        const row = { what, kind, connections: count, streams: STREAMS[kind](count) };
        for (const gateway of taking) {
          const { memory, asked } = await measure(gateway, kind, count, path);
          row[gateway.name] = memory;
          if (asked < count * row.streams) say(`${gateway.name}: ${asked} of ${count * row.streams} requests came`);
        }
        say(JSON.stringify(row));
        rows.push(row);
      }
    }
  }
  if (values.json) return console.log(JSON.stringify({ versions: taking.map(({ name, version }) => ({ name, version })), rows }));
  const names = taking.map(({ name }) => name);
  const size = (kib) => (kib === undefined ? '–' : kib < 10_240 ? `${Math.round(kib)} KiB` : `${(kib / 1024).toFixed(0)} MiB`);
  console.log(`| | client | connections × streams | ${taking.map(({ name, version }) => `${name} ${version}`).join(' | ')} |`);
  console.log(`|---|---|---|${'---|'.repeat(names.length)}`);
  for (const row of rows) {
    const cells = names.map((name) => size(row[name]));
    console.log(`| ${row.what} | ${row.kind} | ${row.connections} × ${row.streams} | ${cells.join(' | ')} |`);
  }
}

process.on('exit', endAll);
try {
  await main();
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
