/** The wasm instance and how text and bytes get into it and out of it. See `src/wire/mod.rs` for what they mean. */

import * as wasm from "edgeway-wasm";

/** What the core asks for next; `Kind` in `src/wire/frame.rs`. */
export const Kind = {
  Respond: 0,
  Fetch: 1,
  Collect: 2,
  Get: 3,
  Put: 4,
  Delete: 5,
  Count: 6,
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
} as const;

/** How an effect failed; `failure_of` in `src/exports.rs`. */
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

export type FrameBody =
  | { kind: "empty" }
  | { kind: "full"; content: Uint8Array<ArrayBuffer> }
  | { kind: "stream"; slot: number; limit: number };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

let memory: WebAssembly.Memory;
let bytes: Uint8Array<ArrayBuffer>;
let words: Int32Array;
let inbox = 0;
let inboxSize = 0;

/** Starts the instance; once. */
export function start(module: WebAssembly.Module): void {
  adopt(wasm.initSync({ module }).memory);
}

function adopt(fresh: WebAssembly.Memory): void {
  memory = fresh;
  view();
  inboxSize = 32 * 1024;
  inbox = wasm.reserve(inboxSize);
}

function view(): void {
  bytes = new Uint8Array(memory.buffer as ArrayBuffer);
  words = new Int32Array(memory.buffer);
}

/** Memory that has grown leaves the old views empty. */
function current(): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength === 0) view();
  return bytes;
}

function reserve(len: number): void {
  if (len > inboxSize) {
    inboxSize = len;
    inbox = wasm.reserve(len);
  }
}

/** Writes `text` into the inbox and returns its length in bytes. */
export function sendText(text: string): number {
  // A UTF-16 code unit takes at most three bytes.
  reserve(text.length * 3);
  return encoder.encodeInto(text, current().subarray(inbox, inbox + inboxSize)).written;
}

/** Writes `content` into the inbox and returns its length. */
export function sendBytes(content: Uint8Array): number {
  reserve(content.length);
  current().set(content, inbox);
  return content.length;
}

/** What the core asks for, read once, before the next call into it. */
export interface Frame {
  id: number;
  text: string;
  status: number;
  base: number;
  firstByte: number;
  total: number;
  ttl: number;
  at: number;
}

/** Reads the frame that the last call left. */
export function readFrame(): Frame {
  const address = wasm.frame();
  const memory = current();
  const at = address >>> 2;
  const textAt = words[at + Word.TextAt]! >>> 0;
  const textLen = words[at + Word.TextLen]!;
  return {
    id: words[at + Word.Id]!,
    text: textLen === 0 ? "" : decoder.decode(memory.subarray(textAt, textAt + textLen)),
    status: words[at + Word.Status]!,
    base: words[at + Word.Base]!,
    firstByte: words[at + Word.FirstByte]! >>> 0,
    total: words[at + Word.Total]! >>> 0,
    ttl: words[at + Word.Ttl]! >>> 0,
    at,
  };
}

/** Reads the body that goes with `frame`; before the next call into the core. */
export function readBody(frame: Frame): FrameBody {
  const at = frame.at;
  switch (words[at + Word.Body]) {
    case 0:
      return { kind: "empty" };
    case 1: {
      const from = words[at + Word.BodyAt]! >>> 0;
      return { kind: "full", content: bytes.slice(from, from + words[at + Word.BodyLen]!) };
    }
    default: {
      const high = words[at + Word.LimitHigh]! >>> 0;
      const limit = high === 0xffffffff ? Infinity : high * 2 ** 32 + (words[at + Word.LimitLow]! >>> 0);
      return { kind: "stream", slot: words[at + Word.BodySlot]!, limit };
    }
  }
}
