// What befalls upstreams, each on a fresh set of three, and the storm.

import { setTimeout as sleep } from 'node:timers/promises';

import { end, freePort, ready, remove, start, temporaryFolder } from '../compare/processes.mjs';
import { Load, figures } from './load.mjs';
import { startAll } from './upstreams.mjs';

/** How long an upstream takes for an answer, in milliseconds. */
const DELAY = 5;

/** How long there is load before anything happens, in milliseconds: connections are open then. */
const WARM_UP = 1000;

/** What happens, by name: a title, what is done to the upstreams, and what is done at the end. */
export const PHASES = {
  killed: { title: 'one is killed (SIGKILL)', happen: ([one]) => one.signal('SIGKILL') },
  frozen: {
    title: 'one is frozen (SIGSTOP)',
    happen: ([one]) => one.signal('SIGSTOP'),
    after: ([one]) => one.signal('SIGCONT'),
  },
  failing: { title: 'one answers 500 and 503', happen: ([one]) => one.be('failing') },
  silent: { title: 'one never answers', happen: ([one]) => one.be('silent') },
  cut: { title: 'one resets within the content', happen: ([one]) => one.be('cut') },
  restarted: {
    title: 'all are restarted, one after another',
    happen: async (all) => {
      for (const one of all) {
        await one.restart();
        await sleep(500);
      }
    },
  },
};

/** Runs `action` with a gateway in front of new upstreams with these `delays`. */
export async function withGateway(gateway, { delays, ejects = true, pins }, action) {
  const folder = temporaryFolder();
  const all = await startAll(delays, pins.load);
  let child;
  try {
    const [port, admin] = [await freePort(), await freePort()];
    const ports = all.map((one) => one.port);
    child = start(gateway.prepare({ folder, port, admin, ports, ejects }), { core: pins.proxy, cwd: folder });
    await ready(child, port);
    return await action(port, all);
  } finally {
    if (child) await end(child);
    await Promise.all(all.map((one) => one.end()));
    remove(folder);
  }
}

/** The figures of a phase. */
export function phase(gateway, { happen, after }, { rate, seconds, pins }) {
  return withGateway(gateway, { delays: [DELAY, DELAY, DELAY], pins }, async (port, all) => {
    const load = new Load(port, rate);
    await sleep(WARM_UP);
    load.mark();
    await Promise.all([happen(all), sleep(seconds * 1000)]);
    const requests = load.end();
    // Those under way are answered before anything is undone.
    const done = await requests;
    after?.(all);
    return figures(done);
  });
}

/** How many requests upstreams that always fail get for each that is offered, over all and in the worst second. */
export function storm(gateway, { mode, ejects }, { rate, seconds, pins }) {
  return withGateway(gateway, { delays: [DELAY, DELAY, DELAY], ejects, pins }, async (port, all) => {
    const load = new Load(port, rate, { posts: false });
    await sleep(WARM_UP);
    const arrived = async () => (await Promise.all(all.map((one) => one.arrived()))).reduce((sum, each) => sum + each, 0);
    for (const one of all) one.be(mode);
    load.mark();
    const before = await arrived();
    await sleep(seconds * 1000);
    const offered = (await load.end()).length;
    const got = (await arrived()) - before;
    return { offered, arrived: got, ratio: got / offered };
  });
}
