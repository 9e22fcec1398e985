/**
 * What the shared cases can't show of the Worker: bytes, streams, memory, and clients that leave. On raw workerd, with
 * sockets on both sides.
 *
 *     node_modules/.bin/node --test tests/runtime/worker.test.mjs
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, createServer as createHttpServer, request as sendRequest } from "node:http";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { WebSocket, WebSocketServer } from "ws";
import { applyEdits } from "../../targets/cloudflare/js/head.ts";
import { collect, connect, countingExchanges, serveWorker, waitingExchanges } from "./workerd.mjs";

const MIB = 1 << 20;
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Connections to the upstream, oldest first; each test takes its own. */
const arrivals = [];
let upstream, gateway;

before(async () => {
  upstream = createServer((socket) => {
    socket.on("error", () => {});
    const waiting = arrivals.shift();
    if (waiting) waiting(socket);
    else socket.destroy();
  });
  await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${upstream.address().port}`;
  gateway = await serveWorker({
    upstreams: { a: { url }, late: { url, timeouts: { firstByte: "200ms" } } },
    limits: { bodyBytes: "2GiB" },
    routes: [
      { name: "all", match: { prefix: "/" }, upstream: "a" },
      { name: "late", match: { prefix: "/late" }, upstream: "late" },
      { name: "small", match: { prefix: "/small" }, upstream: "a", bodyBytes: "1000B" },
      { name: "own", match: { path: "/own" }, respond: { body: "in" } },
      { name: "cors", match: { path: "/cors" }, upstream: "a", policies: [{ cors: { origins: ["https://app.test"] } }] },
      { name: "flag", match: { path: "/flag" }, keyValue: { key: "flag" } },
      {
        name: "limited",
        match: { prefix: "/limited" },
        respond: { body: "in" },
        policies: [{ rateLimit: { limit: 100, window: "1h" } }],
      },
    ],
  });
});

after(async () => {
  await gateway.end();
  upstream.close();
});

/** The next connection that the upstream accepts. */
function arrival() {
  return new Promise((resolve) => arrivals.push(resolve));
}

/** Sends `request` and plays the upstream with `answer`; returns what each side received. */
async function exchange(request, answer) {
  const arriving = arrival();
  const client = connect(gateway.port, request);
  const socket = await arriving;
  const sent = await collect(socket, "\r\n\r\n");
  socket.end(answer);
  return { sent: sent.toString("latin1"), received: (await collect(client)).toString("latin1") };
}

const get = (path, fields = "") => `GET ${path} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n${fields}\r\n`;

test("header bytes beyond ASCII pass as they are (RFC 9110 §5.5: obs-text)", async () => {
  const value = Buffer.from([0x63, 0x61, 0x66, 0xe9]).toString("latin1");
  const request = Buffer.from(get("/", `X-Latin: ${value}\r\nX-Utf: caf\xc3\xa9\r\n`), "latin1");
  const answer = Buffer.from(`HTTP/1.1 204 No Content\r\nX-Latin: ${value}\r\nX-Utf: caf\xc3\xa9\r\n\r\n`, "latin1");
  const { sent, received } = await exchange(request, answer);
  for (const head of [sent, received]) {
    assert.match(head, /X-Latin: caf\xe9\r\n/);
    assert.match(head, /X-Utf: caf\xc3\xa9\r\n/);
  }
});

test("lines of Set-Cookie are never joined (RFC 6265 §3)", async () => {
  const answer = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Expires=Thu, 01 Jan 2032 00:00:00 GMT\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n";
  const { received } = await exchange(get("/"), answer);
  assert.equal(received.match(/^set-cookie: /gim).length, 2);
});

test("coded content passes as it is (RFC 9110 §8.4)", async () => {
  const content = gzipSync("x".repeat(10_000));
  const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${content.length}\r\n\r\n`;
  const answer = Buffer.concat([Buffer.from(head), content]);
  const { received } = await exchange(get("/", "Accept-Encoding: gzip\r\n"), answer);
  assert.match(received, /content-encoding: gzip\r\n/i);
  assert.match(received, new RegExp(`content-length: ${content.length}\r\n`, "i"));
  assert.ok(received.endsWith(content.toString("latin1")));
});

test("a redirect is the client's to follow (RFC 9110 §15.4)", async () => {
  const { received } = await exchange(get("/"), "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
  assert.match(received, /^HTTP\/1.1 302 /);
});

test("an upload that is cut off never looks complete upstream (RFC 9112 §8)", async () => {
  const arriving = arrival();
  const client = connect(gateway.port, "POST /x HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  const socket = await arriving;
  await collect(socket, "hello");
  client.resetAndDestroy();
  const rest = await collect(socket);
  assert.doesNotMatch(rest.toString(), /0\r\n\r\n$/);
});

test("an upload beyond its limit never looks complete upstream", async () => {
  const arriving = arrival();
  const chunk = `190\r\n${"a".repeat(400)}\r\n`;
  const client = connect(gateway.port, "POST /small HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
  const sending = setInterval(() => client.write(chunk), 20);
  const socket = await arriving;
  const [sent, received] = await Promise.all([collect(socket), collect(client)]);
  clearInterval(sending);
  assert.doesNotMatch(sent.toString(), /0\r\n\r\n$/);
  assert.match(received.toString(), /^HTTP\/1.1 413 /);
});

test("a client that leaves takes the call to the upstream with it", async () => {
  const arriving = arrival();
  const client = connect(gateway.port, get("/"));
  const socket = await arriving;
  await collect(socket, "\r\n\r\n");
  // Only a reset: a client that has merely ended its side may still be waiting for the answer.
  client.resetAndDestroy();
  await collect(socket);
});

test("a client that leaves takes a call with it whose response the core has to see", async () => {
  const arriving = arrival();
  const client = connect(gateway.port, get("/cors", "Origin: https://app.test\r\n"));
  const socket = await arriving;
  await collect(socket, "\r\n\r\n");
  client.resetAndDestroy();
  await collect(socket);
});

test("a client that ends its side within its content takes the call with it (RFC 9112 §8)", async () => {
  const arriving = arrival();
  const client = connect(gateway.port, "POST /x HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 9\r\n\r\nhello");
  const socket = await arriving;
  await collect(socket, "hello");
  client.end();
  await collect(socket);
});

test("a client that has merely closed is taken for one that still reads: its call ends by its deadline (docs/platforms.md)", async () => {
  const arriving = arrival();
  const ended = connect(gateway.port, get("/"));
  const socket = await arriving;
  await collect(socket, "\r\n\r\n");
  ended.end();
  // Time for the end to arrive: nothing tells when.
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assert.match((await collect(ended)).toString(), /^HTTP\/1.1 200 [^]*ok$/);

  const late = arrival();
  const closed = connect(gateway.port, get("/late"));
  const waiting = await late;
  await collect(waiting, "\r\n\r\n");
  closed.destroy();
  await collect(waiting);
});

test("every exchange has its line in the access log, with what the head states of a body that nobody watches", async () => {
  const path = (line) => (line.startsWith("{") ? JSON.parse(line).path : undefined);
  const logged = async (its) => {
    for (let tries = 0; tries < 100; tries += 1) {
      const line = gateway.lines.find((line) => path(line) === its);
      if (line !== undefined) return JSON.parse(line);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.fail(`no line of ${its}`);
  };
  const head = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
  for (const [its, fields] of [["/relayed", ""], ["/cors", "Origin: https://app.test\r\n"]]) {
    await exchange(get(its, fields), head);
    const { status, upstream, bytes, stated, complete } = await logged(its);
    assert.deepEqual([status, upstream, bytes, stated, complete], [201, "a", 2, true, undefined], its);
  }
  await collect(connect(gateway.port, get("/own")));
  const { status, bytes, stated } = await logged("/own");
  assert.deepEqual([status, bytes, stated], [200, 2, undefined], "a body of the gateway's own is counted");
});

test("a WebSocket passes through with the edits of its route, and one that is declined is an answer like any (RFC 6455 §4)", async () => {
  const handshakes = [];
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    handleProtocols: ([first]) => first,
    verifyClient: ({ req }) => req.url !== "/declined",
  });
  await once(server, "listening");
  server.on("connection", (socket, request) => {
    handshakes.push(request.headers);
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on("close", (code) => handshakes.push(code));
  });
  const sockets = await serveWorker({
    upstreams: { a: { url: `http://127.0.0.1:${server.address().port}` } },
    routes: [
      {
        name: "all",
        match: { prefix: "/" },
        upstream: "a",
        policies: [{ request: { headers: { set: { "x-tenant": "7" } } }, response: { headers: { set: { "x-edge": "1" } } } }],
      },
    ],
  });
  const open = (path) => new WebSocket(`ws://127.0.0.1:${sockets.port}${path}`, ["chat", "other"]);
  const client = open("/x");
  const [[answer]] = await Promise.all([once(client, "upgrade"), once(client, "open")]);
  client.send("text");
  const [text, isBinary] = await once(client, "message");
  client.send(Buffer.alloc(100_000, 1));
  const [bytes] = await once(client, "message");
  client.close(4001, "enough");
  const [code] = await once(client, "close");
  const declined = open("/declined");
  declined.on("error", () => {});
  const [, refusal] = await once(declined, "unexpected-response");
  const statuses = () => sockets.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line).status);
  for (let tries = 0; tries < 50 && !statuses().includes(401); tries += 1) await new Promise((wait) => setTimeout(wait, 20));
  await sockets.end();
  server.close();

  assert.deepEqual([answer.headers["x-edge"], client.protocol, answer.headers.via], ["1", "chat", "1.1 edgeway"]);
  assert.deepEqual([handshakes[0]["x-tenant"], handshakes[0].via, handshakes[1]], ["7", "1.1 edgeway", 4001]);
  assert.deepEqual([text.toString(), isBinary, bytes.length, code], ["text", false, 100_000, 4001]);
  assert.deepEqual([refusal.statusCode, refusal.headers["x-edge"]], [401, "1"]);
  assert.deepEqual(statuses().slice(-2), [101, 401]);
});

test("10,000 exchanges of every kind leave none behind in the core", async () => {
  const upstream = createHttpServer((request, response) => {
    if (request.url === "/fail") request.socket.destroy();
    else if (request.url !== "/hang") response.end("ok");
    else request.socket.emit("arrived");
  });
  const hanging = [];
  upstream.on("connection", (socket) => socket.on("arrived", () => hanging.shift()?.()));
  await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const counted = await serveWorker(
    {
      upstreams: { a: { url: `http://127.0.0.1:${upstream.address().port}` } },
      routes: [
        { name: "all", match: { prefix: "/" }, upstream: "a" },
        { name: "cors", match: { path: "/cors" }, upstream: "a", policies: [{ cors: { origins: ["https://app.test"] } }] },
        { name: "flag", match: { path: "/flag", methods: ["PUT"] }, keyValue: { key: "flag" } },
        { name: "limited", match: { path: "/limited" }, upstream: "a", policies: [{ rateLimit: { limit: 1000, window: "1h" } }] },
      ],
    },
    countingExchanges,
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const send = (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = { origin: "https://app.test" };
      const request = sendRequest({ port: counted.port, agent, method, path, headers }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      });
      request.on("error", reject).end(body);
    });
  let missed = 0;
  const leave = async () => {
    for (;;) {
      const arrival = Promise.withResolvers();
      hanging.push(arrival.resolve);
      const client = connect(counted.port, get("/hang"));
      const answer = once(client, "data").then(() => true, () => true);
      const isAnswered = await Promise.race([arrival.promise.then(() => false), answer]);
      if (!isAnswered) return void client.resetAndDestroy();
      // The upstream closed an idle connection just when the call went out on it (RFC 9112 §9.3.1): nobody hangs.
      hanging.splice(hanging.indexOf(arrival.resolve), 1);
      client.destroy();
      missed += 1;
    }
  };
  const kinds = [
    () => send("GET", "/plain"),
    () => send("GET", "/cors"),
    () => send("GET", "/limited"),
    () => send("PUT", "/flag", "value"),
    () => send("GET", "/fail"),
    leave,
  ];
  const seen = kinds.map(() => new Set());
  await Promise.all(
    Array.from({ length: 32 }, async (_, lane) => {
      for (let count = lane; count < 10_000; count += 32) {
        const kind = count % kinds.length;
        seen[kind].add(await kinds[kind]());
      }
    }),
  );
  const statuses = seen.map((of) => [...of].sort());
  // Of a client that has left, the core is told once the collector has found out.
  const waiting = await waitingExchanges(counted.port);
  const logged = () => counted.lines.filter((line) => /"path":"\/(plain|cors|limited|flag|fail|hang)"/.test(line));
  for (let tries = 0; tries < 100 && logged().length < 10_000 + missed; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const lines = logged();
  const left = lines.filter((line) => /"path":"\/hang"/.test(line) && /"status":499/.test(line));
  agent.destroy();
  await counted.end();
  upstream.closeAllConnections();
  upstream.close();
  assert.deepEqual(statuses, [[200], [200], [200, 429], [503], [502], [undefined]]);
  assert.equal(waiting, 0);
  assert.deepEqual(
    [lines.length, left.length],
    [10_000 + missed, Math.floor(10_000 / kinds.length)],
    "each has its line in the log",
  );
});

test("a client that stalls within its content is told so, and the call is given up (RFC 9110 §15.5.9)", async () => {
  const url = `http://127.0.0.1:${upstream.address().port}`;
  const config = { upstreams: { a: { url } }, routes: [{ name: "all", match: { prefix: "/" }, upstream: "a" }] };
  const hasty = await serveWorker(config, (script) => {
    assert.match(script, /STALL=6e4/);
    return script.replace("STALL=6e4", "STALL=300");
  });
  try {
    for (const framing of ["Content-Length: 2500", "Transfer-Encoding: chunked"]) {
      const arriving = arrival();
      const client = connect(hasty.port, `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${framing}\r\n\r\n3\r\nabc\r\n`);
      const [sent, received] = await Promise.all([arriving.then((socket) => collect(socket)), collect(client)]);
      assert.match(received.toString(), /^HTTP\/1.1 408 .*request_timeout/s);
      assert.doesNotMatch(sent.toString(), /0\r\n\r\n$/);
    }
  } finally {
    await hasty.end();
  }
});

test("a response that comes too late is 504, and the call is given up", async () => {
  const arriving = arrival();
  const client = connect(gateway.port, get("/late"));
  const socket = await arriving;
  const [, received] = await Promise.all([collect(socket), collect(client)]);
  assert.match(received.toString(), /^HTTP\/1.1 504 /);
});

test("a download of 1 GiB is not held in memory", async () => {
  const arriving = arrival();
  const client = connect(gateway.port, get("/"));
  const socket = await arriving;
  await collect(socket, "\r\n\r\n");
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
  const [peak, size] = await Promise.all([gateway.peakWhile(pour(socket, 1024)), drain(client)]);
  // Or else the next call would come on this connection.
  socket.end();
  assert.ok(size > 1024 * MIB, `${size} bytes arrived`);
  assert.ok(peak < 64 * MIB, `${peak / MIB} MiB more than before`);
});

for (const [framing, field, most] of [
  ["a stated length", `Content-Length: ${1024 * MIB}`, 64 * MIB],
  // Counted in JavaScript, because it may turn out too large. Each piece is garbage that V8 begins to collect once 64 MiB
  // lie outside of its heap: some 103 MiB at most, whatever the length.
  ["chunks", "Transfer-Encoding: chunked", 112 * MIB],
]) {
  test(`an upload of 1 GiB in ${framing} is not held in memory`, async () => {
    const arriving = arrival();
    const client = connect(gateway.port, `POST /x HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n${field}\r\n\r\n`);
    const socket = await arriving;
    const draining = drain(socket, () => socket.end("HTTP/1.1 204 No Content\r\n\r\n"), 1024 * MIB);
    const peak = await gateway.peakWhile(pour(client, 1024, framing === "chunks"));
    assert.ok((await draining) >= 1024 * MIB);
    assert.match((await collect(client)).toString(), /^HTTP\/1.1 204 /);
    assert.ok(peak < most, `${peak / MIB} MiB more than before`);
  });
}

test("of 400 requests at once, a limit of 100 admits exactly 100", async () => {
  const answers = Array.from({ length: 400 }, () => collect(connect(gateway.port, get("/limited"))));
  const statuses = (await Promise.all(answers)).map((answer) => Number(answer.subarray(9, 12)));
  assert.equal(statuses.filter((status) => status === 200).length, 100);
  assert.equal(statuses.filter((status) => status === 429).length, 300);
});

const greeting = { name: "r", respond: {} };
const token = { authorization: { secret: "TOKEN" } };
for (const [what, config, said] of [
  ["a member is unknown", { rutes: [] }, /about line 1\n.*help: `node dist\/cloudflare\/check\.mjs gateway\.json` tells/],
  ["a value means nothing", { upstreams: { a: { url: "ftp://x" } }, routes: [greeting] }, /`upstreams\.a\.url` is wrong\n.*check\.mjs/],
  ["a secret is not set", { policies: { p: { request: { headers: { set: token } } } }, routes: [{ ...greeting, policies: ["p"] }] }, /TOKEN` is not set/],
  ["a variable is not set", { name: "${NAME}", routes: [greeting] }, /variable `NAME` is not set/],
]) {
  // What the check before a deployment finds is told there; what only the Worker can know, by the Worker.
  test(`the Worker does not start where ${what}`, () => assert.rejects(serveWorker(config), said));
}

test("a glue and a wasm of different builds do not start", async () => {
  const older = (script) => {
    const changed = script.replace(/\bVERSION=(\d+)/, (_, version) => `VERSION=${Number(version) - 1}`);
    assert.notEqual(changed, script);
    return changed;
  };
  await assert.rejects(serveWorker({ routes: [{ name: "r", respond: {} }] }, older), /not of one build/);
});

test("an edit that the glue does not know is an error, and changes nothing", () => {
  const headers = new Headers({ "x-a": "1" });
  assert.throws(() => applyEdits(headers, ["?x-a", "x-b", ""], 0, 2), /no edit/);
  assert.deepEqual([...headers], [["x-a", "1"]]);
});

for (const node of [process.execPath, "node"]) {
  test(`${node === "node" ? "the machine's" : "the project's"} Node finds what is wrong with gateway.json before a deploy`, () => {
    const check = (config) => {
      const path = join(mkdtempSync(join(tmpdir(), "edgeway-check-")), "gateway.json");
      writeFileSync(path, config);
      return spawnSync(node, ["dist/cloudflare/check.mjs", path], { cwd: root, encoding: "utf8" });
    };
    assert.equal(check(`{"routes":[{"name":"r","respond":{}}]}`).status, 0);
    const { status, stderr } = check(`{"upstreams":{"a":{"url":"ftp://x"}},"rutes":[]}`);
    assert.equal(status, 1);
    assert.match(stderr, /ftp:\/\/x[^]*rutes/);
  });
}

test("the wasm imports nothing but its own glue", () => {
  const module = new WebAssembly.Module(readFileSync(`${root}dist/cloudflare/edgeway.wasm`));
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    assert.equal(from, "./edgeway_bg.js");
    assert.match(name, /^__wb/);
  }
});

test("a request calls out of the wasm for random numbers and its line in the log alone", async () => {
  const upstream = createHttpServer((_, response) => response.end("ok"));
  await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const counted = await serveWorker(
    {
      upstreams: { a: { url: `http://127.0.0.1:${upstream.address().port}` } },
      routes: [
        { name: "all", match: { prefix: "/" }, upstream: "a" },
        { name: "cors", match: { path: "/cors" }, upstream: "a", policies: [{ cors: { origins: ["https://app.test"] } }] },
      ],
    },
    countingImports,
  );
  const ask = async (path, fields) => (await collect(connect(counted.port, get(path, fields)))).toString().split("\r\n\r\n")[1];
  await ask("/imports-called");
  const answers = [await ask("/plain"), await ask("/cors", "Origin: https://app.test\r\n")];
  const called = JSON.parse(await ask("/imports-called"));
  await counted.end();
  upstream.close();
  assert.ok(answers.every((answer) => answer.includes("ok")), answers.join());
  const names = Object.keys(called).map((name) => name.replace(/^__wbg_|_[0-9a-f]{16}$/g, ""));
  assert.deepEqual(names.filter((name) => name !== "getRandomValues"), ["log"]);
  assert.deepEqual(Object.values(called).filter((count) => count > 2), []);
});

/** `script`, which besides answers at `/imports-called` which functions the wasm has called since, and how often. */
function countingImports(script) {
  const counting = script.replace(/("\.\/edgeway_bg\.js":)\s*(\w+)/, "$1counting($2)");
  assert.notEqual(counting, script);
  return `${counting}
    var called;
    function counting(imports) {
      called = {};
      const count = (name, its) => (...args) => (called[name] = (called[name] ?? 0) + 1, its(...args));
      return Object.fromEntries(Object.entries(imports).map(([name, its]) => [name, count(name, its)]));
    }
    const serve = worker_default.fetch;
    worker_default.fetch = (request, ...context) => {
      if (!request.url.endsWith("/imports-called")) return serve(request, ...context);
      const answer = Response.json(called);
      for (const name of Object.keys(called)) delete called[name];
      return answer;
    };`;
}

/** Writes `mebibytes` of content to `socket`, as fast as it takes them. */
async function pour(socket, mebibytes, chunked = false) {
  const content = Buffer.alloc(MIB, "x");
  const piece = chunked ? Buffer.concat([Buffer.from("100000\r\n"), content, Buffer.from("\r\n")]) : content;
  for (let count = 0; count < mebibytes; count += 1) {
    if (!socket.write(piece)) await new Promise((resolve) => socket.once("drain", resolve));
  }
  if (chunked) socket.write("0\r\n\r\n");
}

/** Reads `socket` to its end; once `enough` bytes are there, calls `then`. Returns how many came. */
function drain(socket, then, enough = Infinity) {
  return new Promise((resolve, reject) => {
    let size = 0;
    socket.on("data", (data) => {
      const before = size;
      size += data.length;
      if (before < enough && size >= enough) setTimeout(then, 100);
    });
    socket.on("end", () => resolve(size));
    socket.on("error", reject);
  });
}
