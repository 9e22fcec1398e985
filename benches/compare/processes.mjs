// Child processes, each ended by its id whatever happens.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const running = new Set();
const folders = new Set();

/** A new folder for temporary files, which goes with this process at the latest. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'edgeway-bench-'));
  folders.add(folder);
  return folder;
}

export function remove(folder) {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** Ends every process that is still running, at once, and removes all temporary files. For the exit of this one. */
export function endAll() {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) remove(folder);
}

/** Starts `command` on the core `core`, if there is one to give. Its standard error is kept for messages. */
export function start(command, { core, stdio = ['ignore', 'ignore', 'pipe'], cwd, env } = {}) {
  // taskset replaces itself by the program: the process keeps its id.
  const [program, ...args] = core === undefined ? command : ['taskset', '-c', String(core), ...command];
  const child = spawn(program, args, { stdio, cwd, env: { ...process.env, ...env } });
  running.add(child);
  child.errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    child.errors = (child.errors + text).slice(-2000);
  });
  child.on('error', (error) => {
    child.errors += error.message;
    running.delete(child);
  });
  child.on('exit', () => running.delete(child));
  return child;
}

export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await exited;
  clearTimeout(timer);
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until `child` takes connections on `port`. */
export async function ready(child, port, seconds = 15) {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const socket = connect(port, '127.0.0.1');
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true, () => false),
      sleep(1000, false),
    ]);
    socket.destroy();
    if (connected) return;
    await sleep(50);
  }
  throw new Error(`it does not take connections: ${child.errors.trim() || 'it said nothing'}`);
}

/** The load generator, which is also the upstream. */
export class Load {
  constructor(program, { proxy, upstream, connections, routes, tokens, fresh, core }) {
    const command = [
      program,
      ...['--proxy', `127.0.0.1:${proxy}`, '--upstream', `127.0.0.1:${upstream}`],
      ...['--connections', String(connections), '--routes', String(routes)],
      ...(tokens ? ['--tokens', tokens] : []),
      ...(fresh ? ['--fresh', new Date().toUTCString()] : []),
    ];
    this.child = start(command, { core, stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdin.on('error', () => {});
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async ask(command, seconds = 120) {
    this.child.stdin.write(`${command}\n`);
    const abort = new AbortController();
    const line = await Promise.race([
      this.lines.next(),
      sleep(seconds * 1000, undefined, { signal: abort.signal, ref: false }).catch(() => undefined),
    ]);
    abort.abort();
    if (!line || line.done) throw new Error(`the load stopped at \`${command}\`: ${this.child.errors.trim()}`);
    const answer = JSON.parse(line.value);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  async end() {
    await end(this.child);
  }
}
