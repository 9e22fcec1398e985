/** The memory of the wasm instance: what goes in is put into an inbox, what comes out is read where it lies. */

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
/** How many bytes are in the inbox. */
let sent = 0;

/** Turns to the memory of a new instance. */
export function resetMemory(its: WebAssembly.Memory): void {
  memory = its;
  bytes = nothing;
  inboxSize = INBOX;
  inbox = wasm.reserve(INBOX);
}

/** The memory; when it has grown, earlier views of it are empty. */
function view(): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength === 0) {
    bytes = new Uint8Array(memory.buffer as ArrayBuffer);
    words = new Uint32Array(memory.buffer);
  }
  return bytes;
}

/** The memory as numbers of 32 bits. */
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

/** Text that is to be written behind what is in the inbox. */
let unsent = "";

/** Name and value of a header field, each on a line. */
export function sendField(value: string, name: string): void {
  unsent += `${name}\n${value}\n`;
}

/** Writes `text` and a line feed behind what is in the inbox. */
export function sendLine(text: string): void {
  unsent += `${text}\n`;
}

/** Writes what is unsent in one piece: each call of the runtime's costs more than the bytes of a head. */
function flush(): void {
  // A UTF-16 code unit takes at most three bytes.
  reserve(sent + unsent.length * 3);
  sent += encoder.encodeInto(unsent, view().subarray(inbox + sent, inbox + inboxSize)).written;
  unsent = "";
}

/** Writes `content` behind what is in the inbox. */
export function sendBytes(content: Uint8Array): void {
  reserve(sent + content.length);
  view().set(content, inbox + sent);
  sent += content.length;
}

/** Makes the inbox `len` bytes long; what is in it stays. */
function reserve(len: number): void {
  if (len > inboxSize) {
    inboxSize = Math.max(len, 2 * inboxSize);
    inbox = wasm.reserve(inboxSize);
  }
}
