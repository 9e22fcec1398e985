/**
 * The shared signatures, by the glue's own way to WebCrypto, in Node. `tests/runtime/worker-signatures.test.mjs` has them in workerd.
 *
 *     node_modules/.bin/node --test tests/signatures/webcrypto.test.mjs
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { verify } from "../../targets/cloudflare/js/crypto.ts";

const { keys, vectors } = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));

/** What the glue says, as the core asks: see `write_verify` in `targets/cloudflare/src/wire/outgoing.rs`. */
async function say({ algorithm, key, signed, signature }) {
  const bytes = Buffer.from(signature, "base64url");
  const text = `${algorithm}\n${JSON.stringify(keys[key])}\n${bytes.length}\n`;
  const content = Uint8Array.from(Buffer.concat([bytes, Buffer.from(signed)]));
  return verify(text, content).then(
    ([isGood]) => (isGood ? "good" : "bad"),
    () => "unusable",
  );
}

for (const vector of vectors) {
  // HMAC never leaves the core.
  if (vector.algorithm.startsWith("HS")) continue;
  test(vector.name, async () => {
    // A key that is known says the same as a key that is new.
    for (let time = 0; time < 2; time += 1) assert.equal(await say(vector), vector.expect);
  });
}
