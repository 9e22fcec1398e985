// The CPU time that a token adds to a request through the whole gateway.

import { cpuNanoseconds } from '../compare/cpu.mjs';
import { contestants } from '../compare/contestants.mjs';
import { median } from '../compare/report.mjs';
import { withContestant } from '../compare/round.mjs';
import { MORE_THAN_REMEMBERED, SCENARIOS } from '../compare/scenarios.mjs';

/** Fills in, for each row, what a token adds that was verified before, and one that nobody remembers; and what a request takes without. */
export async function requests(rows, on, settings, say) {
  const [gateway] = contestants({ on, only: ['edgeway'] }, say);
  if (!gateway) return;
  const works = rows.flatMap((row) => [
    // Each time anew: what is subtracted from all the others must not swing.
    { row, place: 'plain', scenario: SCENARIOS.plain, taken: [] },
    ...Object.entries({ remembered: 1, cold: MORE_THAN_REMEMBERED }).map(([place, tokens]) => ({
      row,
      place,
      scenario: { ...SCENARIOS.jwt, algorithm: row.algorithm, tokens },
      taken: [],
    })),
  ]);
  for (let round = 0; round < settings.rounds; round += 1) {
    say(`${on}: round ${round + 1} of ${settings.rounds}`);
    for (const work of works) {
      try {
        work.taken.push(await withContestant(gateway, work.scenario, settings, (command) => command, measure(settings)));
      } catch (error) {
        // Anything may fail once on a machine that others use too.
        say(`  ${work.row.algorithm} ${work.place} fails: ${error.message}`);
      }
    }
  }
  const plain = median(works.filter(({ place }) => place === 'plain').flatMap(({ taken }) => taken));
  for (const { row, place, taken } of works) {
    const whole = median(taken);
    row[on] = { ...row[on], plain };
    if (place !== 'plain' && whole !== undefined) row[on][place] = whole - plain;
  }
}

/** CPU microseconds a request. */
const measure = ({ requests }) => async (child, load) => {
  await load.ask(`run ${Math.ceil(requests / 2)}`);
  const before = cpuNanoseconds(child.pid);
  await load.ask(`run ${requests}`);
  return (cpuNanoseconds(child.pid) - before) / requests / 1000;
};
