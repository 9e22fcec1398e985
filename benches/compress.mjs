// A large content, compressed on its way: the time on a core, the size and the memory of the native program beside nginx's, level for level, in one run.
//
//   node benches/compress.mjs [MEBIBYTES [CODING:LEVEL…]]
//
// EDGEWAY_BIN names the program: else target/release/edgeway. SPIN_HOST names `edgeway-spin-host` and EDGEWAY_COMPONENT the component, if that is measured, too.
//
// Both have one thread for it. The content is JSON of made-up records, of which no megabyte is like another within any window.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as listen } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { cpuNanoseconds } from './compare/cpu.mjs';

const mebibytes = Number(process.argv[2] ?? 1024);
const program = process.env.EDGEWAY_BIN ?? 'target/release/edgeway';
const only = process.argv.slice(3);
const spinHost = process.env.SPIN_HOST;
const block = records();

/** 1 MiB of JSON. */
function records() {
  let state = 0x9e3779b9;
  const next = (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
  const words = Array.from({ length: 2000 }, () => Array.from({ length: 3 + next(7) }, () => 'etaoinshrdlucmfwypvbgk'[next(22)]).join(''));
  const text = (count) => Array.from({ length: count }, () => words[Math.min(next(2000), next(2000))]).join(' ');
  let out = '';
  for (let id = 0; out.length < 1 << 20; id += 1) {
    const record = {
      id: next(1e9), user: `${words[next(2000)]}@example.com`, active: next(2) === 1, total: next(1e6) / 100,
      created: `2026-${10 + next(3)}-${10 + next(18)}T${10 + next(14)}:${10 + next(50)}:${10 + next(50)}Z`, tags: [text(1), text(1)], note: text(6 + next(20)),
    };
    out += `${JSON.stringify(record)},\n`;
  }
  return Buffer.from(out.slice(0, 1 << 20));
}

async function freePort() {
  const server = listen();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An upstream that answers with as many blocks as the path says. */
async function upstream() {
  const server = createServer(async (request, response) => {
    const count = Number(request.url.slice(1));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': count * block.length });
    for (let sent = 0; sent < count; sent += 1) {
      if (!response.write(block)) await new Promise((resolve) => response.once('drain', resolve));
    }
    response.end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Asks for `count` blocks, and counts the bytes that come. */
function get(port, count, coding) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET /${count} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${coding}\r\nConnection: close\r\n\r\n`);
    });
    let bytes = 0;
    let head = '';
    socket.on('data', (piece) => {
      if (bytes === 0) head = piece.toString('latin1', 0, 1000);
      bytes += piece.length;
    });
    socket.on('error', reject);
    socket.on('close', () => (head.toLowerCase().includes(`content-encoding: ${coding}`) || coding === 'identity' ? resolve(bytes) : reject(new Error(head))));
  });
}

/** The sum of what `ask` tells of a process and of those that it has started. */
function ofAll(pid, ask) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + ofAll(child, ask), ask(pid));
}

const status = (pid, name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);

/** What is in RAM, in KiB, and from now on the most that has been (VmHWM, which the kernel counts from then on). */
const resident = (pid) =>
  ofAll(pid, (one) => {
    writeFileSync(`/proc/${one}/clear_refs`, '5');
    return status(one, 'VmRSS');
  });
const mostResident = (pid) => ofAll(pid, (one) => status(one, 'VmHWM'));

async function ready(port) {
  for (let left = 600; left > 0; left -= 1) {
    try {
      return await get(port, 1, 'identity');
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('no answer');
}

async function measure(name, coding, level, command, port) {
  const child = spawn(command[0], command.slice(1), { stdio: 'ignore' });
  try {
    await ready(port);
    await get(port, 4, coding);
    const idle = resident(child.pid);
    const cpu = cpuNanoseconds(child.pid);
    const begun = performance.now();
    const bytes = await get(port, mebibytes, coding);
    const seconds = (performance.now() - begun) / 1000;
    const spent = (cpuNanoseconds(child.pid) - cpu) / 1e9;
    const most = mostResident(child.pid);
    const row = [
      name.padEnd(8), coding.padEnd(8), String(level).padStart(5), `${((spent / mebibytes) * 1024).toFixed(1)} s/GiB`.padStart(11),
      `${(mebibytes / seconds).toFixed(0)} MiB/s`.padStart(10), `${((100 * bytes) / (mebibytes * block.length)).toFixed(1)} %`.padStart(7),
      `${((most - idle) / 1024).toFixed(1)} MiB`.padStart(10),
    ];
    console.log(row.join('  '));
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  }
}

function edgeway(folder, port, to, coding, level) {
  const compress = coding === 'identity' ? { enabled: false } : { codings: [coding], levels: { [coding]: level } };
  const config = {
    server: { listen: `127.0.0.1:${port}`, accessLog: 'off' },
    upstreams: { up: { url: `http://127.0.0.1:${to}` } },
    routes: [{ name: 'all', match: { prefix: '/' }, upstream: 'up', timeouts: { total: '1h' }, policies: [{ compress }] }],
  };
  const file = join(folder, 'gateway.json');
  writeFileSync(file, JSON.stringify(config));
  return [program, 'serve', '--threads', '1', '--config', file];
}

/** The same on Spin. */
function spin(folder, port, to, coding, level) {
  edgeway(folder, port, to, coding, level);
  const component = process.env.EDGEWAY_COMPONENT ?? 'target/wasm32-wasip2/release/edgeway_spin.wasm';
  return [spinHost, '--listen', `127.0.0.1:${port}`, '--component', component, '--file', `${folder}=/`];
}

function nginx(folder, port, to, coding, level) {
  const gzip = coding === 'identity' ? '' : `gzip on; gzip_comp_level ${level}; gzip_types application/json; gzip_proxied any;`;
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr crit;
events {}
http { access_log off; ${gzip}
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1; proxy_max_temp_file_size 0; } } }
`,
  );
  return ['nginx', '-p', folder, '-e', 'stderr', '-c', file];
}

const folder = mkdtempSync(join(tmpdir(), 'edgeway-compress-'));
const server = await upstream();
const to = server.address().port;
console.log(`${mebibytes} MiB: time on a core, rate, size of what is sent, growth of the memory`);
try {
  for (const [coding, levels] of [['identity', [0]], ['gzip', [1, 4, 6, 9]], ['br', [1, 4, 5]], ['zstd', [1, 3, 6]]]) {
    for (const level of levels) {
      if (only.length > 0 && !only.includes(`${coding}:${level}`)) continue;
      const port = await freePort();
      await measure('edgeway', coding, level, edgeway(folder, port, to, coding, level), port);
      if (coding === 'gzip' || coding === 'identity') {
        const other = await freePort();
        await measure('nginx', coding, level, nginx(folder, other, to, coding, level), other);
      }
      if (spinHost !== undefined && coding !== 'zstd') {
        const other = await freePort();
        await measure('spin', coding, level, spin(folder, other, to, coding, level), other);
      }
    }
  }
} finally {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
}
