/**
 * P1 telegrams (DSMR P1 Companion Standard 5.0.2, chapter 6), ASCII lines between `/` and `!`:
 *
 *     /XXX5identification CR LF CR LF
 *     1-0:1.8.1(123456.789*kWh) CR LF …
 *     !CRC16 CR LF
 *
 * The CRC (polynomial A001 reflected, start 0, four hexadecimal digits) covers `/` to `!` inclusive. Observed besides:
 * no CRC at all (Iskraemeco AM550, Slovenia), line ends of LF alone (telegrams that went through a text file; the CRC is
 * then that of CR LF), Wh instead of kWh (Sagemcom, Styria), times in other forms (NES, Denmark), malformed codes
 * (`1-0:4:24.7.0`, Kamstrup Omnia), and a ciphered block in place of the lines (Kaifa and Elgama, Poland).
 */
import { CodecError } from "../codec-error.ts";
import type { Proof } from "../telegram.ts";
import { LINE_END, WELL_FORMED } from "./p1-content.ts";
import { type Accepted, type Assembler, NO_FRAME as NO, type Scan, type Scanner } from "./scan.ts";

const SLASH = 0x2f;
const BANG = 0x21;
const LF = 0x0a;
const CR = 0x0d;
const LONGEST_HEAD = 64;
const LONGEST_TELEGRAM = 8192;

/** What stands between head and end. */
export interface P1Frame {
  readonly type: "text" | "ciphered";
  /** The text from `/` up to `!`, or the ciphered APDU that stands behind the head line. */
  readonly apdu: Uint8Array;
  readonly proof: Proof;
}

const CRC_TABLE = /* @__PURE__ */ crcTable();

function crcTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

/** CRC-16 of a P1 telegram (polynomial A001 reflected, start 0) over `bytes[start … end-1]`, or as if each bare LF were CR LF. */
export function crcP1(bytes: Uint8Array, start = 0, end = bytes.length, restoreLineEnds = false): number {
  let crc = 0;
  let before = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (restoreLineEnds && byte === LF && before !== CR) crc = (crc >> 8) ^ (CRC_TABLE[(crc ^ CR) & 0xff] as number);
    crc = (crc >> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
    before = byte;
  }
  return crc;
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

/** Does `/XXX5` stand there: three letters and the digit of the baud rate? 0: not complete; -1: no. */
function headAt(buffer: Uint8Array, start: number, end: number): number {
  for (let i = 1; i <= 4; i++) {
    if (start + i >= end) return 0;
    if (i < 4 ? !isLetter(buffer[start + i]) : !isDigit(buffer[start + i])) return -1;
  }
  return start + 5;
}

/** Offset behind the head line and the empty line(s) after it; 0: not complete; -1: no head. */
function headEnd(buffer: Uint8Array, start: number, end: number): number {
  let at = headAt(buffer, start, end);
  if (at <= 0) return at;
  while (at < end && isPrintable(buffer[at] as number) && at - start < LONGEST_HEAD) at++;
  if (at >= end) return 0;
  if (buffer[at] !== CR && buffer[at] !== LF) return -1;
  while (at < end && (buffer[at] === CR || buffer[at] === LF)) at++;
  return at;
}

/** Where a `!` stands at the beginning of a line, -1 if nowhere. */
function bangAt(buffer: Uint8Array, from: number, end: number): number {
  for (let at = buffer.indexOf(BANG, from); at >= 0 && at < end; at = buffer.indexOf(BANG, at + 1)) {
    if (buffer[at - 1] === LF || buffer[at - 1] === CR) return at;
  }
  return -1;
}

/**
 * Does a P1 telegram begin at `start`?
 * @returns `bad` with `checksum` (CRC), `framing` (cut short, or another telegram begins inside)
 */
export const scanP1Telegram: Scanner<P1Frame> = (buffer, start, end, final) => {
  if (buffer[start] !== SLASH) return NO;
  const body = headEnd(buffer, start, end);
  if (body < 0) return NO;
  if (body === 0 || body >= end) return final ? cutShort(end - start) : { kind: "more", bytes: end - start + 1 };
  const first = buffer[body] as number;
  if (first === 0x00 || first === 0xdb || first === 0xdc) return scanCiphered(buffer, start, body, end, final);
  if (!isDigit(first) && first !== BANG) return NO;

  const bang = bangAt(buffer, body, end);
  if (bang >= 0) {
    const other = nextHead(buffer, body, bang);
    if (other < 0) return scanEnd(buffer, start, body, bang, end, final);
    return { kind: "bad", code: "framing", message: "P1: cut short, another telegram begins", length: other - start };
  }
  // Without the end in sight the whole is looked at only when a line ends or something foreign arrives.
  const last = buffer[end - 1] as number;
  if (final || last === LF || !isText(last) || end - start > LONGEST_TELEGRAM) {
    const foreign = firstForeign(buffer, body, end);
    const other = nextHead(buffer, body, end);
    const to = Math.min(foreign < 0 ? end : foreign, other < 0 ? end : other);
    if (final || to < end || end - start > LONGEST_TELEGRAM) {
      return { kind: "bad", code: "framing", message: `P1: broken off after ${to - start} bytes`, length: to - start };
    }
  }
  return { kind: "more", bytes: end - start + 1 };
};

/** First byte that is no text, -1 if all are. */
function firstForeign(buffer: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) if (!isText(buffer[i] as number)) return i;
  return -1;
}

/** Where another telegram begins (a value holds no `/XXX5`), -1 if nowhere. */
function nextHead(buffer: Uint8Array, from: number, to: number): number {
  for (let at = buffer.indexOf(SLASH, from); at >= 0 && at < to; at = buffer.indexOf(SLASH, at + 1)) {
    if (headAt(buffer, at, to) > 0) return at;
  }
  return -1;
}

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
  const claimed = digits === 4 ? Number.parseInt(latin1(buffer, bang + 1, at), 16) : -1;
  const lineEnds = at < end && (buffer[at] === CR || buffer[at] === LF);
  if (lineEnds && buffer[at] === CR) {
    if (at + 1 >= end && !final) return { kind: "more", bytes: at + 2 - start };
    at += buffer[at + 1] === LF && at + 1 < end ? 2 : 1;
  } else if (lineEnds) at++;
  const length = at - start;
  if (digits === 0 && (lineEnds || at >= end)) {
    const foreign = firstForeign(buffer, body, bang);
    if (foreign >= 0) {
      return { kind: "bad", code: "framing", message: `P1: no text after ${foreign - start} bytes`, length };
    }
    // Without a check sum the form of the lines is the only sign of damage.
    const odd = latin1(buffer, body, bang)
      .split(LINE_END)
      .find((line) => line !== "" && !WELL_FORMED.test(line));
    if (odd === undefined) return textFrame(buffer, start, bang, length, "none");
    return { kind: "bad", code: "malformed", message: "P1: no check sum, and a line that is no code(value)", length };
  }
  if (digits < 4) {
    const code = at >= end ? "framing" : "checksum";
    return { kind: "bad", code, message: "P1: the end line holds no check sum of four digits", length };
  }
  const found = crcP1(buffer, start, bang + 1);
  if (claimed !== found && claimed !== crcP1(buffer, start, bang + 1, true)) {
    const message = `P1: check sum ${hex4(found)} computed, ${hex4(claimed)} found`;
    return { kind: "bad", code: "checksum", message, length };
  }
  return textFrame(buffer, start, bang, length, "crc");
}

function textFrame(buffer: Uint8Array, start: number, bang: number, length: number, proof: Proof): Scan<P1Frame> {
  return { kind: "frame", length, frame: { type: "text", apdu: buffer.subarray(start, bang), proof } };
}

/** `DB | title | length …`, or without DB and with an empty title, `00 | length …` (seen at Stoen, Poland). */
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
  const frame = { type: "ciphered", apdu: tagged ? apdu : prefixed(0xdb, apdu), proof: "none" } as const;
  return { kind: "frame", length: to - start, frame };
}

function prefixed(tag: number, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length + 1);
  result[0] = tag;
  result.set(bytes, 1);
  return result;
}

/** With the whole head a telegram has surely begun. */
function cutShort(bytes: number): Scan<P1Frame> {
  if (bytes < 5) return NO;
  return { kind: "bad", code: "framing", message: `P1: cut short after ${bytes} bytes`, length: bytes };
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

function hex4(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, "0");
}

/**
 * What proves a text that came ciphered and whose tag was not verified: only its own check sum can.
 * @throws CodecError `checksum` if that is wrong, `malformed` if the text has no end
 */
export function proveText(text: Uint8Array): Proof {
  const scan = scanP1Telegram(text, 0, text.length, true);
  if (scan.kind === "frame") return scan.frame.proof;
  if (scan.kind === "bad" && scan.code === "checksum") throw new CodecError("checksum", scan.message);
  throw new CodecError("malformed", "P1: the deciphered text is no telegram from head to end");
}

/** Every P1 telegram comes in one frame. */
export class P1Assembler implements Assembler<P1Frame> {
  readonly pending = false;

  accept(frame: P1Frame): Accepted {
    return frame;
  }

  ends(): boolean {
    return true;
  }

  reset(): void {}
}

/** A telegram out of its head (`/KFM5KAIFA-METER`) and lines (`1-0:1.8.0(000123.456*kWh)`), with CRC. */
export function encodeP1(head: string, lines: readonly string[]): Uint8Array {
  const text = Buffer.from(`${head}\r\n\r\n${lines.map((line) => `${line}\r\n`).join("")}!`, "latin1");
  return Buffer.concat([text, Buffer.from(`${hex4(crcP1(text))}\r\n`, "latin1")]);
}
