/**
 * Upstreams that are Workers: one calls the other by a service binding, without a network between.
 *
 * Run it with `node --test`, once `cargo xtask build-worker` has built the Worker.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, connect, serveWorker } from "./workerd.mjs";

/** The other Worker: it tells what it got, and fails where it is told to. */
const USERS = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/throw") throw new Error("a secret of the inside");
    if (pathname === "/v1/never") return new Promise((resolve) => setTimeout(resolve, 3600000));
    return Response.json(
      { method: request.method, url: request.url, headers: Object.fromEntries(request.headers), body: await request.text() },
      { headers: { "x-users": "1" } },
    );
  },
};`;

// Nobody has that name: what is answered came by the binding.
const CONFIG = {
  upstreams: { users: { url: "http://users.invalid:8080/v1", cloudflare: { service: "USERS" }, timeouts: { firstByte: "1s" } } },
  routes: [{ name: "users", match: { prefix: "/" }, upstream: "users" }],
};

async function ask(port, request) {
  const [, status, head, body] = /^HTTP\/1.1 (\d+)[^]*?\r\n([^]*?)\r\n\r\n([^]*)$/.exec((await collect(connect(port, request))).toString());
  return { status: Number(status), head: head.toLowerCase(), body };
}

test("a Worker answers another one's requests", async () => {
  const worker = await serveWorker(CONFIG, undefined, { services: { USERS } });
  try {
    const post = "POST /x?y=1 HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello";
    const answer = await ask(worker.port, post);
    assert.equal(answer.status, 200);
    assert.match(answer.head, /x-users: 1/);
    const got = JSON.parse(/{[^]*}/.exec(answer.body)[0]);
    assert.equal(got.method, "POST");
    assert.equal(got.url, "http://users.invalid:8080/v1/x?y=1", "path and host are those of the URL");
    assert.equal(got.body, "hello");
    assert.equal(got.headers["x-a"], "1");
    assert.equal(got.headers["x-forwarded-host"], "gw.test");

    for (const [path, status, code] of [["throw", 502, "bad_gateway"], ["never", 504, "gateway_timeout"]]) {
      const failed = await ask(worker.port, `GET /${path} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n`);
      assert.equal(failed.status, status, path);
      assert.match(failed.head, /application\/problem\+json/);
      assert.doesNotMatch(failed.body, /inside|USERS/, code);
    }
  } finally {
    await worker.end();
  }
});

test("a binding that is not declared stops the Worker", async () => {
  await assert.rejects(serveWorker(CONFIG), /no service binding `USERS`/);
});
