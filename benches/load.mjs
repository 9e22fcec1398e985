#!/usr/bin/env node
// How long a configuration of 1,000 routes takes to load in the Worker's wasm: reading, checking and compiling it.
//
//   cargo xtask build-worker && npx node benches/load.mjs [--routes 1000] [--json]
//
// "cold" is the first call in a fresh process, before the engine has optimised anything: what a cold start pays, the
// compilation of the wasm functions that it calls included. "warm" is the mean of the
// calls after it.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { ROOT, built } from './compare/environment.mjs';

const PROCESSES = 9;
const CALLS = 30;

const { values } = parseArgs({
  options: {
    routes: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    measure: { type: 'boolean', default: false },
  },
});

/** Milliseconds that this thread has run; on a Node before 23.9, the time of day, which a busy machine stretches. */
function now() {
  if (!process.threadCpuUsage) return performance.now();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

// The mean, not the median: a thread's time is counted in ticks of some milliseconds.
function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

const usage = 'usage: node benches/load.mjs [--routes N] [--json]\nexample: node benches/load.mjs --routes 10000';

if (values.help) {
  console.log(usage);
} else if (values.measure) {
  const text = execFileSync(built('bench-config'), ['many', values.routes], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const { check } = await import(`${ROOT}dist/cloudflare/check.mjs`);
  const times = Array.from({ length: CALLS }, () => {
    const start = now();
    const faults = check(text);
    if (faults !== '') throw new Error(faults);
    return now() - start;
  });
  console.log(JSON.stringify({ cold: times[0], warm: mean(times.slice(1)), bytes: text.length }));
} else {
  const program = fileURLToPath(import.meta.url);
  const runs = Array.from({ length: PROCESSES }, () =>
    JSON.parse(execFileSync(process.execPath, [program, '--measure', '--routes', values.routes], { encoding: 'utf8' })),
  );
  const [cold, warm] = ['cold', 'warm'].map((which) => mean(runs.map((run) => run[which])));
  const result = { routes: Number(values.routes), bytes: runs[0].bytes, cold, warm, unit: 'ms', node: process.version };
  if (values.json) console.log(JSON.stringify(result, null, 2));
  else {
    console.log(`${result.routes} routes (${result.bytes} bytes) in wasm: ${cold.toFixed(1)} ms cold, ${warm.toFixed(1)} ms warm`);
  }
}
