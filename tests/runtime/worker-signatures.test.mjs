/**
 * The shared signatures through the Worker's glue, on raw workerd.
 *
 *     node_modules/.bin/node --test tests/runtime/worker-signatures.test.mjs
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { serveWorker } from "./workerd.mjs";

const { keys, vectors } = JSON.parse(readFileSync(new URL("../signatures/vectors.json", import.meta.url), "utf8"));

let gateway;

/** `script`, which besides says at `/signatures` what it thinks of each of those in the content, a request each for all keys. */
function saying(script) {
  const [, verify] = /async function (verify\d*)\(text,\s*content\)/.exec(script);
  return `${script}
    const serve = worker_default.fetch;
    worker_default.fetch = async (request, ...context) => {
      if (!request.url.endsWith("/signatures")) return serve(request, ...context);
      const said = [];
      for (const { text, content } of await request.json()) {
        const answer = ${verify}(text, Uint8Array.from(content));
        said.push(await answer.then(([isGood]) => (isGood ? "good" : "bad"), () => "unusable"));
      }
      return Response.json(said);
    };`;
}

before(async () => {
  gateway = await serveWorker({ routes: [{ name: "r", match: { prefix: "/" }, respond: {} }] }, saying);
});

after(() => gateway.end());

/** What the Worker says of them, asked as the core asks: see `write_verify` in `targets/cloudflare/src/wire/outgoing.rs`. */
async function say(several) {
  const body = several.map(({ algorithm, key, signed, signature }) => {
    const bytes = Buffer.from(signature, "base64url");
    const content = [...Buffer.concat([bytes, Buffer.from(signed)])];
    return { text: `${algorithm}\n${JSON.stringify(keys[key])}\n${bytes.length}\n`, content };
  });
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/signatures`, { method: "POST", body: JSON.stringify(body) });
  return answer.json();
}

// HMAC never leaves the core.
const asked = vectors.filter(({ algorithm }) => !algorithm.startsWith("HS"));
const expected = asked.map(({ name, expect }) => `${name}: ${expect}`);
const named = (said) => asked.map(({ name }, index) => `${name}: ${said[index]}`);

test("the shared signatures are told apart", async () => {
  assert.deepEqual(named(await say(asked)), expected);
});

// Another request goes by the keys that this one's predecessors have made.
test("they are once more, and each in a request of its own at the same time", async () => {
  assert.deepEqual(named(await say(asked)), expected);
  const several = await Promise.all(asked.map((vector) => say([vector])));
  assert.deepEqual(named(several.flat()), expected);
});
