/** One counter cell: a Durable Object of its own, so operations on it happen one after another. */

import { DurableObject } from "cloudflare:workers";
import * as wasm from "edgeway-wasm";

const STATE = "state";
/** When the state may be forgotten, in ms since 1970. */
const UNTIL = "until";

export class CounterCell extends DurableObject {
  #state: bigint | undefined = this.ctx.storage.kv.get(STATE);
  #until: number = this.ctx.storage.kv.get(UNTIL) ?? 0;
  #alarm = this.#until !== 0;

  /** Applies the packed operation `op` and returns its packed verdict. Nothing in here waits: that makes it atomic. */
  count(op: Uint8Array): Uint8Array {
    const now = Date.now();
    const answer = wasm.count(op, this.#state, now);
    const numbers = new DataView(answer.buffer, answer.byteOffset);
    this.#state = numbers.getBigUint64(32, true);
    this.#until = now + Number(numbers.getBigUint64(40, true));
    this.ctx.storage.kv.put(STATE, this.#state);
    this.ctx.storage.kv.put(UNTIL, this.#until);
    if (!this.#alarm) {
      this.#alarm = true;
      void this.ctx.storage.setAlarm(this.#until);
    }
    return answer.subarray(0, 32);
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
