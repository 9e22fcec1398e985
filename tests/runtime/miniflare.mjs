/**
 * Serves one configuration after another on workerd, with real Durable Objects and KV, each with fresh storage.
 *
 * Reads commands on standard input and answers on standard output, one JSON object a line:
 *
 *     {"id":1,"start":{"config":"<gateway.json>","bindings":{"NAME":"secret"},"keyValue":{"key":"value"}}}
 *       → {"id":1,"port":12345}             serving on 127.0.0.1:12345
 *       → {"id":1,"error":"<rendered>"}     the configuration is wrong; what was served before goes on
 *     {"id":2,"get":{"key":"k"}}  → {"id":2,"value":"text"} or {"id":2,"value":null}   what KV holds
 *     {"id":3,"stop":{}}          → {"id":3}
 *
 * The end of standard input ends the process. Run it with the Node that `npm ci` installs: `node_modules/.bin/node`.
 */

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { check } from "../../dist/cloudflare/check.mjs";

Object.assign(process.env, { CI: "1", WRANGLER_SEND_METRICS: "false", DO_NOT_TRACK: "1" });

const root = fileURLToPath(new URL("../../", import.meta.url));
const worker = readFileSync(`${root}dist/cloudflare/worker.js`, "utf8");
const wasm = readFileSync(`${root}dist/cloudflare/edgeway.wasm`);

let miniflare;
let generation = 0;

function options(config, bindings) {
  generation += 1;
  return convertV4MiniflareOptions({
    // A name of its own gives each configuration its own objects and keys.
    name: `edgeway-${generation}`,
    cf: false,
    host: "127.0.0.1",
    port: 0,
    // Straight to the Worker: miniflare's own entry changes header fields.
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    modulesRoot: root,
    modules: [
      { type: "ESModule", path: `${root}dist/cloudflare/worker.js`, contents: worker },
      { type: "CompiledWasm", path: `${root}dist/cloudflare/edgeway.wasm`, contents: wasm },
      { type: "Text", path: `${root}gateway.json`, contents: config },
    ],
    compatibilityDate: "2026-11-01",
    durableObjects: { COUNTERS: { className: "CounterCell", useSQLite: true } },
    kvNamespaces: { KEY_VALUE: `keys-${generation}` },
    bindings,
  });
}

async function start({ config, bindings = {}, keyValue = {} }) {
  const faults = check(config, bindings);
  if (faults !== "") return { error: faults };
  if (miniflare === undefined) miniflare = new Miniflare(options(config, bindings));
  else await miniflare.setOptions(options(config, bindings));
  const url = await miniflare.unsafeGetDirectURL();
  const entries = Object.entries(keyValue);
  if (entries.length > 0) {
    const namespace = await miniflare.getKVNamespace("KEY_VALUE");
    for (const [key, value] of entries) await namespace.put(key, value);
  }
  return { port: Number(url.port) };
}

async function perform(command) {
  if (command.start !== undefined) return start(command.start);
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
await miniflare?.dispose();
