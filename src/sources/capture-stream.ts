/**
 * Streaming reader for captures of any size: raw binary, hex text, or a log with hex bytes in its lines (hex-text.ts
 * reads both). The format is detected from the content. Does not use Node's `Buffer`, because the decode page reads
 * captures in the browser.
 */
import { latin1Text } from "../codec/latin1.ts";
import { type CaptureLine, type CaptureProblem, digitsOf, HexText, withoutComment } from "./hex-text.ts";
import { digitsInLogLine, isP1Line } from "./log-line.ts";

/** Sample size for format detection, unless the input ends earlier or is clearly binary. */
const SAMPLE_BYTES = 1024;
/** First line of a dump. With six digits (`od -A x`) only offset 0 counts, since plain hex may begin with three bytes. */
const FIRST_DUMP_LINE = /^\s*(?:[0-9a-f]{7,8}|0{6})(?::\s+|\s{1,2})(?=[0-9a-f]{2})/i;
/** Length of the longest timestamp at the start of a line. */
const LONGEST_TIME = 48;
/** Minimum number of bytes in the log lines of a text for it to be treated as a log. */
const LEAST_LOG_BYTES = 4;

export type CaptureKind = "binary" | "hex" | "log";

export class CaptureReader {
  readonly #keepLines: boolean;
  #kind: CaptureKind | null = null;
  #sample: Uint8Array[] = [];
  #sampled = 0;
  /** `null` until the format is detected, and for a binary capture. */
  #text: HexText | null = null;

  /** @param options `keepLines`: record where the bytes of each line start; memory use grows with the capture */
  constructor({ keepLines = false }: { readonly keepLines?: boolean } = {}) {
    this.#keepLines = keepLines;
  }

  /** `null` until detected. */
  get kind(): CaptureKind | null {
    return this.#kind;
  }

  /** Lines with bytes, in order; empty unless `keepLines` is set. */
  get lines(): readonly CaptureLine[] {
    return this.#text?.lines ?? [];
  }

  /** Lines since the last call that are not valid hex text. */
  takeProblems(): CaptureProblem[] {
    return this.#text?.takeProblems() ?? [];
  }

  /** @returns the bytes decoded so far and not yet returned */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#kind === "binary") return chunk;
    if (this.#text !== null) return this.#text.read(chunk, false);
    this.#sample.push(chunk);
    this.#sampled += chunk.length;
    if (this.#sampled < SAMPLE_BYTES && !isEvidentlyBinary(chunk)) return new Uint8Array(0);
    return this.#decide(false);
  }

  /** Signals the end of the input. @returns the remaining bytes */
  end(): Uint8Array {
    if (this.#kind === "binary") return new Uint8Array(0);
    if (this.#text !== null) return this.#text.read(new Uint8Array(0), true);
    return this.#decide(true);
  }

  #decide(final: boolean): Uint8Array {
    const sample = joined(this.#sample);
    this.#sample = [];
    const text = latin1Text(sample).replace(/^\xef\xbb\xbf/, "");
    const lines = text.split(/\r\n|\r|\n/);
    // The last line may end in the middle of a timestamp.
    if (!final && lines.length > 1 && (lines.at(-1)?.length ?? 0) < LONGEST_TIME) lines.pop();
    const dump = FIRST_DUMP_LINE.test(lines.find((line) => withoutComment(line).trim() !== "") ?? "");
    const digits = lines.map((line) => digitsOf(line, true, dump));
    const isHex = !digits.includes(null) && digits.join("").length >= 2;
    this.#kind = isHex ? "hex" : !isEvidentlyBinary(sample) && isLog(lines) ? "log" : "binary";
    if (this.#kind === "binary") return sample;
    this.#text = new HexText({ log: !isHex, dump, keepLines: this.#keepLines });
    return this.#text.read(sample, final);
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

/** Whether the text is a log that contains bytes. P1 telegrams are excluded: their text is the data itself. */
function isLog(lines: readonly string[]): boolean {
  if (lines.some(isP1Line)) return false;
  return lines.map(digitsInLogLine).join("").length >= 2 * LEAST_LOG_BYTES;
}

/** Whether there are control characters that text never contains. Bytes above 0x7F may be letters in a comment. */
function isEvidentlyBinary(chunk: Uint8Array): boolean {
  return chunk.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20) || byte === 0x7f);
}
