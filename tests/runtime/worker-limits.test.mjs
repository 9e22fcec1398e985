/**
 * The round trips of rate limits to their Durable Objects, on raw workerd.
 *
 *     node_modules/.bin/node --test tests/runtime/worker-limits.test.mjs
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serveWorker } from "./workerd.mjs";

let gateway;

before(async () => {
  const limit = (name, limit, more = {}) => ({ rateLimit: { name, limit, window: "1d", key: "everyone", ...more } });
  const route = (name, ...policies) => ({ name, match: { path: `/${name}` }, respond: {}, policies });
  const routes = [
    route("plain", limit("plain", 1_000_000)),
    route("leased", limit("leased", 1_000_000, { lease: { units: 50, hold: "10s" } })),
    route("several", limit("a", 100), limit("b", 100), limit("c", 100)),
    route("refused", limit("once", 1), limit("after", 5, { algorithm: "fixedWindow" })),
    route("after", limit("after", 5, { algorithm: "fixedWindow" })),
  ];
  gateway = await serveWorker({ routes }, countingCalls);
});

after(() => gateway.end());

/** `script`, which besides says at `/calls` how many calls of cells there were since the last time, and the most at once. */
function countingCalls(script) {
  return `${script}
    let calls = { all: 0, atOnce: 0 };
    let open = 0;
    const serve = worker_default.fetch;
    worker_default.fetch = (request, env, context) => {
      if (new URL(request.url).pathname === "/calls") {
        const told = calls;
        calls = { all: 0, atOnce: 0 };
        return Response.json(told);
      }
      const getByName = (name) => ({
        async count(op) {
          calls.all += 1;
          calls.atOnce = Math.max(calls.atOnce, (open += 1));
          try {
            return await env.COUNTERS.getByName(name).count(op);
          } finally {
            open -= 1;
          }
        },
      });
      return serve(request, { ...env, COUNTERS: { getByName } }, context);
    };`;
}

const ask = (path) => fetch(`http://127.0.0.1:${gateway.port}${path}`);
const calls = async () => (await ask("/calls")).json();

/** The statuses of so many requests, one after another. */
async function statuses(path, count) {
  const all = [];
  for (let n = 0; n < count; n += 1) all.push((await ask(path)).status);
  return all;
}

/** docs/configuration.md, Policies, `lease`: 1, 2, 4, 8, 16, 32 and three times 50, where none of it takes ten seconds. */
test("a lease saves nearly all calls of the Durable Object", async () => {
  await calls();
  assert.ok((await statuses("/plain", 200)).every((status) => status === 200));
  assert.equal((await calls()).all, 200);
  assert.ok((await statuses("/leased", 200)).every((status) => status === 200));
  const { all } = await calls();
  assert.ok(all < 40, `${all} calls`);
});

/** docs/configuration.md, Policies, `rateLimit`: on Workers several limits are asked in one round trip. */
test("several limits are asked at the same time", async () => {
  await calls();
  assert.deepEqual(await statuses("/several", 1), [200]);
  assert.deepEqual(await calls(), { all: 3, atOnce: 3 });
});

/** The same: what the limits after the refusal have taken is given back. */
test("a limit loses nothing by what one before it refuses", async () => {
  assert.deepEqual(await statuses("/refused", 4), [200, 429, 429, 429]);
  for (let tries = 0; ; tries += 1) {
    // The one that was admitted, and this and the earlier tries.
    const left = Number(/r=(\d+)/.exec((await ask("/after")).headers.get("ratelimit"))[1]);
    if (left === 3 - tries) break;
    assert.ok(tries < 3, `${left} left`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});
