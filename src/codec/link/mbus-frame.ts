/**
 * M-Bus frames (EN 13757-2) as sent by meters in push mode:
 *
 *     68 | L | L | 68 | C | A | CI | STSAP | DTSAP | part of the APDU (L-5) | checksum | 16
 *
 * STSAP and DTSAP are present only if the CI field indicates DLMS (00 to 1F); with any other CI field the data follows
 * directly.
 *
 * L is the number of bytes from C to the end of the data; the checksum is the low byte of their sum. Accepted deviations
 * (telegrams.md, 1.3): L below 5 means L+256 (Sagemcom T210-D sends 257 bytes and writes 01), and the stop byte may be
 * missing if the checksum is correct and the next frame or the end of the input follows immediately. The short frame
 * `10 C A CS 16` and the single byte `E5` are frames without content.
 */
import { NO_FRAME, type Scan } from "./scan.ts";

/** A long frame. `data` is a view of the stream buffer, valid until the next scan. */
export interface MbusFrame {
  readonly control: number;
  readonly address: number;
  /** DLMS transport (EN 13757-3): segment number in the low four bits, bit 0x10 set on the last segment. */
  readonly ci: number;
  /** Source and destination access points; 0 if the CI field is not that of the DLMS transport. */
  readonly stsap: number;
  readonly dtsap: number;
  /** Data after the access points, or starting with the CI field if there are none. */
  readonly data: Uint8Array;
}

/** Higher CI fields denote other M-Bus applications, which have no access points. */
export const LARGEST_DLMS_CI = 0x1f;

const START = 0x68;
const STOP = 0x16;
/** C, A, CI, STSAP, DTSAP. */
const HEADER = 5;
/** Shortest long frame: 68 L L 68, header, one byte of data, checksum, stop byte. */
const MIN_FRAME = 12;

/** Frames without content are skipped silently. */
const SINGLE_BYTE = { kind: "frame", length: 1, frame: null } as const;
const SHORT_FRAME = { kind: "frame", length: 5, frame: null } as const;
const MORE_SHORT = { kind: "more", bytes: 5 } as const;
const MORE_LONG = { kind: "more", bytes: MIN_FRAME } as const;

/** Scans for an M-Bus frame at `start`; the frame is `null` for a single-byte or short frame. */
export function scanMbusFrame(buffer: Uint8Array, start: number, end: number, final: boolean): Scan<MbusFrame | null> {
  const first = buffer[start];
  if (first === START) return scanLongFrame(buffer, start, end, final);
  if (first === 0xe5) return SINGLE_BYTE;
  return first === 0x10 ? scanShortFrame(buffer, start, end, final) : NO_FRAME;
}

function scanShortFrame(buffer: Uint8Array, start: number, end: number, final: boolean): Scan<null> {
  if (end - start < 5) return final ? NO_FRAME : MORE_SHORT;
  const sum = ((buffer[start + 1] as number) + (buffer[start + 2] as number)) & 0xff;
  const valid = buffer[start + 3] === sum && buffer[start + 4] === STOP;
  return valid ? SHORT_FRAME : NO_FRAME;
}

function scanLongFrame(buffer: Uint8Array, start: number, end: number, final: boolean): Scan<MbusFrame> {
  const available = end - start;
  // Check the header as soon as it is complete, so that a stray 68 in noise is dismissed quickly.
  if (available > 3) {
    if (buffer[start + 1] !== buffer[start + 2] || buffer[start + 3] !== START) {
      return scanBrokenHeader(buffer, start, end, final);
    }
  } else if (final) {
    return NO_FRAME;
  } else {
    return MORE_LONG;
  }
  const written = buffer[start + 1] as number;
  const length = written < HEADER ? written + 256 : written;
  const frameLength = length + 6;
  const checksumAt = start + 4 + length;
  if (available < frameLength) {
    if (!final) return { kind: "more", bytes: frameLength };
    // Last frame without a stop byte.
    if (available === frameLength - 1 && length > HEADER && sumFits(buffer, start, checksumAt)) {
      return longFrame(buffer, start, length, frameLength - 1);
    }
    if (!looksLikeHeader(buffer, start, end)) return NO_FRAME;
    const message = `M-Bus frame cut short: ${frameLength} bytes announced, ${available} came`;
    return { ...damagedFrame(buffer, start, end, frameLength), code: "framing", message, length: available };
  }
  if (length === HEADER) return NO_FRAME;
  const stop = buffer[checksumAt + 1] as number;
  if (stop === STOP) {
    if (sumFits(buffer, start, checksumAt)) return longFrame(buffer, start, length, frameLength);
    const difference = ((buffer[checksumAt] as number) - sumOf(buffer, start + 4, checksumAt)) & 0xff;
    const message = checksumMessage(buffer, start, checksumAt);
    return {
      ...damagedFrame(buffer, start, end, frameLength),
      code: "checksum",
      message,
      pattern: `M-Bus sum off by ${difference}`,
    };
  }
  if (stop === START && isSendUserData(buffer[start + 4]) && sumFits(buffer, start, checksumAt)) {
    // The stop byte is missing and the next frame starts directly. To compensate, the C field must be valid, too.
    const next = checksumAt + 1;
    if (end - next < 4 && !final) return { kind: "more", bytes: next + 4 - start };
    if (end - next >= 4 && buffer[next + 1] === buffer[next + 2] && buffer[next + 3] === START) {
      return longFrame(buffer, start, length, frameLength - 1);
    }
  }
  if (!looksLikeHeader(buffer, start, end)) return NO_FRAME;
  return {
    ...damagedFrame(buffer, start, end, frameLength),
    code: "framing",
    message: `M-Bus frame: expected stop byte 22 after ${length} bytes, found ${stop}`,
  };
}

/** `68 a b 68 53 FF` or `68 a a x 53 FF`: a frame header with one wrong byte, too specific to be coincidence. */
function scanBrokenHeader(buffer: Uint8Array, start: number, end: number, final: boolean): Scan<MbusFrame> {
  const equal = buffer[start + 1] === buffer[start + 2];
  const again = buffer[start + 3] === START;
  if (equal === again) return NO_FRAME;
  const available = end - start;
  const announced = Math.max(buffer[start + 1] as number, buffer[start + 2] as number) + 6;
  if (available < 6) return final ? NO_FRAME : MORE_LONG;
  if (!isSendUserData(buffer[start + 4]) || buffer[start + 5] !== 0xff) return NO_FRAME;
  if (available < announced && !final) return { kind: "more", bytes: announced };
  const message = equal
    ? `M-Bus frame: expected 104 again after the length fields, found ${buffer[start + 3]}`
    : `M-Bus frame: the two length fields differ (${buffer[start + 1]} and ${buffer[start + 2]})`;
  const length = Math.min(announced, available);
  return { kind: "bad", code: "framing", message, length, ...partOf(buffer, start, end) };
}

/** Whether the byte after `68 L L 68` makes a real header more likely than coincidence. */
function looksLikeHeader(buffer: Uint8Array, start: number, end: number): boolean {
  return end - start < 5 || isSendUserData(buffer[start + 4]);
}

/** C field SND-UD (user data from the primary station), with FCV clear or set. */
function isSendUserData(control: number | undefined): boolean {
  return control === 0x53 || control === 0x73;
}

/** What all faults of a frame with an intact header have in common. */
function damagedFrame(buffer: Uint8Array, start: number, end: number, length: number) {
  return { kind: "bad", length, ...partOf(buffer, start, end) } as const;
}

/** Whether a damaged frame is the first or a later one of its telegram, if that can be determined. */
function partOf(buffer: Uint8Array, start: number, end: number): { readonly part?: "first" | "later" } {
  if (end - start < 10 || !isSendUserData(buffer[start + 4])) return {};
  const ci = buffer[start + 6] as number;
  if (ci > 0x1f) return {};
  if ((ci & 0x0f) !== 0) return { part: "later" };
  const apduTag = buffer[start + 9];
  return apduTag === 0xdb || apduTag === 0xdc || apduTag === 0x0f || apduTag === 0xe0 ? { part: "first" } : {};
}

function sumOf(buffer: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += buffer[i] as number;
  return sum & 0xff;
}

function sumFits(buffer: Uint8Array, start: number, checksumAt: number): boolean {
  return sumOf(buffer, start + 4, checksumAt) === buffer[checksumAt];
}

function checksumMessage(buffer: Uint8Array, start: number, checksumAt: number): string {
  return `M-Bus checksum: expected ${sumOf(buffer, start + 4, checksumAt)}, found ${buffer[checksumAt]}`;
}

function longFrame(buffer: Uint8Array, start: number, length: number, frameLength: number): Scan<MbusFrame> {
  const ci = buffer[start + 6] as number;
  const dlms = ci <= LARGEST_DLMS_CI;
  const frame: MbusFrame = {
    control: buffer[start + 4] as number,
    address: buffer[start + 5] as number,
    ci,
    stsap: dlms ? (buffer[start + 7] as number) : 0,
    dtsap: dlms ? (buffer[start + 8] as number) : 0,
    data: buffer.subarray(dlms ? start + 4 + HEADER : start + 6, start + 4 + length),
  };
  return { kind: "frame", length: frameLength, frame };
}

/** Segmentation and addressing for `encodeMbusFrames`; the defaults match every captured meter. */
export interface MbusOptions {
  /** APDU bytes per frame: 1 to 250, or up to 255 as on the T210-D (L overflows). Default 245. */
  readonly maxData?: number | undefined;
  readonly control?: number | undefined;
  readonly address?: number | undefined;
  readonly stsap?: number | undefined;
  readonly dtsap?: number | undefined;
}

/**
 * Splits one APDU into frames. Segment numbers wrap from 15 to 0.
 * @throws RangeError if the APDU is empty or `maxData` is out of range
 */
export function encodeMbusFrames(apdu: Uint8Array, options: MbusOptions = {}): Uint8Array[] {
  const { maxData = 245, control = 0x53, address = 0xff, stsap = 0x01, dtsap = 0x67 } = options;
  if (!Number.isInteger(maxData) || maxData < 1 || maxData > 255) throw new RangeError("maxData: 1 to 255");
  if (apdu.length === 0) throw new RangeError("an APDU has at least one byte");
  const frames: Uint8Array[] = [];
  for (let at = 0, segment = 0; at < apdu.length; at += maxData, segment++) {
    const data = apdu.subarray(at, at + maxData);
    const last = at + maxData >= apdu.length ? 0x10 : 0;
    const content = Uint8Array.from([control, address, last | (segment & 0x0f), stsap, dtsap, ...data]);
    const length = content.length & 0xff;
    frames.push(Uint8Array.from([START, length, length, START, ...content, sumOf(content, 0, content.length), STOP]));
  }
  return frames;
}

/**
 * Wraps a telegram of M-Bus records, starting with its CI field, in a frame.
 * @param address defaults to the one an AMIS meter sends to
 * @throws RangeError if the telegram is longer than 253 bytes
 */
export function encodeRecordFrame(telegram: Uint8Array, control = 0x53, address = 0xf0): Uint8Array {
  if (telegram.length > 253) throw new RangeError("a frame holds at most 253 bytes of records");
  const content = Uint8Array.from([control, address, ...telegram]);
  const { length } = content;
  return Uint8Array.from([START, length, length, START, ...content, sumOf(content, 0, length), STOP]);
}
