/**
 * HDLC frames as meters push them (IEC 62056-46, frame format type 3):
 *
 *     7E | format (2) | destination (1-4) | source (1-4) | control | HCS (2) | information … | FCS (2) | 7E
 *
 * The low 11 bits of the format field give the number of bytes between the two flags; bit 0x0800 (segmentation) means
 * that more frames of the same message follow. There is no byte stuffing, so 7E can occur inside a frame and only the
 * length field delimits it. The HCS covers format to control, the FCS format to information; both are CRC-16/X-25, low
 * byte first. A frame without an information field has no HCS.
 */
import { NO_FRAME, type Scan, type Scanner } from "./scan.ts";

const FLAG = 0x7e;
const FORMAT_TYPE_3 = 0xa0;
const SEGMENTED = 0x08;
/** Format, two one-byte addresses, control, FCS. */
const SHORTEST = 7;
const LONGEST_ADDRESS = 4;

export interface HdlcFrame {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly control: number;
  /** More frames of this message follow. */
  readonly segmented: boolean;
  /** A view of the scanned buffer; copy it if you need to keep it. */
  readonly information: Uint8Array;
}

const CRC_TABLE = /* @__PURE__ */ crcTable();

function crcTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x8408 : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

/** CRC-16/X-25 (ISO/IEC 13239) of `bytes[start … end-1]`. */
export function crcX25(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0xffff;
  for (let i = start; i < end; i++) crc = (crc >> 8) ^ (CRC_TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return crc ^ 0xffff;
}

function crcFits(buffer: Uint8Array, start: number, at: number): boolean {
  return crcX25(buffer, start, at) === ((buffer[at] as number) | ((buffer[at + 1] as number) << 8));
}

/** End of the address at `at`; 0 if it is incomplete at `limit`, -1 if it is not a valid address. */
function addressEnd(buffer: Uint8Array, at: number, limit: number): number {
  for (let i = at; i < at + LONGEST_ADDRESS; i++) {
    if (i >= limit) return 0;
    if ((buffer[i] as number) & 1) return i + 1;
  }
  return -1;
}

/** Control fields meters use for push: UI (with or without the final bit) and I. Seen: 13, 03, and 10 on Kaifa MA304. */
function isPushControl(control: number): boolean {
  return (control & 0xef) === 0x03 || control === 0x10;
}

/**
 * Scans for an HDLC frame whose opening flag is at `start`. If both checksums are correct, a frame with a lost closing
 * flag is accepted. A candidate with a wrong HCS is reported as damaged only if it otherwise looks like a frame
 * (addresses, control or LLC, closing flag); otherwise it is treated as noise.
 * @returns `bad` with `checksum` (wrong HCS or FCS) or `framing` (truncated, or no closing flag at the given length)
 */
export const scanHdlcFrame: Scanner<HdlcFrame> = (buffer, start, end, final) => {
  if (buffer[start] !== FLAG) return NO_FRAME;
  const from = start + 1;
  if (end < from + 2) {
    if (end > from && ((buffer[from] as number) & 0xf0) !== FORMAT_TYPE_3) return NO_FRAME;
    return final ? NO_FRAME : { kind: "more", bytes: SHORTEST + 2 };
  }
  const format = buffer[from] as number;
  if ((format & 0xf0) !== FORMAT_TYPE_3) return NO_FRAME;
  const length = ((format & 0x07) << 8) | (buffer[from + 1] as number);
  if (length < SHORTEST) return NO_FRAME;
  const wholeLength = length + 2;
  const fcsAt = from + length - 2;
  const known = Math.min(end, fcsAt);

  const sourceAt = addressEnd(buffer, from + 2, known);
  const controlAt = sourceAt > 0 ? addressEnd(buffer, sourceAt, known) : sourceAt;
  const hcsAt = controlAt + 1;
  if (controlAt < 0 || hcsAt > fcsAt || hcsAt + 1 === fcsAt) return NO_FRAME;
  const hasHcs = hcsAt < fcsAt;
  if (controlAt === 0 || end < hcsAt + (hasHcs ? 2 : 0)) {
    if (end >= fcsAt || final) return NO_FRAME;
    return { kind: "more", bytes: Math.min(wholeLength, Math.max(SHORTEST + 2, end - start + 1)) };
  }
  const informationAt = hasHcs ? hcsAt + 2 : fcsAt;
  const headerFits = !hasHcs || crcFits(buffer, from, hcsAt);
  if (!headerFits && !isPushControl(buffer[controlAt] as number)) {
    if (end < informationAt + 3 && !final) return { kind: "more", bytes: informationAt + 3 - start };
    if (!hasLlc(buffer, informationAt, end)) return NO_FRAME;
  }
  if (end < fcsAt + 3 && !final) return { kind: "more", bytes: wholeLength };

  const part = hasLlc(buffer, informationAt, end) ? "first" : "later";
  if (end < fcsAt + 2) {
    if (!headerFits || !hasHcs) return NO_FRAME;
    const message = `HDLC: frame cut short after ${end - from} of ${length} bytes`;
    return { kind: "bad", code: "framing", message, length: end - start, part };
  }
  const closed = fcsAt + 2 < end && buffer[fcsAt + 2] === FLAG;
  if (headerFits && crcFits(buffer, from, fcsAt)) {
    return {
      kind: "frame",
      length: closed ? wholeLength : wholeLength - 1,
      frame: {
        destination: buffer.subarray(from + 2, sourceAt),
        source: buffer.subarray(sourceAt, controlAt),
        control: buffer[controlAt] as number,
        segmented: (format & SEGMENTED) !== 0,
        information: buffer.subarray(informationAt, fcsAt),
      },
    };
  }
  if (!closed && (!headerFits || !hasHcs)) return NO_FRAME;
  if (!closed)
    return { kind: "bad", code: "framing", message: `HDLC: no flag after ${length} bytes`, length: wholeLength, part };
  const message = `HDLC: wrong ${headerFits ? "FCS" : "HCS"}`;
  const found = (buffer[fcsAt] as number) | ((buffer[fcsAt + 1] as number) << 8);
  const pattern = `HDLC FCS off by ${crcX25(buffer, from, fcsAt) ^ found}`;
  return { kind: "bad", code: "checksum", message, length: wholeLength, part, pattern };
};

/**
 * Like `scanHdlcFrame`, but for streams: inter-frame fill flags are skipped (frame `null`), and two frames may share a
 * flag, so a frame may start with its format field directly after the previous frame's closing flag.
 */
export const scanHdlcStream: Scanner<HdlcFrame | null> = (buffer, start, end, final) => {
  if (buffer[start] === FLAG) {
    if (start + 1 < end ? buffer[start + 1] === FLAG : final) return FILL;
    return scanHdlcFrame(buffer, start, end, final);
  }
  if (start === 0 || buffer[start - 1] !== FLAG) return NO_FRAME;
  const scan = scanHdlcFrame(buffer, start - 1, end, final);
  switch (scan.kind) {
    case "no":
      return scan;
    case "more":
      return { kind: "more", bytes: scan.bytes - 1 };
    case "frame":
      return { ...scan, length: scan.length - 1 };
    case "bad":
      // If these bytes were already scanned from their flag, the damage has been reported: omit `part` and `pattern`.
      return { kind: "bad", code: scan.code, message: scan.message, length: (scan.length ?? 2) - 1 };
  }
};

/** First bytes that `scanHdlcStream` handles. */
export const HDLC_FIRST_BYTES: readonly number[] = [
  FLAG,
  ...Array.from({ length: 16 }, (_, low) => FORMAT_TYPE_3 | low),
];

/** Inter-frame fill flag. */
const FILL: Scan<null> = { kind: "frame", length: 1, frame: null };

/** Whether the flag at `start` is followed by a frame header with a correct HCS. */
export function hasHdlcHeader(buffer: Uint8Array, start: number, end: number): boolean {
  if (buffer[start] !== FLAG || start + 3 > end || ((buffer[start + 1] as number) & 0xf0) !== FORMAT_TYPE_3)
    return false;
  const sourceAt = addressEnd(buffer, start + 3, end);
  const controlAt = sourceAt > 0 ? addressEnd(buffer, sourceAt, end) : -1;
  return controlAt > 0 && controlAt + 3 <= end && crcFits(buffer, start + 1, controlAt + 1);
}

function hasLlc(buffer: Uint8Array, at: number, end: number): boolean {
  return (
    at + 3 <= end && buffer[at] === 0xe6 && buffer[at + 2] === 0x00 && ((buffer[at + 1] as number) & 0xfe) === 0xe6
  );
}

/** Header fields of an encoded frame; the defaults are those of a Landis+Gyr E450. */
export interface HdlcHeader {
  readonly destination?: Uint8Array;
  readonly source?: Uint8Array;
  readonly control?: number;
  readonly segmented?: boolean;
}

/** Encodes one frame including both flags. @throws RangeError if the frame would be longer than 2047 bytes */
export function encodeHdlcFrame(information: Uint8Array, header: HdlcHeader = {}): Uint8Array {
  const destination = header.destination ?? Uint8Array.of(0xce, 0xff);
  const source = header.source ?? Uint8Array.of(0x03);
  const head = 2 + destination.length + source.length + 1;
  const length = head + (information.length > 0 ? 2 + information.length : 0) + 2;
  if (length > 0x7ff) throw new RangeError(`HDLC frame of ${length} bytes; the length field ends at 2047`);
  const frame = new Uint8Array(length + 2);
  frame[0] = FLAG;
  frame[1] = FORMAT_TYPE_3 | (header.segmented ? SEGMENTED : 0) | (length >> 8);
  frame[2] = length & 0xff;
  frame.set(destination, 3);
  frame.set(source, 3 + destination.length);
  frame[head] = header.control ?? (header.segmented ? 0x03 : 0x13);
  if (information.length > 0) {
    putCrc(frame, head + 1);
    frame.set(information, head + 3);
  }
  putCrc(frame, length - 1);
  frame[length + 1] = FLAG;
  return frame;
}

function putCrc(frame: Uint8Array, at: number): void {
  const crc = crcX25(frame, 1, at);
  frame[at] = crc & 0xff;
  frame[at + 1] = crc >> 8;
}
