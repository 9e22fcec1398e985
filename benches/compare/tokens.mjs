// Tokens of HS256 (RFC 7515, RFC 7519) for the scenarios in which callers are known by one.

import { createHmac, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const ISSUER = 'https://id.example.com';
export const AUDIENCE = 'https://api.example.com';

/** The name of the secret, for those who read it from the environment or from a binding. */
export const SECRET_NAME = 'BENCH_TOKEN_KEY';

/** A secret of this run. */
export const SECRET = randomBytes(32).toString('hex');

/** Writes `count` tokens that differ, one a line, and returns the file; undefined for none. */
export function writeTokens(folder, count) {
  if (!count) return undefined;
  const file = join(folder, 'tokens');
  const tokens = Array.from({ length: count }, (_, number) => token(number));
  writeFileSync(file, tokens.join('\n'));
  return file;
}

/** A token that somebody else has signed. */
export function forgedToken() {
  return token(0, randomBytes(32));
}

/** As an access token of an identity provider looks (RFC 9068 §2.2), but for its type, of which Hono takes `JWT` alone. */
function token(number, key = SECRET) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: `user-${number}`,
    client_id: 'web',
    iat: now,
    exp: now + 24 * 3600,
    jti: randomBytes(16).toString('hex'),
    scope: 'orders:read orders:write profile',
  };
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT', kid: '2026' })}.${encoded(claims)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

function encoded(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
