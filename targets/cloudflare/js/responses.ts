/** The stored responses: in Workers KV, and before it in the cache of the place, where there is one. */

import { Failed } from "./failure.ts";
import { Ended, Passage, relayFor } from "./passage.ts";
import type { Source } from "./streams.ts";
import { Failure } from "./wire.gen.ts";

/** The time for which a place keeps what may change, in s: Workers KV takes as long to show a new value everywhere. */
const CHANGING = 60;
/** The least that Workers KV keeps a value for, and the most for which it is asked to, in s: a response may say that it is fresh for ever. */
const LEAST = 60;
const MOST = 31_536_000;
/** The beginning of the names of contents, which never change. */
const CONTENT = "cache:c:";

/** The state of the cache of this place: workerd has none unless it is told where, which shows at the first use. */
let hasCache: boolean | undefined;
/** The count of changes by this isolate: what was read before one may be out of date. */
let changes = 0;

/** The store of one exchange. */
export class Responses {
  #values: KVNamespace;
  #context: ExecutionContext;
  /** Names in the cache are URLs, by Cloudflare's advice of the host of the Worker. */
  #base: string;
  #cache: Cache | undefined;

  constructor(values: KVNamespace, context: ExecutionContext, url: string) {
    this.#values = values;
    this.#context = context;
    this.#base = new URL("/.edgeway/", url).href;
  }

  /** The value under `key`. */
  async recall(key: string): Promise<Uint8Array | undefined> {
    const before = changes;
    const found = await this.#match(key);
    if (found !== undefined) return new Uint8Array(await found.arrayBuffer());
    const value = await this.#values.get(key, "arrayBuffer");
    if (value === null) return undefined;
    if (before === changes) this.#context.waitUntil(this.#keepNear(key, value, CHANGING));
    return new Uint8Array(value);
  }

  /** Stores `value` under `key` for `ttl` seconds. */
  async store(key: string, value: Uint8Array<ArrayBuffer>, ttl: number): Promise<undefined> {
    changes += 1;
    const nearby = this.#keepNear(key, value, key.startsWith(CONTENT) ? ttl : Math.min(ttl, CHANGING));
    await Promise.all([this.#values.put(key, value, kept(ttl)), nearby]);
  }

  /** Removes the value under `key`. */
  async forget(key: string): Promise<undefined> {
    changes += 1;
    await Promise.all([this.#values.delete(key), this.#nearby((cache) => cache.delete(this.#base + key))]);
  }

  /** A content: `text` is its key, its length and the ends of the range that is wanted, each on a line. */
  async content(text: string): Promise<Response | undefined> {
    const [key, ...numbers] = text.split("\n") as [string, string, string, string];
    const [length, from, to] = numbers.map(Number) as [number, number, number];
    const found = await this.#match(key);
    let stream = found === undefined ? await this.#values.get(key, "stream") : found.body;
    if (stream === null) return undefined;
    if (to - from !== length) {
      const whole = await new Response(stream).arrayBuffer();
      return whole.byteLength === length ? responseOf(whole.slice(from, to), to - from) : undefined;
    }
    if (found === undefined && hasCache) {
      let copy;
      [stream, copy] = stream.tee();
      this.#context.waitUntil(this.#keepNear(key, framed(copy, length), CHANGING));
    }
    // What has another length is not what was stored.
    return responseOf(framed(stream, length), length);
  }

  /**
   * Stores a copy of `source` under the key in `text` for `ttl` seconds, and tells its length once it is there; a copy that is small is returned
   * instead. `cancel` gives it up.
   *
   * The copy goes to the store as it comes, and does not wait for the client: of what the client has yet to take no more than the limit is in memory.
   */
  keep(text: string, { stream, headers, limit }: Source, ttl: number): { outcome: Promise<Uint8Array | Ended>; cancel: () => void } {
    const [key, small] = text.split("\n") as [string, string];
    const reader = stream.getReader({ mode: "byob" });
    let isGivenUp = false;
    let cancel = (): void => {
      isGivenUp = true;
      reader.cancel().catch(nothing);
    };
    const copy = async (): Promise<Uint8Array | Ended> => {
      const least = Number(small) + 1;
      const { value = new Uint8Array() } = await reader.readAtLeast(least, new Uint8Array(least)).catch(() => {
        throw new Failed(Failure.Client);
      });
      // Of a stream that is cancelled no more comes, as if it had ended.
      if (isGivenUp) throw new Failed(Failure.Client);
      const left = limit - value.byteLength;
      if (value.byteLength < least && left >= 0) return value;
      reader.releaseLock();
      const { readable, writable } = relayFor(headers);
      const put = this.#values.put(key, readable, kept(ttl));
      const writer = writable.getWriter();
      writer.write(value).catch(nothing);
      writer.releaseLock();
      const passage = new Passage(stream, writable, Failure.Client, Failure.Store);
      cancel = () => passage.cut(Failure.Client);
      put.catch(() => passage.cut(Failure.Store));
      if (left < 0) passage.cut(Failure.BodyTooLarge);
      const { bytes, failure } = await passage.run(left);
      // It says why the store took no more.
      if (failure === undefined || failure === Failure.Store) await put;
      if (failure !== undefined) throw new Failed(failure);
      return new Ended(value.byteLength + bytes);
    };
    return { outcome: copy(), cancel: () => cancel() };
  }

  #match(key: string): Promise<Response | undefined> {
    return this.#nearby((cache) => cache.match(this.#base + key));
  }

  async #keepNear(key: string, value: BodyInit, ttl: number): Promise<void> {
    const headers = { "cache-control": `s-maxage=${ttl}` };
    await this.#nearby((cache) => cache.put(this.#base + key, new Response(value, { headers })));
  }

  /**
   * What `use` has of the cache of this place; nothing of one that fails, or that is not there.
   *
   * It is not the default one, into which `fetch` looks, too: nothing that a client asks for leads there.
   */
  async #nearby<T>(use: (cache: Cache) => Promise<T>): Promise<T | undefined> {
    if (hasCache === false) return undefined;
    try {
      const outcome = await use((this.#cache ??= await caches.open("edgeway")));
      hasCache = true;
      return outcome;
    } catch {
      hasCache ??= false;
      return undefined;
    }
  }
}

function framed(stream: ReadableStream<Uint8Array>, length: number): ReadableStream<Uint8Array> {
  return stream.pipeThrough(new FixedLengthStream(length));
}

function responseOf(body: BodyInit, length: number): Response {
  return new Response(body, { headers: { "content-length": String(length) } });
}

function kept(ttl: number): KVNamespacePutOptions {
  return { expirationTtl: Math.min(Math.max(ttl, LEAST), MOST) };
}

function nothing(): void {}
