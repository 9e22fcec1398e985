// Workers on workerd, served raw: wrangler and miniflare cost several times what they serve.

import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { ROOT, version } from './environment.mjs';
import { configuration } from './native.mjs';
import { AUDIENCE, ISSUER, SECRET, SECRET_NAME } from './tokens.mjs';

const DIST = `${ROOT}dist/cloudflare/`;

/** As the documentation has it. */
const LEASE = { units: 50, hold: '1s' };

/** Workers that stand for the cache of a place and for Workers KV. */
const STORES = ['cache', 'values'];

export function workerd() {
  const program = binary();
  const one = (name, prepare, needs = program) => ({
    name,
    program: program && needs,
    missing: program ? `${needs} is missing; build the Worker first` : 'no workerd here; run `npm ci`',
    version: program && version([program, '--version'], /(\d{4}-\d\d-\d\d)/),
    // Code that is compiled as it runs changes under callgrind's eyes, and takes long to become what it stays.
    counting: { options: ['--smc-check=all-non-file'], warmUp: 8_000, requests: 1_000 },
    prepare: (place) => {
      for (const store of STORES) copyFileSync(`${ROOT}benches/workerd/${store}.mjs`, join(place.folder, `${store}.mjs`));
      writeFileSync(join(place.folder, 'config.capnp'), config(prepare(place), place));
      return { command: [program, 'serve', 'config.capnp'] };
    },
  });
  return [
    one('edgeway', edgeway, `${DIST}edgeway.wasm`),
    { ...one('edgeway-lease', (place) => edgeway({ ...place, lease: LEASE }), `${DIST}edgeway.wasm`), lacks: ['limitless'] },
    { ...one('edgeway-unlimited', withoutLimit, `${DIST}edgeway.wasm`), lacks: ['limitless'], isUnlimited: true },
    { ...one('hono', (place) => script(place, 'hono')), lacks: ['limit', 'balance'] },
    { ...one('hono-bare', (place) => script(place, 'hono-bare')), lacks: ['tokens', 'cache', 'limit', 'balance'] },
    { ...one('plain-js', (place) => script(place, 'plain')), lacks: ['tokens', 'cache', 'limit', 'balance'] },
  ];
}

/** The program itself: the one that npm puts on the path is a script around it. */
function binary() {
  try {
    const path = createRequire(`${ROOT}package.json`).resolve(`@cloudflare/workerd-linux-64/bin/workerd`);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

const withoutLimit = (place) => edgeway({ ...place, scenario: { ...place.scenario, limit: 0 } });

function edgeway({ folder, proxy, upstream, scenario, lease }) {
  for (const name of ['worker.js', 'edgeway.wasm']) copyFileSync(DIST + name, join(folder, name));
  writeFileSync(join(folder, 'gateway.json'), configuration({ proxy, upstream, scenario, lease }));
  // In memory, a Durable Object has no SQLite.
  mkdirSync(join(folder, 'storage'));
  return {
    services: [`(name = "storage", disk = (path = "${join(folder, 'storage')}", writable = true)),`],
    modules: [
      '(name = "dist/cloudflare/worker.js", esModule = embed "worker.js")',
      '(name = "dist/cloudflare/edgeway.wasm", wasm = embed "edgeway.wasm")',
      '(name = "gateway.json", text = embed "gateway.json")',
    ],
    more: `
  compatibilityFlags = ["enable_request_signal"],
  durableObjectNamespaces = [(className = "CounterCell", uniqueKey = "edgeway-counters", enableSql = true)],
  durableObjectStorage = (localDisk = "storage"),
  bindings = [
    (name = "COUNTERS", durableObjectNamespace = "CounterCell"),
    (name = "${SECRET_NAME}", text = "${SECRET}"),
    ${scenario.cached ? '(name = "KEY_VALUE", kvNamespace = "values"),' : ''}
  ],`,
  };
}

function script({ folder, upstream, scenario, headers }, name) {
  const settings = { upstream: `127.0.0.1:${upstream}`, routes: scenario.routes, same: headers === 'same', cached: scenario.cached };
  if (scenario.tokens) settings.tokens = { secret: SECRET, alg: 'HS256', verification: { iss: ISSUER, aud: AUDIENCE } };
  writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings));
  const esbuild = createRequire(`${ROOT}package.json`)('esbuild');
  esbuild.buildSync({
    entryPoints: [`${ROOT}benches/workerd/${name}.mjs`],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    external: ['./settings.json'],
    logLevel: 'error',
  });
  return {
    modules: [
      '(name = "worker.js", esModule = embed "worker.js")',
      '(name = "settings.json", json = embed "settings.json")',
    ],
    more: '',
  };
}

function config({ services = [], modules, more }, { proxy, scenario }) {
  const stores = scenario.cached ? STORES : [];
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = .worker),
    (name = "internet", network = (allow = ["public", "private", "local"])),
    ${[...services, ...stores.map((name) => `(name = "${name}", worker = .${name}),`)].join('\n    ')}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${proxy}", http = (), service = "gateway")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  compatibilityDate = "2026-11-01",${scenario.cached ? '\n  cacheApiOutbound = "cache",' : ''}${more}
);
${stores.map((name) => `const ${name} :Workerd.Worker = (modules = [(name = "${name}.mjs", esModule = embed "${name}.mjs")], compatibilityDate = "2026-11-01");`).join('\n')}
`;
}
