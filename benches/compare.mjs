#!/usr/bin/env node
// Runs gateways side by side on the same work and prints what a request costs in each. See docs/benchmarks.md.

import { parseArgs } from 'node:util';

import { Usage, run, say } from './compare/command.mjs';
import { contestants, isAble } from './compare/contestants.mjs';
import { build, machine, pinning } from './compare/environment.mjs';
import { countInstructions, countingMethod } from './compare/instructions.mjs';
import { medians, print } from './compare/report.mjs';
import { measureRound } from './compare/round.mjs';
import { SCENARIOS } from './compare/scenarios.mjs';

const HELP = `usage: node benches/compare.mjs [options]

Runs each gateway alone on one core, with the same load and upstream on the other, in interleaved rounds, and prints the
medians: user-mode instructions, CPU time, throughput and latency a request, each also as a ratio to one of them.

  --on native|workerd    which gateways: native programs, or Workers on workerd (default: native)
  --only NAMES           only these of them, separated by commas
  --scenario NAMES       only these of ${Object.keys(SCENARIOS).join(', ')}
  --peer NAME            whom ratios refer to (default: haproxy, on workerd hono)
  --headers same|few     whether the peers add all headers that Edgeway adds, or X-Forwarded-For alone (default: same)
  --rounds N             interleaved rounds (default: 3; 0 to count instructions alone, by callgrind)
  --requests N           requests of each throughput run (default: 40000; at most 500000)
  --rate N               requests a second of each latency run, for 3 s (default: 3000, on workerd 1000); 0 to take the latencies of
                         the throughput run
  --connections N        keep-alive connections (default: 32)
  --instructions auto|perf|callgrind|off
                         how instructions are counted (default: perf if this machine has the counter, else callgrind)
  --no-build             use what was built before
  --json                 print JSON instead of tables
  --help                 print this

example: node benches/compare.mjs --only edgeway,nginx,haproxy --scenario plain --rounds 5 --json

Everything stays on 127.0.0.1. A program that is missing is skipped, with a line that says so.`;

const NUMBERS = { rounds: 20, requests: 500_000, rate: 100_000, connections: 256 };

function options() {
  const { values } = parseArgs({
    options: {
      on: { type: 'string', default: 'native' },
      only: { type: 'string' },
      scenario: { type: 'string' },
      peer: { type: 'string' },
      headers: { type: 'string', default: 'same' },
      rounds: { type: 'string', default: '3' },
      requests: { type: 'string', default: '40000' },
      rate: { type: 'string' },
      connections: { type: 'string', default: '32' },
      instructions: { type: 'string', default: 'auto' },
      'no-build': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  values.rate ??= values.on === 'workerd' ? '1000' : '3000';
  values.peer ??= values.on === 'workerd' ? 'hono' : 'haproxy';
  oneOf('--on', values.on, ['native', 'workerd']);
  oneOf('--headers', values.headers, ['same', 'few']);
  oneOf('--instructions', values.instructions, ['auto', 'perf', 'callgrind', 'off']);
  for (const [name, most] of Object.entries(NUMBERS)) {
    const number = Number(values[name]);
    if (!Number.isInteger(number) || number < (['rounds', 'rate'].includes(name) ? 0 : 1) || number > most) {
      throw new Usage(`\`--${name}\` takes a whole number up to ${most}, not \`${values[name]}\``);
    }
    values[name] = number;
  }
  const scenarios = values.scenario?.split(',') ?? Object.keys(SCENARIOS);
  for (const name of scenarios) oneOf('--scenario', name, Object.keys(SCENARIOS));
  return { ...values, scenarios, only: values.only?.split(',') };
}

function oneOf(option, value, allowed) {
  if (!allowed.includes(value)) throw new Usage(`\`${option}\` takes ${allowed.join(' or ')}, not \`${value}\``);
}

async function main() {
  const settings = options();
  if (settings.help) {
    console.log(HELP);
    return;
  }
  settings.pins = pinning(say);
  if (!settings['no-build']) build(settings, say);
  const present = contestants(settings, say);
  if (settings.only) {
    for (const name of settings.only) {
      if (!present.some((one) => one.name === name)) say(`skipped ${name}: no such contestant here`);
    }
  }
  if (present.length === 0) throw new Error('no contestant is left to run');
  const method = countingMethod(settings, say);

  const results = [];
  for (const name of settings.scenarios) {
    const scenario = { name, ...SCENARIOS[name] };
    const able = present.filter((contestant) => isAble(contestant, scenario));
    if (able.length === 0) continue;
    const rows = new Map(able.map((contestant) => [contestant.name, { contestant, rounds: [] }]));
    const attempt = async (row, action) => {
      try {
        return await action();
      } catch (error) {
        say(`  ${row.contestant.name} fails: ${error.message}`);
        return undefined;
      }
    };
    for (let round = 0; round < settings.rounds; round += 1) {
      say(`${name}: round ${round + 1} of ${settings.rounds}`);
      // Each round begins with another, so that none always follows the same neighbour.
      const all = [...rows.values()];
      for (const row of [...all.slice(round % all.length), ...all.slice(0, round % all.length)]) {
        const measured = await attempt(row, () => measureRound(row.contestant, scenario, settings, method));
        if (measured) row.rounds.push(measured);
        // Anything may fail once on a machine that others use too.
        else if (row.failed) rows.delete(row.contestant.name);
        else row.failed = true;
      }
    }
    if (method === 'callgrind') {
      for (const row of [...rows.values()]) {
        say(`${name}: counting the instructions of ${row.contestant.name}`);
        row.instructions = await attempt(row, () => countInstructions(row.contestant, scenario, settings));
      }
    }
    results.push({ scenario: name, title: scenario.title, rows: [...rows.values()].map(medians) });
  }
  print({ machine: machine(), method, settings, results });
}

await run(main);
