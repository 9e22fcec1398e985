/** The watch over an exchange whose end the core waits for. */

import { Failed } from "./failure.ts";
import { Failure } from "./wire.gen.ts";

/** The sizes of what is read at once, in bytes: small bodies take little memory, and large ones few crossings. */
const SMALLEST = 4 * 1024;
const LARGEST = 256 * 1024;

/** The end of a body: after so many bytes, and before all of it was sent if there was a failure. */
export class Ended {
  readonly bytes: number;
  readonly failure: Failure | undefined;

  constructor(bytes: number, failure?: Failure) {
    this.bytes = bytes;
    this.failure = failure;
  }
}

/** A body as it goes out. */
export interface Outgoing {
  stream: ReadableStream<Uint8Array>;
  /** Its length in bytes, as the head states it. */
  length: string | null;
  /** In bytes; may be `Infinity`. */
  limit: number;
  /** Cuts the body off, with the reason for that. */
  deadline: AbortSignal | undefined;
}

/** Watches the body of one answer. */
export class Watch {
  #cut: ((failure: Failure) => void) | undefined;
  /** The end of the body; that of none by now. */
  ended = Promise.resolve(new Ended(0));

  /** Passes `body` on, and watches it. */
  pass(body: Outgoing): ReadableStream<Uint8Array> {
    const { length, deadline } = body;
    const relay = length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
    const passage = new Passage(body, relay.writable);
    this.#cut = (failure) => passage.cut(failure);
    deadline?.addEventListener("abort", () => {
      passage.cut(deadline.reason instanceof Failed ? deadline.reason.failure : Failure.Other);
    });
    this.ended = passage.run(body.limit);
    return relay.readable;
  }

  /** Cuts the body off: the client has left. */
  leave(): void {
    this.#cut?.(Failure.Client);
  }
}

/**
 * A body on its way through, counted.
 *
 * A loop over one buffer, because the runtime's own pipe does not count, and a `TransformStream` is called for every 4 KiB.
 */
class Passage {
  #reader: ReadableStreamBYOBReader;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #failure: Failure | undefined;

  constructor({ stream }: Outgoing, writable: WritableStream<Uint8Array>) {
    this.#reader = stream.getReader({ mode: "byob" });
    this.#writer = writable.getWriter();
    // Whoever reads or writes is told as well.
    this.#writer.closed.catch(nothing);
  }

  /** Passes the body to its end. Never fails. */
  async run(limit: number): Promise<Ended> {
    let bytes = 0;
    let side: Failure = Failure.Closed;
    try {
      for (let buffer = new ArrayBuffer(SMALLEST); ; ) {
        side = Failure.Closed;
        const { done, value } = await this.#reader.read(new Uint8Array(buffer));
        if (this.#failure !== undefined) break;
        side = Failure.Client;
        if (done) {
          await this.#writer.close();
          return new Ended(bytes, this.#failure);
        }
        const { byteLength } = value;
        if (bytes + byteLength > limit) throw new Failed(Failure.BodyTooLarge);
        // It has been taken once this is over, so the buffer is free again.
        await this.#writer.write(value);
        bytes += byteLength;
        buffer = value.buffer as ArrayBuffer;
        if (byteLength === buffer.byteLength && byteLength < LARGEST) buffer = new ArrayBuffer(4 * byteLength);
      }
    } catch (error) {
      this.cut(error instanceof Failed ? error.failure : side);
    }
    return new Ended(bytes, this.#failure);
  }

  /** Gives up both sides; the first reason is the one that is told. */
  cut(failure: Failure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    const reason = new Failed(failure);
    this.#writer.abort(reason).catch(nothing);
    this.#reader.cancel(reason).catch(nothing);
  }
}

function nothing(): void {}
