/**
 * A capture of any size, read piece by piece: the bytes as they are, hex text, or a log with bytes in its lines. The content
 * decides which. Hex text: digits in any grouping, blanks, commas, colons, semicolons, dashes and `0x` between them, `#` begins
 * a comment, a line may begin with a time; the dumps of `xxd`, `hexdump` (with -C and without), and `od` are read, too. Of a log
 * (log-line.ts) lines without bytes are passed over. Without Node's `Buffer`: the decode page reads captures in the browser.
 */
import { latin1Text } from "../codec/latin1.ts";
import { digitsInLogLine, isP1Line } from "./log-line.ts";

/** Size of the sample from which the kind is decided, unless the input ends or is evidently binary before that. */
const SAMPLE_BYTES = 1024;
/** A line longer than this is processed in pieces. */
const MAX_LINE = 65_536;

const DUMP_LINE = /^\s*[0-9a-f]{7,8}(?::\s+|\s{1,2})(?=[0-9a-f]{2})/i;
/** `2026-11-22T12:00:05.123Z`, `12:00:05.123`, `[12:00:05]`, `22.11.2026 12:00:05`, at the beginning of a line. */
const TIME =
  /^\s*\[?(?:\d{4}-\d\d-\d\d[T ]\s*|\d\d\.\d\d\.\d{4},? +)?[0-2]\d:[0-5]\d:[0-5]\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?:?\s+(?=\S)/;
/** Three bytes with colons look like a time; then the bytes after them have colons, too. */
const BARE_TIME = /^\s*\d\d:\d\d:\d\d\s+$/;
const LONGEST_TIME = 48;

/** `hexdump` and `od -x` print words of two bytes in the order of the processor: the second byte comes first. */
const WORDS_LINE = /^\s*[0-9a-f]{7}(?:\s+[0-9a-f]{4}){1,8}\s*$/i;
/** Bytes that a text must have in lines of a log to be taken for one. */
const LEAST_LOG_BYTES = 4;

export type CaptureKind = "binary" | "hex" | "log";

/** What is wrong with a line of hex text. */
export interface CaptureProblem {
  /** From 1. */
  readonly line: number;
  /** Offset in the decoded bytes. */
  readonly offset: number;
}

/** Where the bytes of a line of hex text, or of a log, begin. */
export interface CaptureLine {
  /** From 1. */
  readonly line: number;
  /** Offset in the decoded bytes. */
  readonly offset: number;
}

export class CaptureReader {
  readonly #lines: CaptureLine[] | null;
  #kind: CaptureKind | null = null;
  #sample: Uint8Array[] = [];
  #sampled = 0;
  #rest = "";
  /** First digit of a byte that was cut between two chunks. */
  #half = "";
  /** `xxd` and `hexdump -C` begin each line with the offset. */
  #dump = false;
  #line = 0;
  #offset = 0;
  #continued = false;
  #problems: CaptureProblem[] = [];

  /** @param options `keepLines`: remember where each line's bytes begin; memory grows with the capture */
  constructor({ keepLines = false }: { readonly keepLines?: boolean } = {}) {
    this.#lines = keepLines ? [] : null;
  }

  /** `null` until it is decided. */
  get kind(): CaptureKind | null {
    return this.#kind;
  }

  /** Lines with bytes, in their order; empty unless `keepLines` was asked for. */
  get lines(): readonly CaptureLine[] {
    return this.#lines ?? [];
  }

  /** Lines since the last call that were not hex text. */
  takeProblems(): CaptureProblem[] {
    const problems = this.#problems;
    this.#problems = [];
    return problems;
  }

  /** @returns the bytes that are known by now */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#kind === "binary") return chunk;
    if (this.#kind !== null) return this.#readText(chunk, false);
    this.#sample.push(chunk);
    this.#sampled += chunk.length;
    if (this.#sampled < SAMPLE_BYTES && !isEvidentlyBinary(chunk)) return new Uint8Array(0);
    return this.#decide(false);
  }

  /** The input is at its end. */
  end(): Uint8Array {
    if (this.#kind === "binary") return new Uint8Array(0);
    if (this.#kind !== null) return this.#readText(new Uint8Array(0), true);
    return this.#decide(true);
  }

  #decide(final: boolean): Uint8Array {
    const sample = joined(this.#sample);
    this.#sample = [];
    const text = latin1Text(sample).replace(/^\xef\xbb\xbf/, "");
    const lines = text.split(/\r\n|\r|\n/);
    // The last line may be cut in the middle of a time.
    if (!final && lines.length > 1 && (lines.at(-1)?.length ?? 0) < LONGEST_TIME) lines.pop();
    this.#dump = DUMP_LINE.test(lines.find((line) => withoutComment(line).trim() !== "") ?? "");
    const digits = lines.map((line) => digitsOf(line, true, this.#dump));
    const isHex = !digits.includes(null) && digits.join("").length >= 2;
    this.#kind = isHex ? "hex" : !isEvidentlyBinary(sample) && isLog(lines) ? "log" : "binary";
    return this.#kind === "binary" ? sample : this.#readText(sample, final);
  }

  #readText(chunk: Uint8Array, final: boolean): Uint8Array {
    const text = this.#rest + latin1Text(chunk).replace(/^\xef\xbb\xbf/, "");
    const lines = text.split("\n");
    this.#rest = final ? "" : (lines.pop() ?? "");
    const pieces: string[] = [this.#half];
    let count = this.#half.length;
    const take = (line: string, ends: boolean) => {
      const isLog = this.#kind === "log";
      const digits = isLog ? digitsInLogLine(line) : digitsOf(line, !this.#continued, this.#dump);
      if (!this.#continued) this.#line += 1;
      this.#continued = !ends;
      const offset = this.#offset + (count >> 1);
      if (digits === null) this.#problems.push({ line: this.#line, offset });
      else if (digits !== "") {
        pieces.push(digits);
        count += digits.length;
        this.#lines?.push({ line: this.#line, offset });
      }
    };
    for (const line of lines) take(line, true);
    if (this.#rest.length > MAX_LINE) {
      // Not between the two signs of `0x`.
      const cut = this.#rest.endsWith("0") ? this.#rest.length - 1 : this.#rest.length;
      take(this.#rest.slice(0, cut), false);
      this.#rest = this.#rest.slice(cut);
    }
    const digits = pieces.join("");
    const even = digits.length - (digits.length % 2);
    this.#half = digits.slice(even);
    this.#offset += even / 2;
    return bytesOf(digits.slice(0, even));
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Bytes of an even number of hex digits and nothing else; captures may be large, so without a slice for each byte. */
function bytesOf(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (nibble(digits.charCodeAt(2 * i)) << 4) | nibble(digits.charCodeAt(2 * i + 1));
  }
  return bytes;
}

/** `0` to `9`, `A` to `F` and `a` to `f`, of which bits 0 to 3 count from 0 or from 1. */
function nibble(code: number): number {
  return (code & 15) + (code >= 65 ? 9 : 0);
}

/** Whether the lines of a text are those of a log with bytes in it. P1 telegrams are text, too, and their own content. */
function isLog(lines: readonly string[]): boolean {
  if (lines.some(isP1Line)) return false;
  return lines.map(digitsInLogLine).join("").length >= 2 * LEAST_LOG_BYTES;
}

/** Control characters that no text contains. Bytes above 0x7F can be letters of a comment. */
function isEvidentlyBinary(chunk: Uint8Array): boolean {
  return chunk.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20) || byte === 0x7f);
}

function withoutComment(line: string): string {
  return line.replace(/(?:#|\/\/).*$/s, "");
}

/** The hex digits of a line; `null` if it contains anything else. */
function digitsOf(line: string, begins: boolean, dump: boolean): string | null {
  let code = withoutComment(line);
  if (begins && WORDS_LINE.test(code)) {
    return code
      .trim()
      .replace(/^\S+\s*/, "")
      .replace(/\s+/g, "")
      .replace(/(..)(..)/g, "$2$1");
  }
  if (begins && dump) {
    const colon = /^\s*[0-9a-f]+:/i.test(code);
    code = code.replace(DUMP_LINE, "");
    // The readable part at the end of the line.
    code = colon ? code.replace(/\s{2}.*$/s, "") : code.replace(/\|.*$/s, "");
    if (/^\s*[0-9a-f]{7,8}\s*$/i.test(code)) return "";
  } else if (begins) {
    const time = TIME.exec(code)?.[0] ?? "";
    const rest = code.slice(time.length);
    if (!BARE_TIME.test(time) || !rest.includes(":")) code = rest;
  }
  const digits = code.replace(/0x|[\s,:;-]/gi, "");
  return /^[0-9a-f]*$/i.test(digits) ? digits : null;
}
