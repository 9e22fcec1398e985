#!/usr/bin/env node
// Measures how long others wait while somebody sends without an end: an upstream, or a client. See docs/benchmarks.md.

import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { built } from './compare/environment.mjs';
import { end, endAll, freePort, ready, start, temporaryFolder } from './compare/processes.mjs';

const HELP = `usage: node benches/bystander.mjs [options]

Attacks the gateway, which has one thread, and asks it for something else meanwhile, one request after the other. Prints how long
those took.

  --program PATH   the edgeway to measure (default: target/release/edgeway)
  --seconds N      how long each attack goes on (default: 4)
  --attackers N    how many attack at once (default: 4)
  --only TEXT      only the attacks with this in their name, beside nobody's
  --json           print JSON instead of a table
  --help           print this`;

const { values } = parseArgs({
  options: {
    program: { type: 'string', default: built('edgeway') },
    seconds: { type: 'string', default: '4' },
    attackers: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
process.on('exit', endAll);

/** Sends `piece` again and again, as fast as the other side takes it, until the connection ends. */
function flood(socket, piece) {
  if (piece.length === 0) return;
  const send = () => {
    while (!socket.destroyed && socket.writable) if (!socket.write(piece)) return void socket.once('drain', send);
  };
  send();
}

/** A server that answers each connection's first request with `head` and then `piece` without an end. */
async function flooding(head, piece) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(head);
      flood(socket, piece);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function quiet() {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const BIG = 64 * 1024;
const repeated = (text) => Buffer.from(text.repeat(Math.ceil(BIG / text.length)));

/** A frame of HTTP/2 (RFC 9113 §4.1). */
function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const repeatedFrame = (one) => Buffer.concat(Array(Math.ceil(BIG / one.length)).fill(one));
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)]);
/** POST / to http://a, with literal fields that are not indexed (RFC 7541 §6.2.2). */
const literal = (name, value) => Buffer.from([0, name.length, ...Buffer.from(name), value.length, ...Buffer.from(value)]);
const FIELDS = Buffer.concat([literal(':method', 'POST'), literal(':scheme', 'http'), literal(':path', '/'), literal(':authority', 'a')]);

/** An attacker that sends `first` and then `piece` without an end, and comes again when it is thrown out. */
function client(port, first, piece, until) {
  let count = 0;
  const attack = () => {
    if (Date.now() >= until.end) return;
    count += 1;
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(first);
      flood(socket, piece);
    });
    socket.resume();
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(attack, 1));
    until.sockets.add(socket);
  };
  attack();
  return () => count;
}

/** A client that asks for `path`, and again as soon as that has ended. */
function asker(port, path, until) {
  return client(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, '', until);
}

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const HEADERS = frame(1, 4, 1, FIELDS);
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const ATTACKS = [
  ['nobody', null],
  ['upstream: chunk size without an end', { upstream: [CHUNKED, repeated('0')] }],
  ['upstream: 102 without an end', { upstream: ['', repeated('HTTP/1.1 102 Processing\r\n\r\n')] }],
  ['upstream: chunks of one byte', { upstream: [CHUNKED, repeated('1\r\nx\r\n')] }],
  ['client: chunk size without an end', { client: [POST, repeated('0')] }],
  ['client: chunks of one byte', { client: [POST, repeated('1\r\nx\r\n')] }],
  ['HTTP/2 client: empty DATA', { client: [Buffer.concat([PREFACE, HEADERS]), repeatedFrame(frame(0, 0, 1))] }],
  ['HTTP/2 client: empty CONTINUATION', { client: [Buffer.concat([PREFACE, frame(1, 0, 1, FIELDS)]), repeatedFrame(frame(9, 0, 1))] }],
  ['HTTP/2 client: PING', { client: [PREFACE, repeatedFrame(frame(6, 0, 0, Buffer.alloc(8)))] }],
  ['HTTP/2 client: SETTINGS', { client: [PREFACE, repeatedFrame(frame(4, 0, 0))] }],
  ['HTTP/2 client: PRIORITY', { client: [PREFACE, repeatedFrame(frame(2, 0, 3, Buffer.from([0, 0, 0, 0, 9])))] }],
];

/** One request after the other on one connection, and how long each took, in milliseconds. */
async function bystander(port, until) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const times = [];
  while (Date.now() < until) {
    const begun = performance.now();
    socket.write('GET /quiet HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    times.push(performance.now() - begun);
    await sleep(2);
  }
  socket.destroy();
  return times.sort((a, b) => a - b);
}

async function measure([name, attack]) {
  const [bad, good, port] = [await flooding(...(attack?.upstream ?? ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''])), await quiet(), await freePort()];
  const file = join(temporaryFolder(), 'gateway.json');
  const url = (server) => `http://127.0.0.1:${server.address().port}`;
  writeFileSync(
    file,
    JSON.stringify({
      server: { listen: `127.0.0.1:${port}`, accessLog: 'off' },
      upstreams: { bad: { url: url(bad) }, good: { url: url(good) } },
      routes: [
        { name: 'quiet', match: { path: '/quiet' }, upstream: 'good' },
        { name: 'all', match: { prefix: '/' }, upstream: attack?.client ? 'good' : 'bad' },
      ],
    }),
  );
  const program = start([values.program, 'serve', file, '--threads', '1'], { core: 0 });
  await ready(program, port);
  const until = { end: Date.now() + Number(values.seconds) * 1000, sockets: new Set() };
  const counts = [];
  for (let i = 0; attack && i < Number(values.attackers); i += 1) {
    counts.push(attack.client ? client(port, ...attack.client, until) : asker(port, '/', until));
  }
  const times = await bystander(port, until.end);
  for (const socket of until.sockets) socket.destroy();
  await end(program);
  for (const server of [bad, good]) server.close();
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  const round = (time) => Math.round(time * 10) / 10;
  const attempts = counts.reduce((sum, count) => sum + count(), 0);
  return { attack: name, attempts, requests: times.length, median: round(at(0.5)), p99: round(at(0.99)), most: round(at(1)) };
}

const rows = [];
for (const attack of ATTACKS) if (!attack[1] || attack[0].includes(values.only)) rows.push(await measure(attack));
if (values.json) {
  console.log(JSON.stringify(rows, null, 2));
} else {
  console.log('| attack | connections | requests beside | median | 99 % | longest |\n|---|---|---|---|---|---|');
  for (const { attack, attempts, requests, median, p99, most } of rows) {
    console.log(`| ${attack} | ${attempts} | ${requests} | ${median} ms | ${p99} ms | ${most} ms |`);
  }
}
process.exit(0);
