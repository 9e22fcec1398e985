/** The core's commands; `src/wire/outbox.rs` is the other side. */

import { readBytes, readText, viewNumbers } from "./memory.ts";
import { BodyKind, Kind, Word } from "./wire.gen.ts";

const NO_LIMIT = 0xffff_ffff;
const WORDS = Object.keys(Word).length;
const nothing = new Uint8Array(0);

/** A command, copied out of the core's memory. */
export interface Command {
  kind: Kind;
  exchange: number;
  /** Of an effect: the slot to resume or abort it by. */
  slot: number;
  text: string;
  body: BodyKind;
  /** Of a full body. */
  content: Uint8Array<ArrayBuffer>;
  /** Of a streamed body: 0 for the client's, or the slot of its fetch. */
  bodySlot: number;
  /** Of a streamed body, in bytes. */
  limit: number;
  /** Of a streamed body: the number of its edits; 0 for none. */
  filter: number;
  status: number;
  /** The base of the edits: 0 for an empty head, 1 for the client's, else 1 more than the slot of a fetch. */
  base: number;
  /** Deadlines, in ms; 0 for none. */
  firstByte: number;
  total: number;
  /** In seconds; 0 for none. */
  ttl: number;
  /** Of a fetch: the line where the edits of the response's head begin; 0 if the core has to see that head. */
  finish: number;
  /** Of a sleep. */
  millis: number;
  /** Of a response: 1 if its content is to be encoded by gzip, else 0. */
  coding: number;
  /** Of a fetch: 0 for the network, else the number of a service binding. */
  service: number;
}

/** Reads the commands at `address`, which is null for none, before the next call into the core. */
export function readCommands(address: number): Command[] | undefined {
  if (address === 0) return undefined;
  const at = address >>> 2;
  const count = viewNumbers()[at]!;
  // The most frequent list has one command.
  if (count === 1) return [readCommand(at + WORDS)];
  return Array.from({ length: count }, (_, index) => readCommand(at + WORDS * (index + 1)));
}

function readCommand(at: number): Command {
  const words = viewNumbers();
  const body = words[at + Word.Body]! as BodyKind;
  const high = words[at + Word.LimitHigh]!;
  return {
    kind: words[at + Word.Kind]! as Kind,
    exchange: words[at + Word.Exchange]!,
    slot: words[at + Word.Slot]!,
    text: readText(words[at + Word.TextAt]!, words[at + Word.TextLen]!),
    body,
    content: body === BodyKind.Full ? readBytes(words[at + Word.BodyAt]!, words[at + Word.BodyLen]!) : nothing,
    bodySlot: words[at + Word.BodySlot]!,
    limit: high === NO_LIMIT ? Infinity : high * 2 ** 32 + words[at + Word.LimitLow]!,
    filter: words[at + Word.Filter]!,
    status: words[at + Word.Status]!,
    base: words[at + Word.Base]!,
    firstByte: words[at + Word.FirstByte]!,
    total: words[at + Word.Total]!,
    ttl: words[at + Word.Ttl]!,
    finish: words[at + Word.Finish]!,
    millis: words[at + Word.Millis]!,
    coding: words[at + Word.Coding]!,
    service: words[at + Word.Service]!,
  };
}
