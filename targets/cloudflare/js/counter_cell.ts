/** One counter cell: a Durable Object of its own, so operations on it happen one after another. */

import { DurableObject } from "cloudflare:workers";
import * as wasm from "edgeway-wasm";

/** The bytes of a verdict at the front of an answer, then how long to keep the state that follows, in ms. */
const KEEP_FOR_AT = 32;
const STATE_AT = 40;

const STATE = "state";
/** When the state may be forgotten, in ms since 1970. */
const UNTIL = "until";

export class CounterCell extends DurableObject {
  #state = known(this.ctx.storage.kv.get(STATE));
  #until: number = this.ctx.storage.kv.get(UNTIL) ?? 0;
  #alarm = this.#until !== 0;

  /** Applies the packed operation `op` and returns its packed verdict. Nothing in here waits: that makes it atomic. */
  count(op: Uint8Array): Uint8Array {
    const now = Date.now();
    const answer = wasm.count(op, this.#state, now);
    const keepFor = new DataView(answer.buffer, answer.byteOffset).getBigUint64(KEEP_FOR_AT, true);
    this.#state = answer.slice(STATE_AT);
    this.#until = now + Number(keepFor);
    this.ctx.storage.kv.put(STATE, this.#state);
    this.ctx.storage.kv.put(UNTIL, this.#until);
    if (!this.#alarm) {
      this.#alarm = true;
      void this.ctx.storage.setAlarm(this.#until);
    }
    return answer.subarray(0, KEEP_FOR_AT);
  }

  /** Forgets a state that is over; the alarm of one that was renewed is moved. */
  override async alarm(): Promise<void> {
    if (Date.now() < this.#until) {
      await this.ctx.storage.setAlarm(this.#until);
      return;
    }
    this.#state = undefined;
    this.#until = 0;
    this.#alarm = false;
    await this.ctx.storage.deleteAll();
  }
}

/** The state of a cell; an earlier version stored a number, which counts as none. */
function known(stored: unknown): Uint8Array | undefined {
  return stored instanceof Uint8Array ? stored : undefined;
}
