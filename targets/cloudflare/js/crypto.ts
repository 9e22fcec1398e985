/** Signatures, made and checked by the runtime. */

/** The algorithms that cross: those of the core but for HMAC, which it does by itself. */
type Algorithm = "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "EdDSA";

/** An algorithm as WebCrypto has it, for a key and for a signature. */
interface Parameters {
  name: string;
  hash?: string;
  namedCurve?: string;
  saltLength?: number;
}

const MOST_KEYS = 64;

/** The keys that were made, by algorithm and JWK or name, oldest first. They outlive an instance of the core. */
const keys = new Map<string, CryptoKey>();

/**
 * Returns one byte: 1 for a good signature, else 0. Fails if the runtime makes no key of this one.
 *
 * `text` is the algorithm, the key as a JWK and the length of the signature, each on a line. `content` is the signature, and
 * then what is signed.
 */
export async function verify(text: string, content: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const [algorithm, jwk, length] = text.split("\n") as [Algorithm, string, string];
  const parameters = parametersOf(algorithm);
  const name = algorithm + jwk;
  const key = keys.get(name) ?? (await keep(name, crypto.subtle.importKey("jwk", JSON.parse(jwk), parameters, false, ["verify"])));
  const signature = content.subarray(0, Number(length));
  let isGood = false;
  try {
    isGood = await crypto.subtle.verify(parameters, key, signature, content.subarray(Number(length)));
  } catch {
    // workerd fails where an Ed25519 signature has a wrong length: that is the signature's fault, and not the key's.
  }
  return Uint8Array.of(isGood ? 1 : 0);
}

/**
 * Returns a signature. Fails if the runtime makes no key of this one.
 *
 * `text` is the algorithm, the name of the key and its length, each on a line. `content` is the key as PKCS#8, and then what is
 * signed.
 */
export async function sign(text: string, content: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const [algorithm, id, length] = text.split("\n") as [Algorithm, string, string];
  const parameters = parametersOf(algorithm);
  const name = algorithm + id;
  const pkcs8 = content.subarray(0, Number(length));
  const key = keys.get(name) ?? (await keep(name, crypto.subtle.importKey("pkcs8", pkcs8, parameters, false, ["sign"])));
  return new Uint8Array(await crypto.subtle.sign(parameters, key, content.subarray(Number(length))));
}

/** Keeps a key that is made. Who comes meanwhile makes it again: what one request has promised may never come to another. */
async function keep(name: string, made: Promise<CryptoKey>): Promise<CryptoKey> {
  const key = await made;
  keys.set(name, key);
  if (keys.size > MOST_KEYS) keys.delete(keys.keys().next().value!);
  return key;
}

function parametersOf(algorithm: Algorithm): Parameters {
  const bits = algorithm.slice(2);
  switch (algorithm) {
    case "RS256":
    case "RS384":
    case "RS512":
      return { name: "RSASSA-PKCS1-v1_5", hash: `SHA-${bits}` };
    case "PS256":
    case "PS384":
    case "PS512":
      // The salt is as long as the hash (RFC 7518 §3.5).
      return { name: "RSA-PSS", hash: `SHA-${bits}`, saltLength: Number(bits) / 8 };
    case "ES256":
    case "ES384":
      return { name: "ECDSA", hash: `SHA-${bits}`, namedCurve: `P-${bits}` };
    case "EdDSA":
      return { name: "Ed25519" };
    default:
      throw new TypeError(`no algorithm: ${algorithm satisfies never}`);
  }
}
