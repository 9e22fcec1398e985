// User-mode instructions of a fixed number of requests: by the processor's counter, or by callgrind where it has none.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { find } from './environment.mjs';
import { start } from './processes.mjs';
import { withContestant } from './round.mjs';

// glibc copies large blocks by one `rep movsb`, of which callgrind counts every byte as an instruction: have it use its loop.
const ENVIRONMENT = { GLIBC_TUNABLES: `glibc.cpu.x86_rep_movsb_threshold=${2 ** 30}` };

const COUNTING = { options: [], warmUp: 1_000, requests: 4_000 };

export function countingMethod(settings, say) {
  const wanted = settings.instructions;
  if (wanted === 'off') return 'off';
  if (wanted !== 'callgrind') {
    if (hasCounter()) return 'perf';
    if (wanted === 'perf') throw new Error('this machine has no instruction counter: `perf stat -e instructions:u true`');
  }
  if (find('valgrind') && find('callgrind_control')) return 'callgrind';
  say('instructions are not counted: no counter in this machine, and no valgrind');
  return 'off';
}

function hasCounter() {
  try {
    const output = execFileSync('sh', ['-c', 'perf stat -x, -e instructions:u true 2>&1'], { encoding: 'utf8' });
    return Number(output.split(',')[0]) > 0;
  } catch {
    return false;
  }
}

/** `perf stat` on a running process. */
export class PerfCounter {
  static async start(pid) {
    const child = start(['perf', 'stat', '-x,', '-e', 'instructions:u', '-p', String(pid)]);
    // It does not say when it has attached.
    await sleep(500);
    return Object.assign(new PerfCounter(), { child });
  }

  async stop() {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGINT');
    await exited;
    const count = Number(this.child.errors.split(',')[0]);
    if (!(count > 0)) throw new Error(`perf counted nothing: ${this.child.errors.trim()}`);
    return count;
  }
}

/** Instructions a request under callgrind, which counts the same wherever it runs, at a fiftieth of the speed. */
export async function countInstructions(contestant, scenario, settings) {
  const { options, warmUp, requests, forks } = { ...COUNTING, ...contestant.counting };
  const wrap = (command, folder) => [
    ...['valgrind', '--tool=callgrind', `--callgrind-out-file=${join(folder, `callgrind.out${forks ? '.%p' : ''}`)}`],
    ...['--dump-line=no', '--compress-strings=no', ...options, ...command],
  ];
  const counted = (action) => withContestant(contestant, scenario, settings, wrap, action, ENVIRONMENT);
  if (forks) {
    // No command reaches a process that was forked: what it has done is told by its end.
    const whole = (count) =>
      counted(async (child, load, folder) => {
        await load.ask(`run ${count}`, 600);
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        await exited;
        return total(folder);
      });
    return ((await whole(warmUp + requests)) - (await whole(warmUp))) / requests;
  }
  return counted(async (child, load, folder) => {
    await load.ask(`run ${warmUp}`, 300);
    const control = (option) =>
      execFileSync('callgrind_control', [option, String(child.pid)], { stdio: 'ignore', timeout: 60_000 });
    control('--zero');
    await load.ask(`run ${requests}`, 600);
    control('--dump');
    const count = total(folder);
    if (process.env.EDGEWAY_BENCH_PROFILE) {
      execFileSync('cp', ['-r', folder, join(process.env.EDGEWAY_BENCH_PROFILE, `${contestant.name}-${scenario.name}`)]);
    }
    return count / requests;
  });
}

/** All instructions of the dumps in a folder. */
function total(folder) {
  const count = readdirSync(folder)
    .filter((name) => /^callgrind\.out\.\d+/.test(name))
    .map((name) => /^(?:totals|summary): (\d+)/m.exec(readFileSync(join(folder, name), 'utf8'))?.[1])
    .reduce((sum, each) => sum + Number(each ?? 0), 0);
  if (count === 0) throw new Error('callgrind counted nothing');
  return count;
}
