/**
 * Reads the bytes in hex text, or in the lines of a log. Hex text: digits in any grouping, separated by spaces, commas,
 * colons, semicolons, dashes or `0x`; `#` or `//` starts a comment; a line may begin with a timestamp. Dumps from `xxd`,
 * `hexdump` (with or without -C) and `od` are supported. Log lines without bytes are skipped (log-line.ts).
 */
import { latin1Text } from "../codec/latin1.ts";
import { digitsInLogLine } from "./log-line.ts";

/** Longer lines are processed in parts. */
const MAX_LINE = 65_536;

const DUMP_LINE = /^\s*[0-9a-f]{6,8}(?::\s+|\s{1,2})(?=[0-9a-f]{2})/i;
/** Timestamp at the start of a line: `2026-11-22T12:00:05.123Z`, `12:00:05.123`, `[12:00:05]`, `22.11.2026 12:00:05`. */
const TIME =
  /^\s*\[?(?:\d{4}-\d\d-\d\d[T ]\s*|\d\d\.\d\d\.\d{4},? +)?[0-2]\d:[0-5]\d:[0-5]\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?:?\s+(?=\S)/;
/** Could be three bytes separated by colons instead of a time; in that case, colons also separate the following bytes. */
const BARE_TIME = /^\s*\d\d:\d\d:\d\d\s+$/;

/** `hexdump` and `od -x` print 2-byte words in host byte order (little-endian): the second byte comes first. */
const WORDS_LINE = /^\s*[0-9a-f]{7}(?:\s+[0-9a-f]{4}){1,8}\s*$/i;

/** A line of hex text that cannot be parsed. */
export interface CaptureProblem {
  /** From 1. */
  readonly line: number;
  /** Offset in the decoded bytes. */
  readonly offset: number;
}

/** Start of the bytes of a line of hex text or of a log. */
export interface CaptureLine {
  /** From 1. */
  readonly line: number;
  /** Offset in the decoded bytes. */
  readonly offset: number;
}

export interface HexTextOptions {
  /** The text is a log that contains bytes. */
  readonly log: boolean;
  /** Each line begins with an offset, as in `xxd` and `hexdump -C` output. */
  readonly dump: boolean;
  /** Record where the bytes of each line start. */
  readonly keepLines: boolean;
}

export class HexText {
  readonly #log: boolean;
  readonly #dump: boolean;
  readonly #lines: CaptureLine[] | null;
  #rest = "";
  /** First digit of a byte split between two chunks. */
  #half = "";
  #line = 0;
  #offset = 0;
  #continued = false;
  #problems: CaptureProblem[] = [];

  constructor({ log, dump, keepLines }: HexTextOptions) {
    this.#log = log;
    this.#dump = dump;
    this.#lines = keepLines ? [] : null;
  }

  /** Lines with bytes, in order; empty unless `keepLines` is set. */
  get lines(): readonly CaptureLine[] {
    return this.#lines ?? [];
  }

  /** Lines since the last call that are not valid hex text. */
  takeProblems(): CaptureProblem[] {
    const problems = this.#problems;
    this.#problems = [];
    return problems;
  }

  /** @param final whether the input ends here @returns the bytes of the lines that are complete */
  read(chunk: Uint8Array, final: boolean): Uint8Array {
    const text = this.#rest + latin1Text(chunk).replace(/^\xef\xbb\xbf/, "");
    const lines = text.split("\n");
    this.#rest = final ? "" : (lines.pop() ?? "");
    const pieces: string[] = [this.#half];
    let count = this.#half.length;
    const take = (line: string, ends: boolean) => {
      const digits = this.#log ? digitsInLogLine(line) : digitsOf(line, !this.#continued, this.#dump);
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
      // Do not split `0x`.
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

/** Decodes an even number of hex digits, without a substring for each byte because captures may be large. */
function bytesOf(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (nibble(digits.charCodeAt(2 * i)) << 4) | nibble(digits.charCodeAt(2 * i + 1));
  }
  return bytes;
}

/** Value of a hex digit (`0` to `9`, `A` to `F`, `a` to `f`): bits 0 to 3 count from 0 for digits and from 1 for letters. */
function nibble(code: number): number {
  return (code & 15) + (code >= 65 ? 9 : 0);
}

export function withoutComment(line: string): string {
  return line.replace(/(?:#|\/\/).*$/s, "");
}

/** The hex digits of a line; `null` if it contains anything else. */
export function digitsOf(line: string, begins: boolean, dump: boolean): string | null {
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
    // Remove the text column at the end of the line.
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
