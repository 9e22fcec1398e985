/**
 * Tokens of an identity provider that others wrote, at the native program and at the Worker on workerd: its discovery document, its
 * keys as they change under load, and a time without it.
 *
 *     node_modules/.bin/node --test tests/identity/provider.test.mjs
 *
 * `EDGEWAY_OUTAGE` is the number of seconds without the provider (default: 5).
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { serveNative } from "../runtime/native.mjs";
import { serveWorker } from "../runtime/workerd.mjs";
import { serveProvider } from "./provider.mjs";

const OUTAGE = Number(process.env.EDGEWAY_OUTAGE ?? 5) * 1_000;

/** The changes of keys. More in as short a time are not followed at once: docs/configuration.md, Keys that an issuer publishes. */
const ROTATIONS = 3;

const targets = {
  native: (config) => serveNative({ server: { listen: "127.0.0.1:0" }, ...config }),
  workerd: (config) => serveWorker(config),
};

async function serveUpstream() {
  const server = createServer((request, response) => response.end(String(request.headers.authorization ?? "none")));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const config = (issuer, upstream) => ({
  issuers: { corp: { issuer, discovery: true } },
  policies: { "signed-in": { authenticate: { jwt: { issuers: ["corp"], audiences: ["https://api.example.com"] } } } },
  upstreams: { api: { url: `http://127.0.0.1:${upstream.address().port}` } },
  routes: [{ name: "orders", match: { prefix: "/orders" }, upstream: "api", policies: ["signed-in"] }],
});

async function ask(port, token) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${port}/orders/1`, { headers });
  return { status: response.status, challenge: response.headers.get("www-authenticate"), body: await response.text() };
}

/** Asks all the time, with each of the tokens that `tokens` returns in turn, until `end` is called; which returns how often. */
function load(port, tokens) {
  const wrong = [];
  let count = 0;
  let goesOn = true;
  const one = async (offset) => {
    for (let number = offset; goesOn; number += 1) {
      const all = tokens();
      const answer = await ask(port, all[number % all.length]);
      count += 1;
      if (answer.status !== 200) wrong.push(answer);
      await sleep(10);
    }
  };
  const running = [0, 1, 2, 3].map(one);
  return async () => {
    goesOn = false;
    await Promise.all(running);
    assert.deepEqual(wrong, [], `of ${count} answers`);
    return count;
  };
}

describe("tokens of a provider that others wrote", { concurrency: true }, () => {
  for (const [target, serve] of Object.entries(targets)) {
    test(`${target}: a provider's tokens are taken by its discovery document, whatever happens to it`, async (context) => {
      const [provider, upstream] = await Promise.all([serveProvider(), serveUpstream()]);
      const gateway = await serve(config(provider.issuer, upstream));
      try {
        await context.test("its token is good here, and goes no further", async () => {
          const { status, body } = await ask(gateway.port, await provider.token());
          assert.deepEqual([status, body], [200, "none"]);
        });

        await context.test("another service's, an altered one and none are refused (RFC 6750 §3)", async () => {
          const foreign = await ask(gateway.port, await provider.token("https://other.example.com"));
          assert.equal(foreign.status, 401);
          assert.match(foreign.challenge, /error="invalid_token", error_description="the token is for another audience"/);
          const [head, claims, signature] = (await provider.token()).split(".");
          const changed = JSON.parse(Buffer.from(claims, "base64url"));
          changed.scope = "orders:write";
          const altered = [head, Buffer.from(JSON.stringify(changed)).toString("base64url"), signature].join(".");
          assert.equal((await ask(gateway.port, altered)).status, 401);
          assert.equal((await ask(gateway.port)).challenge, 'Bearer realm="edgeway"');
        });

        await context.test("its keys change under load, and no good token is refused", async () => {
          const tokens = [await provider.token()];
          const end = load(gateway.port, () => tokens);
          for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
            await sleep(500);
            provider.rotate();
            // New ones of the new key, beside those of the last.
            for (let number = 0; number < 3; number += 1) tokens.push(await provider.token());
          }
          await sleep(500);
          assert.ok((await end()) > 100);
        });

        await context.test("it is away, and no good token is refused, nor a wrong one taken", async () => {
          const before = provider.asked["/jwks"];
          const tokens = [await provider.token(), await provider.token()];
          // Verified while it is away: the keys are remembered, and not the tokens alone.
          const fresh = await Promise.all(Array.from({ length: 20 }, () => provider.token()));
          await provider.leave();
          const end = load(gateway.port, () => tokens);
          for (let passed = 0; passed < OUTAGE; passed += OUTAGE / 20) {
            tokens.push(...fresh.splice(0, 1));
            await sleep(OUTAGE / 20);
          }
          assert.equal((await ask(gateway.port, `${tokens[0].slice(0, -8)}AAAAAAAA`)).status, 401);
          assert.ok((await end()) > 100);
          await provider.comeBack();
          assert.equal((await ask(gateway.port, await provider.token())).status, 200);
          assert.equal(provider.asked["/jwks"] - before <= 2, true, "nobody storms it when it is back");
        });

        await context.test("a gateway that has never heard of it says so with 503, and not 401", async () => {
          const token = await provider.token();
          await provider.leave();
          const other = await serve(config(provider.issuer, upstream));
          try {
            const { status, challenge } = await ask(other.port, token);
            assert.deepEqual([status, challenge], [503, null]);
            await provider.comeBack();
            // The next attempt comes five seconds after one that failed, on each thread of the program.
            let statuses;
            for (let tries = 0; tries < 40; tries += 1) {
              const answers = await Promise.all(Array.from({ length: 8 }, () => ask(other.port, token)));
              statuses = answers.map((answer) => answer.status);
              assert.ok(statuses.every((status) => status === 200 || status === 503), String(statuses));
              if (!statuses.includes(503)) break;
              await sleep(250);
            }
            assert.deepEqual(statuses, Array(8).fill(200));
          } finally {
            await other.end();
          }
        });
      } finally {
        await gateway.end();
        upstream.closeAllConnections();
        upstream.close();
        await provider.end();
      }
    });
  }
});
