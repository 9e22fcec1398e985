/**
 * The cache of a place in front of Workers KV, on workerd as miniflare sets it up: what has been there is answered without KV.
 *
 *     node_modules/.bin/node --test tests/runtime/worker-near.test.mjs
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

Object.assign(process.env, { CI: "1", WRANGLER_SEND_METRICS: "false", DO_NOT_TRACK: "1" });

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Longer than what stands beside a head. */
const LARGE = randomBytes(300_000);
const CONTENTS = { "/small": Buffer.from("small"), "/large": LARGE };

let asked = 0;
let upstream;
let miniflare;
let base;

before(async () => {
  upstream = createServer((request, response) => {
    asked += 1;
    response.writeHead(200, { "cache-control": "max-age=600" }).end(CONTENTS[request.url.replace(/-.*/, "")]);
  });
  await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const config = {
    upstreams: { up: { url: `http://127.0.0.1:${upstream.address().port}` } },
    routes: [{ name: "all", match: { prefix: "/" }, upstream: "up", policies: [{ cache: {} }] }],
  };
  const file = (path) => readFileSync(`${root}${path}`);
  const worker = {
    name: "edgeway",
    modulesRoot: root,
    modules: [
      { type: "ESModule", path: `${root}dist/cloudflare/worker.js`, contents: file("dist/cloudflare/worker.js").toString() },
      { type: "CompiledWasm", path: `${root}dist/cloudflare/edgeway.wasm`, contents: file("dist/cloudflare/edgeway.wasm") },
      { type: "Text", path: `${root}gateway.json`, contents: JSON.stringify(config) },
    ],
    compatibilityDate: "2026-11-01",
    compatibilityFlags: ["enable_request_signal"],
    durableObjects: { COUNTERS: { className: "CounterCell", useSQLite: true } },
    kvNamespaces: { KEY_VALUE: "values" },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  miniflare = new Miniflare(convertV4MiniflareOptions({ cf: false, host: "127.0.0.1", port: 0, workers: [worker] }));
  base = `http://127.0.0.1:${(await miniflare.unsafeGetDirectURL("edgeway")).port}`;
});

after(async () => {
  await miniflare?.dispose();
  upstream.closeAllConnections();
  upstream.close();
});

const keys = async () => (await (await miniflare.getKVNamespace("KEY_VALUE")).list()).keys.map(({ name }) => name);

async function wipeValues() {
  const values = await miniflare.getKVNamespace("KEY_VALUE");
  for (const key of await keys()) await values.delete(key);
}

async function wipeNear() {
  const near = await (await miniflare.getCaches()).open("edgeway");
  for (const key of await keys()) assert.ok(await near.delete(`${base}/.edgeway/${key}`), key);
}

/** Asserts what the cache did for `path`, and that the content is the upstream's. */
async function expect(path, did) {
  const response = await fetch(base + path);
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), CONTENTS[path.replace(/-.*/, "")]);
  assert.match(response.headers.get("cache-status"), did, path);
  // Work after the answer.
  await new Promise((resolve) => setTimeout(resolve, 100));
}

for (const [kind, values] of [["small", 1], ["large", 2]]) {
  test(`a ${kind} content is answered from the cache of the place, which is filled from KV`, async () => {
    await wipeValues();
    asked = 0;
    await expect(`/${kind}-1`, /stored/);
    assert.equal((await keys()).length, values);
    // A large content is there from the first time on that it is read.
    if (kind === "large") await expect("/large-1", /hit/);
    const kept = await Promise.all((await keys()).map(async (key) => [key, await (await miniflare.getKVNamespace("KEY_VALUE")).get(key, "arrayBuffer")]));
    await wipeValues();
    await expect(`/${kind}-1`, /hit/);

    // A place that has nothing.
    for (const [key, value] of kept) await (await miniflare.getKVNamespace("KEY_VALUE")).put(key, value);
    await wipeNear();
    await expect(`/${kind}-1`, /hit/);
    await wipeValues();
    await expect(`/${kind}-1`, /hit/);
    assert.equal(asked, 1);
  });
}

// RFC 9111 §4.4: what changed is not answered from it any more.
test("what is invalidated is gone from both", async () => {
  await wipeValues();
  await expect("/small-2", /stored/);
  await fetch(`${base}/small-2`, { method: "DELETE" }).then((response) => response.arrayBuffer());
  // A note of the time is left (docs/platforms.md, Stored responses), and no response.
  const store = await miniflare.getKVNamespace("KEY_VALUE");
  for (const key of await keys()) assert.ok(!(await store.get(key)).includes("small"), key);
  await expect("/small-2", /uri-miss/);
});

// The names of stored values are no secret: they must lead nowhere.
test("a client can't ask for a stored value", async () => {
  await expect("/small-3", /stored/);
  for (const key of await keys()) {
    const response = await fetch(`${base}/.edgeway/${key}`);
    assert.match(response.headers.get("cache-status"), /uri-miss/);
    await response.arrayBuffer();
  }
});
