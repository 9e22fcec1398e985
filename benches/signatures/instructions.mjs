// The instructions that a token of HS256 adds to a native request, beside HAProxy's.

import { contestants } from '../compare/contestants.mjs';
import { PerfCounter, countInstructions } from '../compare/instructions.mjs';
import { withContestant } from '../compare/round.mjs';
import { SCENARIOS } from '../compare/scenarios.mjs';

const SIZES = [
  { token: '386 bytes, as a provider makes them', small: false },
  { token: '193 bytes, with iss, aud, sub and exp', small: true },
];

export async function instructions(settings, method, say) {
  const [edgeway, haproxy] = ['edgeway', 'haproxy'].map(
    (only) => contestants({ on: 'native', only: [only] }, say)[0],
  );
  const count = async (contestant, name, small) => {
    if (!contestant) return undefined;
    say(`instructions: ${contestant.name}, ${name}`);
    const scenario = { ...SCENARIOS[name], name, small };
    return method === 'perf' ? byCounter(contestant, scenario, settings) : countInstructions(contestant, scenario, settings);
  };
  const plain = [await count(edgeway, 'plain'), await count(haproxy, 'plain')];
  const rows = [];
  for (const { token, small } of SIZES) {
    const row = { token, plain };
    row.remembered = (await count(edgeway, 'jwt', small)) - plain[0];
    row.cold = (await count(edgeway, 'jwt-cold', small)) - plain[0];
    row.haproxy = (await count(haproxy, 'jwt-cold', small)) - plain[1];
    rows.push(row);
  }
  return rows;
}

const byCounter = (contestant, scenario, settings) =>
  withContestant(contestant, scenario, settings, (command) => command, async (child, load) => {
    await load.ask(`run ${settings.requests}`);
    const counter = await PerfCounter.start(child.pid);
    await load.ask(`run ${settings.requests}`);
    return (await counter.stop()) / settings.requests;
  });
