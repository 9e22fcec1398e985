/**
 * Rate limits and their Durable Objects, on raw workerd: the round trips, and how many of a thousand are admitted.
 *
 *     node_modules/.bin/node --test tests/runtime/worker-limits.test.mjs
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { collect, connect, serveWorker } from "./workerd.mjs";

const REQUESTS = 1_000;
const LIMIT = 100;
const UNITS = 10;
const ISOLATES = 3;
/** Where it is noon or so: the day does not end within the test. */
const NOON = `${new Date().getUTCHours() > 12 ? "-" : "+"}${String(Math.abs(12 - new Date().getUTCHours())).padStart(2, "0")}:00`;

/** Limits of the same number, one for each way to count; in none does anything come back within a second. */
const LIMITS = {
  gcra: {},
  sliding: { algorithm: "slidingWindow", window: "366d" },
  fixed: { algorithm: "fixedWindow", window: "366d" },
  day: { window: "day", timeZone: NOON },
  leases: { window: "366d", lease: { units: UNITS, hold: "10s" } },
};

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
    ...Object.entries(LIMITS).map(([name, more]) => route(`hundred-${name}`, limit(`hundred-${name}`, LIMIT, more))),
  ];
  // A machine with much to do is no store that fails.
  const counters = { timeout: "30s" };
  gateway = await serveWorker({ counters, routes }, countingCalls, { isolates: ISOLATES });
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

/** How many of so many requests at once, to all isolates, are admitted; all others are refused. */
async function admitted(path) {
  const request = `GET ${path} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n`;
  const sockets = Array.from({ length: REQUESTS }, (_, number) => connect(gateway.ports[number % ISOLATES], request));
  const answers = await Promise.all(sockets.map((socket) => collect(socket)));
  const statuses = answers.map((answer) => Number(answer.subarray(9, 12)));
  const count = (wanted) => statuses.filter((status) => status === wanted).length;
  assert.equal(count(200) + count(429), REQUESTS, [...new Set(statuses)].join());
  return count(200);
}

/** docs/configuration.md, Accuracy: a Durable Object is exact, by whatever algorithm. */
for (const name of ["gcra", "sliding", "fixed", "day"]) {
  test(`of ${REQUESTS} requests at once ${LIMIT} are admitted (${name})`, async () => {
    assert.equal(await admitted(`/hundred-${name}`), LIMIT);
  });
}

/** docs/configuration.md, Leases: never more than the store has granted, and what is not spent is lost, up to `units` for each instance and `hold`. */
test(`of ${REQUESTS} requests at once no more than ${LIMIT} are admitted by leases`, async () => {
  const before = Date.now();
  const all = await admitted("/hundred-leases");
  const holds = 1 + Math.floor((Date.now() - before) / 10_000);
  assert.ok(all <= LIMIT && all >= LIMIT - ISOLATES * UNITS * holds, `${all} admitted`);
});
