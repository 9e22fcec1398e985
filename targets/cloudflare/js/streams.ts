/** Bounds on bodies in transit. A body that needs none is passed on as it is: wrapping one costs a crossing a chunk. */

/** More came than the limit admits. */
export class TooLarge extends Error {}

/** `stream`, failing beyond `limit` bytes; itself if `headers` already state a length within it. */
export function limited(stream: ReadableStream, limit: number, headers: Headers): ReadableStream {
  if (limit === Infinity) return stream;
  const stated = headers.get("content-length");
  // The runtime ends a body at its stated length.
  if (stated !== null && Number(stated) <= limit) return stream;
  let left = limit;
  const meter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      left -= chunk.byteLength;
      if (left < 0) controller.error(new TooLarge());
      else controller.enqueue(chunk);
    },
  });
  return stream.pipeThrough(meter);
}

/** All of `stream`, at most `limit` bytes. */
export async function read(stream: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > limit) throw new TooLarge();
    chunks.push(chunk);
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
