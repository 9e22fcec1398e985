/**
 * The cron trigger, on raw workerd with a key-value store of the test's.
 *
 *     node_modules/.bin/node --test tests/runtime/cron.test.mjs
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { serveWorker } from "./workerd.mjs";

const flagged = (flag) => ({
  name: flag,
  match: { path: `/${flag}` },
  respond: {},
  policies: [{ maintenance: { flag } }],
});

/** `script`, which besides runs cron at `/cron?entries=…`, with these entries in the key-value store. */
function withCron(script) {
  return `${script}
    const serve = worker_default.fetch;
    worker_default.fetch = async (request, env, context) => {
      const url = new URL(request.url);
      if (url.pathname !== "/cron") return serve(request, env, context);
      const entries = JSON.parse(url.searchParams.get("entries"));
      const store = {
        get: async (key, { type }) => {
          if (type !== "arrayBuffer") throw new Error(type);
          if (entries[key] === "broken") throw new Error("the store is broken");
          return entries[key] === undefined ? null : new TextEncoder().encode(entries[key]).buffer;
        },
      };
      const bindings = entries.unbound ? env : { ...env, KEY_VALUE: store };
      await worker_default.scheduled({ cron: "* * * * *", scheduledTime: Date.now() }, bindings, context);
      return new Response();
    };`;
}

/** What the log says of a run of cron with these entries, in a Worker that has answered nothing yet. */
async function run(routes, entries, paths) {
  const gateway = await serveWorker({ routes }, withCron);
  const ask = async (path) => (await fetch(`http://127.0.0.1:${gateway.port}${path}`)).status;
  const status = await ask(`/cron?entries=${encodeURIComponent(JSON.stringify(entries))}`);
  const statuses = [];
  for (const path of paths) statuses.push(await ask(path));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await gateway.end();
  const lines = gateway.lines.filter((line) => line.startsWith('{"cron"')).map((line) => JSON.parse(line));
  return { status, lines, statuses };
}

const routes = [flagged("on"), flagged("off"), flagged("absent")];

test("cron says what the flags are, and the requests of its instance go by that", async () => {
  const { status, lines, statuses } = await run(routes, { "flag:on": "1", "flag:off": "no" }, ["/on", "/off", "/absent"]);
  assert.equal(status, 200);
  assert.deepEqual(lines, [{ cron: "* * * * *", flags: { "flag:on": true, "flag:off": false, "flag:absent": false } }]);
  // There is no store for requests here: they know the flags by the cron alone.
  assert.deepEqual(statuses, [503, 200, 200]);
});

test("cron says which flags it can't read, and reads the others", async () => {
  const { status, lines, statuses } = await run(routes, { "flag:on": "1", "flag:off": "broken" }, ["/on"]);
  assert.equal(status, 200);
  assert.deepEqual(lines[0].flags, { "flag:on": true, "flag:off": null, "flag:absent": false });
  assert.deepEqual(statuses, [503]);
});

test("cron that has no store to read says so, and fails nobody", async () => {
  const { status, lines } = await run(routes, { unbound: true }, []);
  assert.equal(status, 200);
  assert.deepEqual(lines[0].flags, { "flag:on": null, "flag:off": null, "flag:absent": null });
});

test("cron has nothing to do and nothing to say where there is no flag", async () => {
  const { status, lines } = await run([{ name: "r", match: { prefix: "/" }, respond: {} }], {}, []);
  assert.deepEqual([status, lines], [200, []]);
});

/** A store of values that outlives isolates. */
async function serveValues() {
  const all = new Map();
  const server = createServer(async (request, response) => {
    const key = decodeURIComponent(request.url.split("?", 1)[0]);
    if (request.method === "DELETE") return response.writeHead(all.delete(key) ? 200 : 404).end();
    if (request.method !== "PUT") return all.has(key) ? response.end(all.get(key)) : response.writeHead(404).end();
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    all.set(key, Buffer.concat(pieces));
    return response.end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `127.0.0.1:${server.address().port}`, end };
}

/** The answers of a place, by path; those of a check fail while `isWell` is false. */
function place(name) {
  const state = { isWell: true, checks: 0, name };
  const server = createServer((request, response) => {
    if (request.url === "/healthz") {
      state.checks += 1;
      response.statusCode = state.isWell ? 200 : 503;
    }
    response.end(name);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve({ state, url: `http://127.0.0.1:${server.address().port}`, end: () => (server.closeAllConnections(), server.close()) }));
  });
}

/** `script`, which besides runs cron at `/cron`. */
function atCron(script) {
  return `${script}
    const serve = worker_default.fetch;
    worker_default.fetch = async (request, env, context) => {
      if (new URL(request.url).pathname !== "/cron") return serve(request, env, context);
      await worker_default.scheduled({ cron: "* * * * *", scheduledTime: Date.now() }, env, context);
      return new Response();
    };`;
}

test("cron checks places, and an isolate that begins afterwards learns which ones fail", async (t) => {
  const places = await Promise.all([place("a"), place("b")]);
  t.after(() => places.forEach(({ end }) => end()));
  const [a] = places;
  const active = { path: "/healthz", every: "100ms", timeout: "100ms", unhealthy: 2 };
  const config = {
    upstreams: { up: { urls: places.map(({ url }) => url), health: { active, passive: { enabled: false } } } },
    routes: [{ name: "r", match: { prefix: "/" }, upstream: "up" }],
  };
  const values = await serveValues();
  t.after(values.end);
  const ask = async (gateway, path = "/") => (await fetch(`http://127.0.0.1:${gateway.port}${path}`)).text();
  const answers = async (gateway) => {
    await ask(gateway);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const all = [];
    for (let count = 0; count < 6; count += 1) all.push(await ask(gateway));
    return all.sort().join("");
  };
  const first = await serveWorker(config, atCron, { keyValue: values.address });
  a.state.isWell = false;
  await ask(first, "/cron");
  assert.equal(a.state.checks, 2, "one failure alone is none");
  assert.equal(await answers(first), "bbbbbb");
  await first.end();
  assert.ok(first.lines.some((line) => line.includes(`${a.url} is left out, its checks fail: status 503`)), first.lines.join("\n"));
  // Another isolate, which has nothing but the store.
  const second = await serveWorker(config, atCron, { keyValue: values.address });
  assert.equal(await answers(second), "bbbbbb");
  a.state.isWell = true;
  await ask(second, "/cron");
  await second.end();
  const third = await serveWorker(config, atCron, { keyValue: values.address });
  assert.equal(await answers(third), "aaabbb");
  await third.end();
});
