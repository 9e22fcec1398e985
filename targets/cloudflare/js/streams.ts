/** Bodies in transit. An unbounded one is passed on as it is: wrapping it costs a crossing for each chunk. */

import type { Filter } from "./core.ts";
import { Failed } from "./failure.ts";
import { Passage, relayFor } from "./passage.ts";
import { Failure } from "./wire.gen.ts";

/** The size of a read: each costs a crossing, and leaves garbage until it is collected. */
const CHUNK = 64 * 1024;

/** A body that the runtime streams, and the limit of its length. */
export interface Source {
  stream: ReadableStream<Uint8Array>;
  /** The fields of its message. */
  headers: Headers;
  /** In bytes; may be `Infinity`. */
  limit: number;
  /** The message that it is the content of. */
  message: Request | Response;
  /** The context that keeps the runtime going. */
  context: ExecutionContext;
  /** The edits that are made of it on its way. */
  filter?: Filter;
}

/** `source`'s stream, edited, and failing beyond its limit; the stream itself if it can't exceed that. */
export function bounded(source: Source): ReadableStream<Uint8Array> {
  const { stream, limit, context, filter } = source;
  if (filter !== undefined) {
    const { readable, writable } = new IdentityTransformStream();
    context.waitUntil(new Passage(stream, writable, Failure.Closed, Failure.Client).run(limit, undefined, filter));
    return readable;
  }
  return isBounded(source) ? source.stream : metered(source);
}

/** Returns whether `source` can't exceed its limit: the runtime ends a body at its stated length. */
export function isBounded({ limit, headers, filter }: Source): boolean {
  if (filter !== undefined) return false;
  if (limit === Infinity) return true;
  const stated = headers.get("content-length");
  return stated !== null && Number(stated) <= limit;
}

/** `source`'s stream, failing beyond its limit. */
function metered({ stream, limit }: Source): ReadableStream<Uint8Array> {
  const reader = stream.getReader({ mode: "byob" });
  let left = limit;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read(new Uint8Array(CHUNK));
          if (done) return controller.close();
          left -= value.byteLength;
          if (left < 0) throw new Failed(Failure.BodyTooLarge);
          controller.enqueue(value);
        } catch (error) {
          controller.error(error);
          await reader.cancel(error).catch(() => {});
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** `response`, with a body that `signal` cuts off: a signal given to `fetch` alone does not reach a body passed on. */
export function abortable(response: Response, signal: AbortSignal): Response {
  if (response.body === null) return response;
  return new Response(response.body.pipeThrough(relayFor(response.headers), { signal }), response);
}

/** Collects all of `source`, unless it exceeds its limit; `cancel` gives it up. One that breaks off fails as `broken` says. */
export function collect({ stream, limit }: Pick<Source, "stream" | "limit">, broken: () => Failed): { content: Promise<Uint8Array>; cancel: () => void } {
  const reader = stream.getReader();
  const cancel = (): void => void reader.cancel().catch(() => {});
  return { content: readAll(reader, limit, cancel, broken), cancel };
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limit: number,
  cancel: () => void,
  broken: () => Failed,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (true) {
    const { done, value } = await reader.read().catch(() => {
      throw broken();
    });
    if (done) break;
    size += value.byteLength;
    if (size > limit) {
      cancel();
      throw new Failed(Failure.BodyTooLarge);
    }
    chunks.push(value);
  }
  if (chunks.length === 1) return chunks[0]!;
  const content = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    content.set(chunk, at);
    at += chunk.byteLength;
  }
  return content;
}
