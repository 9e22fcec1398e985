/**
 * The shared signatures, and those that the gateway makes, by the glue's own way to WebCrypto, in Node. `tests/runtime/worker-signatures.test.mjs` has them in workerd.
 *
 *     node_modules/.bin/node --test tests/signatures/webcrypto.test.mjs
 */

import assert from "node:assert/strict";
import { constants, createPrivateKey, createPublicKey, verify as isSignature } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sign, verify } from "../../targets/cloudflare/js/crypto.ts";

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

const file = (name) => readFileSync(new URL(`../keys/${name}`, import.meta.url), "utf8");
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
const pairs = [
  ["ed25519-a", "EdDSA", undefined, {}],
  ["p256-a", "ES256", "sha256", { dsaEncoding: "ieee-p1363" }],
  ["p384-a", "ES384", "sha384", { dsaEncoding: "ieee-p1363" }],
  ["rsa-a", "PS512", "sha512", pss],
  ["rsa-a", "RS256", "sha256", {}],
];

// RFC 9421 §3.3: as the core asks, see `write_sign` in `targets/cloudflare/src/wire/outgoing.rs`, and checked by Node itself.
for (const [name, algorithm, hash, form] of pairs) {
  test(`${algorithm} signs by ${name}`, async () => {
    const pkcs8 = createPrivateKey(file(`${name}.private.pem`)).export({ type: "pkcs8", format: "der" });
    const key = { key: createPublicKey(file(`${name}.pem`)), ...form };
    for (const signed of ["signed", "\n\u00ff", ""].map((text) => Buffer.from(text))) {
      const content = Uint8Array.from(Buffer.concat([pkcs8, signed]));
      const signature = await sign(`${algorithm}\n${name}\n${pkcs8.length}\n`, content);
      assert.ok(isSignature(hash, signed, key, signature));
      assert.ok(!isSignature(hash, Buffer.from("others"), key, signature));
    }
  });
}

test("a key that is none signs nothing", async () => {
  await assert.rejects(sign("EdDSA\nnone\n3\n", Uint8Array.of(1, 2, 3, 4)));
});
