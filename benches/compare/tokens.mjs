// Tokens (RFC 7515, RFC 7519) for the scenarios in which callers are known by one.

import { constants, createHmac, createPrivateKey, randomBytes, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from './environment.mjs';

export const ISSUER = 'https://id.example.com';
export const AUDIENCE = 'https://api.example.com';

/** The name of the secret, for those who read it from the environment or from a binding. */
export const SECRET_NAME = 'BENCH_TOKEN_KEY';

/** A secret of this run, long enough for each hash. */
export const SECRET = randomBytes(32).toString('hex');

const KEY_NAME = '2026';

/** The key of tests/keys that signs by an algorithm. */
const pairs = { RS: 'rsa-a', PS: 'rsa-a', ES256: 'p256-a', ES384: 'p384-a', EdDSA: 'ed25519-a' };

const pairFor = (algorithm) => pairs[algorithm] ?? pairs[algorithm.slice(0, 2)];

/** The public half of the key that signs by `algorithm`, as a JWK. */
export function publicKey(algorithm) {
  const { kid, ...jwk } = JSON.parse(readFileSync(`${ROOT}tests/keys/${pairFor(algorithm)}.jwk`, 'utf8'));
  return jwk;
}

/** The key by which a gateway checks tokens of `algorithm`, as `gateway.json` has keys. */
export function keyFor(algorithm = 'HS256') {
  if (algorithm.startsWith('HS')) return { kid: KEY_NAME, algorithm, secret: { secret: SECRET_NAME } };
  return { jwk: { ...publicKey(algorithm), kid: KEY_NAME, alg: algorithm } };
}

/** The signature of `text` by `algorithm`. */
export function signature(algorithm, text, key = SECRET) {
  const hash = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith('HS')) return createHmac(hash, key).update(text).digest('base64url');
  const by = { key: privateKey(pairFor(algorithm)), ...forms[algorithm.slice(0, 2)] };
  return sign(algorithm === 'EdDSA' ? null : hash, Buffer.from(text), by).toString('base64url');
}

/** What Node has to be told of an algorithm beside its hash (RFC 7518 §3.4, §3.5). */
const forms = {
  ES: { dsaEncoding: 'ieee-p1363' },
  PS: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
};

const privateKeys = new Map();

function privateKey(name) {
  if (!privateKeys.has(name)) privateKeys.set(name, createPrivateKey(readFileSync(`${ROOT}tests/keys/${name}.private.pem`)));
  return privateKeys.get(name);
}

/** Writes the tokens of a scenario, which differ, one a line, and returns the file; undefined for none. */
export function writeTokens(folder, { tokens: count, algorithm, small }) {
  if (!count) return undefined;
  const file = join(folder, 'tokens');
  const tokens = Array.from({ length: count }, (_, number) => token(number, { algorithm, small }));
  writeFileSync(file, tokens.join('\n'));
  return file;
}

/** A token that somebody else has signed. */
export function forgedToken() {
  return token(0, {}, randomBytes(32));
}

/** A token by `algorithm`. */
function token(number, { algorithm = 'HS256', small = false }, key = SECRET) {
  const text = signedText(number, { algorithm, small });
  return `${text}.${signature(algorithm, text, key)}`;
}

/** What is signed of a token: as an access token of an identity provider looks (RFC 9068 §2.2), but for its type, of which Hono takes `JWT` alone. */
export function signedText(number, { algorithm, small }) {
  const now = Math.floor(Date.now() / 1000);
  const least = { iss: ISSUER, aud: AUDIENCE, sub: `user-${number}`, exp: now + 24 * 3600 };
  const more = { client_id: 'web', iat: now, jti: randomBytes(16).toString('hex'), scope: 'orders:read orders:write profile' };
  const header = small ? { alg: algorithm } : { alg: algorithm, typ: 'JWT', kid: KEY_NAME };
  return `${encoded(header)}.${encoded(small ? least : { ...least, ...more })}`;
}

function encoded(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
