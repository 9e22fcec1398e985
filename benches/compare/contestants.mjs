// Who takes part: how each is configured for a scenario, and whether it is on this machine.

import { existsSync } from 'node:fs';

import { native } from './native.mjs';
import { workerd } from './workerd.mjs';

/**
 * A contestant has a `name`, a `version`, `prepare({folder, proxy, upstream, scenario, headers})`, which writes its
 * configuration and returns its `command`, and perhaps `addsLess`, if it is not meant to add all headers that Edgeway
 * adds, `onlyPlain`, if it has no routes and edits, `noTokens`, if it does not look at tokens, and `counting`, if callgrind needs more
 * than the usual to count its instructions.
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
