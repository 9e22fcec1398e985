/** One request on its way through the core: what that asks for is performed here, one thing after another. */

import { begin, hold, letGo, readFrame, resume, type Completion, type Frame } from "./core.ts";
import type { CounterCell } from "./counter_cell.ts";
import { applyEdits, peerAddress } from "./head.ts";
import { Failed } from "./failure.ts";
import { bounded, read, type Source } from "./streams.ts";
import { failureOf, fetchUpstream, type Content } from "./upstream.ts";
import { BodyKind, Failure, Kind } from "./wire.gen.ts";

/** What wrangler.toml binds. */
export interface Bindings {
  COUNTERS: DurableObjectNamespace<CounterCell>;
  KEY_VALUE: KVNamespace;
}

/** What the core waits for. */
type Effect = Exclude<Kind, typeof Kind.Broken | typeof Kind.Respond>;

/** The lines of a fetch before its edits: method and URL. */
const FETCH_LINES = 2;
const RESET_CONTENT = 205;

export class Exchange {
  #request: Request;
  #bindings: Bindings;
  /** The response to each fetch; a frame counts them from 1. */
  #responses: Response[] = [];
  /** The text of the last fetch; like any text, it ends with a line feed, so the last of its lines is empty. */
  #lines: string[] = [];

  constructor(request: Request, bindings: Bindings) {
    this.#request = request;
    this.#bindings = bindings;
  }

  /** Answers the request, at once if the core needs nothing for that. Never fails. */
  answer(): Response | Promise<Response> {
    try {
      return this.#begin();
    } catch (error) {
      return lost(error);
    }
  }

  #begin(): Response | Promise<Response> {
    const { method, url, headers, body } = this.#request;
    const hasBody = body !== null && headers.get("content-length") !== "0";
    const kind = begin(method, url, peerAddress(this.#request), headers, hasBody);
    if (kind === Kind.Broken) return refusal();
    return kind === Kind.Respond ? this.#respond(readFrame()) : this.#goOn(kind, readFrame());
  }

  async #goOn(kind: Effect, frame: Frame): Promise<Response> {
    const held = hold(frame.id);
    try {
      while (true) {
        let completion: Completion;
        try {
          completion = await this.#perform(kind, frame);
        } catch (error) {
          completion = failed(kind, error);
        }
        if (completion instanceof Response) {
          if (frame.finish !== 0 && isOrdinary(completion)) return this.#relay(completion, frame);
          this.#responses.push(completion);
        }
        const next = resume(held, completion);
        if (next === Kind.Broken) return refusal();
        frame = readFrame();
        if (next === Kind.Respond) return this.#respond(frame);
        kind = next;
      }
    } catch (error) {
      return lost(error);
    } finally {
      letGo(held);
    }
  }

  #perform(kind: Effect, frame: Frame): Promise<Completion> {
    const { COUNTERS, KEY_VALUE } = this.#bindings;
    switch (kind) {
      case Kind.Fetch: {
        const lines = frame.text.split("\n");
        this.#lines = lines;
        const headers = new Headers(this.#request.headers);
        applyEdits(headers, lines, FETCH_LINES, frame.finish === 0 ? lines.length - 1 : frame.finish);
        return fetchUpstream(lines[0]!, lines[1]!, headers, this.#content(frame), frame);
      }
      case Kind.Collect:
        return read(this.#source(frame));
      case Kind.Count:
        return COUNTERS.getByName(frame.text).count(frame.content);
      case Kind.Get:
        return KEY_VALUE.get(frame.text, "arrayBuffer").then((value) => value === null ? undefined : new Uint8Array(value));
      case Kind.Put:
        return KEY_VALUE.put(frame.text, frame.content, frame.ttl === 0 ? {} : { expirationTtl: frame.ttl }).then(nothing);
      case Kind.Delete:
        return KEY_VALUE.delete(frame.text).then(nothing);
      default:
        throw new TypeError(`no effect: ${kind satisfies never}`);
    }
  }

  /** Answers with `response`, whose head the core need not see. */
  #relay(response: Response, frame: Frame): Response {
    const answer = new Response(this.#request.method === "HEAD" ? null : response.body, response);
    applyEdits(answer.headers, this.#lines, frame.finish, this.#lines.length - 1);
    return answer;
  }

  #respond(frame: Frame): Response {
    const content = this.#content(frame);
    const response = new Response(content && ("stream" in content ? bounded(content) : content), {
      status: frame.status,
      headers: this.#responses[frame.base - 1]?.headers,
      encodeBody: "manual",
    });
    if (frame.text !== "") {
      const lines = frame.text.split("\n");
      applyEdits(response.headers, lines, 0, lines.length - 1);
    }
    return response;
  }

  #content(frame: Frame): Content {
    switch (frame.body) {
      case BodyKind.Empty:
        return null;
      case BodyKind.Full:
        return frame.content;
      case BodyKind.Stream:
        return this.#source(frame);
      default:
        throw new TypeError(`no form of a body: ${frame.body satisfies never}`);
    }
  }

  #source({ slot, limit }: Frame): Source {
    const message = slot === 0 ? this.#request : this.#responses[slot - 1]!;
    return { stream: message.body!, headers: message.headers, limit, message };
  }
}

function nothing(): undefined {}

/** Whether the edits that the core told beforehand are all that there is to do; see `Finish` in `gateway-core`. */
function isOrdinary({ status, headers }: Response): boolean {
  if (status < 200 || status > 599 || status === RESET_CONTENT) return false;
  const connection = headers.get("connection");
  return connection === null || /^(close|keep-alive)$/i.test(connection);
}

function failed(kind: Effect, error: unknown): Failed {
  if (error instanceof Failed) return error;
  if (kind === Kind.Fetch) return new Failed(failureOf(error));
  console.error(`a binding failed: ${error}`);
  return new Failed(Failure.Store);
}

/** An answer that the runtime does not make, whatever the reason: a defect. */
function lost(error: unknown): Response {
  console.error(`no answer: ${error}`);
  return refusal();
}

/** The last resort, where the core can't say it: it makes every other answer. */
function refusal(): Response {
  const id = crypto.randomUUID().replaceAll("-", "");
  const problem = {
    type: "urn:edgeway:problem:internal",
    title: "Internal error",
    status: 500,
    detail: "the gateway failed to handle the request",
    instance: `urn:edgeway:request:${id}`,
    code: "internal",
  };
  const headers = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": id,
  };
  return new Response(JSON.stringify(problem), { status: 500, headers });
}
