/** A request's content on its way to an upstream: its client takes its own time, and `firstByte` runs from its end. */

import { Failed } from "./failure.ts";
import { Passage, relayFor } from "./passage.ts";
import { isBounded, type Source } from "./streams.ts";
import { Failure } from "./wire.gen.ts";

/** Content up to this length, in bytes, mostly comes with its head, and a watch would cost more than the rest. */
const SMALL = 1024;
/** The longest that a client is waited for between two pieces of content, in ms. */
const STALL = 60_000;

/** Returns whether the content needs no watch. */
export function isSmall(source: Source): boolean {
  return isBounded(source) && Number(source.headers.get("content-length") ?? Infinity) <= SMALL;
}

export class Upload {
  readonly stream: ReadableStream<Uint8Array>;
  #passage: Passage;

  /**
   * Starts to pass on `source`.
   *
   * `abort` has to give up the fetch: when workerd sends a failing stream, it ends the chunked body as if it were
   * complete, unless the fetch has been aborted by then.
   */
  constructor({ stream, headers, limit, context, filter }: Source, abort: (failure: Failure) => void) {
    const relay = relayFor(headers);
    this.stream = relay.readable;
    this.#passage = new Passage(stream, relay.writable, Failure.Client, Failure.Closed, (failure) => {
      // An upstream that takes no more may still answer.
      if (failure !== Failure.Closed) abort(failure);
    });
    // An upstream may answer before the end of the content.
    context.waitUntil(this.#passage.run(limit, undefined, filter));
  }

  /** Returns `response`, unless the upstream is waited for longer than `firstByte` at a time, or the client than `STALL`. */
  answered(response: Promise<Response>, firstByte: number): Promise<Response> {
    const passage = this.#passage;
    const patience = firstByte === 0 ? Infinity : firstByte;
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout>;
      const look = (): void => {
        const left = passage.since + (passage.reads ? STALL : patience) - Date.now();
        if (left > 0) {
          // The side may change meanwhile: a look after so long is early enough for either.
          timer = setTimeout(look, Math.min(left, patience, STALL));
          return;
        }
        const failure = passage.reads ? Failure.ClientTimeout : Failure.FirstByteTimeout;
        passage.cut(failure);
        reject(new Failed(failure));
      };
      look();
      response.finally(() => clearTimeout(timer)).then(resolve, reject);
    });
  }
}
