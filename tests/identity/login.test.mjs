/**
 * A login in Chromium at a provider that others wrote, by way of the native program and of the Worker on workerd: the login, the page
 * behind it, new tokens, the logout.
 *
 *     node_modules/.bin/node --test tests/identity/login.test.mjs
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { serveNative } from "../runtime/native.mjs";
import { serveWorker } from "../runtime/workerd.mjs";
import { chromium, openBrowser } from "./browser.mjs";
import { serveLogins } from "./logins.mjs";

const secrets = { OIDC_SECRET: "a-secret-of-the-gateway", SESSION_KEY: "0123456789abcdef0123456789abcdef" };

const targets = {
  native: (config) => serveNative({ server: { listen: "127.0.0.1:0" }, ...config }, secrets),
  workerd: (config) => serveWorker(config, undefined, { secrets }),
};

/** Shows in its page what reaches it. */
async function servePages() {
  const server = createServer((request, response) => {
    const { cookie, authorization, "x-user": user } = request.headers;
    const seen = JSON.stringify({ path: request.url, user, cookie: cookie ?? null, authorization });
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>orders</title><pre>${seen}</pre><a href="/logout">log out</a>`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const config = (issuer, pages) => ({
  issuers: { corp: { issuer, discovery: true } },
  policies: {
    "signed-in": {
      authenticate: {
        login: {
          client: { id: "gateway", secret: { secret: "OIDC_SECRET" } },
          keys: [{ secret: "SESSION_KEY" }],
          scopes: ["openid", "offline_access"],
          parameters: { prompt: "consent" },
          logout: "/logout",
          afterLogout: "/bye",
          life: "12h",
          forward: "access_token",
          keepIdToken: true,
        },
      },
      request: { headers: { set: { "x-user": "{claim.sub}" } } },
    },
  },
  upstreams: { pages: { url: `http://127.0.0.1:${pages.address().port}` } },
  routes: [
    { name: "pages", match: { prefix: "/" }, upstream: "pages", policies: ["signed-in"] },
    { name: "bye", match: { path: "/bye" }, respond: { body: "bye" } },
  ],
});

describe("a login in Chromium", { skip: chromium ? false : "there is no Chromium" }, () => {
  for (const [target, serve] of Object.entries(targets)) {
    test(`${target}: a person logs in, sees the page, gets new tokens and logs out`, async (context) => {
      const [provider, pages] = await Promise.all([serveLogins(), servePages()]);
      const gateway = await serve(config(provider.issuer, pages));
      const origin = `http://localhost:${gateway.port}`;
      provider.admit(origin, secrets.OIDC_SECRET);
      const browser = await openBrowser();
      const seen = async () => JSON.parse(await browser.evaluate(`document.querySelector("pre").textContent`));
      const asked = `document.querySelector("input[name=login]")`;
      const logIn = async () => {
        await browser.until(asked);
        await browser.evaluate(`${asked}.value = "person"; document.querySelector("input[name=password]").value = "any"; ${asked}.form.submit()`);
        await browser.until(`document.querySelector("input[name=prompt][value=consent]")`);
        await browser.evaluate(`document.querySelector("input[name=prompt][value=consent]").form.submit()`);
      };
      try {
        await context.test("a page leads to the provider, and from there back to the page", async () => {
          await browser.open(`${origin}/orders?x=1`);
          await logIn();
          await browser.until(`location.href === "${origin}/orders?x=1"`);
          const { path, user, cookie, authorization } = await seen();
          assert.deepEqual([path, user, cookie], ["/orders?x=1", "person", null]);
          assert.match(authorization, /^Bearer .+/);
        });

        await context.test("the session is in a cookie that no script reads (RFC 6265bis §4.1)", async () => {
          const own = (await browser.cookies()).filter((cookie) => cookie.domain === "localhost");
          const session = own.find((cookie) => cookie.name === "__Host-session");
          assert.deepEqual([session.httpOnly, session.secure, session.sameSite, session.path], [true, true, "Lax", "/"]);
          assert.deepEqual(own.filter((cookie) => /login-(?!count)/.test(cookie.name)), [], "the attempt has ended");
          assert.equal(await browser.evaluate("document.cookie"), "");
        });

        await context.test("scripts of the page use the session, and others are refused", async () => {
          assert.equal(await browser.evaluate(`fetch("/api").then((response) => response.status)`), 200);
          const response = await fetch(`${origin}/api`);
          assert.deepEqual([response.status, response.headers.get("www-authenticate")], [401, 'Login realm="edgeway"']);
        });

        await context.test("the upstream gets new tokens before the old ones end (RFC 6749 §6)", async () => {
          const { authorization } = await seen();
          await sleep(provider.life * 1_000);
          await browser.open(`${origin}/later`);
          await browser.until(`location.pathname === "/later" && document.querySelector("pre")`);
          const later = await seen();
          assert.equal(later.user, "person");
          assert.notEqual(later.authorization, authorization);
          assert.equal(provider.asked["refresh_token"], 1);
        });

        await context.test("a logout ends the session, here and at the provider", async () => {
          await browser.evaluate(`document.querySelector("a").click()`);
          await browser.until(`document.querySelector("button[name=logout]")`);
          await browser.evaluate(`document.querySelector("button[name=logout]").click()`);
          await browser.until(`location.href === "${origin}/bye"`);
          const left = (await browser.cookies()).map((cookie) => cookie.name);
          assert.equal(left.includes("__Host-session"), false);
          await browser.open(`${origin}/orders`);
          await browser.until(asked);
        });
      } finally {
        await browser.close();
        await gateway.end();
        pages.closeAllConnections();
        pages.close();
        await provider.end();
      }
    });
  }
});
