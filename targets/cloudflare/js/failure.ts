/** How things that the core asked for fail. */

import type { Failure } from "./wire.gen.ts";

/** Thrown where it is known how something failed. No `Error`: nobody reads a stack, and taking one costs. */
export class Failed {
  failure: Failure;

  constructor(failure: Failure) {
    this.failure = failure;
  }
}
