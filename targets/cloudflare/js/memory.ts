/** The memory of the wasm instance: input goes into an inbox, output is read in place. */

import * as wasm from "edgeway-wasm";

const INBOX = 32 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const nothing = new Uint8Array(0);

let memory: WebAssembly.Memory;
let bytes: Uint8Array<ArrayBuffer> = nothing;
let words: Uint32Array;
let inbox: number;
let inboxSize: number;
/** The number of bytes in the inbox. */
let sent = 0;

/** Switches to the memory of a new instance. */
export function resetMemory(its: WebAssembly.Memory): void {
  memory = its;
  bytes = nothing;
  inboxSize = INBOX;
  inbox = wasm.reserve(INBOX);
}

/** The memory; earlier views of it are empty once it has grown. */
function view(): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength === 0) {
    bytes = new Uint8Array(memory.buffer as ArrayBuffer);
    words = new Uint32Array(memory.buffer);
  }
  return bytes;
}

/** The memory as 32-bit numbers. */
export function viewNumbers(): Uint32Array {
  view();
  return words;
}

/** The text of `length` bytes at address `at`. */
export function readText(at: number, length: number): string {
  return length === 0 ? "" : decoder.decode(view().subarray(at, at + length));
}

/** A copy of the `length` bytes at address `at`. */
export function readBytes(at: number, length: number): Uint8Array<ArrayBuffer> {
  return view().slice(at, at + length);
}

/** Copies the `length` bytes at address `at` to `to`, behind `before` others. */
export function readInto(to: Uint8Array<ArrayBuffer>, before: number, at: number, length: number): void {
  to.set(view().subarray(at, at + length), before);
}

/** Empties the inbox. */
export function clearInbox(): void {
  sent = 0;
  unsent = "";
}

/** The count of bytes in the inbox. */
export function sentLength(): number {
  if (unsent !== "") flush();
  return sent;
}

/** Text to be appended to the inbox. */
let unsent = "";

/** Appends the name and value of a header field, each on a line. */
export function sendField(value: string, name: string): void {
  unsent += `${name}\n${value}\n`;
}

/** Appends `text` and a line feed to the inbox. */
export function sendLine(text: string): void {
  unsent += `${text}\n`;
}

/** Writes the unsent text in one piece: each runtime call costs more than the bytes of a head. */
function flush(): void {
  // A UTF-16 code unit takes at most three bytes.
  reserve(sent + unsent.length * 3);
  sent += encoder.encodeInto(unsent, view().subarray(inbox + sent, inbox + inboxSize)).written;
  unsent = "";
}

/** Appends `content` to the inbox. */
export function sendBytes(content: Uint8Array): void {
  reserve(sent + content.length);
  view().set(content, inbox + sent);
  sent += content.length;
}

/** Grows the inbox to `len` bytes, and keeps its content. */
function reserve(len: number): void {
  if (len > inboxSize) {
    inboxSize = Math.max(len, 2 * inboxSize);
    inbox = wasm.reserve(inboxSize);
  }
}
