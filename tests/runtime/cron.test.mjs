/**
 * The cron trigger, on raw workerd with a key-value store of the test's.
 *
 *     node_modules/.bin/node --test tests/runtime/cron.test.mjs
 */

import assert from "node:assert/strict";
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
