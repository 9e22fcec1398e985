/**
 * Roll-outs and copies of requests, on raw workerd: instances that share Durable Objects, and what goes on behind an answer.
 *
 *     node_modules/.bin/node --test tests/runtime/rollout.test.mjs
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { serveWorker } from "./workerd.mjs";

const TOKEN = "a-token-that-nobody-guesses";
/** Clients that ask at the same time, each without pause. */
const CLIENTS = 12;
/** The longest that anything is waited for: far more than it takes. */
const LONG = 20_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `is` says so. */
async function waitUntil(what, is) {
  for (const end = Date.now() + LONG; !(await is()); await pause(100)) assert.ok(Date.now() < end, `waited in vain: ${what}`);
}

/** An upstream that answers by `serve`, until the test ends. */
async function upstream(t, serve) {
  const server = createServer(serve);
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${server.address().port}`;
}

/** A side of a roll-out, of whose requests so many in a hundred fail: evenly, so that no share of them is chance. */
async function side(t, name, errors) {
  const its = { count: 0 };
  its.url = await upstream(t, (_, response) => {
    const failed = (count) => Math.floor((count * errors) / 100);
    its.count += 1;
    response.statusCode = failed(its.count) > failed(its.count - 1) ? 500 : 200;
    response.end(name);
  });
  return its;
}

/** A gateway with a roll-out of the shortest times, and both sides of it: of `errors` in a hundred. */
async function begin(t, errors, rollout, options = {}) {
  const [now, next] = [await side(t, "now", errors[0]), await side(t, "next", errors[1])];
  const config = {
    admin: { token: { secret: "ADMIN_TOKEN" } },
    // A machine with much to do is no store that fails.
    counters: { timeout: "30s" },
    upstreams: { now: { url: now.url }, next: { url: next.url } },
    routes: [
      {
        name: "r",
        match: { path: "/" },
        split: [{ upstream: "now", weight: 1 }, { upstream: "next", weight: 1 }],
        rollout: { candidate: "next", hold: "1s", every: "1s", leastRequests: 20, ...rollout },
      },
    ],
  };
  const start = async (more) => {
    const gateway = await serveWorker(config, undefined, { secrets: { ADMIN_TOKEN: TOKEN }, ...options, ...more });
    t.after(gateway.end);
    return gateway;
  };
  return { now, next, start, gateway: await start() };
}

/** The answer of the gateway at `port`: which side it is of. */
const ask = async (port) => (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(LONG) })).text();

/** The answers to so many requests of the clients, to all `ports` in turn, by their side. */
async function answers(ports, count) {
  const all = { now: 0, next: 0 };
  let left = count;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      all[await ask(ports[left % ports.length])] += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  assert.equal(all.now + all.next, count);
  return all;
}

/** Has `port` asked until the side `name` answers. */
const until = (port, name) => waitUntil(`${name} is asked`, async () => (await answers([port], CLIENTS))[name] > 0);

/**
 * Has `port` asked, `batch` requests at a time, until one batch is answered by the side `name` alone: more than chance would do. Nothing is asked of
 * the admin endpoints, which look into the store, too. Returns how many requests the other side got.
 */
async function settle(port, name, batch = 60) {
  let others = 0;
  await waitUntil(`only ${name} is asked`, async () => {
    const its = (await answers([port], batch))[name];
    others += batch - its;
    return its === batch;
  });
  return others;
}

/** The answer of the admin endpoint of the roll-out, or of another one. */
async function admin(port, { path = "/rollouts/r", method = "GET", token = TOKEN } = {}) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const response = await fetch(`http://127.0.0.1:${port}/.edgeway${path}`, { method, headers, signal: AbortSignal.timeout(LONG) });
  return { status: response.status, told: await response.json() };
}

/** Asserts that the candidate `next` was rolled back for errors and gets nothing any more; returns what is told of it. */
async function assertRolledBack(port, next) {
  const { told } = await admin(port);
  assert.deepEqual([told.state, told.because, told.percent, told.step, told.storeFailed], ["rolledBack", "errors", 0, 1, false]);
  const rate = ({ requests, errors }) => errors / requests;
  assert.ok(rate(told.candidate) > rate(told.baseline), JSON.stringify(told));
  const before = next.count;
  assert.deepEqual(await answers([port], 200), { now: 200, next: 0 });
  assert.equal(next.count, before);
  return told;
}

/** docs/configuration.md, A canary that looks after itself: what is judged. One more in twenty fails. */
test("one instance rolls a candidate with 5 % more errors back", async (t) => {
  const { next, gateway, start } = await begin(t, [1, 6], { steps: [25, 100], leastRequests: 100 });
  await until(gateway.port, "next");
  await settle(gateway.port, "now");
  const told = await assertRolledBack(gateway.port, next);
  assert.deepEqual([told.route, told.steps, told.baseline.upstream, told.candidate.upstream], ["r", [25, 100], "now", "next"]);
  assert.ok(told.candidate.requests >= 100, JSON.stringify(told));
  const { status, told: all } = await admin(gateway.port, { path: "/rollouts" });
  assert.deepEqual([status, all], [200, { rollouts: [told] }]);
  // The Durable Objects outlive the process.
  const folder = await gateway.kill();
  const again = await start({ folder });
  assert.deepEqual(await answers(again.ports, 50), { now: 50, next: 0 });
  assert.deepEqual((await admin(again.port)).told, told);
});

test("one instance rolls a candidate back of which half the requests fail", async (t) => {
  const { next, gateway } = await begin(t, [0, 50], { steps: [50, 100] });
  await until(gateway.port, "next");
  await settle(gateway.port, "now");
  await assertRolledBack(gateway.port, next);
});

/** The same, "all instances share it": none of the two has seen enough by itself. */
test("two instances roll a candidate with 5 % more errors back by what both have counted", async (t) => {
  const least = 400;
  const { next, gateway } = await begin(t, [0, 5], { steps: [50, 100], leastRequests: least }, { isolates: 2 });
  const its = [];
  for (const port of gateway.ports) its.push((await answers([port], 500)).next);
  // Each adds what it has counted when it is asked again.
  const more = await Promise.all(gateway.ports.map((port) => settle(port, "now", 24)));
  its.forEach((_, index) => (its[index] += more[index]));
  assert.ok(its.every((count) => count < least), `${its} requests`);
  for (const port of gateway.ports) {
    const told = await assertRolledBack(port, next);
    assert.ok(told.baseline.requests >= least && told.candidate.requests >= least, JSON.stringify(told));
  }
});

test("an instance that begins later gives nothing to a candidate that another has rolled back", async (t) => {
  const { next, gateway } = await begin(t, [0, 50], { steps: [50, 100] }, { isolates: 2 });
  const [first, later] = gateway.ports;
  await until(first, "next");
  await settle(first, "now");
  const before = next.count;
  assert.deepEqual(await answers([later], 50), { now: 50, next: 0 });
  assert.equal(next.count, before);
  assert.deepEqual(await assertRolledBack(later, next), await assertRolledBack(first, next));
});

/** The same: as many errors on both sides are no reason. */
test("a candidate as good as the baseline gets all requests, from two instances", async (t) => {
  const { now, next, gateway } = await begin(t, [5, 5], { steps: [25, 50, 100] }, { isolates: 2 });
  await Promise.all(gateway.ports.map((port) => settle(port, "next")));
  const before = now.count;
  assert.ok(before > 0);
  for (const port of gateway.ports) {
    const { told } = await admin(port);
    assert.deepEqual([told.state, told.percent, told.step, told.because], ["done", 100, 3, "done"]);
  }
  assert.deepEqual(await answers(gateway.ports, 200), { now: 0, next: 200 });
  assert.equal(now.count, before);
});

/** The same, "what was rolled back stays so"; Admin: `/rollouts/ROUTE`. */
test("an operator rolls back and begins anew, with the token alone", async (t) => {
  const { gateway } = await begin(t, [0, 0], { steps: [50], hold: "1h" }, { isolates: 2 });
  const { port, ports } = gateway;
  const refused = async (method) => {
    for (const token of [null, "another"]) assert.equal((await admin(port, { method, token })).status, 401);
  };
  for (const port of ports) await until(port, "next");

  await refused("PUT");
  assert.equal((await admin(port)).told.state, "running");
  assert.ok((await answers(ports, 100)).next > 0);

  const { status, told } = await admin(port, { method: "PUT" });
  assert.deepEqual([status, told.state, told.because, told.percent], [200, "rolledBack", "operator", 0]);
  assert.ok(told.candidate.requests > 0, JSON.stringify(told));
  assert.deepEqual(await answers([port], 50), { now: 50, next: 0 });
  await Promise.all(ports.map((port) => settle(port, "now")));

  await refused("DELETE");
  assert.equal((await admin(port)).told.state, "rolledBack");
  assert.deepEqual(await answers(ports, 50), { now: 50, next: 0 });

  const anew = await admin(port, { method: "DELETE" });
  assert.deepEqual([anew.status, anew.told.state, anew.told.percent, anew.told.step], [200, "running", 50, 1]);
  assert.deepEqual([anew.told.baseline.requests, anew.told.candidate.requests], [0, 0]);
  assert.ok((await answers([port], 50)).next > 0);
  for (const port of ports) await until(port, "next");
});

/** A gateway that copies requests, and what its upstream and the one for copies have got; each answers by `serve`. */
async function mirrored(t, serve, more = {}) {
  const got = { requests: [], copies: [] };
  const taking = (all, answer) => async (request, response) => {
    const pieces = [];
    response.on("error", () => {});
    for await (const piece of request) pieces.push(piece);
    const its = { method: request.method, path: request.url, headers: request.headers, content: Buffer.concat(pieces).toString(), isOpen: true };
    response.on("close", () => (its.isOpen = false));
    all.push(its);
    await answer(response);
  };
  const urls = await Promise.all([upstream(t, taking(got.requests, serve.request)), upstream(t, taking(got.copies, serve.copy))]);
  const config = {
    upstreams: { now: { url: urls[0] }, next: { url: urls[1] } },
    routes: [{ name: "r", match: { prefix: "/" }, upstream: "now", mirror: [{ upstream: "next", ...more }] }],
  };
  const gateway = await serveWorker(config);
  t.after(gateway.end);
  return { got, port: gateway.port };
}

/** docs/configuration.md, Copies for another upstream: "nothing of it reaches the client", "it can be told from a request". */
test("a copy leaves behind the answer, and can be told from the request", async (t) => {
  let answer;
  const mayAnswer = new Promise((resolve) => (answer = resolve));
  const { got, port } = await mirrored(t, {
    request: async (response) => (await mayAnswer, response.end("now")),
    copy: (response) => response.writeHead(500, { "x-of": "next" }).end("next"),
  });
  const headers = { "x-edgeway-mirrored": "?1", "x-own": "its" };
  const asked = fetch(`http://127.0.0.1:${port}/a?b=c`, { headers, signal: AbortSignal.timeout(LONG) });
  await waitUntil("the request", () => got.requests.length === 1);
  // Time enough for a copy that does not wait.
  await pause(300);
  assert.equal(got.copies.length, 0);
  answer();
  const response = await asked;
  assert.deepEqual([response.status, response.headers.get("x-of"), await response.text()], [200, null, "now"]);
  await waitUntil("the copy", () => got.copies.length === 1);
  const [[request], [copy]] = [got.requests, got.copies];
  assert.deepEqual([copy.method, copy.path, copy.content], ["GET", "/a?b=c", ""]);
  assert.deepEqual([copy.headers["x-own"], copy.headers["x-request-id"]], ["its", request.headers["x-request-id"]]);
  assert.ok(request.headers["x-request-id"]);
  // It is one that no client states.
  assert.deepEqual([copy.headers["x-edgeway-mirrored"], request.headers["x-edgeway-mirrored"]], ["?1", undefined]);
});

test("a copy has the content of its request", async (t) => {
  const serve = (response) => response.end();
  const { got, port } = await mirrored(t, { request: serve, copy: serve }, { methods: ["POST"] });
  for (const method of ["POST", "PUT"]) {
    const response = await fetch(`http://127.0.0.1:${port}/`, { method, body: `by ${method}`, signal: AbortSignal.timeout(LONG) });
    assert.equal(response.status, 200);
    await response.text();
  }
  await waitUntil("the copy", () => got.copies.length > 0);
  const contents = (all) => all.map(({ content }) => content);
  assert.deepEqual([contents(got.requests), contents(got.copies)], [["by POST", "by PUT"], ["by POST"]]);
});

test("copies that are never answered delay no client", async (t) => {
  // Long enough for a client that waits for its copy to give up.
  const { got, port } = await mirrored(t, { request: (response) => response.end("now"), copy: () => {} }, { timeout: "1m" });
  for (let count = 1; count <= 5; count += 1) {
    assert.equal(await ask(port), "now");
    await waitUntil("the copy", () => got.copies.length === count);
  }
  assert.ok(got.copies.every(({ isOpen }) => isOpen), "all of them wait yet");
});
