/** One request on its way through the core, whose commands are performed here. */

import type { Command } from "./commands.ts";
import { begin, check, Filter, hold, left, letGo, observe, relayed, release, resume, serviceName, type Completion, type Hold } from "./core.ts";
import type { CounterCell } from "./counter_cell.ts";
import { sign, verify } from "./crypto.ts";
import { applyEdits } from "./head.ts";
import { Failed } from "./failure.ts";
import { refusal } from "./refusal.ts";
import { Responses } from "./responses.ts";
import { bounded, collect, type Source } from "./streams.ts";
import { failureOf, fetchUpstream, type Content, type Sending } from "./upstream.ts";
import { Watch } from "./watch.ts";
import { BodyKind, Failure, Kind } from "./wire.gen.ts";

/** The bindings of wrangler.toml. */
export interface Bindings {
  COUNTERS: DurableObjectNamespace<CounterCell>;
  KEY_VALUE: KVNamespace;
  /** The services of upstreams, and text. */
  [name: string]: unknown;
}

/** A command whose outcome the core awaits. */
type Effect = Command & {
  kind: Exclude<Kind, typeof Kind.Respond | typeof Kind.Abort | typeof Kind.Watch | typeof Kind.Linger | typeof Kind.Observe | typeof Kind.End>;
  /** Of a fetch: its text. */
  lines?: string[];
};

/** The lines of a fetch before its edits: method and URL. */
const FETCH_LINES = 2;
const CREATED = 201;
const NO_CONTENT = 204;
const RESET_CONTENT = 205;
const UNAUTHORIZED = 401;
/** RFC 6455 §7.4.1. */
const GOING_AWAY = 1001;

export class Exchange {
  #request: Request;
  #bindings: Bindings;
  #context: ExecutionContext;
  /** The exchange in the core; unset once the core has ended it, or if it never had to wait. */
  #held: Hold | undefined;
  /** Set if the method is HEAD. */
  #isHead = false;
  /** The responses to the fetches whose heads the core has seen, by slot. */
  #responses: Response[] = [];
  /** The fields of those whose content was given up: an answer may still be made of them. */
  #heads: Headers[] | undefined;
  /** What is left to pass of the bodies that are copied, by slot. */
  #branches: ReadableStream<Uint8Array>[] | undefined;
  #store: Responses | undefined;
  /** The ways to give up the effects under way that can be given up, by slot. */
  #aborts: (() => void)[] | undefined;
  /** What cuts off the fetch in each slot, with the reason: the body does not tell it. */
  #signals: AbortSignal[] | undefined;
  /** The effects that the core has given up. */
  #aborted: Set<number> | undefined;
  /** The watch over the exchange, if the core asks for one. */
  #watch: Watch | undefined;
  #answer: Response | undefined;
  /** Resolves the promise of the answer, if it was not there at once. */
  #resolve: ((answer: Response) => void) | undefined;
  /** Tells the runtime that the work after the answer is done, if there was any. */
  #finish: (() => void) | undefined;

  constructor(request: Request, bindings: Bindings, context: ExecutionContext) {
    this.#request = request;
    this.#bindings = bindings;
    this.#context = context;
  }

  /** Answers the request, at once if the core needs no effect. Never fails. */
  answer(): Response | Promise<Response> {
    try {
      const { method, headers, body } = this.#request;
      this.#isHead = method === "HEAD";
      const hasBody = body !== null && headers.get("content-length") !== "0";
      this.#perform(begin(this.#request, method, headers, hasBody));
    } catch (error) {
      this.#lose(error);
    }
    return this.#answer ?? new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Checks the places of upstreams, if any are to be checked, on behalf of no request: the one at hand is empty. Never fails. */
  check(): Promise<unknown> {
    try {
      const commands = check();
      if (commands === undefined) return Promise.resolve();
      this.#perform(commands);
    } catch (error) {
      this.#lose(error);
    }
    return this.#answer === undefined ? new Promise((resolve) => (this.#resolve = resolve)) : Promise.resolve();
  }

  /** Performs the core's commands, in order. */
  #perform(commands: Command[] | undefined): void {
    if (commands === undefined) return this.#lose("the core has lost the exchange");
    for (const command of commands) {
      const { kind, slot } = command;
      if (kind === Kind.End) return this.#end();
      this.#held ??= hold(command.exchange);
      switch (kind) {
        case Kind.Respond:
          this.#respond(this.#response(command));
          break;
        case Kind.Abort:
          this.#abort(slot);
          break;
        case Kind.Watch:
          this.#keepWatch();
          break;
        case Kind.Linger:
          this.#stay();
          break;
        case Kind.Observe:
          this.#watch!.observe(command.bodySlot, (piece) => this.#held !== undefined && observe(this.#held, piece));
          break;
        case Kind.Fetch:
        case Kind.Collect:
        case Kind.Decode:
        case Kind.Get:
        case Kind.Put:
        case Kind.Delete:
        case Kind.Recall:
        case Kind.Store:
        case Kind.Forget:
        case Kind.Content:
        case Kind.Keep:
        case Kind.Count:
        case Kind.Limit:
        case Kind.Sleep:
        case Kind.Verify:
        case Kind.Sign:
        case Kind.Ended:
          this.#start(command as Effect);
          break;
        default:
          throw new TypeError(`no command: ${kind satisfies never}`);
      }
    }
    if (this.#answer !== undefined) this.#stay();
  }

  /** Keeps the runtime going until the exchange has ended. */
  #stay(): void {
    if (this.#finish !== undefined) return;
    this.#context.waitUntil(new Promise<void>((resolve) => (this.#finish = resolve)));
  }

  /** Reports the end from now on even if the client leaves: then only work that outlives the answer still runs. */
  #keepWatch(): void {
    this.#watch = new Watch();
    this.#stay();
    this.#request.signal.addEventListener("abort", () => this.#leave());
  }

  /** Handles the leaving of a watched exchange's client. */
  #leave(): void {
    if (this.#answer !== undefined) return this.#watch!.leave();
    if (this.#held === undefined) return;
    try {
      this.#aborts?.forEach((abort) => abort());
      this.#goOn(left(this.#held));
    } catch (error) {
      this.#lose(error);
    }
  }

  /** Performs the remaining commands, or ends the exchange if there are none. */
  #goOn(commands: Command[] | undefined): void {
    if (commands === undefined) this.#end();
    else this.#perform(commands);
  }

  #start(effect: Effect): void {
    let outcome: Promise<Completion>;
    try {
      outcome = this.#outcome(effect);
    } catch (error) {
      outcome = Promise.reject(error);
    }
    outcome.then(
      (completion) => this.#complete(effect, completion),
      (error) => this.#complete(effect, failed(effect.kind, error)),
    );
  }

  #outcome(effect: Effect): Promise<Completion> {
    const { COUNTERS, KEY_VALUE } = this.#bindings;
    const { kind, slot, text, content } = effect;
    switch (kind) {
      case Kind.Fetch:
        return this.#fetch(effect);
      case Kind.Collect:
      case Kind.Decode: {
        const source = kind === Kind.Collect ? this.#source(effect) : { ...effect, stream: through(content, new DecompressionStream(text as "gzip")) };
        const { bodySlot } = effect;
        const collected = collect(source, () => {
          const reason: unknown = this.#signals?.[bodySlot]?.reason;
          // Slot 0 is the client's.
          return reason instanceof Failed ? reason : new Failed(bodySlot === 0 ? Failure.Client : Failure.Closed);
        });
        this.#abortBy(slot, collected.cancel);
        return collected.content;
      }
      case Kind.Count:
        return this.#watch === undefined ? COUNTERS.getByName(text).count(content) : this.#watch.count(COUNTERS, text, content);
      case Kind.Limit: {
        const [binding, key] = text.split("\n") as [string, string];
        return (this.#bindings[binding] as RateLimit).limit({ key }).then(({ success }) => Uint8Array.of(Number(success)));
      }
      case Kind.Get:
        return KEY_VALUE.get(text, "arrayBuffer").then((value) => value === null ? undefined : new Uint8Array(value));
      case Kind.Put:
        return KEY_VALUE.put(text, content, effect.ttl === 0 ? {} : { expirationTtl: effect.ttl }).then(nothing);
      case Kind.Delete:
        return KEY_VALUE.delete(text).then(nothing);
      case Kind.Recall:
        return this.#stored().recall(text);
      case Kind.Store:
        return this.#stored().store(text, content, effect.ttl);
      case Kind.Forget:
        return this.#stored().forget(text);
      case Kind.Content:
        return this.#stored().content(text);
      case Kind.Keep: {
        const { outcome, cancel } = this.#stored().keep(text, this.#copy(effect), effect.ttl);
        this.#abortBy(slot, cancel);
        return outcome;
      }
      case Kind.Sleep:
        return new Promise((resolve) => {
          const timer = setTimeout(resolve, effect.millis, undefined);
          this.#abortBy(slot, () => clearTimeout(timer));
        });
      case Kind.Verify:
        return verify(text, content);
      case Kind.Sign:
        return sign(text, content);
      case Kind.Ended:
        return this.#watch!.ended;
      default:
        throw new TypeError(`no effect: ${kind satisfies never}`);
    }
  }

  #fetch(effect: Effect): Promise<Response> {
    const { slot, finish } = effect;
    const lines = effect.text.split("\n");
    effect.lines = lines;
    const [method, url] = lines as [string, string];
    const headers = new Headers(this.#base(effect));
    // The text ends with a line feed: the last of its lines is empty.
    applyEdits(headers, lines, FETCH_LINES, finish === 0 ? lines.length - 1 : finish);
    const watch = this.#watch;
    // The core never gives up a response whose head it need not see, unless its client leaves, which only a watch
    // detects.
    const controller = watch?.controller(slot) ?? (finish === 0 ? new AbortController() : undefined);
    if (controller !== undefined) {
      this.#abortBy(slot, () => controller.abort());
      (this.#signals ??= [])[slot] = controller.signal;
    }
    return fetchUpstream(method, url, headers, this.#content(effect), this.#sending(effect), controller, watch !== undefined);
  }

  #sending(effect: Effect): Sending {
    const { service, firstByte, total } = effect;
    return service === 0 ? effect : { firstByte, total, fetcher: this.#bindings[serviceName(service)] as Fetcher };
  }

  #complete(effect: Effect, completion: Completion): void {
    const { kind, slot, finish } = effect;
    delete this.#aborts?.[slot];
    if (this.#held === undefined || this.#aborted?.has(slot)) {
      if (completion instanceof Response) cancel(completion);
      return;
    }
    try {
      if (completion instanceof Response) {
        if (kind === Kind.Fetch && finish !== 0 && isOrdinary(completion)) return this.#relay(completion, effect);
        this.#responses[slot] = completion;
      }
      this.#perform(resume(this.#held, slot, completion));
    } catch (error) {
      this.#lose(error);
    }
  }

  /** Answers with `response`, whose head the core need not see, and releases the exchange. */
  #relay(response: Response, { slot, finish, lines }: Effect): void {
    const body = this.#isHead ? null : response.body;
    const watch = this.#watch;
    const answer = new Response(watch === undefined || body === null ? body : watch.pass(body, response.headers, slot), response);
    applyEdits(answer.headers, lines!, finish, lines!.length - 1);
    this.#respond(answer);
    this.#aborts?.forEach((abort) => abort());
    this.#goOn(relayed(this.#held!, answer));
  }

  #respond(answer: Response): void {
    this.#answer = answer;
    this.#resolve?.(answer);
  }

  #response(command: Command): Response {
    const body = this.#body(command);
    // In chunks: its length is not known, and the one that the base states is that of the content as it was.
    const response = new Response(command.coding === 0 ? body : through(body!, new CompressionStream("gzip")), {
      status: command.status,
      headers: this.#base(command),
      encodeBody: "manual",
      webSocket: command.body === BodyKind.Socket ? this.#responses[command.bodySlot]!.webSocket : null,
    });
    if (command.text !== "") {
      const lines = command.text.split("\n");
      applyEdits(response.headers, lines, 0, lines.length - 1);
    }
    return response;
  }

  /** The body of the response in `command`. */
  #body(command: Command): ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null {
    const content = this.#content(command);
    const watch = this.#watch;
    if (content === null) return null;
    if ("stream" in content) {
      return watch === undefined ? bounded(content) : watch.pass(content.stream, content.headers, command.bodySlot, content.limit, content.filter);
    }
    if (watch === undefined) return content;
    const { body, headers } = new Response(content, { headers: { "content-length": String(content.byteLength) } });
    return watch.pass(body!, headers, command.bodySlot);
  }

  /** The fields that the edits of `command` apply to. */
  #base({ base }: Command): Headers | undefined {
    if (base === 0) return undefined;
    return base === 1 ? this.#request.headers : (this.#responses[base - 1]?.headers ?? this.#heads![base - 1]);
  }

  #content(command: Command): Content {
    switch (command.body) {
      case BodyKind.Empty:
      case BodyKind.Socket:
        return null;
      case BodyKind.Full:
        return command.content;
      case BodyKind.Stream:
        return this.#source(command);
      default:
        throw new TypeError(`no form of a body: ${command.body satisfies never}`);
    }
  }

  #source({ bodySlot, limit, filter: id }: Command): Source {
    const message = bodySlot === 0 ? this.#request : this.#responses[bodySlot]!;
    const filter = id === 0 ? undefined : new Filter(id);
    // What is edited has another length.
    const headers = filter === undefined ? message.headers : new Headers();
    return { stream: this.#branches?.[bodySlot] ?? message.body!, headers, limit, message, context: this.#context, filter };
  }

  /** A copy of a body, which passes all the same. */
  #copy(effect: Effect): Source {
    const source = this.#source(effect);
    const [passing, copy] = source.stream.tee();
    this.#branches ??= [];
    this.#branches[effect.bodySlot] = passing;
    return { ...source, stream: copy };
  }

  #stored(): Responses {
    return (this.#store ??= new Responses(this.#bindings.KEY_VALUE, this.#context, this.#request.url));
  }

  #abortBy(slot: number, abort: () => void): void {
    this.#aborts ??= [];
    this.#aborts[slot] = abort;
  }

  /** Gives up the effect in `slot`, or the body of the response in it. */
  #abort(slot: number): void {
    const response = this.#responses[slot];
    if (response !== undefined) {
      delete this.#responses[slot];
      (this.#heads ??= [])[slot] = response.headers;
      this.#branches?.[slot]?.cancel().catch(nothing);
      return cancel(response);
    }
    this.#aborted ??= new Set();
    this.#aborted.add(slot);
    this.#aborts?.[slot]?.();
    delete this.#aborts?.[slot];
  }

  /** Handles the end of the exchange in the core. */
  #end(): void {
    if (this.#held !== undefined) release(this.#held);
    this.#held = undefined;
    this.#finish?.();
  }

  /** Ends the exchange in the core, and all of its effects under way. */
  #letGo(): void {
    if (this.#held !== undefined) letGo(this.#held);
    this.#held = undefined;
    this.#aborts?.forEach((abort) => abort());
    this.#finish?.();
  }

  /** Ends an exchange that has failed, for any reason: a defect. */
  #lose(reason: unknown): void {
    console.error(`no answer: ${reason}`);
    if (this.#answer === undefined) this.#respond(refusal());
    this.#letGo();
  }
}

function nothing(): undefined {}

function through(body: BodyInit, stream: CompressionStream | DecompressionStream): ReadableStream<Uint8Array> {
  return new Response(body).body!.pipeThrough(stream);
}

function cancel({ body, webSocket }: Response): void {
  if (webSocket !== null) {
    webSocket.accept();
    webSocket.close(GOING_AWAY);
  }
  // A body with a reader is cancelled by its reader.
  if (body !== null && !body.locked) body.cancel().catch(nothing);
}

/** Returns whether the known edits are all that the response needs; see `KnownEdits` in `gateway-core`. */
function isOrdinary({ status, headers }: Response): boolean {
  if (status < 200 || status > 599 || status === RESET_CONTENT || status === UNAUTHORIZED) return false;
  // What `Location` says may have to be said otherwise.
  if ((status === CREATED || (status >= 300 && status < 400)) && headers.has("location")) return false;
  // The runtime frames the content by itself, but leaves the field as the upstream wrote it.
  const length = headers.get("content-length");
  if (length !== null && (status === NO_CONTENT || !/^\d+$/.test(length))) return false;
  const connection = headers.get("connection");
  return connection === null || /^(close|keep-alive)$/i.test(connection);
}

function failed(kind: Kind, error: unknown): Failed {
  if (error instanceof Failed) return error;
  if (kind === Kind.Fetch) return new Failed(failureOf(error));
  console.error(`${kind === Kind.Verify || kind === Kind.Sign ? "a key" : "a binding"} failed: ${error}`);
  return new Failed(Failure.Store);
}
