// A steady load: requests at a constant rate, whatever becomes of those before, and what became of each.

import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a client waits for a whole answer, in milliseconds. */
const PATIENCE = 10_000;

const BODY = '{"item":"a","count":1}';

/** Sends `rate` requests a second to `port`; every fourth is a POST, if there are any. */
export class Load {
  constructor(port, rate, { posts = true, fields = () => ({}) } = {}) {
    Object.assign(this, { port, rate, posts, fields, agent: new Agent({ keepAlive: true }), requests: [], isOn: true });
    this.done = this.#run();
  }

  /** The beginning of what is measured: all before was to warm up. */
  mark() {
    this.marked = performance.now();
  }

  /** Ends it once all are answered. Returns what became of those since the mark. */
  async end() {
    this.isOn = false;
    await this.done;
    this.agent.destroy();
    return this.requests
      .map(({ began, ...rest }) => ({ at: began - this.marked, ...rest }))
      .filter(({ at }) => at >= 0);
  }

  async #run() {
    const began = performance.now();
    const all = [];
    for (let sent = 0; this.isOn; ) {
      const due = ((performance.now() - began) * this.rate) / 1000;
      for (; sent < due; sent += 1) all.push(this.#one(sent));
      await sleep(2);
    }
    await Promise.all(all);
  }

  async #one(number) {
    const method = this.posts && number % 4 === 3 ? 'POST' : 'GET';
    const began = performance.now();
    const outcome = await this.#ask(method, number);
    this.requests.push({ method, began, took: performance.now() - began, outcome });
  }

  /** What becomes of a request, in a word: `ok`, a status, or how it broke. */
  #ask(method, number) {
    const { port, agent } = this;
    const content = method === 'POST' ? { 'content-type': 'application/json', 'content-length': BODY.length } : {};
    const headers = { ...content, ...this.fields(number) };
    return new Promise((resolve) => {
      const sent = request({ host: '127.0.0.1', port, agent, method, path: `/items/${number}`, headers }, (response) => {
        response.on('error', () => resolve('cut off'));
        response.on('end', () => resolve(response.statusCode === 200 ? 'ok' : String(response.statusCode)));
        response.resume();
      });
      sent.setTimeout(PATIENCE, () => sent.destroy(new Error('no answer')));
      sent.on('error', (error) => resolve(error.message === 'no answer' ? 'no answer' : 'connection closed'));
      sent.end(method === 'POST' ? BODY : undefined);
    });
  }
}

/** The figures of requests that began at `at`, from a fault at 0. */
export function figures(requests) {
  const failed = requests.filter(({ outcome }) => outcome !== 'ok');
  const late = failed.filter(({ at }) => at >= 1000);
  const count = (some, method) => some.filter((one) => one.method === method).length;
  const times = requests.map(({ took }) => took).sort((a, b) => a - b);
  const kinds = {};
  for (const { outcome } of failed) kinds[outcome] = (kinds[outcome] ?? 0) + 1;
  return {
    requests: requests.length,
    failed: { get: count(failed, 'GET'), post: count(failed, 'POST') },
    late: { get: count(late, 'GET'), post: count(late, 'POST') },
    last: failed.length > 0 ? Math.max(...failed.map(({ at }) => at)) : undefined,
    kinds,
    longest: times.at(-1),
    p99: times[Math.floor(times.length * 0.99)],
  };
}
