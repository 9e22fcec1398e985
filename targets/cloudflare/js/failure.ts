/** How things that the core asked for fail. */

/** The failures that the core tells apart; `failure_of` in `src/exports.rs`. */
export const Failure = {
  Other: 0,
  Dns: 1,
  Connect: 2,
  FirstByteTimeout: 3,
  TotalTimeout: 4,
  Closed: 5,
  BodyTooLarge: 6,
  Client: 7,
  Store: 8,
  Tls: 9,
  Protocol: 10,
  LengthRequired: 11,
} as const;

/** Thrown where it is known how something failed. No `Error`: nobody reads a stack, and taking one costs. */
export class Failed {
  failure: number;

  constructor(failure: number) {
    this.failure = failure;
  }
}
