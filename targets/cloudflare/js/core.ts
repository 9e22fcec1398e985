/** The wasm instance, and how text and bytes get into it and out of it; `src/wire/` is the other side. */

import * as wasm from "edgeway-wasm";
import { Failed } from "./failure.ts";
import { BodyKind, Kind, VERSION, Word } from "./wire.gen.ts";

const NO_LIMIT = 0xffff_ffff;
const INBOX = 32 * 1024;
const LINE_FEED = 10;

/** What the core asks for, copied out of its memory. */
export interface Frame {
  id: number;
  text: string;
  body: BodyKind;
  /** Of a full body. */
  content: Uint8Array<ArrayBuffer>;
  /** Of a streamed body: 0 for the client's, or which fetch's. */
  slot: number;
  /** Of a streamed body, in bytes. */
  limit: number;
  status: number;
  /** Which fetch's head the edits apply to; 0 for a new head. */
  base: number;
  /** Deadlines, in ms; 0 for none. */
  firstByte: number;
  total: number;
  /** In seconds; 0 for none. */
  ttl: number;
  /** Of a fetch: the line where the edits of the response's head begin; 0 if that head is for the core to see. */
  finish: number;
}

/** What became of what the core asked for. */
export type Completion = Response | Uint8Array | Failed | undefined;

/** An exchange in the core. Those of an instance that trapped are gone with it. */
interface Ticket {
  id: number;
  instance: number;
}

/**
 * Holds an exchange in the core for as long as somebody holds this. Should the client leave, nothing runs any more, not even
 * `finally`: then the core is told once the holder is garbage.
 */
export class Hold {
  ticket: Ticket = { id: 0, instance: 0 };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const nothing = new Uint8Array(0);

let initialise: () => void;
let instance = 0;
let memory: WebAssembly.Memory;
let bytes: Uint8Array<ArrayBuffer>;
let words: Uint32Array;
let inbox: number;
let inboxSize: number;
/** How many bytes are in the inbox. */
let sent = 0;

/** Starts the instance with a configuration; throws what is wrong with that. */
export function start(module: WebAssembly.Module, config: string, bindings: string): void {
  initialise = () => {
    memory = wasm.initSync({ module }).memory;
    agree(wasm.wire_version());
    instance += 1;
    bytes = nothing;
    inboxSize = INBOX;
    inbox = wasm.reserve(INBOX);
    const faults = wasm.load(encoder.encode(config), bindings);
    if (faults !== "") throw new Error(`gateway.json is wrong:\n${faults}`);
  };
  initialise();
}

/** Throws unless the wasm was built with this very glue. */
function agree(version: number): void {
  if (version === VERSION) return;
  const [its, own] = [version, VERSION].map((number) => number.toString(16));
  throw new Error(`edgeway.wasm and worker.js are not of one build (wire ${its} and ${own}): run \`cargo xtask build-worker\``);
}

/** Begins an exchange; what to do first is in the frame, unless it came to nothing. */
export function begin(method: string, url: string, peer: string, headers: Headers, hasBody: boolean): Kind {
  try {
    sent = 0;
    sendLine(method);
    sendLine(url);
    sendLine(peer);
    headers.forEach(sendField);
    return wasm.begin(sent, hasBody, Date.now()) as Kind;
  } catch (error) {
    return startOver(error);
  }
}

/** Goes on with an exchange; what to do next is in the frame, unless it came to nothing. */
export function resume({ ticket }: Hold, completion: Completion): Kind {
  if (ticket.instance !== instance) return Kind.Broken;
  const { id } = ticket;
  const now = Date.now();
  try {
    if (completion instanceof Response) {
      const { status, headers, body } = completion;
      sent = 0;
      headers.forEach(sendField);
      return wasm.resume_head(id, status, sent, body !== null, now) as Kind;
    }
    if (completion instanceof Uint8Array) return wasm.resume_bytes(id, sendBytes(completion), now) as Kind;
    if (completion === undefined) return wasm.resume_nothing(id, now) as Kind;
    if (completion instanceof Failed) return wasm.resume_failed(id, completion.failure, now) as Kind;
    throw new TypeError(`no completion: ${completion satisfies never}`);
  } catch (error) {
    return startOver(error);
  }
}

/** A trap leaves the instance in no state to go on: another takes its place, and its other exchanges fail. */
function startOver(error: unknown): Kind {
  console.error(`the core failed: ${error}`);
  wasm.__wbg_reset_state();
  initialise();
  return Kind.Broken;
}

/** Holds that nobody needs; to register and unregister one for every request would cost more than all that it is for. */
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

/** Ends an exchange that needs the core no more, if that has not ended it; the hold is used again. */
export function letGo(held: Hold): void {
  cancel(held.ticket);
  idle.push(held);
}

function cancel({ id, instance: its }: Ticket): void {
  if (its === instance) wasm.cancel(id);
}

/** Reads the frame; to be done before the next call into the core. */
export function readFrame(): Frame {
  const at = wasm.frame() >>> 2;
  const memory = view();
  const textAt = words[at + Word.TextAt]!;
  const textLen = words[at + Word.TextLen]!;
  const body = words[at + Word.Body]! as BodyKind;
  const contentAt = words[at + Word.BodyAt]!;
  const high = words[at + Word.LimitHigh]!;
  return {
    id: words[at + Word.Id]!,
    text: textLen === 0 ? "" : decoder.decode(memory.subarray(textAt, textAt + textLen)),
    body,
    content: body === BodyKind.Full ? memory.slice(contentAt, contentAt + words[at + Word.BodyLen]!) : nothing,
    slot: words[at + Word.BodySlot]!,
    limit: high === NO_LIMIT ? Infinity : high * 2 ** 32 + words[at + Word.LimitLow]!,
    status: words[at + Word.Status]!,
    base: words[at + Word.Base]!,
    firstByte: words[at + Word.FirstByte]!,
    total: words[at + Word.Total]!,
    ttl: words[at + Word.Ttl]!,
    finish: words[at + Word.Finish]!,
  };
}

/** The memory; when it has grown, earlier views of it are empty. */
function view(): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength === 0) {
    bytes = new Uint8Array(memory.buffer as ArrayBuffer);
    words = new Uint32Array(memory.buffer);
  }
  return bytes;
}

/** Name and value of a header field, each on a line. */
function sendField(value: string, name: string): void {
  sendLine(name);
  sendLine(value);
}

/** Writes `text` and a line feed behind what is in the inbox: a loop here is cheaper than a call of the runtime's. */
function sendLine(text: string): void {
  const { length } = text;
  // A UTF-16 code unit takes at most three bytes.
  reserve(sent + length * 3 + 1);
  const memory = view();
  let at = inbox + sent;
  for (let index = 0; index < length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) {
      at += encoder.encodeInto(text.slice(index), memory.subarray(at)).written;
      break;
    }
    memory[at] = unit;
    at += 1;
  }
  memory[at] = LINE_FEED;
  sent = at + 1 - inbox;
}

function sendBytes(content: Uint8Array): number {
  reserve(content.length);
  view().set(content, inbox);
  return content.length;
}

/** Makes the inbox `len` bytes long; what is in it stays. */
function reserve(len: number): void {
  if (len > inboxSize) {
    inboxSize = Math.max(len, 2 * inboxSize);
    inbox = wasm.reserve(inboxSize);
  }
}
