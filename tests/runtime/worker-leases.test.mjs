/**
 * The end of an exchange on raw workerd: limits on concurrency, whoever ends the answer, and what the access log has of it.
 *
 *     node_modules/.bin/node --test tests/runtime/worker-leases.test.mjs
 */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer, request as sendRequest } from "node:http";
import { after, before, test } from "node:test";
import { collect, connect, countingExchanges, DEAF, serveWorker, waitingExchanges } from "./workerd.mjs";

const LIMIT = 10;
const MIB = 1 << 20;

/** The upstream's answers under way, by their path: from the request's arrival until one side ends them. */
const live = new Set();
let most = 0;
let upstream;
/** Of what the upstream has sent in large answers. */
const upstreamHash = createHash("sha256");

/** What the upstream does, by the first segment of the path. */
const behaviours = {
  async short(response, end) {
    end(() => response.writeHead(200, { "content-length": 5 }).end("short"));
  },
  async chunked(response, end) {
    for (let piece = 0; piece < 5; piece += 1) {
      response.write("x".repeat(3_000));
      await pause(10);
    }
    end(() => response.end());
  },
  async stated(response, end) {
    response.writeHead(200, { "content-length": 200_000 });
    response.write("x".repeat(100_000));
    await pause(15);
    end(() => response.end("x".repeat(100_000)));
  },
  async reset(response, end) {
    response.writeHead(200, { "content-length": 1_000 });
    response.write("x".repeat(100));
    await pause(15);
    end(() => response.socket.resetAndDestroy());
  },
  async broken(response, end) {
    response.write("x".repeat(100));
    await pause(15);
    end(() => response.socket.destroy());
  },
  async refused(response, end) {
    end(() => response.socket.destroy());
  },
  /** 512 MiB in pieces of all sizes. */
  async large(response, end) {
    const content = randomBytes(MIB);
    for (let sent = 0; sent < 512 * MIB; ) {
      const piece = content.subarray(0, Math.min(1 + (sent % MIB), 512 * MIB - sent));
      upstreamHash.update(piece);
      if (!response.write(piece)) await new Promise((resolve) => response.once("drain", resolve));
      sent += piece.length;
    }
    end(() => response.end());
  },
  /** Answers and goes on for as long as the client stays. */
  async endless(response) {
    response.write("x".repeat(10));
  },
  async silent() {},
};

before(async () => {
  upstream = createServer((request, response) => {
    const [, kind] = request.url.split(/[/-]/);
    live.add(request.url);
    most = Math.max(most, live.size);
    response.on("error", () => {});
    response.on("close", () => live.delete(request.url));
    // It is over before the gateway can know.
    void behaviours[kind](response, (how) => {
      live.delete(request.url);
      how();
    });
  });
  upstream.keepAliveTimeout = 60_000;
  await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
});

after(() => {
  upstream.closeAllConnections();
  upstream.close();
});

const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Limits everything but what is named otherwise to `LIMIT` at once; `total` is the deadline of an answer. */
const config = (total = "20s", fail = "closed") => {
  const limit = { concurrency: { name: "ten", limit: LIMIT, key: "everyone", fail } };
  const cors = { cors: { origins: ["https://app.test"] } };
  return {
    counters: { timeout: "300ms" },
    upstreams: { a: { url: `http://127.0.0.1:${upstream.address().port}`, timeouts: { total } } },
    routes: [
      { name: "all", match: { prefix: "/" }, upstream: "a", policies: [limit] },
      { name: "seen", match: { path: "/chunked/seen" }, upstream: "a", policies: [limit, cors] },
      {
        name: "rated",
        match: { prefix: "/short-rated" },
        upstream: "a",
        policies: [{ rateLimit: { limit: 1, window: "1h", fail } }],
      },
      { name: "own", match: { path: "/own" }, respond: { body: "own" }, policies: [limit] },
      { name: "open", match: { path: "/chunked/open" }, upstream: "a" },
    ],
  };
};

/** Serves until the test `t` is over. */
async function serve(t, ...how) {
  const gateway = await serveWorker(...how);
  t.after(() => gateway.end());
  return gateway;
}

const get = (path, method = "GET") => `${method} ${path} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n`;
const status = (answer) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

/** Sends a request and returns the answer's status once its head is there, and the socket; 0 if there is no head. */
async function open(port, path) {
  const socket = connect(port, get(path));
  const head = await collect(socket, "\r\n\r\n");
  return { socket, status: status(head.toString("latin1")) || 0 };
}

/** Sends a request that the upstream leaves unanswered; returns the socket once it has arrived there, nothing if it was refused. */
async function arrive(port, path) {
  const socket = connect(port, get(path));
  let answer = "";
  socket.on("data", (data) => (answer += data.toString("latin1")));
  await until(`the arrival of ${path}`, () => live.has(path) || answer !== "");
  if (answer === "") return socket;
  assert.equal(status(answer), 429);
  socket.destroy();
  return undefined;
}

/** Repeats `attempt` until it comes to something. */
async function until(what, attempt) {
  for (let tries = 0; tries < 2_000; tries += 1) {
    const outcome = await attempt();
    if (outcome) return outcome;
    await pause(5);
  }
  return assert.fail(`never: ${what}`);
}

/** Holds every place at once, sees that there is none more, and leaves them all. */
async function holdAll(port) {
  const held = [];
  for (let place = 0; place < LIMIT; place += 1) {
    held.push(
      await until(`place ${place}`, async () => {
        const answer = await open(port, `/endless/${Math.random()}`);
        if (answer.status === 200) return answer.socket;
        answer.socket.destroy();
        return undefined;
      }),
    );
  }
  const more = await open(port, "/endless/more");
  more.socket.destroy();
  for (const socket of held) leave(socket);
  return more.status;
}

function leave(socket, path) {
  live.delete(path);
  socket.resetAndDestroy();
}

/** The line of the access log for `path`. */
const line = (gateway, path) =>
  until(`a line of ${path}`, () => {
    const its = gateway.lines.find((line) => line.startsWith("{") && JSON.parse(line).path === path);
    return its && JSON.parse(its);
  });

test("ten places under answers of every length and end: never an eleventh, and none is lost (docs/configuration.md, concurrency)", async (t) => {
  const gateway = await serve(t, config(), countingExchanges);
  const { port } = gateway;
  let number = 0;
  const whole = async (kind, method) => {
    const answer = (await collect(connect(port, get(`/${kind}/${(number += 1)}`, method)))).toString("latin1");
    return status(answer);
  };
  const leaving = async () => {
    const path = `/endless/${(number += 1)}`;
    const { socket, status } = await open(port, path);
    leave(socket, path);
    return status === 200 ? "left" : status;
  };
  const leavingEarly = async () => {
    const path = `/silent/${(number += 1)}`;
    const socket = await arrive(port, path);
    if (socket === undefined) return 429;
    leave(socket, path);
    return "left";
  };
  const kinds = {
    short: () => whole("short"),
    head: () => whole("short", "HEAD"),
    chunked: () => whole("chunked"),
    stated: () => whole("stated"),
    reset: () => whole("reset"),
    broken: () => whole("broken"),
    refused: () => whole("refused"),
    leaving,
    leavingEarly,
  };
  const names = Object.keys(kinds);
  const seen = Object.fromEntries(names.map((name) => [name, new Set()]));
  most = 0;
  let left = 600;
  await Promise.all(
    Array.from({ length: 25 }, async () => {
      for (let count = (left -= 1); count >= 0; count = left -= 1) {
        const name = names[count % names.length];
        // One that was refused comes again.
        for (;;) {
          const outcome = await kinds[name]();
          seen[name].add(outcome);
          if (outcome !== 429) break;
          await pause(5);
        }
      }
    }),
  );
  assert.deepEqual([await holdAll(port), await holdAll(port)], [429, 429]);
  const waiting = await waitingExchanges(port);
  assert.equal(most, LIMIT, "as many as the limit were at the upstream at once, and never more");
  const answered = Object.fromEntries(names.map((name) => [name, [...seen[name]].filter((outcome) => outcome !== 429)]));
  const expected = { refused: [502], leaving: ["left"], leavingEarly: ["left"] };
  assert.deepEqual(answered, Object.fromEntries(names.map((name) => [name, expected[name] ?? [200]])));
  assert.ok(names.some((name) => seen[name].has(429)), "some were refused");
  assert.equal(waiting, 0, "no exchange is left in the core");
});

test("a client that leaves while nothing comes gives its place back before any deadline", async (t) => {
  const gateway = await serve(t, config("1h"));
  assert.deepEqual([await holdAll(gateway.port), await holdAll(gateway.port)], [429, 429]);
  const sockets = [];
  for (let place = 0; place < LIMIT; place += 1) {
    sockets.push(await until(`place ${place}`, () => arrive(gateway.port, `/silent/${Math.random()}`)));
  }
  assert.equal((await open(gateway.port, "/endless/full")).status, 429);
  for (const socket of sockets) socket.resetAndDestroy();
  assert.equal(await holdAll(gateway.port), 429);
  await until("the upstream to be told", () => live.size === 0);
});

test("places that an instance held when it was killed come back when their leases expire (docs/adr/0007)", async (t) => {
  const gateway = await serve(t, config("20s"));
  for (let place = 0; place < LIMIT; place += 1) assert.equal((await open(gateway.port, `/endless/${place}`)).status, 200);
  assert.equal((await open(gateway.port, "/endless/full")).status, 429);
  const folder = await gateway.kill();
  /** The same storage, `seconds` later: the lease is of the `total` deadline and ten seconds. */
  const later = (seconds) => {
    const clock = `{ const now = Date.now; Date.now = () => now.call(Date) + ${seconds * 1000}; }\n`;
    return serve(t, config("20s"), (script) => clock + script, { folder });
  };
  const soon = await later(0);
  assert.equal((await open(soon.port, "/endless/still")).status, 429, "they are stored, and still held");
  await soon.kill();
  const then = await later(31);
  assert.equal(await holdAll(then.port), 429);
});

test("the access log has the bytes of a watched body, and who cut it off (docs/configuration.md, Access log)", async (t) => {
  const gateway = await serve(t, config("1s"));
  const logged = async (path) => {
    const { status, bytes, stated, complete, cut } = await line(gateway, path);
    return { status, bytes, stated, complete, cut };
  };
  const whole = async (path) => {
    await collect(connect(gateway.port, get(path)));
    return logged(path);
  };
  const left = async (path, mark) => {
    const socket = connect(gateway.port, get(path));
    if (mark === undefined) await until("its arrival", () => live.has(path));
    else await collect(socket, mark);
    leave(socket, path);
    return logged(path);
  };
  const complete = { stated: undefined, complete: undefined, cut: undefined };
  const cut = (side) => ({ stated: undefined, complete: false, cut: side });
  assert.deepEqual(await whole("/chunked/all"), { status: 200, bytes: 15_000, ...complete });
  assert.deepEqual(await whole("/chunked/seen"), { status: 200, bytes: 15_000, ...complete });
  assert.deepEqual(await whole("/stated/all"), { status: 200, bytes: 200_000, ...complete });
  assert.deepEqual(await whole("/own"), { status: 200, bytes: 3, ...complete });
  assert.deepEqual(await whole("/reset/all"), { status: 200, bytes: 100, ...cut("upstream") });
  assert.deepEqual(await whole("/broken/all"), { status: 200, bytes: 100, ...cut("upstream") });
  assert.deepEqual(await left("/endless/left", "xxxxxxxxxx"), { status: 200, bytes: 10, ...cut("client") });
  assert.deepEqual(await left("/silent/left"), { status: 499, bytes: 0, ...cut("client") });
  assert.deepEqual(await whole("/endless/late"), { status: 200, bytes: 10, ...cut("deadline") });
  const unwatched = { status: 200, bytes: undefined, stated: true, complete: undefined, cut: undefined };
  assert.deepEqual(await whole("/chunked/open"), unwatched);
});

test("a watched body of 512 MiB arrives as it is, and is not held in memory", async (t) => {
  const gateway = await serve(t, config());
  const hash = createHash("sha256");
  const download = new Promise((resolve, reject) => {
    const request = { port: gateway.port, path: "/large/all", agent: false };
    sendRequest(request, (response) => response.on("data", (data) => hash.update(data)).on("end", resolve).on("error", reject)).end();
  });
  const peak = await gateway.peakWhile(download);
  assert.equal(hash.digest("hex"), upstreamHash.digest("hex"));
  assert.equal((await line(gateway, "/large/all")).bytes, 512 * MIB);
  assert.ok(peak < 64 * MIB, `${peak / MIB} MiB more than before`);
});

test("a route that needs no end of its answers has nothing that outlives them (docs/adr/0005)", async (t) => {
  const noting = (script) => `${script}
    const serve = worker_default.fetch;
    worker_default.fetch = (request, bindings, context) => {
      const note = (what) => console.log(what + " " + new URL(request.url).pathname);
      const listen = request.signal.addEventListener;
      request.signal.addEventListener = (...how) => { note("listens"); return listen.apply(request.signal, how); };
      return serve(request, bindings, { waitUntil: (work) => { note("waits"); context.waitUntil(work); } });
    };`;
  const gateway = await serve(t, config(), noting);
  for (const path of ["/chunked/open", "/chunked/all"]) {
    await collect(connect(gateway.port, get(path)));
    await line(gateway, path);
  }
  const noted = gateway.lines.filter((line) => /^(waits|listens) /.test(line));
  assert.deepEqual(noted.sort(), ["listens /chunked/all", "waits /chunked/all"]);
});

test("a counter store that never answers fails after its deadline, and holds nobody up for longer (docs/configuration.md, counters)", async (t) => {
  for (const [fail, expected] of [["closed", 503], ["open", 200]]) {
    const gateway = await serve(t, config("20s", fail), countingExchanges, { counters: DEAF });
    const paths = ["short", "short-rated"].flatMap((kind) => Array.from({ length: 10 }, (_, place) => `/${kind}/${fail}${place}`));
    const answers = await Promise.all(paths.map((path) => collect(connect(gateway.port, get(path)))));
    for (const [place, path] of paths.entries()) {
      assert.equal(status(answers[place].toString("latin1")), expected, path);
      const { ms, error, limits } = await line(gateway, path);
      assert.ok(ms >= 300, `${ms} ms`);
      assert.equal(error, fail === "closed" ? "counter_unavailable" : undefined);
      // The store could not say.
      assert.deepEqual(limits, path.startsWith("/short-rated") ? [{ name: "rated" }] : undefined);
    }
    assert.equal(await waitingExchanges(gateway.port), 0, "giving back is given up as well");
  }
});
