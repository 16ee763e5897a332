/**
 * Bare APDUs: telegrams whose framing was already removed (ESP bridges, dumps) or that never had any (ciphered P1 in
 * Styria and Luxembourg). Nothing marks where one starts, so only self-delimiting forms are accepted:
 *
 *     [E6 E7 00] DB | DC   08 title(8) length …         general-glo- / general-ded-ciphering
 *     [E6 E7 00] E0        control number(2) ack(2) length …   general-block-transfer block
 *     [E6 E7 00] 0F        invoke-id(4) date-time body        data-notification; walking the body finds its end
 *                01 | 02   count …                            body only (dumps), if it is the entire input
 *
 * Bare APDUs have no checksum, so scan for them only while no other transport is receiving a telegram.
 */
import { BROKEN, findAxdrEnd } from "../axdr/axdr-extent.ts";
import { readBerLength } from "../axdr/ber-length.ts";
import { BlockTransfer, decodeBlock, GENERAL_BLOCK_TRANSFER, LAST_BLOCK } from "./block-transfer.ts";
import { llcLength } from "./hdlc-assembler.ts";
import { hasHdlcHeader } from "./hdlc-frame.ts";
import { type Accepted, type Assembler, findByte, NO_FRAME as NO, type Scan, type Scanner } from "./scan.ts";

const CIPHERED_LIMIT = 8192;
/** How many bytes to search for a frame after a malformed body; longer than any telegram. */
const FAR = 1024;
/** A shorter body is more likely the tail of a telegram whose start was lost; the shortest bare body seen has 50 bytes. */
const SHORTEST_BODY = 40;

export interface RawFrame {
  /** The APDU without LLC header, or one block of it. */
  readonly information: Uint8Array;
}

/** Scans for a bare APDU at `start`. @returns `bad` with `framing` (truncated) or `malformed` (invalid A-XDR body) */
export const scanRawApdu: Scanner<RawFrame> = (buffer, start, end, final) => {
  const first = buffer[start];
  if (first === 0x01 || first === 0x02) return scanBody(buffer, start, end, final);
  let at = start;
  if (first === 0xe6) {
    if (end - start < 4) return final ? NO : { kind: "more", bytes: 4 };
    at += llcLength(buffer, start);
    if (at === start) return NO;
  }
  switch (buffer[at]) {
    case 0xdb:
    case 0xdc:
      return scanCiphered(buffer, start, at, end, final);
    case GENERAL_BLOCK_TRANSFER:
      return scanBlock(buffer, start, at, end, final);
    case 0x0f:
      return scanNotification(buffer, start, at, end, final);
    default:
      return NO;
  }
};

function more(start: number, to: number, end: number, final: boolean, what: string): Scan<RawFrame> {
  if (final) return { kind: "bad", code: "framing", message: `${what} truncated`, length: end - start };
  return { kind: "more", bytes: to - start };
}

/** Accepts a complete APDU only if it is not part of a damaged frame. */
function complete(
  buffer: Uint8Array,
  start: number,
  at: number,
  to: number,
  end: number,
  final: boolean,
): Scan<RawFrame> {
  if (isFramed(buffer, start) || holdsFrame(buffer, at, Math.min(to, end))) return NO;
  if (to > end) return more(start, to, end, final, "bare APDU");
  if (to + 3 > end && !final) return { kind: "more", bytes: to + 3 - start };
  if (isFrameTail(buffer, to, end)) return NO;
  return { kind: "frame", length: to - start, frame: { information: buffer.subarray(at, to) } };
}

/** Whether `at` holds a frame trailer (`CS 16` or `FCS FCS 7E`) rather than the next notification. */
function isFrameTail(buffer: Uint8Array, at: number, end: number): boolean {
  if (at + 1 >= end || buffer[at] === 0x0f) return false;
  return buffer[at + 1] === 0x16 || (at + 2 < end && buffer[at + 2] === 0x7e);
}

/** Whether the bytes before `start` look like an M-Bus or HDLC frame header (possibly damaged) or a block header. */
function isFramed(buffer: Uint8Array, start: number): boolean {
  const before = (distance: number): number => (distance <= start ? (buffer[start - distance] as number) : -1);
  // C A CI STSAP DTSAP: 53 FF 00 01 67
  const mbus =
    Number(before(5) === 0x53 || before(5) === 0x73) + Number(before(4) === 0xff) + Number(before(2) === 0x01);
  if (before(1) === 0x67 ? mbus > 0 || start < 5 : mbus > 2) return true;
  // E0 control number acknowledged length
  if (before(2) === 0 && before(3) === 0 && before(5) === 0 && before(7) === GENERAL_BLOCK_TRANSFER) return true;
  // … address control HCS HCS [LLC]
  for (const behind of [0, 3]) {
    const control = before(behind + 3);
    if (((control & 0xef) === 0x03 || control === 0x10) && (before(behind + 4) & 1) === 1) return true;
    for (let flag = 8; flag <= 12; flag++) {
      if (before(behind + flag) === 0x7e && (before(behind + flag - 1) & 0xf0) === 0xa0) return true;
    }
  }
  return false;
}

/** Whether the APDU contains a frame header: very unlikely by chance, so frames must have been joined wrongly. */
function holdsFrame(buffer: Uint8Array, from: number, to: number): boolean {
  for (let i = findByte(buffer, 0x68, from, to - 4); i >= 0; i = findByte(buffer, 0x68, i + 1, to - 4)) {
    const control = buffer[i + 4];
    if (buffer[i + 3] === 0x68 && buffer[i + 1] === buffer[i + 2] && (control === 0x53 || control === 0x73))
      return true;
  }
  for (let i = findByte(buffer, 0x7e, from, to - 12); i >= 0; i = findByte(buffer, 0x7e, i + 1, to - 12)) {
    if (hasHdlcHeader(buffer, i, to)) return true;
  }
  return false;
}

function isCapital(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x41 && byte <= 0x5a;
}

function scanCiphered(buffer: Uint8Array, start: number, at: number, end: number, final: boolean): Scan<RawFrame> {
  const titleAt = at + 2;
  for (let i = at + 1; i < Math.min(end, titleAt + 3); i++) {
    if (i < titleAt ? buffer[i] !== 8 : !isCapital(buffer[i])) return NO;
  }
  const lengthAt = titleAt + 8;
  if (lengthAt >= end) return end < titleAt + 3 && final ? NO : more(start, lengthAt + 6, end, final, "ciphered APDU");
  const prefix = buffer[lengthAt] as number;
  if (prefix === 0x80 || prefix > 0x84) return NO;
  const length = readBerLength(buffer, lengthAt, end);
  if (!length) return more(start, lengthAt + 6, end, final, "ciphered APDU");
  const [size, from] = length;
  if (size < 5 || size > CIPHERED_LIMIT) return NO;
  if (from < end && ((buffer[from] as number) & 0x0f) > 2) return NO;
  return complete(buffer, start, at, from + size, end, final);
}

/** A bare block has no checksum, so its header must match push operation: low block number, no acknowledged block. */
function scanBlock(buffer: Uint8Array, start: number, at: number, end: number, final: boolean): Scan<RawFrame> {
  if (end < at + 7) return final ? NO : { kind: "more", bytes: at + 7 - start };
  const number = ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number);
  if (number === 0 || number > 64 || buffer[at + 4] !== 0 || buffer[at + 5] !== 0) return NO;
  if ((buffer[at + 6] as number) > 0x82) return NO;
  const length = readBerLength(buffer, at + 6, end);
  if (!length) return more(start, at + 9, end, final, "block transfer: block");
  const [size, from] = length;
  if (size === 0 || size > CIPHERED_LIMIT) return NO;
  return complete(buffer, start, at, from + size, end, final);
}

function scanNotification(buffer: Uint8Array, start: number, at: number, end: number, final: boolean): Scan<RawFrame> {
  if (end < at + 8) return final ? NO : { kind: "more", bytes: at + 8 - start };
  let body = at + 6;
  switch (buffer[at + 5]) {
    case 0x00:
      break;
    case 0x0c:
    case 0x19:
      body += 12;
      break;
    case 0x09:
      if (buffer[at + 6] !== 12) return NO;
      body += 13;
      break;
    default:
      return NO;
  }
  if (body > at + 6 && end >= body && !isDateTime(buffer, body - 12)) return NO;
  if (end < body + 2) return more(start, body + 2, end, final, "data-notification");
  if ((buffer[body] !== 1 && buffer[body] !== 2) || buffer[body + 1] === 0 || (buffer[body + 1] as number) > 0x82)
    return NO;
  const to = findAxdrEnd(buffer, body, end, final);
  if (to === BROKEN) {
    // Always search the same distance, however much data happens to have arrived.
    const far = at + FAR;
    if (isFramed(buffer, start) || holdsFrame(buffer, at, Math.min(far, end))) return NO;
    if (far > end && !final) return { kind: "more", bytes: far - start };
    const message = "data-notification: the body breaks the rules of A-XDR";
    return { kind: "bad", code: "malformed", message, length: body + 2 - start };
  }
  return complete(buffer, start, at, Math.abs(to), end, final);
}

/** A bare body is accepted only if it is the entire input; it is returned as a data-notification without date-time. */
function scanBody(buffer: Uint8Array, start: number, end: number, final: boolean): Scan<RawFrame> {
  if (end - start < 2) return final ? NO : { kind: "more", bytes: 2 };
  const count = buffer[start + 1] as number;
  if (count < 1 || count > 0x7f) return NO;
  const to = findAxdrEnd(buffer, start, end, final);
  if (to === BROKEN || (to >= 0 && to < end) || (to < 0 && final)) return NO;
  if (!final || to < 0) return { kind: "more", bytes: Math.max(end + 1, -to) - start };
  if (to - start < SHORTEST_BODY) return NO;
  const information = new Uint8Array(6 + to - start);
  information[0] = 0x0f;
  information.set(buffer.subarray(start, to), 6);
  return { kind: "frame", length: to - start, frame: { information } };
}

function isDateTime(buffer: Uint8Array, at: number): boolean {
  const year = ((buffer[at] as number) << 8) | (buffer[at + 1] as number);
  const month = buffer[at + 2] as number;
  const day = buffer[at + 3] as number;
  const hour = buffer[at + 5] as number;
  const minute = buffer[at + 6] as number;
  return (
    (year === 0xffff || (year >= 1990 && year < 2200)) &&
    ((month >= 1 && month <= 12) || month >= 0xfd) &&
    ((day >= 1 && day <= 31) || day >= 0xe0) &&
    (hour < 24 || hour === 0xff) &&
    (minute < 60 || minute === 0xff)
  );
}

/** Reassembles block transfers; any other bare APDU is already complete. */
export class RawAssembler implements Assembler<RawFrame> {
  readonly #blocks = new BlockTransfer();

  get pending(): boolean {
    return this.#blocks.pending;
  }

  ends(frame: RawFrame): boolean {
    return frame.information[0] !== GENERAL_BLOCK_TRANSFER || ((frame.information[1] as number) & LAST_BLOCK) !== 0;
  }

  reset(): void {
    this.#blocks.reset();
  }

  /** @throws CodecError `segmentation`, see `BlockTransfer.accept` */
  accept(frame: RawFrame): Accepted | undefined {
    if (frame.information[0] !== GENERAL_BLOCK_TRANSFER) {
      this.#blocks.reset();
      return { apdu: frame.information };
    }
    const apdu = this.#blocks.accept(decodeBlock(frame.information));
    return apdu && { apdu };
  }
}
