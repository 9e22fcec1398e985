// Who takes part: how each is configured for a scenario, and whether it is on this machine.

import { existsSync } from 'node:fs';

import { native } from './native.mjs';
import { workerd } from './workerd.mjs';

/**
 * A contestant has a `name`, a `version`, `prepare({folder, proxy, upstream, scenario, headers})`, which writes its
 * configuration and returns its `command`, and perhaps `addsLess`, if it is not meant to add all headers that Edgeway
 * adds, `lacks`, the parts of the work that it can't do or does not take part in, and `counting`, if callgrind needs more than the
 * usual to count its instructions: `forks`, if a process that it has forked is the one that serves. `isUnlimited` has no limit where the others
 * have one, and shows what theirs takes.
 */
export function contestants(settings, say) {
  const all = settings.on === 'native' ? native() : workerd();
  return all.filter((one) => {
    if (settings.only && !settings.only.includes(one.name)) return false;
    if (one.program && existsSync(one.program)) return true;
    say(`skipped ${one.name}: ${one.missing}`);
    return false;
  });
}

/** The parts of the work that a contestant may lack, and which scenarios have them. */
const PARTS = {
  routes: (scenario) => scenario.routes > 0,
  tokens: (scenario) => scenario.tokens > 0,
  cache: (scenario) => scenario.cached === true,
  limit: (scenario) => scenario.limit > 0,
  // What differs from another contestant in its limit alone.
  limitless: (scenario) => !scenario.limit,
  balance: (scenario) => scenario.balanced === true,
  forwarding: (scenario) => scenario.cached !== true,
};

/** Whether `contestant` can do the work of `scenario`. */
export function isAble({ lacks = [] }, scenario) {
  return !lacks.some((part) => PARTS[part](scenario));
}
