/** The wasm instance, and the calls into it; `src/exports.rs` is the other side. */

import * as wasm from "edgeway-wasm";
import { readCommands, type Command } from "./commands.ts";
import { Failed } from "./failure.ts";
import { peerAddress, stated } from "./head.ts";
import { clearInbox, readInto, resetMemory, sendBytes, sendField, sendLine, sentLength } from "./memory.ts";
import { Ended } from "./passage.ts";
import { Failure, VERSION } from "./wire.gen.ts";

/** The outcome of an effect. */
export type Completion = Response | Uint8Array | Ended | Failed | undefined;

/** An exchange in the core. It is gone once its instance has trapped. */
interface Ticket {
  id: number;
  instance: number;
}

/**
 * Holds an exchange in the core for as long as this object is referenced. If the client leaves, nothing runs any more,
 * not even `finally`: the core then learns of it once the object is garbage.
 */
export class Hold {
  ticket: Ticket = { id: 0, instance: 0 };
}

const encoder = new TextEncoder();

let initialise: () => void;
let instance = 0;
/** Set if an access log is kept. */
let logged = false;
/** What is asked of the edge beside a client's address: a bit for each of `Stated`. */
let asked = 0;
/** The service bindings of upstreams; empty for those on the network. */
let services: string[] = [];

/** Starts the instance with a configuration; throws the configuration's mistakes. */
export function start(module: WebAssembly.Module, config: string, bindings: string): void {
  initialise = () => {
    const { memory } = wasm.initSync({ module });
    agree(wasm.wire_version());
    instance += 1;
    resetMemory(memory);
    const faults = wasm.load(encoder.encode(config), bindings);
    if (faults !== "") throw new Error(`gateway.json is wrong:\n${faults}`);
    logged = wasm.is_logged();
    asked = wasm.asks();
    services = wasm.services().split("\n");
  };
  initialise();
}

/** The names of all service bindings that take the calls of upstreams. */
export function serviceNames(): string[] {
  return services.filter((name) => name !== "");
}

/** The name of the service binding with this number in a fetch; it is not 0. */
export function serviceName(number: number): string {
  return services[number - 1]!;
}

/** Throws unless the wasm was built with this version of the glue. */
function agree(version: number): void {
  if (version === VERSION) return;
  const [its, own] = [version, VERSION].map((number) => number.toString(16));
  throw new Error(`edgeway.wasm and worker.js are not of one build (wire ${its} and ${own}): run \`cargo xtask build-worker\``);
}

/** Begins an exchange; returns its first commands, or nothing if it failed. */
export function begin(request: Request, method: string, headers: Headers, hasBody: boolean): Command[] | undefined {
  try {
    clearInbox();
    sendLine(method);
    sendLine(request.url);
    sendLine(peerAddress(request));
    if (asked !== 0) sendLine(stated(request, asked));
    headers.forEach(sendField);
    return readCommands(wasm.begin(sentLength(), hasBody, Date.now()));
  } catch (error) {
    return startOver(error);
  }
}

/** Begins an exchange without a request that checks the places of upstreams; returns its first commands, or nothing if there is nothing to check. */
export function check(): Command[] | undefined {
  try {
    return readCommands(wasm.check_places(Date.now()));
  } catch (error) {
    return startOver(error);
  }
}

/** Goes on with an exchange after the effect in `slot`; returns its next commands, or nothing if it failed. */
export function resume({ ticket }: Hold, slot: number, completion: Completion): Command[] | undefined {
  if (ticket.instance !== instance) return undefined;
  try {
    return readCommands(complete(ticket.id, slot, completion, Date.now()));
  } catch (error) {
    return startOver(error);
  }
}

/** Ends an exchange that was answered with the upstream's `response`, and returns the remaining commands, if any. */
export function relayed({ ticket }: Hold, { status, headers, body }: Response): Command[] | undefined {
  if (ticket.instance !== instance) return undefined;
  const length = logged ? Number(headers.get("content-length") ?? NaN) : NaN;
  try {
    return readCommands(wasm.relayed(ticket.id, status, body !== null, length, Date.now()));
  } catch (error) {
    return startOver(error);
  }
}

/** Ends a watched exchange whose client left before the answer, and returns the remaining commands, if any. */
export function left({ ticket }: Hold): Command[] | undefined {
  if (ticket.instance !== instance) return undefined;
  try {
    return readCommands(wasm.left(ticket.id, Date.now()));
  } catch (error) {
    return startOver(error);
  }
}

/** Shows a piece of the answer's body to the core. */
export function observe({ ticket }: Hold, piece: Uint8Array): void {
  if (ticket.instance !== instance) return;
  try {
    clearInbox();
    sendBytes(piece);
    wasm.observe(ticket.id, sentLength());
  } catch (error) {
    startOver(error);
  }
}

/** The bytes that are written at once where there are as many. */
const FULL = 128 * 1024;

/** The edits of a body on its way, which the core holds for as long as this object is referenced. */
export class Filter {
  #ticket: Ticket;
  /** The memory for what comes out: of one after another, garbage would be left until it is collected. */
  #out = new Uint8Array(0);
  #held = 0;

  constructor(id: number) {
    this.#ticket = { id, instance };
    forgotten.register(this, this.#ticket);
  }

  /** What comes of the next `piece`, or of the end without one, until the next call; or some of it later, if there is `more`. */
  edit(piece?: Uint8Array, more = false): Uint8Array {
    const { id, instance: its } = this.#ticket;
    clearInbox();
    if (piece !== undefined) sendBytes(piece);
    const length = its === instance ? attempt(() => wasm.filter(id, sentLength(), piece === undefined)) : -1;
    if (length < 0) throw new Failed(Failure.Content);
    const held = this.#held + length;
    if (held > this.#out.byteLength) {
      const out = new Uint8Array(2 * held);
      out.set(this.#out.subarray(0, this.#held));
      this.#out = out;
    }
    readInto(this.#out, this.#held, wasm.filtered(), length);
    this.#held = more && held < FULL ? held : 0;
    return this.#out.subarray(0, held - this.#held);
  }
}

const forgotten = new FinalizationRegistry<Ticket>(({ id, instance: its }) => {
  if (its === instance) wasm.forget_filter(id);
});

function complete(id: number, slot: number, completion: Completion, now: number): number {
  clearInbox();
  if (completion instanceof Response) {
    completion.headers.forEach(sendField);
    return wasm.resume_head(id, slot, completion.status, sentLength(), completion.body !== null || completion.webSocket !== null, now);
  }
  if (completion instanceof Uint8Array) {
    sendBytes(completion);
    return wasm.resume_bytes(id, slot, sentLength(), now);
  }
  if (completion instanceof Ended) return wasm.resume_ended(id, slot, completion.bytes, completion.failure, now);
  if (completion === undefined) return wasm.resume_nothing(id, slot, now);
  if (completion instanceof Failed) return wasm.resume_failed(id, slot, completion.failure, now);
  throw new TypeError(`no completion: ${completion satisfies never}`);
}

/** The number of the live instance; another number means another memory. */
export function current(): number {
  return instance;
}

/** Returns the result of `call`. Its exceptions pass to the caller, but a trap replaces the instance first. */
export function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) startOver(error);
    throw error;
  }
}

/** Replaces the instance after a trap, which leaves it unusable: its other exchanges fail. */
function startOver(error: unknown): undefined {
  console.error(`the core failed: ${error}`);
  wasm.__wbg_reset_state();
  initialise();
}

/** Unused holds: registering and unregistering one for every request would cost more than it is worth. */
const idle: Hold[] = [];

const abandoned = new FinalizationRegistry<Ticket>(cancel);

/** Holds exchange `id`. */
export function hold(id: number): Hold {
  let held = idle.pop();
  if (held === undefined) {
    held = new Hold();
    abandoned.register(held, held.ticket);
  }
  held.ticket.id = id;
  held.ticket.instance = instance;
  return held;
}

/** Gives back a hold whose exchange has ended in the core. */
export function release(held: Hold): void {
  // Instance 0 never exists: later users of the hold reach no exchange.
  held.ticket.instance = 0;
  idle.push(held);
}

/** Ends an exchange that no longer needs the core, and gives its hold back. */
export function letGo(held: Hold): void {
  cancel(held.ticket);
  release(held);
}

function cancel({ id, instance: its }: Ticket): void {
  if (its === instance) wasm.cancel(id, Date.now());
}
