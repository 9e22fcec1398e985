/** Calls to upstreams. */

import { Failed, Failure } from "./failure.ts";
import { abortable, isBounded, metered, type Source } from "./streams.ts";

/** Content to send: none, all of it, or a stream. */
export type Content = Uint8Array<ArrayBuffer> | Source | null;

/** How long the phases of an exchange may take, in ms; 0 stands for no limit. */
export interface Deadlines {
  firstByte: number;
  total: number;
}

/**
 * Sends a request and returns the response once its head is there.
 *
 * The deadline for the head is a race and not a signal: a signal makes the runtime watch every chunk of the body. The
 * loser is cancelled, with everything that the client's request still has open, once that has been answered.
 */
export function fetchUpstream(
  method: string,
  url: string,
  headers: Headers,
  content: Content,
  deadlines: Deadlines,
): Promise<Response> {
  const init: RequestInit = { method, headers, redirect: "manual", encodeResponseBody: "manual" };
  if (content === null || content instanceof Uint8Array) init.body = content;
  else if (isBounded(content)) init.body = content.stream;
  else return fetchAbortably(url, init, content, deadlines);
  if (deadlines.total !== 0) return fetchAbortably(url, init, null, deadlines);
  return inTime(fetch(url, init), deadlines.firstByte);
}

/** The long way, for an exchange that may have to be cut off. */
async function fetchAbortably(url: string, init: RequestInit, source: Source | null, deadlines: Deadlines): Promise<Response> {
  const controller = new AbortController();
  let reason: number | undefined;
  const abort = (failure: number): void => {
    reason ??= failure;
    controller.abort();
  };
  init.signal = controller.signal;
  if (source !== null) init.body = metered(source, (error) => abort(error instanceof Failed ? error.failure : Failure.Client));
  if (deadlines.total !== 0) setTimeout(abort, deadlines.total, Failure.TotalTimeout);
  try {
    const response = await inTime(fetch(url, init), deadlines.firstByte);
    return deadlines.total === 0 ? response : abortable(response, controller.signal);
  } catch (error) {
    // What `fetch` rejects with does not tell why it was aborted.
    throw reason === undefined ? error : new Failed(reason);
  }
}

function inTime(response: Promise<Response>, millis: number): Promise<Response> {
  if (millis === 0) return response;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Failed(Failure.FirstByteTimeout)), millis);
    response.then(
      (head) => {
        clearTimeout(timer);
        resolve(head);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** The runtime has no codes, and one message for every connection that failed, whether refused, reset or cut off. */
export function failureOf(error: unknown): number {
  return /connection lost|disconnected/i.test(String(error)) ? Failure.Closed : Failure.Other;
}
