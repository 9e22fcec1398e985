// How evenly each algorithm of Edgeway spreads calls over ten places, of which one is slow.

import { setTimeout as sleep } from 'node:timers/promises';

import { serve } from './gateways.mjs';
import { Load, figures } from './load.mjs';
import { withGateway } from './phases.mjs';

/** How long a place takes for an answer, in milliseconds, and how much longer the slow one does. */
const [DELAY, SLOWER] = [10, 10];

/** How many values requests have, by which they are hashed. */
const VALUES = 1000;

const byValue = { key: '{header.x-value}' };

export const ALGORITHMS = {
  roundRobin: 'roundRobin',
  random: 'random',
  leastRequest: 'leastRequest',
  peakEwma: 'peakEwma',
  hash: { hash: byValue },
  'hash, mostPercent 125': { hash: { ...byValue, mostPercent: 125 } },
};

/** The calls that each place got, the most of them beside the mean, and how long answers took. */
export function spread(program, balance, { rate, seconds, pins, slow = true }) {
  const delays = Array.from({ length: 10 }, (_, place) => (slow && place === 0 ? DELAY * SLOWER : DELAY));
  const prepare = ({ folder, port, ports }) =>
    serve(program, { folder, port, service: { urls: ports.map((place) => `http://127.0.0.1:${place}`), balance } });
  return withGateway({ prepare }, { delays, pins }, async (port, all) => {
    const load = new Load(port, rate, { posts: false, fields: (number) => ({ 'x-value': valueOf(number) }) });
    await sleep(1000);
    const counts = () => Promise.all(all.map((one) => one.arrived()));
    const before = await counts();
    load.mark();
    await sleep(seconds * 1000);
    const { p99, longest, failed } = figures(await load.end());
    const calls = (await counts()).map((count, place) => count - before[place]);
    const mean = calls.reduce((sum, each) => sum + each, 0) / calls.length;
    return { calls, most: Math.max(...calls) / mean, slow: calls[0] / mean, p99, longest, failed: failed.get };
  });
}

/** Values in an order that has nothing to do with them. */
function valueOf(number) {
  return `value-${(number * 7919) % VALUES}`;
}
