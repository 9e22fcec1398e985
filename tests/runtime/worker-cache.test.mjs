/**
 * Stored responses on raw workerd, with a KV in memory: requests that come together, bodies that are copied on their way, and whoever leaves.
 *
 *     node_modules/.bin/node --test tests/runtime/worker-cache.test.mjs
 */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { collect, connect, countingExchanges, serveWorker, waitingExchanges } from "./workerd.mjs";

const CLIENTS = 64;
const MIB = 1 << 20;
/** Longer than what stands beside a head. */
const LARGE = randomBytes(300_000);

/** The requests that the upstream got, by path. */
const got = new Map();
/** Those that wait there for `release`. */
const held = new Map();
let upstream;
let worker;

/** What the upstream does, by the first segment of the path, with the number of the request for this path. */
const behaviours = {
  held: (response, number, path) => held.set(path, () => response.writeHead(200, FRESH).end(LARGE)),
  small: (response, number) => response.writeHead(200, FRESH).end(`answer ${number}`),
  large: (response) => response.writeHead(200, { ...FRESH, etag: '"a"' }).end(LARGE),
  /** The first one gets no answer in time. */
  late: (response, number) => number > 1 && response.writeHead(200, FRESH).end(LARGE),
  /** The first one's content breaks off, without a length that would tell. */
  broken(response, number) {
    response.writeHead(200, FRESH);
    response.write(LARGE.subarray(0, 100_000));
    setTimeout(() => (number === 1 ? response.socket.destroy() : response.end(LARGE.subarray(100_000))), 50);
  },
  /** Goes on when it is told to. */
  paused(response, number, path) {
    response.writeHead(200, FRESH);
    response.write(LARGE.subarray(0, 100_000));
    held.set(path, () => response.end(LARGE.subarray(100_000)));
  },
  limited: (response) => response.writeHead(200, FRESH).end(LARGE),
  async huge(response) {
    response.writeHead(200, FRESH);
    const piece = Buffer.alloc(MIB, "x");
    for (let sent = 0; sent < 256; sent += 1) {
      if (!response.write(piece)) await new Promise((resolve) => response.once("drain", resolve));
    }
    response.end();
  },
  /** Longer than `maxBytes`, which shows in the end. */
  beyond(response) {
    response.writeHead(200, FRESH);
    response.write(LARGE);
    setTimeout(() => response.end(Buffer.alloc(MIB, "x")), 50);
  },
  uncached: (response) => setTimeout(() => response.writeHead(200, { "cache-control": "no-store" }).end(LARGE), 50),
};

const ADMIN_TOKEN = randomBytes(32).toString("hex");

/** `script`, which besides replaces the core at `/start-over`: the new one remembers nothing, as that of another isolate. */
const startingOver = (script) => `${script}
  const served = worker_default.fetch;
  worker_default.fetch = (request, ...context) =>
    request.url.endsWith("/start-over") ? Response.json(startOver("a test") ?? null) : served(request, ...context);`;

const FRESH = { "cache-control": "max-age=600" };

before(async () => {
  upstream = createServer((request, response) => {
    const number = (got.get(request.url) ?? 0) + 1;
    got.set(request.url, number);
    response.on("error", () => {});
    void behaviours[request.url.split(/[/-]/)[1]](response, number, request.url);
  });
  await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const config = {
    upstreams: { up: { url: `http://127.0.0.1:${upstream.address().port}`, timeouts: { firstByte: "2s" } } },
    routes: [
      { name: "all", match: { prefix: "/" }, upstream: "up" },
      { name: "limited", match: { prefix: "/limited-1" }, upstream: "up", timeouts: { total: "20s" }, policies: [{ concurrency: { limit: 8 } }] },
    ],
    defaults: { policies: [{ cache: { maxBytes: "1MiB", collapse: "20s" } }] },
    admin: { path: "/admin", token: { secret: "ADMIN_TOKEN" } },
  };
  worker = await serveWorker(config, (script) => startingOver(countingExchanges(script)), {
    keyValue: true,
    secrets: { ADMIN_TOKEN },
  });
});

after(async () => {
  await worker?.end();
  upstream.closeAllConnections();
  upstream.close();
});

const ask = (path, fields = "") => connect(worker.port, `GET ${path} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n${fields}\r\n`);

async function answer(path, fields) {
  return read(await collect(ask(path, fields)));
}

function read(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  const head = bytes.subarray(0, end).toString().toLowerCase();
  let body = bytes.subarray(end + 4);
  if (/transfer-encoding: chunked/.test(head)) body = dechunked(body);
  return { status: Number(head.split(" ")[1]), head, body, did: /cache-status: (.*)/.exec(head)?.[1] };
}

function dechunked(body) {
  const pieces = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf("\r\n", at);
    const length = parseInt(body.subarray(at, end).toString(), 16);
    pieces.push(body.subarray(end + 2, end + 2 + length));
    at = end + 4 + length;
  }
  return Buffer.concat(pieces);
}

const until = async (holds) => {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 2_000) assert.fail("it never came");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
const isWhole = ({ status, body }) => status === 200 && body.equals(LARGE);

// RFC 9111 §4: a cache can use one response for many requests that come together.
test("one request is made for 64 clients that come together", async () => {
  const answers = Array.from({ length: CLIENTS }, () => answer("/held-1"));
  await until(() => held.has("/held-1"));
  await pause(300);
  assert.equal(got.get("/held-1"), 1);
  held.get("/held-1")();
  const all = await Promise.all(answers);
  assert.ok(all.every(isWhole));
  assert.equal(got.get("/held-1"), 1);
  assert.equal(all.filter(({ did }) => /stored/.test(did)).length, 1);
  assert.equal(all.filter(({ did }) => /hit/.test(did)).length, CLIENTS - 1);
});

for (const kind of ["late", "broken"]) {
  test(`one more request is made where the upstream's answer to the first is ${kind}`, async () => {
    const all = await Promise.all(Array.from({ length: CLIENTS }, () => answer(`/${kind}-1`)));
    assert.equal(all.filter(isWhole).length, CLIENTS - 1);
    assert.equal(got.get(`/${kind}-1`), 2);
  });
}

test("the others get the answer to a request whose client leaves", async () => {
  const first = ask("/held-2");
  await until(() => held.has("/held-2"));
  const others = Array.from({ length: 8 }, () => answer("/held-2"));
  await pause(100);
  first.resetAndDestroy();
  await pause(300);
  held.get("/held-2")();
  assert.ok((await Promise.all(others)).every(isWhole));
  assert.equal(got.get("/held-2"), 1);
});

test("a response is stored whole though its client leaves within its content", async () => {
  const first = ask("/paused-1");
  await collect(first, "\r\n\r\n");
  first.resetAndDestroy();
  await pause(100);
  held.get("/paused-1")();
  await until(() => got.get("/paused-1") === 1);
  assert.ok(isWhole(await answer("/paused-1")));
  assert.equal(got.get("/paused-1"), 1);
});

test("nobody waits where nothing is stored", async () => {
  await answer("/uncached-1");
  const all = await Promise.all(Array.from({ length: 8 }, () => answer("/uncached-1")));
  assert.ok(all.every(isWhole));
  assert.equal(got.get("/uncached-1"), 9);
});

test("nobody waits for what turned out longer than maxBytes", async () => {
  const first = await answer("/beyond-1");
  assert.equal(first.body.length, LARGE.length + MIB);
  const all = await Promise.all(Array.from({ length: 8 }, () => answer("/beyond-1")));
  assert.ok(all.every(({ body }) => body.length === LARGE.length + MIB));
  assert.ok(all.every(({ did }) => !/collapsed/.test(did)), all.map(({ did }) => did).join("\n"));
  assert.equal(got.get("/beyond-1"), 9);
});

test("small and large contents are answered from the store, and parts of them", async () => {
  for (const [path, content] of [["/small-1", Buffer.from("answer 1")], ["/large-1", LARGE]]) {
    for (const did of [/stored/, /hit/]) {
      const { body, head, ...said } = await answer(path);
      assert.ok(body.equals(content), path);
      assert.match(said.did, did);
      if (said.did.includes("hit")) assert.match(head, new RegExp(`content-length: ${content.length}`));
    }
    const part = await answer(path, "Range: bytes=2-5\r\n");
    assert.deepEqual([part.status, part.body], [206, content.subarray(2, 6)]);
    assert.match(part.head, new RegExp(`content-range: bytes 2-5/${content.length}`));
    const head = await collect(connect(worker.port, `HEAD ${path} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n`));
    assert.match(head.toString(), /^HTTP\/1.1 200 [^]*\r\n\r\n$/);
    assert.equal(got.get(path), 1);
  }
  assert.equal((await answer("/large-1", 'If-None-Match: "a"\r\n')).status, 304);
});

// Such a body is copied and watched.
test("a response with a limit on concurrency is stored and answered whole", async () => {
  for (const did of [/stored/, /hit/]) {
    const said = await answer("/limited-1");
    assert.ok(isWhole(said));
    assert.match(said.did, did);
  }
  assert.equal(got.get("/limited-1"), 1);
});

// docs/configuration.md, Purges: an instance that has not heard of a purge finds it in the store.
test("a purge counts for an isolate that has just begun", async () => {
  for (const path of ["/small-2", "/large-2"]) {
    await answer(path);
    assert.match((await answer(path)).did, /hit/);
  }
  await answer("/start-over");
  assert.match((await answer("/small-2")).did, /hit/, "what is stored outlives the core");
  const purge = JSON.stringify({ urls: ["http://gw.test/small-2"] });
  const fields = `Authorization: Bearer ${ADMIN_TOKEN}\r\nContent-Type: application/json\r\nContent-Length: ${purge.length}\r\n`;
  const put = `PUT /admin/purges HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n${fields}\r\n${purge}`;
  const { status } = read(await collect(connect(worker.port, put)));
  assert.ok(status >= 200 && status < 300, String(status));
  await answer("/start-over");
  assert.doesNotMatch((await answer("/small-2")).did, /hit/);
  assert.match((await answer("/large-2")).did, /hit/, "the other one was not purged");
});

test("a content beyond maxBytes passes whole and is neither stored nor held", async () => {
  const hash = createHash("sha256");
  const expected = createHash("sha256");
  for (let sent = 0; sent < 256; sent += 1) expected.update(Buffer.alloc(MIB, "x"));
  const grown = await worker.peakWhile(
    (async () => {
      // Read slowly at first: what nobody takes must not pile up.
      const socket = ask("/huge-1");
      socket.pause();
      await pause(500);
      const { body } = read(await collect(socket.resume()));
      hash.update(body);
    })(),
  );
  assert.equal(hash.digest("hex"), expected.digest("hex"));
  assert.ok(grown < 64 * MIB, `${grown} bytes more`);
  assert.doesNotMatch((await answer("/huge-1")).did, /hit/);
});

test("no exchange is left in the core", async () => {
  assert.equal(await waitingExchanges(worker.port), 0);
});
