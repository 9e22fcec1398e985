/** One request on its way through the core: what that asks for is performed here, one thing after another. */

import { abandon, begin, Kind, readFrame, resume, type Completion, type Frame } from "./core.ts";
import type { CounterCell } from "./counter_cell.ts";
import { applyEdits, clientAddress, packFields } from "./head.ts";
import { bounded, read, TooLarge, type Source } from "./streams.ts";
import { Failed, Failure, fetchUpstream, type Content } from "./upstream.ts";

/** What wrangler.toml binds. */
export interface Bindings {
  COUNTERS: DurableObjectNamespace<CounterCell>;
  KEY_VALUE: KVNamespace;
}

/** The lines of a fetch before its edits: method and URL. */
const FETCH_LINES = 2;

export class Exchange {
  #request: Request;
  #bindings: Bindings;
  /** The response to each fetch; a frame counts them from 1. */
  #responses: Response[] = [];

  constructor(request: Request, bindings: Bindings) {
    this.#request = request;
    this.#bindings = bindings;
  }

  /** Answers the request. */
  async answer(): Promise<Response> {
    const { method, url, headers, body } = this.#request;
    const hasBody = body !== null && headers.get("content-length") !== "0";
    const head = `${method}\n${url}\n${clientAddress(this.#request)}\n${packFields(headers)}`;
    let kind = begin(head, hasBody);
    if (kind >= Kind.Broken) return refusal(kind);
    if (kind === Kind.Respond) return this.#respond(readFrame());

    // Should the client leave, nothing runs any more: not even `finally`. The core is told once this is collected.
    let frame = readFrame();
    const ticket = abandon.when(this, frame.id);
    do {
      kind = resume(ticket, await this.#perform(kind, frame));
      if (kind >= Kind.Broken) return refusal(kind);
      frame = readFrame();
    } while (kind !== Kind.Respond);
    abandon.never(this);
    return this.#respond(frame);
  }

  async #perform(kind: number, frame: Frame): Promise<Completion> {
    try {
      switch (kind) {
        case Kind.Fetch:
          return await this.#fetch(frame);
        case Kind.Collect:
          return await this.#collect(frame);
        case Kind.Count:
          return await this.#bindings.COUNTERS.getByName(frame.text).count(frame.content);
        case Kind.Get: {
          const value = await this.#bindings.KEY_VALUE.get(frame.text, "arrayBuffer");
          return value === null ? undefined : new Uint8Array(value);
        }
        case Kind.Put:
          await this.#bindings.KEY_VALUE.put(frame.text, frame.content, frame.ttl === 0 ? {} : { expirationTtl: frame.ttl });
          return undefined;
        default:
          await this.#bindings.KEY_VALUE.delete(frame.text);
          return undefined;
      }
    } catch (error) {
      return error instanceof Failed ? error : new Failed(Failure.Store);
    }
  }

  async #fetch(frame: Frame): Promise<Response> {
    const lines = frame.text.split("\n");
    const headers = new Headers(this.#request.headers);
    applyEdits(headers, lines, FETCH_LINES);
    const response = await fetchUpstream(lines[0]!, lines[1]!, headers, this.#content(frame), frame);
    this.#responses.push(response);
    return response;
  }

  async #collect(frame: Frame): Promise<Uint8Array> {
    try {
      return await read(this.#source(frame));
    } catch (error) {
      throw new Failed(error instanceof TooLarge ? Failure.BodyTooLarge : Failure.Client);
    }
  }

  #respond(frame: Frame): Response {
    const content = this.#content(frame);
    const response = new Response(content && ("stream" in content ? bounded(content) : content), {
      status: frame.status,
      headers: this.#responses[frame.base - 1]?.headers,
      encodeBody: "manual",
    });
    if (frame.text !== "") applyEdits(response.headers, frame.text.split("\n"), 0);
    return response;
  }

  #content(frame: Frame): Content {
    switch (frame.body) {
      case "empty":
        return null;
      case "full":
        return frame.content;
      case "stream":
        return this.#source(frame);
    }
  }

  #source({ slot, limit }: Frame): Source {
    const { body, headers } = slot === 0 ? this.#request : this.#responses[slot - 1]!;
    return { stream: body!, headers, limit };
  }
}

/** The last resort: the core makes every other answer. */
function refusal(kind: number): Response {
  const [status, title] = kind === Kind.Malformed ? [400, "Bad Request"] : [500, "Internal Server Error"];
  const problem = JSON.stringify({ type: "about:blank", title, status });
  return new Response(problem, { status, headers: { "content-type": "application/problem+json" } });
}
