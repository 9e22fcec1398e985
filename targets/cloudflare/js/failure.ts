/** Failures of effects. */

import type { Failure } from "./wire.gen.ts";

/** Thrown where the kind of a failure is known. Not an `Error`: its stack would cost time, and is never read. */
export class Failed {
  failure: Failure;

  constructor(failure: Failure) {
    this.failure = failure;
  }
}
