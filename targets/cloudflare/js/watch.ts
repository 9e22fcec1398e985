/** The watch over an exchange whose end the core awaits. */

import type { Filter } from "./core.ts";
import type { CounterCell } from "./counter_cell.ts";
import { Failed } from "./failure.ts";
import { Ended, Passage, relayFor } from "./passage.ts";
import { Failure } from "./wire.gen.ts";

/** Watches one exchange. */
export class Watch {
  /** The cells called so far, by name. */
  #cells = new Map<string, DurableObjectStub<CounterCell>>();
  /** The signals that cut off the responses to its fetches, by slot. */
  #signals: AbortSignal[] = [];
  #passage: Passage | undefined;
  /** The slot of the body that is shown on its way. */
  #observed = 0;
  #show: ((piece: Uint8Array) => void) | undefined;
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

  /** Has `show` see each piece of the body of the response in `slot`, if that passes. */
  observe(slot: number, show: (piece: Uint8Array) => void): void {
    this.#observed = slot;
    this.#show = show;
  }

  /** Passes on `body`, of the response in `slot` with these `headers`, edited, and watches it. */
  pass(body: ReadableStream<Uint8Array>, headers: Headers, slot: number, limit = Infinity, filter?: Filter): ReadableStream<Uint8Array> {
    const relay = relayFor(headers);
    const passage = new Passage(body, relay.writable, Failure.Closed, Failure.Client);
    const signal = this.#signals[slot];
    signal?.addEventListener("abort", () => {
      passage.cut(signal.reason instanceof Failed ? signal.reason.failure : Failure.Other);
    });
    this.#passage = passage;
    this.ended = passage.run(limit, slot === this.#observed ? this.#show : undefined, filter);
    return relay.readable;
  }

  /** Cuts the answer's body off: the client has left. */
  leave(): void {
    this.#passage?.cut(Failure.Client);
  }
}
