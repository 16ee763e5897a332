/**
 * Decodes pasted text, a dropped file or the bytes from a port, and keeps each telegram and fault with its bytes and
 * position. Pure; everything stays in this page's memory.
 */
import { createDecoder } from "../codec/decoder.ts";
import type { Decoder, DecoderEvent, DecoderOptions } from "../codec/decoder-event.ts";
import { ListSamples } from "../codec/lists/list-samples.ts";
import type { Telegram } from "../codec/telegram.ts";
import { type CaptureKind, CaptureReader } from "../sources/capture-stream.ts";
import { isP1Line } from "../sources/log-line.ts";

/** Maximum number of telegrams and faults kept and shown: the newest from a port, the first of a capture. */
export const MAX_ENTRIES = 500;
/** Maximum size of a capture, bytes. */
export const MAX_CAPTURE = 8 * 1024 * 1024;

/** A telegram, or a fault. */
export interface Entry {
  /** Position in the decoded bytes. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** The line of the pasted text, from 1; `null` if the input has no lines. */
  readonly line: number | null;
  readonly telegram: Telegram | null;
  readonly fault: { readonly code: string; readonly message: string } | null;
}

/** What has been found so far. */
export interface Decoded {
  readonly entries: readonly Entry[];
  readonly telegrams: number;
  readonly faults: number;
  /** Bytes that belong to no telegram. */
  readonly skipped: number;
  /** A `lists:` block for telegrams that fit no list; empty if there were none. */
  readonly template: string;
}

/** A stream of bytes and what was found in it. */
export class CaptureDecoder implements Decoded {
  readonly #decoder: Decoder;
  readonly #unknown = new ListSamples();
  readonly #lineAt: (offset: number) => number | null;
  readonly #keep: "first" | "newest";
  readonly entries: Entry[] = [];
  telegrams = 0;
  faults = 0;
  skipped = 0;

  /** @param lineAt line of the text that contains the byte */
  constructor(
    keys: DecoderOptions,
    {
      keep = "first",
      lineAt = () => null,
    }: { keep?: "first" | "newest"; lineAt?: (offset: number) => number | null } = {},
  ) {
    this.#decoder = createDecoder({ ...keys, keepBytes: true });
    this.#keep = keep;
    this.#lineAt = lineAt;
  }

  get template(): string {
    return this.#unknown.template();
  }

  /** @returns the events */
  feed(bytes: Uint8Array): readonly DecoderEvent[] {
    return this.#take(this.#decoder.feed(bytes));
  }

  /** The line has been idle for longer than any gap within a telegram. */
  silence(): readonly DecoderEvent[] {
    return this.#take(this.#decoder.silence());
  }

  end(): readonly DecoderEvent[] {
    return this.#take(this.#decoder.end());
  }

  /** Adds a fault from outside the decoder: an unreadable line, or no telegram at all. */
  addFault(code: string, message: string, offset: number, line: number | null = this.#lineAt(offset)): void {
    this.faults++;
    this.#add({ offset, bytes: new Uint8Array(0), line, telegram: null, fault: { code, message } });
  }

  #take(events: readonly DecoderEvent[]): readonly DecoderEvent[] {
    for (const event of events) {
      if (event.type === "skipped") {
        this.skipped += event.length;
        continue;
      }
      const { offset, bytes = new Uint8Array(0) } = event;
      const place = { offset, bytes: bytes.slice(), line: this.#lineAt(offset) };
      if (event.type === "telegram") {
        this.telegrams++;
        this.#add({ ...place, telegram: event.telegram, fault: null });
      } else {
        this.faults++;
        if (event.positions !== undefined) this.#unknown.add(event.positions);
        this.#add({ ...place, telegram: null, fault: { code: event.code, message: event.message } });
      }
    }
    return events;
  }

  #add(entry: Entry): void {
    if (this.entries.length >= MAX_ENTRIES) {
      if (this.#keep === "first") return;
      this.entries.shift();
    }
    this.entries.push(entry);
  }
}

/** What a capture holds. */
export interface DecodedCapture extends Decoded {
  /** How it was read: the bytes as they are, hex digits, or a log with bytes in its lines. */
  readonly kind: CaptureKind;
  readonly bytes: number;
}

/** Decodes a capture: binary, hex text in any form, a log, P1 text. The content decides which. */
export function decodeCapture(input: Uint8Array, keys: DecoderOptions): DecodedCapture {
  const reader = new CaptureReader({ keepLines: true });
  const pieces = [reader.push(input), reader.end()];
  const kind = reader.kind ?? "binary";
  const lineAt = kind === "binary" ? textLines(input) : readerLines(reader);
  const decoder = new CaptureDecoder(keys, { lineAt });
  for (const { line, offset } of reader.takeProblems()) {
    decoder.addFault("framing", notHex(line), offset, line);
  }
  let bytes = 0;
  for (const piece of pieces) {
    bytes += piece.length;
    decoder.feed(piece);
  }
  decoder.end();
  const { telegrams, faults } = decoder;
  if (telegrams === 0 && faults === 0) {
    const line = kind === "binary" && isText(input) ? lineThatIsNoHex(input) : undefined;
    if (line) decoder.addFault("framing", notHex(line), 0, line);
    else if (line === null) decoder.addFault("framing", NOT_A_CAPTURE, 0, null);
    else decoder.addFault("framing", bytes === 0 ? "the input is empty" : `no telegram in ${bytes} bytes`, 0, null);
  }
  const { entries, skipped, template } = decoder;
  return { entries, telegrams: decoder.telegrams, faults: decoder.faults, skipped, template, kind, bytes };
}

const NOT_A_CAPTURE = "neither hex digits, nor a log with bytes in it, nor a P1 telegram";

function notHex(line: number): string {
  return `line ${line} of the hex text holds something else than hex digits`;
}

/** Number of the first line that is not hex, if most lines are; `null` if the input is not hex text. */
function lineThatIsNoHex(input: Uint8Array): number | null {
  const lines = new TextDecoder("latin1").decode(input).split("\n");
  const isHex = (line: string) => /^[\s0-9a-fx:,;-]*$/i.test(line.replace(/#.*$/, ""));
  const written = lines.filter((line) => line.trim() !== "");
  if (written.filter(isHex).length * 2 < written.length) return null;
  return lines.findIndex((line) => !isHex(line)) + 1 || null;
}

/** Pasted text as bytes. A text field turns CR LF into LF, but the CRC of P1 telegrams covers CR LF. */
export function bytesOfText(text: string): Uint8Array {
  const isP1 = text.split("\n").some(isP1Line);
  return new TextEncoder().encode(isP1 ? text.replace(/\r?\n/g, "\r\n") : text);
}

function readerLines(reader: CaptureReader): (offset: number) => number | null {
  return (wanted) => {
    const { lines } = reader;
    let [low, high] = [0, lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((lines[middle]?.offset ?? 0) <= wanted) low = middle + 1;
      else high = middle;
    }
    return lines[low - 1]?.line ?? null;
  };
}

/** P1 telegrams are text themselves. Call with increasing offsets only: each line is counted once. */
function textLines(input: Uint8Array): (offset: number) => number | null {
  if (!isText(input)) return () => null;
  let [line, at] = [1, 0];
  return (offset) => {
    if (offset < at) [line, at] = [1, 0];
    for (; at < offset; at++) if (input[at] === 0x0a) line++;
    return line;
  };
}

function isText(input: Uint8Array): boolean {
  return input.slice(0, 4096).every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
