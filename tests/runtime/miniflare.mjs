/**
 * Serves configurations on workerd, with real Durable Objects and KV, each with fresh storage.
 *
 * Reads commands on standard input and answers on standard output, one JSON object a line:
 *
 *     {"id":1,"start":{"config":"<gateway.json>","bindings":{"NAME":"secret"},"keyValue":{"key":"value"}}}
 *       → {"id":1,"port":12345}             serving on 127.0.0.1:12345, instead of what was served before
 *       → {"id":1,"error":"<rendered>"}     the configuration is wrong
 *     {"id":2,"startAll":[{"config":…},…]}  the same for many at once, each on a port of its own: much faster
 *       → {"id":2,"started":[{"port":…},{"error":…},…]}
 *     {"id":3,"get":{"key":"k"}}  → {"id":3,"value":"text"} or {"id":3,"value":null}   what KV holds
 *     {"id":4,"stop":{}}          → {"id":4}
 *
 * In front of the Worker is what Cloudflare's edge does for it: stating the client's address, and in `request.cf` what the field
 * `x-test-cf` has as JSON.
 * The end of standard input ends the process. Run it with the Node that `npm ci` installs: `node_modules/.bin/node`.
 */

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { check } from "../../dist/cloudflare/check.mjs";

Object.assign(process.env, { CI: "1", WRANGLER_SEND_METRICS: "false", DO_NOT_TRACK: "1" });

const root = fileURLToPath(new URL("../../", import.meta.url));
const script = readFileSync(`${root}dist/cloudflare/worker.js`, "utf8");
const wasm = readFileSync(`${root}dist/cloudflare/edgeway.wasm`);

const edge = `
  import worker from "./dist/cloudflare/worker.js";
  export { CounterCell } from "./dist/cloudflare/worker.js";
  export default {
    fetch(request, ...context) {
      const cf = JSON.parse(request.headers.get("x-test-cf") ?? "null");
      const stated = cf === null ? new Request(request) : new Request(request, { cf });
      stated.headers.delete("x-test-cf");
      stated.headers.set("CF-Connecting-IP", "127.0.0.1");
      return worker.fetch(stated, ...context);
    },
  };
`;

let miniflare;
let generation = 0;

/** A service for each binding that `config` names: the place of its upstream's URL. */
function services(config) {
  // Only JSON is read here: a file with comments names no service.
  const read = () => {
    try {
      return JSON.parse(config);
    } catch {
      return {};
    }
  };
  const named = Object.values(read().upstreams ?? {}).filter(({ cloudflare, url }) => cloudflare && url);
  return Object.fromEntries(
    named.map(({ cloudflare, url }) => [cloudflare.service, { external: { address: new URL(url).host, http: {} } }]),
  );
}

/** The RateLimiter bindings that `config` names, set to what it states of them. */
function rateLimiters(config) {
  const found = {};
  try {
    JSON.parse(config, (name, value) => {
      if (name !== "rateLimit" || value?.binding === undefined) return value;
      found[value.binding] = { namespace_id: `${generation}-${value.binding}`, simple: { limit: value.limit, period: Number.parseInt(value.window, 10) } };
      return value;
    });
  } catch {
    // As above.
  }
  return found;
}

/** The Worker with one configuration, under a name of its own: that gives it its own objects and keys. */
function worker({ config, bindings = {} }) {
  generation += 1;
  return {
    name: `edgeway-${generation}`,
    modulesRoot: root,
    modules: [
      { type: "ESModule", path: `${root}edge.js`, contents: edge },
      { type: "ESModule", path: `${root}dist/cloudflare/worker.js`, contents: script },
      { type: "CompiledWasm", path: `${root}dist/cloudflare/edgeway.wasm`, contents: wasm },
      { type: "Text", path: `${root}gateway.json`, contents: config },
    ],
    compatibilityDate: "2026-11-01",
    compatibilityFlags: ["enable_request_signal"],
    durableObjects: { COUNTERS: { className: "CounterCell", useSQLite: true } },
    kvNamespaces: { KEY_VALUE: `keys-${generation}` },
    bindings,
    serviceBindings: services(config),
    ratelimits: rateLimiters(config),
    // Straight to the Worker: miniflare's own entry changes header fields.
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
}

/** What the Worker writes, the access log above all, goes to standard error: it must not get between the answers. */
function handleRuntimeStdio(stdout, stderr) {
  stdout.pipe(process.stderr);
  stderr.pipe(process.stderr);
}

async function startAll(starts) {
  const started = starts.map(({ config, bindings = {} }) => {
    const faults = check(config, bindings);
    return faults === "" ? {} : { error: faults };
  });
  const good = starts.filter((_, index) => started[index].error === undefined);
  if (good.length === 0) return started;

  const workers = good.map(worker);
  const options = convertV4MiniflareOptions({ cf: false, handleRuntimeStdio, host: "127.0.0.1", port: 0, workers });
  if (miniflare === undefined) miniflare = new Miniflare(options);
  else await miniflare.setOptions(options);
  const ports = [];
  for (const [index, { name }] of workers.entries()) {
    ports.push(Number((await miniflare.unsafeGetDirectURL(name)).port));
    const entries = Object.entries(good[index].keyValue ?? {});
    if (entries.length === 0) continue;
    const namespace = await miniflare.getKVNamespace("KEY_VALUE", name);
    for (const [key, value] of entries) await namespace.put(key, value);
  }
  return started.map((outcome) => (outcome.error === undefined ? { port: ports.shift() } : outcome));
}

async function perform(command) {
  if (command.start !== undefined) return (await startAll([command.start]))[0];
  if (command.startAll !== undefined) return { started: await startAll(command.startAll) };
  if (command.get !== undefined) return { value: await (await miniflare.getKVNamespace("KEY_VALUE")).get(command.get.key) };
  if (command.stop !== undefined) {
    await miniflare?.dispose();
    miniflare = undefined;
    return {};
  }
  return { error: "unknown command" };
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "") continue;
  const command = JSON.parse(line);
  let answer;
  try {
    answer = await perform(command);
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify({ id: command.id, ...answer })}\n`);
}
// A runtime that a test has ended never answers, and what is left of its connections would keep this process.
setTimeout(() => process.exit(), 3_000);
await miniflare?.dispose();
process.exit();
