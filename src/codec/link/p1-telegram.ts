/**
 * P1 telegrams (DSMR P1 Companion Standard 5.0.2, chapter 6), ASCII lines between `/` and `!`:
 *
 *     /XXX5identification CR LF CR LF
 *     1-0:1.8.1(123456.789*kWh) CR LF …
 *     !CRC16 CR LF
 *
 * The CRC (CRC-16/ARC, four hex digits) covers `/` to `!` inclusive. Deviations seen in the field: no CRC (Iskraemeco
 * AM550, Slovenia), a different CRC (Holley, Hungary; see p1-check.ts), a CRC without leading zeros, a control character
 * in the header line, LF line endings (captures saved as text; the CRC still covers CR LF), Wh instead of kWh (Sagemcom,
 * Styria), other time formats (NES, Denmark), malformed codes (`1-0:4:24.7.0`, Kamstrup Omnia), and a ciphered APDU
 * instead of the lines (Kaifa and Elgama, Poland).
 */
import { CodecError } from "../codec-error.ts";
import { latin1Bytes, latin1Text } from "../latin1.ts";
import type { Proof } from "../telegram.ts";
import { checkThatFits, crcP1, KnownChecks, STANDARD_CHECK } from "./p1-check.ts";
import { LINE_END, WELL_FORMED } from "./p1-content.ts";
import { type Accepted, type Assembler, findByte, NO_FRAME as NO, type Scan, type Scanner } from "./scan.ts";

const SLASH = 0x2f;
const BANG = 0x21;
const LF = 0x0a;
const CR = 0x0d;
const LONGEST_HEAD = 64;
/** CR and LF bytes between the header line and the first data line; DSMR sends two line endings (four bytes). */
const LONGEST_GAP = 16;
const LONGEST_TELEGRAM = 8192;
/** How far to search back for a header or end line that was incomplete in the previous scan, in bytes. */
const LOOK_BACK = 16;

/** Contents of one P1 frame. */
export interface P1Frame {
  readonly type: "text" | "ciphered";
  /** The text from `/` up to but excluding `!`, or the ciphered APDU after the header line. */
  readonly apdu: Uint8Array;
  readonly proof: Proof;
  /** Name of the matching checksum algorithm; `null` if the telegram has no checksum. */
  readonly check: string | null;
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

function isText(byte: number): boolean {
  return isPrintable(byte) || byte === CR || byte === LF || byte === 0x09 || byte >= 0xa0;
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a));
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66));
}

/** End of `/XXX5` at `start` (three letters and the baud rate digit); 0 if incomplete, -1 if there is none. */
function headAt(buffer: Uint8Array, start: number, end: number): number {
  for (let i = 1; i <= 4; i++) {
    if (start + i >= end) return 0;
    if (i < 4 ? !isLetter(buffer[start + i]) : !isDigit(buffer[start + i])) return -1;
  }
  return start + 5;
}

/**
 * Offset after the header line and the empty line(s) following it; 0 if incomplete, -1 if there is no header. The
 * identification may contain any byte: some meters send control characters (02) in it, and the CRC confirms them.
 */
function headEnd(buffer: Uint8Array, start: number, end: number): number {
  let at = headAt(buffer, start, end);
  if (at <= 0) return at;
  while (at < end && !isLineEnd(buffer[at]) && at - start < LONGEST_HEAD) at++;
  if (at >= end) return 0;
  if (!isLineEnd(buffer[at])) return -1;
  const gap = at;
  while (at < end && isLineEnd(buffer[at])) at++;
  return at - gap > LONGEST_GAP ? -1 : at;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === CR || byte === LF;
}

/** Position of the first `!` at the start of a line, or -1. */
function bangAt(buffer: Uint8Array, from: number, end: number): number {
  for (let at = findByte(buffer, BANG, from, end); at >= 0; at = findByte(buffer, BANG, at + 1, end)) {
    if (buffer[at - 1] === LF || buffer[at - 1] === CR) return at;
  }
  return -1;
}

/**
 * Scans for a P1 telegram at `start`.
 * @returns `bad` with `checksum` (wrong CRC), `framing` (truncated, or another telegram starts inside it) or `malformed`
 *   (no CRC and a malformed line)
 */
export const scanP1Telegram: Scanner<P1Frame> = (buffer, start, end, final, seen = 0) => {
  if (buffer[start] !== SLASH) return NO;
  const body = headEnd(buffer, start, end);
  if (body < 0) return NO;
  if (body === 0 || body >= end) return final ? cutShort(end - start) : { kind: "more", bytes: end - start + 1 };
  const first = buffer[body] as number;
  if (first === 0x00 || first === 0xdb || first === 0xdc) return scanCiphered(buffer, start, body, end, final);
  if (!isDigit(first) && first !== BANG) return NO;

  // Only bytes received since the last scan matter. Look for a new header, then for non-text bytes, then for the end.
  const from = Math.max(body, start + seen - LOOK_BACK);
  const other = nextHead(buffer, from, end);
  const limit = other < 0 ? end : other;
  const bang = bangAt(buffer, from, limit);
  const foreign = firstForeign(buffer, from, bang < 0 ? limit : bang);
  if (bang >= 0 && foreign < 0) return scanEnd(buffer, start, body, bang, end, final);
  const to = foreign < 0 ? limit : foreign;
  if (foreign < 0 && other >= 0) {
    return { kind: "bad", code: "framing", message: "P1: truncated, another telegram starts", length: to - start };
  }
  if (foreign >= 0 || final || end - start > LONGEST_TELEGRAM) {
    return { kind: "bad", code: "framing", message: `P1: truncated after ${to - start} bytes`, length: to - start };
  }
  return { kind: "more", bytes: end - start + 1 };
};

/** Position of the first non-text byte, or -1. */
function firstForeign(buffer: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) if (!isText(buffer[i] as number)) return i;
  return -1;
}

/** Position of the next telegram header, or -1 (values never contain `/XXX5`). */
function nextHead(buffer: Uint8Array, from: number, to: number): number {
  for (let at = findByte(buffer, SLASH, from, to); at >= 0; at = findByte(buffer, SLASH, at + 1, to)) {
    if (headAt(buffer, at, to) > 0) return at;
  }
  return -1;
}

/** Evaluates the end line: `!` with one to four hex digits, `!` alone, or something else. */
function scanEnd(
  buffer: Uint8Array,
  start: number,
  body: number,
  bang: number,
  end: number,
  final: boolean,
): Scan<P1Frame> {
  let at = bang + 1;
  while (at < end && at < bang + 5 && isHexDigit(buffer[at])) at++;
  const digits = at - bang - 1;
  if (at >= end && !final) return { kind: "more", bytes: at - start + 1 };
  const claimed = digits === 0 ? -1 : Number.parseInt(latin1Text(buffer, bang + 1, at), 16);
  const lineEnds = at < end && isLineEnd(buffer[at]);
  if (lineEnds && buffer[at] === CR) {
    if (at + 1 >= end && !final) return { kind: "more", bytes: at + 2 - start };
    at += buffer[at + 1] === LF && at + 1 < end ? 2 : 1;
  } else if (lineEnds) at++;
  const length = at - start;
  if (digits === 0 && (lineEnds || at >= end)) {
    const foreign = firstForeign(buffer, start, bang);
    if (foreign >= 0) {
      return { kind: "bad", code: "framing", message: `P1: non-text byte after ${foreign - start} bytes`, length };
    }
    // Without a checksum, only malformed lines reveal damage.
    if (linesAreWhole(buffer, body, bang)) return textFrame(buffer, start, bang, length, null);
    return { kind: "bad", code: "malformed", message: "P1: no CRC, and a line not of the form code(value)", length };
  }
  // Fewer than four digits are a checksum without leading zeros only if a line ending follows.
  if (digits === 0 || (digits < 4 && !lineEnds)) {
    const code = at >= end ? "framing" : "checksum";
    return { kind: "bad", code, message: "P1: no four-digit CRC in the end line", length };
  }
  const check = checkThatFits(buffer, start, bang + 1, claimed);
  if (check !== null) return textFrame(buffer, start, bang, length, check.name);
  const found = crcP1(buffer, start, bang + 1);
  return {
    kind: "bad",
    code: "checksum",
    message: `P1: checksum ${hex4(found)} computed, ${hex4(claimed)} found`,
    length,
    ...(linesAreWhole(buffer, body, bang) ? { pattern: "P1: all lines whole" } : {}),
  };
}

/** Whether every line has the form `code(value)`. */
function linesAreWhole(buffer: Uint8Array, body: number, bang: number): boolean {
  return latin1Text(buffer, body, bang)
    .split(LINE_END)
    .every((line) => line === "" || WELL_FORMED.test(line));
}

function textFrame(
  buffer: Uint8Array,
  start: number,
  bang: number,
  length: number,
  check: string | null,
): Scan<P1Frame> {
  const proof = check === null ? "none" : "crc";
  return { kind: "frame", length, frame: { type: "text", apdu: buffer.subarray(start, bang), proof, check } };
}

/** Scans `DB | title | length …`, or `00 | length …` (no DB, empty title; seen at Stoen, Poland). */
function scanCiphered(buffer: Uint8Array, start: number, body: number, end: number, final: boolean): Scan<P1Frame> {
  const tagged = buffer[body] !== 0x00;
  const titleAt = body + (tagged ? 1 : 0);
  const need = titleAt + 1 + (buffer[titleAt] ?? 0);
  if (need + 5 > end) return final ? cutShort(end - start) : { kind: "more", bytes: need + 5 - start };
  if ((buffer[titleAt] as number) !== 0 && buffer[titleAt] !== 8) return NO;
  const first = buffer[need] as number;
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (count > 2) return NO;
  let size = count === 0 ? first : 0;
  for (let i = 1; i <= count; i++) size = (size << 8) | (buffer[need + i] as number);
  const to = need + 1 + count + size;
  if (size < 5 || size > LONGEST_TELEGRAM) return NO;
  if (to > end) return final ? cutShort(end - start) : { kind: "more", bytes: to - start };
  const apdu = buffer.subarray(body, to);
  const frame = { type: "ciphered", apdu: tagged ? apdu : prefixed(0xdb, apdu), proof: "none", check: null } as const;
  return { kind: "frame", length: to - start, frame };
}

function prefixed(tag: number, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length + 1);
  result[0] = tag;
  result.set(bytes, 1);
  return result;
}

/** A complete `/XXX5` header is enough to report a truncated telegram; less is noise. */
function cutShort(bytes: number): Scan<P1Frame> {
  if (bytes < 5) return NO;
  return { kind: "bad", code: "framing", message: `P1: truncated after ${bytes} bytes`, length: bytes };
}

function hex4(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, "0");
}

/**
 * Determines the proof for a decrypted text whose tag was not verified: only its own checksum can vouch for it.
 * @throws CodecError `checksum` if the checksum is wrong, `malformed` if the text is not a complete telegram
 */
export function proveText(text: Uint8Array): Proof {
  const scan = scanP1Telegram(text, 0, text.length, true);
  if (scan.kind === "frame" && (scan.frame.check ?? STANDARD_CHECK) === STANDARD_CHECK) return scan.frame.proof;
  if (scan.kind === "frame") throw new CodecError("checksum", `P1: only ${scan.frame.check} matches`);
  if (scan.kind === "bad" && scan.code === "checksum") throw new CodecError("checksum", scan.message);
  throw new CodecError("malformed", "P1: the deciphered text is not a complete telegram");
}

/** A P1 telegram is always a single frame. */
export class P1Assembler implements Assembler<P1Frame> {
  readonly pending = false;
  readonly #checks = new KnownChecks();

  /** @throws CodecError `checksum` for the first telegram whose checksum algorithm differs from the meter's known one */
  accept(frame: P1Frame): Accepted {
    const { apdu, check } = frame;
    if (check !== null && !this.#checks.accepts(headOf(apdu), check)) {
      const message = `P1: the checksum is ${check}; accepted if the next telegram has it, too`;
      throw new CodecError("checksum", message);
    }
    return frame;
  }

  ends(): boolean {
    return true;
  }

  reset(): void {}
}

function headOf(text: Uint8Array): string {
  const lineEnd = text.findIndex(isLineEnd);
  return latin1Text(text, 0, lineEnd < 0 ? Math.min(text.length, LONGEST_HEAD) : lineEnd);
}

/** Encodes a telegram from its header (`/KFM5KAIFA-METER`) and lines (`1-0:1.8.0(000123.456*kWh)`), adding the CRC. */
export function encodeP1(head: string, lines: readonly string[]): Uint8Array {
  const text = `${head}\r\n\r\n${lines.map((line) => `${line}\r\n`).join("")}!`;
  const bytes = latin1Bytes(`${text}0000\r\n`);
  bytes.set(latin1Bytes(hex4(crcP1(bytes, 0, text.length))), text.length);
  return bytes;
}
