/** Calls to upstreams. */

import { Failed } from "./failure.ts";
import { abortable, isBounded, type Source } from "./streams.ts";
import { isSmall, Upload } from "./upload.ts";
import { Failure } from "./wire.gen.ts";

/** Content to send: none, all of it, or a stream. */
export type Content = Uint8Array<ArrayBuffer> | Source | null;

/** How a request is sent: the longest that each phase of its exchange may take, in ms, where 0 stands for no limit. */
export interface Sending {
  firstByte: number;
  total: number;
  /** The service that takes it, in place of the network. */
  fetcher?: Fetcher;
}

/**
 * Sends a request and returns the response once its head is there; `controller` can give it up before.
 *
 * The deadline for the head is a race, not a signal, which would have to be created for every request. The loser is
 * cancelled once the client's request has been answered, with everything else still open for it.
 *
 * If `isWatched`, the caller watches the body of the response, and cuts it off through `controller`.
 */
export function fetchUpstream(
  method: string,
  url: string,
  headers: Headers,
  content: Content,
  sending: Sending,
  controller?: AbortController,
  isWatched = false,
): Promise<Response> {
  const init: RequestInit = { headers, redirect: "manual", encodeResponseBody: "manual" };
  if ((method === "GET" || method === "HEAD") && content !== null) {
    // `fetch` takes no content with these methods (Fetch standard, "Request" constructor), unless the request is made
    // from one that has content. No other content can be put in, so metered content can't be sent either.
    if (content instanceof Uint8Array || !isBounded(content)) return Promise.reject(new Failed(Failure.LengthRequired));
    return send(new Request(url, content.message as Request), init, sending, isWatched, controller);
  }
  init.method = method;
  if (content === null || content instanceof Uint8Array) init.body = content;
  else if (isSmall(content)) init.body = content.stream;
  else return fetchAbortably(url, init, content, sending, isWatched, controller);
  return send(url, init, sending, isWatched, controller);
}

function send(
  input: string | Request,
  init: RequestInit,
  sending: Sending,
  isWatched: boolean,
  controller?: AbortController,
): Promise<Response> {
  if (sending.total !== 0) return fetchAbortably(input, init, null, sending, isWatched, controller);
  if (controller !== undefined) init.signal = controller.signal;
  return inTime(dispatch(input, init, sending.fetcher), sending.firstByte);
}

/** The slow way, for an exchange that may have to be cut off. */
async function fetchAbortably(
  input: string | Request,
  init: RequestInit,
  source: Source | null,
  sending: Sending,
  isWatched: boolean,
  controller = new AbortController(),
): Promise<Response> {
  let reason: Failure | undefined;
  const abort = (failure: Failure): void => {
    reason ??= failure;
    controller.abort(new Failed(failure));
  };
  init.signal = controller.signal;
  const upload = source === null ? undefined : new Upload(source, abort);
  if (upload !== undefined) init.body = upload.stream;
  if (sending.total !== 0) setTimeout(abort, sending.total, Failure.TotalTimeout);
  try {
    const sent = dispatch(input, init, sending.fetcher);
    const response = await (upload?.answered(sent, sending.firstByte) ?? inTime(sent, sending.firstByte));
    return sending.total === 0 || isWatched ? response : abortable(response, controller.signal);
  } catch (error) {
    // The rejection of `fetch` does not tell why it was aborted.
    throw reason === undefined ? error : new Failed(reason);
  }
}

function dispatch(input: string | Request, init: RequestInit, fetcher: Fetcher | undefined): Promise<Response> {
  if (fetcher === undefined) return fetch(input, init);
  // What the service throws comes out here: it has ended without a response.
  return fetcher.fetch(input, init).catch((error) => {
    console.error(`a service failed: ${error}`);
    throw error instanceof Failed ? error : new Failed(Failure.Closed);
  });
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

/** The runtime has no codes, and one message for every failed connection, whether refused, reset or cut off. */
export function failureOf(error: unknown): Failure {
  return /connection lost|disconnected/i.test(String(error)) ? Failure.Closed : Failure.Other;
}
