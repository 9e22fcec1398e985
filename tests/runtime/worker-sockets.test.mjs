/**
 * WebSockets through the Worker on raw workerd, between clients and a server of the package `ws`.
 *
 *     node_modules/.bin/node --test tests/runtime/worker-sockets.test.mjs
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { serveWorker } from "./workerd.mjs";

const MIB = 1 << 20;
const sockets = Number(process.env.EDGEWAY_SOCKETS ?? 1_000);
const messages = Number(process.env.EDGEWAY_MESSAGES ?? 100_000);

let upstream, gateway;

before(async () => {
  upstream = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  await once(upstream, "listening");
  upstream.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  gateway = await serveWorker({
    upstreams: { a: { url: `http://127.0.0.1:${upstream.address().port}` } },
    routes: [{ name: "all", match: { prefix: "/" }, upstream: "a" }],
  });
});

after(async () => {
  await gateway.end();
  upstream.close();
});

const open = () =>
  new Promise((opened, failed) => {
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/many`, { perMessageDeflate: false });
    socket.once("open", () => opened(socket));
    socket.once("error", failed);
  });

/** Sends `each` messages on `socket`, the `place`th; resolves once all of them have come back, and fails if one is out of order. */
function echo(socket, place, each) {
  return new Promise((done, failed) => {
    const message = (number) => `${place}:${number}:${"x".repeat(number % 200)}`;
    let expected = 0;
    const take = (data) => {
      if (String(data) !== message(expected)) failed(new Error(`socket ${place}: ${data} came for ${message(expected)}`));
      else if ((expected += 1) === each) {
        socket.off("message", take);
        done();
      }
    };
    socket.on("message", take);
    for (let number = 0; number < each; number += 1) socket.send(message(number));
  });
}

test(`${messages} messages over ${sockets} sockets come back, all and in order, in flat memory (RFC 6455 §5.4)`, async () => {
  const all = await Promise.all(Array.from({ length: sockets }, open));
  const round = (each) => Promise.all(all.map((socket, place) => echo(socket, place, each)));
  const grown = await gateway.peakWhile(round(messages / sockets));
  console.log(`${sockets} sockets under load: ${(grown / MIB).toFixed(1)} MiB more`);
  assert.ok(grown < 32 * MIB, `${grown / MIB} MiB more than before`);
  const ends = all.map((socket) => once(socket, "close"));
  for (const socket of all) socket.close(1000, "done");
  for (const [code, reason] of await Promise.all(ends)) assert.deepEqual([code, String(reason)], [1000, "done"]);
  const logged = gateway.lines.filter((line) => /"path":"\/many"/.test(line) && /"status":101/.test(line));
  assert.equal(logged.length, sockets);
});
