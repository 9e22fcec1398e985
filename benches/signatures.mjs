#!/usr/bin/env node
// What a signature of each algorithm costs, and the request that brings it. See docs/benchmarks.md.

import { parseArgs } from 'node:util';

import { Usage, run, say } from './compare/command.mjs';
import { machine, pinning } from './compare/environment.mjs';
import { countingMethod } from './compare/instructions.mjs';
import { buildAll } from './signatures/build.mjs';
import { checks } from './signatures/checks.mjs';
import { instructions } from './signatures/instructions.mjs';
import { print } from './signatures/report.mjs';
import { requests } from './signatures/requests.mjs';

const ALGORITHMS = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];
const PARTS = ['checks', 'native', 'workerd', 'instructions'];
const NUMBERS = { rounds: 50, requests: 200_000, connections: 256 };

const HELP = `usage: node benches/signatures.mjs [options]

Prints, for each algorithm, the time of one check of a signature, natively by ring, and in wasm by RustCrypto, as the component
has it, on this Node; and the CPU time that a token adds to a request through the gateway, natively and on workerd, where the
check is WebCrypto's: of a token that was verified before, and of one that nobody remembers. HMAC is the core's own everywhere.
Then the instructions that a token of HS256 adds to a native request, beside those of HAProxy's \`jwt_verify\`, which remembers
none. All times are medians.

  --only ALGORITHMS      only these, separated by commas: ${ALGORITHMS.slice(0, 6).join(', ')},
                         ${ALGORITHMS.slice(6).join(', ')}
  --parts PARTS          only these of ${PARTS.join(', ')}
  --rounds N             interleaved rounds (default: 5)
  --requests N           requests of each round (default: 6000)
  --connections N        keep-alive connections (default: 32)
  --instructions auto|perf|callgrind|off
                         how instructions are counted, as in compare.mjs (default: auto); callgrind hides the processor's
                         instructions for SHA-256 from all gateways, perf does not
  --no-build             use what was built before
  --json                 print JSON instead of tables
  --help                 print this

example: node benches/signatures.mjs --only HS256,ES256 --parts checks,workerd --json

The keys are those of tests/keys. Everything stays on 127.0.0.1. A program that is missing is skipped, with a line that says so.`;

function options() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: ALGORITHMS.join() },
      parts: { type: 'string', default: PARTS.join() },
      rounds: { type: 'string', default: '5' },
      requests: { type: 'string', default: '6000' },
      connections: { type: 'string', default: '32' },
      instructions: { type: 'string', default: 'auto' },
      'no-build': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  for (const [name, most] of Object.entries(NUMBERS)) {
    const number = Number(values[name]);
    if (!Number.isInteger(number) || number < 1 || number > most) {
      throw new Usage(`\`--${name}\` takes a whole number up to ${most}, not \`${values[name]}\``);
    }
    values[name] = number;
  }
  const several = (option, known) =>
    values[option].split(',').map((one) => {
      if (!known.includes(one)) throw new Usage(`\`--${option}\` takes ${known.join(', ')}, not \`${one}\``);
      return one;
    });
  if (!['auto', 'perf', 'callgrind', 'off'].includes(values.instructions)) {
    throw new Usage(`\`--instructions\` takes auto, perf, callgrind or off, not \`${values.instructions}\``);
  }
  return { ...values, only: several('only', ALGORITHMS), parts: several('parts', PARTS), headers: 'same' };
}

async function main() {
  const settings = options();
  if (settings.help) {
    console.log(HELP);
    return;
  }
  settings.pins = pinning(say);
  if (!settings['no-build']) buildAll(settings, say);
  const has = (part) => settings.parts.includes(part);
  const rows = settings.only.map((algorithm) => ({ algorithm }));
  if (has('checks')) await checks(rows, settings, say);
  for (const on of ['native', 'workerd']) if (has(on)) await requests(rows, on, settings, say);
  const method = has('instructions') ? countingMethod(settings, say) : 'off';
  const counted = method === 'off' ? [] : await instructions(settings, method, say);
  print({ machine: machine(), settings, rows, method, counted });
}

await run(main);
