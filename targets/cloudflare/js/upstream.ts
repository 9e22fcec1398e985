/** Calls to upstreams. */

import { abortable, bounded, TooLarge, type Source } from "./streams.ts";

/** How a thing that the core asked for failed; `failure_of` in `src/exports.rs`. */
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
} as const;

/** Content to send: none, all of it, or a stream. */
export type Content = Uint8Array<ArrayBuffer> | Source | null;

/** How long the phases of an exchange may take, in ms; 0 stands for no limit. */
export interface Deadlines {
  firstByte: number;
  total: number;
}

/** An exchange failed; `failure` says how. */
export class Failed extends Error {
  failure: number;

  constructor(failure: number) {
    super();
    this.failure = failure;
  }
}

/**
 * Sends a request and returns the response once its head is there.
 *
 * The deadline for the head is a race and not a signal: a signal makes the runtime watch every chunk of the body. The
 * loser is cancelled, with everything that the client's request still has open, once that has been answered.
 */
export async function fetchUpstream(
  method: string,
  url: string,
  headers: Headers,
  content: Content,
  deadlines: Deadlines,
): Promise<Response> {
  const init: RequestInit = { method, headers, redirect: "manual", encodeResponseBody: "manual" };
  const abort = new Abort();
  if (content !== null && "stream" in content) {
    init.body = bounded(content, (error) => abort.because(error instanceof TooLarge ? Failure.BodyTooLarge : Failure.Client));
    if (init.body !== content.stream) init.signal = abort.signal;
  } else {
    init.body = content;
  }
  if (deadlines.total !== 0) {
    init.signal = abort.signal;
    setTimeout(() => abort.because(Failure.TotalTimeout), deadlines.total);
  }
  try {
    const response = await inTime(fetch(url, init), deadlines.firstByte);
    return deadlines.total === 0 ? response : abortable(response, abort.signal);
  } catch (error) {
    throw error instanceof Failed ? error : new Failed(abort.reason ?? failureOf(error));
  }
}

/** A signal made only when needed, and why it was given: what `fetch` rejects with does not tell. */
class Abort {
  reason: number | undefined;
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  because(reason: number): void {
    this.reason ??= reason;
    this.#controller?.abort();
  }
}

async function inTime(response: Promise<Response>, millis: number): Promise<Response> {
  if (millis === 0) return response;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Failed(Failure.FirstByteTimeout)), millis);
  });
  try {
    return await Promise.race([response, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The runtime has no codes, and one message for every connection that failed, whether refused, reset or cut off. */
function failureOf(error: unknown): number {
  return /connection lost|disconnected/i.test(String(error)) ? Failure.Closed : Failure.Other;
}
