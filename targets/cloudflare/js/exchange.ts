/** One request on its way through the core. */

import * as wasm from "edgeway-wasm";
import { Failure, Kind, readBody, readFrame, sendBytes, sendText, type Frame, type FrameBody } from "./core.ts";
import type { CounterCell } from "./counter_cell.ts";
import { limited, read, TooLarge } from "./streams.ts";

/** What wrangler.toml binds. */
export interface Bindings {
  COUNTERS: DurableObjectNamespace<CounterCell>;
  KEY_VALUE: KVNamespace;
}

/** Answers `request`. */
export async function exchange(request: Request, bindings: Bindings): Promise<Response> {
  const hasBody = request.body !== null && request.headers.get("content-length") !== "0";
  let kind = wasm.begin(sendText(packRequest(request)), hasBody, Date.now());
  if (kind === Kind.Malformed) return refusal(400, "Bad Request");
  const responses: Response[] = [];
  while (kind !== Kind.Respond) {
    if (kind === Kind.Broken) return refusal(500, "Internal Server Error");
    kind = await perform(kind, readFrame(), request, responses, bindings);
  }
  return respond(readFrame(), request, responses);
}

async function perform(
  kind: number,
  frame: Frame,
  request: Request,
  responses: Response[],
  bindings: Bindings,
): Promise<number> {
  const { id } = frame;
  try {
    switch (kind) {
      case Kind.Fetch: {
        const response = await fetchUpstream(frame, request, responses);
        responses.push(response);
        const len = sendText(packFields(response.headers));
        return wasm.resume_head(id, response.status, len, response.body !== null, Date.now());
      }
      case Kind.Collect: {
        const body = readBody(frame);
        if (body.kind !== "stream") break;
        const content = await read(streamOf(body, request, responses), body.limit);
        return wasm.resume_bytes(id, sendBytes(content), Date.now());
      }
      case Kind.Count: {
        const body = readBody(frame);
        if (body.kind !== "full") break;
        const cell = bindings.COUNTERS.getByName(frame.text);
        const verdict = await cell.count(body.content);
        return wasm.resume_bytes(id, sendBytes(verdict), Date.now());
      }
      case Kind.Get: {
        const value = await bindings.KEY_VALUE.get(frame.text, "arrayBuffer");
        if (value === null) break;
        return wasm.resume_bytes(id, sendBytes(new Uint8Array(value)), Date.now());
      }
      case Kind.Put: {
        const body = readBody(frame);
        const options = frame.ttl === 0 ? {} : { expirationTtl: frame.ttl };
        await bindings.KEY_VALUE.put(frame.text, body.kind === "full" ? body.content : new Uint8Array(0), options);
        break;
      }
      case Kind.Delete:
        await bindings.KEY_VALUE.delete(frame.text);
        break;
    }
  } catch (error) {
    return wasm.resume_failed(id, failureOf(kind, error), Date.now());
  }
  return wasm.resume_nothing(id, Date.now());
}

/**
 * Sends the request. The deadline for the head is a race and not a signal: a signal makes the runtime watch every chunk
 * of the body. The loser is cancelled with all that the request still has open once its response has been sent.
 */
async function fetchUpstream(frame: Frame, request: Request, responses: Response[]): Promise<Response> {
  const body = readBody(frame);
  const lines = frame.text.split("\n");
  const headers = new Headers(request.headers);
  edit(headers, lines, 2);
  const init: RequestInit = { method: lines[0]!, headers, redirect: "manual", encodeResponseBody: "manual" };
  if (body.kind === "full") init.body = body.content;
  if (body.kind === "stream") init.body = limited(streamOf(body, request, responses), body.limit, request.headers);
  if (frame.total !== 0) init.signal = signalAfter(frame.total);
  const response = fetch(lines[1]!, init);
  if (frame.firstByte === 0) return response;

  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, frame.firstByte, Failure.FirstByteTimeout);
  });
  try {
    return await Promise.race([response, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A signal that ends an exchange `millis` from now, body included. */
function signalAfter(millis: number): AbortSignal {
  const late = new AbortController();
  setTimeout(() => late.abort(Failure.TotalTimeout), millis);
  return late.signal;
}

function respond(frame: Frame, request: Request, responses: Response[]): Response {
  const body = readBody(frame);
  const origin = responses[frame.base - 1];
  const response = answer(frame.status, body, origin, request, responses);
  if (frame.text !== "") edit(response.headers, frame.text.split("\n"), 0);
  return response;
}

/** The response before its fields are edited: that of `origin` if nothing but fields differs. */
function answer(
  status: number,
  body: FrameBody,
  origin: Response | undefined,
  request: Request,
  responses: Response[],
): Response {
  if (body.kind === "stream") {
    const stream = streamOf(body, request, responses);
    const headers = responses[body.slot - 1]?.headers ?? request.headers;
    const content = body.limit === Infinity ? stream : limited(stream, body.limit, headers);
    return new Response(content, { status, headers: origin?.headers, encodeBody: "manual" });
  }
  const content = body.kind === "full" ? body.content : null;
  return new Response(content, { status, headers: origin?.headers, encodeBody: "manual" });
}

/** Applies edits of fields; `src/wire/edits.rs` writes them. */
function edit(headers: Headers, lines: string[], from: number): void {
  for (let at = from; at < lines.length - 1; at += 1) {
    const line = lines[at]!;
    const name = line.slice(1);
    switch (line.charCodeAt(0)) {
      case 0x2d: // -
        headers.delete(name);
        break;
      case 0x3d: // =
        at += 1;
        headers.set(name, lines[at]!);
        break;
      default:
        at += 1;
        headers.append(name, lines[at]!);
    }
  }
}

function streamOf(body: FrameBody & { kind: "stream" }, request: Request, responses: Response[]): ReadableStream {
  const stream = body.slot === 0 ? request.body : responses[body.slot - 1]?.body;
  if (!stream) throw new Error(`no body ${body.slot}`);
  return stream;
}

function packRequest(request: Request): string {
  return `${request.method}\n${request.url}\n${clientAddress(request)}\n${packFields(request.headers)}`;
}

/** Whether Cloudflare's edge is in front, which states the client's address in a header that no client can set. */
let edge: boolean | undefined;

/** The client's address: from the edge, or on workerd alone from the socket. */
function clientAddress(request: Request): string {
  edge ??= socketAddress(request) === undefined;
  return (edge ? request.headers.get("cf-connecting-ip") : socketAddress(request)) ?? "";
}

/** The address of the connection, without its port; only workerd by itself tells it. */
function socketAddress(request: Request): string | undefined {
  const address = (request.cf as { clientIp?: string } | undefined)?.clientIp;
  return address?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

function packFields(headers: Headers): string {
  let text = "";
  headers.forEach((value, name) => {
    text += `${name}\n${value}\n`;
  });
  return text;
}

function failureOf(kind: number, error: unknown): number {
  if (typeof error === "number") return error;
  if (error instanceof TooLarge) return Failure.BodyTooLarge;
  if (kind === Kind.Collect) return Failure.Client;
  if (kind !== Kind.Fetch) return Failure.Store;
  const text = String(error);
  if (/Connection refused|connect/i.test(text)) return Failure.Connect;
  if (/DNS|getaddrinfo/i.test(text)) return Failure.Dns;
  if (/TLS|certificate/i.test(text)) return Failure.Tls;
  if (/connection lost|disconnected|reset/i.test(text)) return Failure.Closed;
  return Failure.Other;
}

function refusal(status: number, title: string): Response {
  const problem = JSON.stringify({ type: "about:blank", title, status });
  return new Response(problem, { status, headers: { "content-type": "application/problem+json" } });
}
