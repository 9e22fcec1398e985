// The time of one check of a signature, of the same text for all algorithms: natively by ring, in wasm by RustCrypto. HMAC is the core's own in both.

import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ROOT, built } from '../compare/environment.mjs';
import { remove, temporaryFolder } from '../compare/processes.mjs';
import { SECRET, publicKey, signature, signedText } from '../compare/tokens.mjs';

const MODULE = `${ROOT}target/wasm32-unknown-unknown/release/edgeway_bench_signatures.wasm`;

/** How one check is timed, by the name of its column. */
const WAYS = {
  ring: [built('bench-signatures')],
  // Compiled for speed from the start: a thread that does so later finds no time on this core.
  wasm: [process.execPath, '--no-liftoff', fileURLToPath(new URL('wasm.mjs', import.meta.url)), MODULE],
};

export function checks(rows, { rounds, pins }, say) {
  const folder = temporaryFolder();
  const file = join(folder, 'signatures');
  writeFileSync(file, rows.map(({ algorithm }) => JSON.stringify(signed(algorithm))).join('\n'));
  for (const [way, [program, ...args]] of Object.entries(WAYS)) {
    if (![program, ...args].every((path) => path.startsWith('-') || existsSync(path))) {
      say(`skipped ${way}: not built; leave out \`--no-build\``);
      continue;
    }
    say(`checks: ${way}`);
    const command = [program, ...args, file, String(rounds)];
    if (pins.proxy !== undefined) command.unshift('taskset', '-c', String(pins.proxy));
    const printed = execFileSync(command[0], command.slice(1), { encoding: 'utf8' });
    printed.trim().split('\n').forEach((line, index) => (rows[index][way] = Number(line) / 1000));
  }
  remove(folder);
}

function signed(algorithm) {
  const text = signedText(0, { algorithm });
  const key = algorithm.startsWith('HS') ? { secret: SECRET } : { jwk: publicKey(algorithm) };
  return { algorithm, ...key, signed: text, signature: signature(algorithm, text) };
}
