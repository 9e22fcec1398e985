// The frame of a benchmark as a command: its usage, its messages, its end.

import { endAll } from './processes.mjs';

/** Options that make no command. */
export class Usage extends Error {}

/** What goes on while it runs, so that standard output holds the result alone. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Runs a command. Whatever it has started ends with it; wrong options are 2, a failure is 1. */
export async function run(main) {
  process.on('exit', endAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
  try {
    await main();
  } catch (error) {
    const usage = error instanceof Usage || error.code?.startsWith('ERR_PARSE_ARGS');
    say(usage ? `${error.message}\nTry --help.` : `error: ${error.message}`);
    process.exitCode = usage ? 2 : 1;
  }
}
