/** The class that Workers find by its name; `src/counter_cell.rs` implements it. */

import { DurableObject } from "cloudflare:workers";
import * as wasm from "edgeway-wasm";
import { attempt, current } from "./core.ts";

export class CounterCell extends DurableObject {
  #instance = 0;
  #cell!: wasm.CounterCell;

  /** The cell in the core; the storage still has a cell that was lost with a trapped core. */
  #live(): wasm.CounterCell {
    if (this.#instance !== current()) {
      this.#cell = new wasm.CounterCell(this.ctx, this.env);
      this.#instance = current();
    }
    return this.#cell;
  }

  count(op: Uint8Array): Uint8Array {
    return attempt(() => this.#live().count(op));
  }

  override fetch(request: Request): Promise<Response> {
    return attempt(() => this.#live().fetch(request));
  }

  override async alarm(): Promise<void> {
    await attempt(() => this.#live().alarm());
  }
}
