/** The watch over an exchange whose end the core awaits. */

import type { CounterCell } from "./counter_cell.ts";
import { Failed } from "./failure.ts";
import { Failure } from "./wire.gen.ts";

/** The sizes of reads, in bytes: small bodies take little memory, and large ones few crossings. */
const SMALLEST = 4 * 1024;
const LARGEST = 256 * 1024;

/** The end of a body: its bytes, and a failure if it ended early. */
export class Ended {
  readonly bytes: number;
  readonly failure: Failure | undefined;

  constructor(bytes: number, failure?: Failure) {
    this.bytes = bytes;
    this.failure = failure;
  }
}

/** Watches one exchange. */
export class Watch {
  /** The cells called so far, by name. */
  #cells = new Map<string, DurableObjectStub<CounterCell>>();
  /** The signals that cut off the responses to its fetches, by slot. */
  #signals: AbortSignal[] = [];
  #passage: Passage | undefined;
  /** The end of the answer's body; at first, of an empty one. */
  ended = Promise.resolve(new Ended(0));

  /**
   * Applies `op` to the cell of this name, always through the same stub, whose calls arrive in order: a release must
   * not overtake its acquisition.
   */
  count(cells: DurableObjectNamespace<CounterCell>, name: string, op: Uint8Array): Promise<Uint8Array> {
    const cell = this.#cells.get(name) ?? cells.getByName(name);
    this.#cells.set(name, cell);
    return cell.count(op).catch((error) => {
      // A failed stub may never recover.
      this.#cells.delete(name);
      throw error;
    });
  }

  /** The controller that gives up the fetch in `slot`, and cuts off the body of its response. */
  controller(slot: number): AbortController {
    const controller = new AbortController();
    this.#signals[slot] = controller.signal;
    return controller;
  }

  /** Passes on `body`, of the response in `slot` with these `headers`, and watches it. */
  pass(body: ReadableStream<Uint8Array>, headers: Headers, slot: number, limit = Infinity): ReadableStream<Uint8Array> {
    const length = headers.get("content-length");
    const relay = length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
    const passage = new Passage(body, relay.writable);
    const signal = this.#signals[slot];
    signal?.addEventListener("abort", () => {
      passage.cut(signal.reason instanceof Failed ? signal.reason.failure : Failure.Other);
    });
    this.#passage = passage;
    this.ended = passage.run(limit);
    return relay.readable;
  }

  /** Cuts the answer's body off: the client has left. */
  leave(): void {
    this.#passage?.cut(Failure.Client);
  }
}

/**
 * A passing body, counted.
 *
 * A loop over one buffer: the runtime's own pipe does not count, and a `TransformStream` is called for every 4 KiB.
 */
class Passage {
  #reader: ReadableStreamBYOBReader;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #failure: Failure | undefined;

  constructor(body: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>) {
    this.#reader = body.getReader({ mode: "byob" });
    this.#writer = writable.getWriter();
    // The reader and the writer learn of a failure as well.
    this.#writer.closed.catch(nothing);
  }

  /** Passes the body to its end, but at most `limit` bytes. Never fails. */
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
        // The chunk has been taken by now, so the buffer is free again.
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

  /** Gives up both sides; the first reason is the one reported. */
  cut(failure: Failure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    const reason = new Failed(failure);
    this.#writer.abort(reason).catch(nothing);
    this.#reader.cancel(reason).catch(nothing);
  }
}

function nothing(): void {}
