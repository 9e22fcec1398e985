/** The wasm instance, and how text and bytes get into it and out of it; `src/wire/` is the other side. */

import * as wasm from "edgeway-wasm";
import type { Failed } from "./failure.ts";
import { packFields } from "./head.ts";

/** What the core asks for; `Kind` in `src/wire/frame.rs`. */
export const Kind = {
  Respond: 0,
  Fetch: 1,
  Collect: 2,
  Get: 3,
  Put: 4,
  Delete: 5,
  Count: 6,
  /** From here on, the exchange has come to nothing. */
  Broken: 7,
  Malformed: 8,
} as const;

/** The places of a frame's numbers; `Word` in `src/wire/frame.rs`. */
const Word = {
  Id: 0,
  TextAt: 1,
  TextLen: 2,
  Body: 3,
  BodySlot: 4,
  BodyAt: 5,
  BodyLen: 6,
  LimitLow: 7,
  LimitHigh: 8,
  Status: 9,
  Base: 10,
  FirstByte: 11,
  Total: 12,
  Ttl: 13,
  Finish: 14,
} as const;

const BODIES = ["empty", "full", "stream"] as const;
const NO_LIMIT = 0xffff_ffff;
const INBOX = 32 * 1024;

/** What the core asks for, copied out of its memory. */
export interface Frame {
  id: number;
  text: string;
  body: (typeof BODIES)[number];
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
export interface Ticket {
  id: number;
  instance: number;
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

/** Starts the instance with a configuration; throws what is wrong with that. */
export function start(module: WebAssembly.Module, config: string, bindings: string): void {
  initialise = () => {
    memory = wasm.initSync({ module }).memory;
    instance += 1;
    bytes = nothing;
    inboxSize = INBOX;
    inbox = wasm.reserve(INBOX);
    const faults = wasm.load(encoder.encode(config), bindings);
    if (faults !== "") throw new Error(`gateway.json is wrong:\n${faults}`);
  };
  initialise();
}

/** Begins an exchange; what to do first is in the frame, unless it came to nothing. */
export function begin(head: string, hasBody: boolean): number {
  try {
    return wasm.begin(sendText(head), hasBody, Date.now());
  } catch (error) {
    return startOver(error);
  }
}

/** Goes on with an exchange; what to do next is in the frame, unless it came to nothing. */
export function resume(ticket: Ticket, completion: Completion): number {
  if (ticket.instance !== instance) return Kind.Broken;
  const { id } = ticket;
  const now = Date.now();
  try {
    if (completion instanceof Response) {
      const { status, headers, body } = completion;
      return wasm.resume_head(id, status, sendText(packFields(headers)), body !== null, now);
    }
    if (completion instanceof Uint8Array) return wasm.resume_bytes(id, sendBytes(completion), now);
    if (completion === undefined) return wasm.resume_nothing(id, now);
    return wasm.resume_failed(id, completion.failure, now);
  } catch (error) {
    return startOver(error);
  }
}

/** A trap leaves the instance in no state to go on: another takes its place, and its other exchanges fail. */
function startOver(error: unknown): number {
  console.error(`the core failed: ${error}`);
  wasm.__wbg_reset_state();
  initialise();
  return Kind.Broken;
}

/** Tells the core of exchanges that will never go on. */
export const abandon = {
  /** Cancels exchange `id` once `owner` is garbage. */
  when(owner: object, id: number): Ticket {
    const ticket = { id, instance };
    abandoned.register(owner, ticket, owner);
    return ticket;
  },
  /** Ends an exchange that needs the core no more, if that has not ended it. */
  now(owner: object, ticket: Ticket): void {
    abandoned.unregister(owner);
    cancel(ticket);
  },
};

function cancel({ id, instance: its }: Ticket): void {
  if (its === instance) wasm.cancel(id);
}

const abandoned = new FinalizationRegistry<Ticket>(cancel);

/** Reads the frame; to be done before the next call into the core. */
export function readFrame(): Frame {
  const at = wasm.frame() >>> 2;
  const memory = view();
  const textAt = words[at + Word.TextAt]!;
  const textLen = words[at + Word.TextLen]!;
  const body = BODIES[words[at + Word.Body]!]!;
  const contentAt = words[at + Word.BodyAt]!;
  const high = words[at + Word.LimitHigh]!;
  return {
    id: words[at + Word.Id]!,
    text: textLen === 0 ? "" : decoder.decode(memory.subarray(textAt, textAt + textLen)),
    body,
    content: body === "full" ? memory.slice(contentAt, contentAt + words[at + Word.BodyLen]!) : nothing,
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

function sendText(text: string): number {
  // A UTF-16 code unit takes at most three bytes.
  reserve(text.length * 3);
  return encoder.encodeInto(text, view().subarray(inbox, inbox + inboxSize)).written;
}

function sendBytes(content: Uint8Array): number {
  reserve(content.length);
  view().set(content, inbox);
  return content.length;
}

function reserve(len: number): void {
  if (len > inboxSize) {
    inbox = wasm.reserve(len);
    inboxSize = len;
  }
}
