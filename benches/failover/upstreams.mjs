// The upstream processes of a phase, and what happens to them.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { end, freePort, ready, start } from '../compare/processes.mjs';

const PROGRAM = fileURLToPath(new URL('upstream.mjs', import.meta.url));

export class Upstream {
  /** Starts one that takes `delay` milliseconds for each answer. */
  static async start(delay, core) {
    const upstream = Object.assign(new Upstream(), { port: await freePort(), delay, core });
    await upstream.run();
    return upstream;
  }

  async run() {
    const command = [process.execPath, PROGRAM, String(this.port), String(this.delay)];
    this.child = start(command, { core: this.core, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    // A message to one that was killed is lost.
    this.child.on('error', () => {});
    await ready(this.child, this.port);
  }

  /** Has it answer in a way of `ANSWERS`. */
  be(mode) {
    this.child.send({ be: mode });
  }

  async arrived() {
    const told = once(this.child, 'message');
    this.child.send({ tell: true });
    let [message] = await told;
    while (message.arrived === undefined) [message] = await once(this.child, 'message');
    return message.arrived;
  }

  signal(name) {
    this.child.kill(name);
  }

  /** Has it leave politely, and starts it anew at the same place. */
  async restart() {
    const exited = once(this.child, 'exit');
    this.signal('SIGTERM');
    await exited;
    await this.run();
  }

  async end() {
    this.signal('SIGCONT');
    this.signal('SIGKILL');
    await end(this.child);
  }
}

/** Starts as many as there are `delays`, side by side. */
export function startAll(delays, core) {
  return Promise.all(delays.map((delay) => Upstream.start(delay, core)));
}
