/**
 * WebSockets through the native server, between clients and servers that others wrote: the package `ws`, and Chromium
 * where there is one.
 *
 *     node_modules/.bin/node --test tests/runtime/websocket.test.mjs
 *
 * `EDGEWAY_BIN` names another program than `target/release/edgeway`.
 */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { serveNative } from "./native.mjs";

const MIB = 1 << 20;
const sockets = Number(process.env.EDGEWAY_SOCKETS ?? 1_000);
const messages = Number(process.env.EDGEWAY_MESSAGES ?? 100_000);

/** An echoing upstream, which also serves the page of the browser's test and takes its report. */
async function echo() {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (data) => (body += data));
    request.on("end", () => {
      if (request.method === "POST") server.emit("report", body);
      response.setHeader("content-type", "text/html").end(request.method === "POST" ? "" : PAGE);
    });
  });
  const wss = new WebSocketServer({
    server,
    maxPayload: 512 * MIB,
    perMessageDeflate: true,
    handleProtocols: (offered) => (offered.has("b") ? "b" : false),
  });
  wss.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { server, wss, port: server.address().port };
}

const PAGE = `<!doctype html><script>
const told = [];
const socket = new WebSocket("ws://" + location.host + "/chat", ["a", "b"]);
socket.binaryType = "arraybuffer";
const report = (what) => fetch("/report", { method: "POST", body: JSON.stringify(what) });
socket.onopen = () => { for (let n = 0; n < 1000; n++) socket.send(n % 2 ? String(n) : new Uint16Array([n])); };
socket.onmessage = ({ data }) => {
  told.push(typeof data === "string" ? Number(data) : new Uint16Array(data)[0]);
  if (told.length === 1000) socket.close(1000, "done");
};
socket.onclose = ({ code, wasClean }) => report({ told, code, wasClean, protocol: socket.protocol });
</script>`;

let upstream, gateway;

before(async () => {
  upstream = await echo();
  const url = `http://127.0.0.1:${upstream.port}`;
  gateway = await serveNative({
    server: { listen: "127.0.0.1:0", drain: "10s" },
    upstreams: { a: { url } },
    routes: [
      { name: "all", match: { prefix: "/" }, upstream: "a" },
      { name: "brief", match: { prefix: "/brief" }, upstream: "a", webSocket: { idle: "1s" } },
    ],
  });
});

after(async () => {
  await gateway.end();
  upstream.wss.close();
  upstream.server.closeAllConnections();
  upstream.server.close();
});

const open = (path = "/chat", protocols = [], options = {}) =>
  new Promise((opened, failed) => {
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, protocols, options);
    socket.once("open", () => opened(socket));
    socket.once("error", failed);
  });

const closed = (socket) => new Promise((ended) => socket.once("close", (code, reason) => ended([code, String(reason)])));

/** The lines of the log that `wanted` takes, once there are `count`. */
async function logged(count, wanted) {
  for (let tries = 0; tries < 200; tries++) {
    const lines = gateway.log.filter(wanted);
    if (lines.length >= count) return lines;
    await new Promise((wait) => setTimeout(wait, 50));
  }
  assert.fail(`the log has not ${count} such lines`);
}

test("extensions and subprotocols are agreed on end to end, and both sides close (RFC 6455 §7.4.1, §9; RFC 7692)", async () => {
  const socket = await open("/agreed", ["a", "b"]);
  assert.equal(socket.protocol, "b");
  assert.match(socket.extensions, /permessage-deflate/);
  socket.send("hello");
  const [data] = await new Promise((come) => socket.once("message", (...message) => come(message)));
  assert.equal(String(data), "hello");
  const end = closed(socket);
  socket.close(1000, "done");
  assert.deepEqual(await end, [1000, "done"]);
  const [line] = await logged(1, (line) => line.path === "/agreed");
  assert.equal(line.status, 101);
  assert.equal(line.route, "all");
  assert.notEqual(line.complete, false);
  assert.ok(line.bytes > 0 && line.received > 0, JSON.stringify(line));
});

test(`${messages} messages over ${sockets} sockets come back, all and in order, in flat memory`, async () => {
  const all = await Promise.all(Array.from({ length: sockets }, () => open("/many", [], { perMessageDeflate: false })));
  const idle = gateway.resident();
  let peak = idle;
  const watch = setInterval(() => (peak = Math.max(peak, gateway.resident())), 50);
  const each = messages / sockets;
  await Promise.all(
    all.map(
      (socket, place) =>
        new Promise((done, failed) => {
          let expected = 0;
          socket.on("message", (data) => {
            if (String(data) !== `${place}:${expected}:${"x".repeat(expected % 200)}`)
              failed(new Error(`socket ${place}: ${data} came for ${expected}`));
            else if (++expected === each) done();
          });
          for (let n = 0; n < each; n++) socket.send(`${place}:${n}:${"x".repeat(n % 200)}`);
        }),
    ),
  );
  clearInterval(watch);
  console.log(`${sockets} idle sockets: ${(idle / MIB).toFixed(1)} MiB in all, under load ${(peak / MIB).toFixed(1)} MiB`);
  assert.ok(peak - idle < 16 * MIB, `grew by ${(peak - idle) / MIB} MiB`);
  const ends = all.map(closed);
  for (const socket of all) socket.close();
  for (const [code] of await Promise.all(ends)) assert.equal(code, 1005);
  const lines = await logged(sockets, (line) => line.path === "/many");
  assert.equal(lines.length, sockets);
});

test("a huge message passes, and is not held (RFC 6455 §5.2)", async () => {
  const socket = await open("/huge", [], { perMessageDeflate: false, maxPayload: 512 * MIB });
  const before = gateway.resident();
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, gateway.resident())), 10);
  const sent = Buffer.alloc(128 * MIB, "abcdefg");
  const back = new Promise((come) => socket.once("message", come));
  socket.send(sent);
  assert.ok(sent.equals(await back));
  clearInterval(watch);
  assert.ok(peak - before < 16 * MIB, `grew by ${(peak - before) / MIB} MiB`);
  socket.terminate();
  // A client that vanishes is told from one that closes.
  const [line] = await logged(1, (line) => line.path === "/huge");
  assert.equal(line.complete, false);
  assert.equal(line.cut, "client");
});

test("a socket on which nothing passes is closed with 1001 (RFC 6455 §7.4.1)", async () => {
  const socket = await open("/brief");
  assert.deepEqual(await closed(socket), [1001, ""]);
  const [line] = await logged(1, (line) => line.path === "/brief");
  assert.equal(line.cut, "deadline");
});

test("a socket lives on through a change of the configuration, and a shutdown takes leave with 1001", async () => {
  const config = {
    server: { listen: "127.0.0.1:0", drain: "10s" },
    upstreams: { a: { url: `http://127.0.0.1:${upstream.port}` } },
    routes: [{ name: "all", match: { prefix: "/" }, upstream: "a" }],
  };
  const own = await serveNative(config);
  const all = await Promise.all(
    Array.from(
      { length: 20 },
      () =>
        new Promise((opened) => {
          const socket = new WebSocket(`ws://127.0.0.1:${own.port}/`);
          socket.once("open", () => opened(socket));
        }),
    ),
  );
  config.routes[0].webSocket = false;
  await own.reload(config);
  const refused = new WebSocket(`ws://127.0.0.1:${own.port}/`);
  refused.on("error", () => {});
  const [, response] = await new Promise((come) => refused.once("unexpected-response", (...both) => come(both)));
  assert.equal(response.statusCode, 501);
  response.destroy();
  for (const socket of all) {
    socket.send("still here");
    assert.equal(String(await new Promise((come) => socket.once("message", come))), "still here");
  }
  const ends = all.map(closed);
  const begun = Date.now();
  assert.equal(await own.end(), 0);
  assert.ok(Date.now() - begun < 8_000, `${Date.now() - begun} ms`);
  for (const [code] of await Promise.all(ends)) assert.equal(code, 1001);
});

const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
);

test("a page in Chromium talks through the gateway", { skip: chromium ? false : "there is no Chromium" }, async () => {
  const profile = mkdtempSync(join(tmpdir(), "edgeway-chromium-"));
  const reported = new Promise((come) => upstream.server.once("report", come));
  const url = `http://127.0.0.1:${gateway.port}/page`;
  const options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--user-data-dir=${profile}`];
  const browser = spawn(chromium, [...options, "--remote-debugging-port=0", url], { stdio: "ignore" });
  const gone = new Promise((ended) => browser.once("exit", ended));
  const early = gone.then((code) => Promise.reject(new Error(`the browser ended with ${code}`)));
  const report = JSON.parse(await Promise.race([reported, early]));
  early.catch(() => {});
  browser.kill();
  await gone;
  rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  assert.deepEqual(report.told, Array.from({ length: 1000 }, (_, n) => n));
  assert.deepEqual([report.code, report.wasClean, report.protocol], [1000, true, "b"]);
});
