/** A body that passes through this Worker, and is watched on the way. */

import type { Filter } from "./core.ts";
import { Failed } from "./failure.ts";
import { Failure } from "./wire.gen.ts";

/** The sizes of reads, in bytes: small bodies take little memory, and large ones few crossings. */
const SMALLEST = 4 * 1024;
const LARGEST = 256 * 1024;
/** The most that is edited at once: what comes of it can be many times as much. */
const SLICE = 32 * 1024;

/** The end of a body: its bytes, and a failure if it ended early. */
export class Ended {
  readonly bytes: number;
  readonly failure: Failure | undefined;

  constructor(bytes: number, failure?: Failure) {
    this.bytes = bytes;
    this.failure = failure;
  }
}

/** The pipe for the body of a message with these `headers`, which states the same length. */
export function relayFor(headers: Headers): IdentityTransformStream {
  const length = headers.get("content-length");
  return length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
}

/**
 * A passing body, counted.
 *
 * A loop over one buffer: the runtime's own pipe does not count, and a `TransformStream` is called for every 4 KiB.
 */
export class Passage {
  #reader: ReadableStreamBYOBReader;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #from: Failure;
  #to: Failure;
  #onCut: ((failure: Failure) => void) | undefined;
  #failure: Failure | undefined;
  /** Set while the sender is waited for, not the receiver. */
  reads = true;
  /** The beginning of that wait, in ms. */
  since = Date.now();

  /** `from` is the failure of the sender, and `to` of the receiver; `onCut` is called before either side learns of any. */
  constructor(
    body: ReadableStream<Uint8Array>,
    writable: WritableStream<Uint8Array>,
    from: Failure,
    to: Failure,
    onCut?: (failure: Failure) => void,
  ) {
    this.#reader = body.getReader({ mode: "byob" });
    this.#writer = writable.getWriter();
    this.#from = from;
    this.#to = to;
    this.#onCut = onCut;
    // The reader and the writer learn of a failure as well.
    this.#writer.closed.catch(nothing);
  }

  /** Passes the body to its end, but at most `limit` bytes, has `show` see each piece, and passes on what `filter` makes of it. Never fails. */
  async run(limit: number, show?: (piece: Uint8Array) => void, filter?: Filter): Promise<Ended> {
    let come = 0;
    let bytes = 0;
    try {
      for (let buffer = new ArrayBuffer(SMALLEST); ; ) {
        this.#wait(true);
        const { done, value } = await this.#reader.read(new Uint8Array(buffer));
        if (this.#failure !== undefined) break;
        this.#wait(false);
        if (done) {
          if (filter !== undefined) {
            const rest = filter.edit();
            await this.#writer.write(rest);
            bytes += rest.byteLength;
          }
          await this.#writer.close();
          return new Ended(bytes, this.#failure);
        }
        const { byteLength } = value;
        come += byteLength;
        if (come > limit) throw new Failed(Failure.BodyTooLarge);
        // Shown before it is written: the buffer is the runtime's from then on.
        show?.(value);
        // The chunk has been taken by now, so the buffer is free again.
        const slice = filter === undefined ? byteLength : SLICE;
        for (let at = 0; at < byteLength; at += slice) {
          const piece = filter === undefined ? value : filter.edit(value.subarray(at, at + slice), at + slice < byteLength);
          if (piece.byteLength === 0) continue;
          await this.#writer.write(piece);
          bytes += piece.byteLength;
        }
        buffer = value.buffer as ArrayBuffer;
        if (byteLength === buffer.byteLength && byteLength < LARGEST) buffer = new ArrayBuffer(4 * byteLength);
      }
    } catch (error) {
      this.cut(error instanceof Failed ? error.failure : this.reads ? this.#from : this.#to);
    }
    return new Ended(bytes, this.#failure);
  }

  #wait(reads: boolean): void {
    this.reads = reads;
    this.since = Date.now();
  }

  /** Gives up both sides; the first reason is the one reported. */
  cut(failure: Failure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#onCut?.(failure);
    const reason = new Failed(failure);
    this.#writer.abort(reason).catch(nothing);
    this.#reader.cancel(reason).catch(nothing);
  }
}

function nothing(): void {}
