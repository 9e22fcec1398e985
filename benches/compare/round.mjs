// One contestant in one round: throughput with CPU time, then latency at a constant rate.

import { once } from 'node:events';
import { createServer } from 'node:http';

import { cpuNanoseconds } from './cpu.mjs';
import { built } from './environment.mjs';
import { PerfCounter } from './instructions.mjs';
import { Load, end, freePort, ready, remove, start, temporaryFolder } from './processes.mjs';
import { verifyAdded } from './scenarios.mjs';
import { forgedToken, writeTokens } from './tokens.mjs';

const LATENCY_SECONDS = 3;

/** Starts a contestant with load and upstream beside it, checks that it does the work, and calls `action(child, load)`. */
export async function withContestant(contestant, scenario, settings, wrap, action, environment) {
  const folder = temporaryFolder();
  const [proxy, upstream] = [await freePort(), await freePort()];
  let child;
  let load;
  try {
    load = new Load(built('bench-load'), {
      proxy,
      upstream,
      connections: settings.connections,
      routes: scenario.routes,
      tokens: writeTokens(folder, scenario),
      fresh: scenario.cached,
      core: settings.pins.load,
    });
    const place = { folder, proxy, upstream, scenario, headers: settings.headers };
    const { command, cwd, env } = contestant.prepare(place);
    child = start(wrap(command, folder), { core: settings.pins.proxy, cwd: cwd ?? folder, env: { ...env, ...environment } });
    await ready(child, proxy, 60);
    if (scenario.tokens) await expectRefusal(proxy);
    if (scenario.limit && !contestant.isUnlimited) await expectLimit(contestant, place);
    // A cache has the answer from the second time on.
    for (const forwarded of scenario.cached ? [1, 0] : [1]) {
      const exchange = await load.ask('check', 90);
      if (exchange.forwarded !== forwarded) throw new Error(`its upstream should get ${forwarded} requests, not ${exchange.forwarded}`);
      scenario.verify(exchange);
      if (settings.headers === 'same' && !contestant.addsLess) verifyAdded(exchange);
    }
    return await action(child, load, folder);
  } finally {
    if (load) await load.end();
    if (child) await end(child);
    remove(folder);
  }
}

export async function measureRound(contestant, scenario, settings, method) {
  return withContestant(contestant, scenario, settings, (command) => command, async (child, load) => {
    await load.ask(`run ${Math.ceil(settings.requests / 5)}`);
    const counter = method === 'perf' ? await PerfCounter.start(child.pid) : undefined;
    const before = cpuNanoseconds(child.pid);
    const throughput = await load.ask(`run ${settings.requests}`);
    const cpu = cpuNanoseconds(child.pid) - before;
    const instructions = await counter?.stop();
    if (scenario.cached && throughput.forwarded > 0) throw new Error(`its upstream got ${throughput.forwarded} requests`);
    const paced = settings.rate === 0 ? throughput : await load.ask(`run ${settings.rate * LATENCY_SECONDS} ${settings.rate}`);
    return {
      instructions: instructions === undefined ? undefined : instructions / throughput.requests,
      cpu: cpu / throughput.requests / 1000,
      throughput: throughput.perSecond,
      p50: paced.microseconds.p50,
      p99: paced.microseconds.p99,
    };
  });
}

/** Throws unless a token with another's signature is refused: who lets it through compares nothing. */
async function expectRefusal(proxy) {
  const headers = { authorization: `Bearer ${forgedToken()}` };
  const { status } = await fetch(`http://127.0.0.1:${proxy}/service-0/items/1`, { headers });
  if (status !== 401) throw new Error(`it should answer 401 to a token with a wrong signature, not ${status}`);
}

/** Throws unless the second request is refused where one is allowed: who lets it through counts nothing. */
async function expectLimit(contestant, place) {
  const folder = temporaryFolder();
  const proxy = await freePort();
  // The load answers only while it asks.
  const upstream = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const scenario = { ...place.scenario, limit: 1 };
  const { command, cwd, env } = contestant.prepare({ ...place, folder, proxy, upstream: upstream.address().port, scenario });
  const child = start(command, { cwd: cwd ?? folder, env });
  try {
    await ready(child, proxy, 60);
    const statuses = [];
    for (let number = 0; number < 2; number += 1) statuses.push((await fetch(`http://127.0.0.1:${proxy}/items/1`)).status);
    if (statuses.join() !== '200,429') throw new Error(`it should answer 200 and then 429 where one request is allowed, not ${statuses.join(' and ')}`);
  } finally {
    await end(child);
    upstream.closeAllConnections();
    upstream.close();
    remove(folder);
  }
}
