/**
 * Splits the bytes of one telegram by position into frame and APDU. Used to display them (annotate.ts) and to write
 * modified captures with correct checksums. The decoder has its own, faster implementation.
 */

import { readBerLength } from "../axdr/ber-length.ts";
import { latin1Bytes, latin1Text } from "../latin1.ts";
import { GENERAL_BLOCK_TRANSFER } from "../link/block-transfer.ts";
import { llcLength } from "../link/hdlc-assembler.ts";
import { crcX25, scanHdlcFrame } from "../link/hdlc-frame.ts";
import { LARGEST_DLMS_CI, scanMbusFrame } from "../link/mbus-frame.ts";
import { checkThatFits, type P1Check } from "../link/p1-check.ts";
import { scanP1Telegram } from "../link/p1-telegram.ts";

export type SpanKind =
  | "frame"
  | "checksum"
  | "header"
  | "ciphertext"
  | "tag"
  | "notification"
  | "register"
  | "text"
  | "unknown";

/** A range of bytes and its meaning. */
export interface Span {
  readonly kind: SpanKind;
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
  /** `L field`, `system title`, `1-0:1.8.0*255`. */
  readonly label: string;
  /** `12937 Wh`; empty if there is nothing to show. */
  readonly value: string;
}

/** A range of the wire that contains APDU bytes. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/** A checksum over `from`…`to`-1, stored at `at`. */
export type Seal =
  | { readonly type: "sum" | "x25"; readonly from: number; readonly to: number; readonly at: number }
  | {
      readonly type: "p1";
      readonly from: number;
      readonly to: number;
      readonly at: number;
      /** One past the last digit of the checksum. */
      readonly end: number;
      readonly check: P1Check;
      /** Written without leading zeros. */
      readonly short: boolean;
      readonly lowerCase: boolean;
    };

export interface Dissection {
  /** Everything except the APDU bytes, in order. */
  readonly spans: Span[];
  /** The APDU bytes, in order; several slices if it was sent in segments or blocks. */
  readonly slices: Slice[];
  /** In the order in which they must be computed. */
  readonly seals: Seal[];
}

/** Dissects a telegram. Never throws: unrecognised bytes become spans of kind `unknown`. */
export function dissect(wire: Uint8Array): Dissection {
  const result: Dissection = { spans: [], slices: [], seals: [] };
  let at = 0;
  while (at < wire.length) {
    const length = dissectMbus(wire, at, result) || dissectHdlc(wire, at, result) || dissectP1(wire, at, result);
    if (length > 0) at += length;
    else if (at === 0 && beginsApdu(wire)) at = dissectMessage(wire, 0, wire.length, result);
    else addUnknown(result.spans, at++);
  }
  return result;
}

/** The APDU, reassembled from its slices. */
export function joinSlices(wire: Uint8Array, slices: readonly Slice[]): Uint8Array {
  const parts = slices.map(({ start, end }) => wire.subarray(start, end));
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * A copy of the wire with another APDU of the same length and recomputed checksums.
 * @throws RangeError if the length differs
 */
export function replaceApdu(wire: Uint8Array, { slices, seals }: Dissection, apdu: Uint8Array): Uint8Array {
  const length = slices.reduce((sum, { start, end }) => sum + end - start, 0);
  if (length !== apdu.length) throw new RangeError(`the APDU has ${length} bytes, not ${apdu.length}`);
  const copy = new Uint8Array(wire);
  let at = 0;
  for (const { start, end } of slices) {
    copy.set(apdu.subarray(at, at + end - start), start);
    at += end - start;
  }
  return withCheckSums(copy, seals);
}

/**
 * A copy of the bytes with recomputed checksums, each in its original type and format. A P1 checksum without leading
 * zeros may change its number of digits, which changes the length of the copy.
 */
export function withCheckSums(bytes: Uint8Array, seals: readonly Seal[]): Uint8Array {
  let copy = new Uint8Array(bytes);
  let shift = 0;
  for (const seal of seals) {
    const [from, to, at] = [seal.from + shift, seal.to + shift, seal.at + shift];
    if (seal.type === "p1") {
      const upper = seal.check.compute(copy, from, to).toString(16).toUpperCase();
      const digits = (seal.lowerCase ? upper.toLowerCase() : upper).padStart(seal.short ? 1 : 4, "0");
      copy = Uint8Array.from([...copy.subarray(0, at), ...latin1Bytes(digits), ...copy.subarray(seal.end + shift)]);
      shift += digits.length - (seal.end - seal.at);
    } else if (seal.type === "sum") {
      copy[at] = copy.subarray(from, to).reduce((sum, byte) => (sum + byte) & 0xff, 0);
    } else {
      const crc = crcX25(copy, from, to);
      copy[at] = crc & 0xff;
      copy[at + 1] = crc >> 8;
    }
  }
  return copy;
}

function dissectMbus(wire: Uint8Array, at: number, { spans, slices, seals }: Dissection): number {
  const scan = scanMbusFrame(wire, at, wire.length, true);
  if (scan.kind !== "frame") return 0;
  if (scan.frame === null) {
    spans.push(span("frame", at, at + scan.length, "frame without content"));
    return scan.length;
  }
  const { data, control, address, ci, stsap, dtsap } = scan.frame;
  // M-Bus records have no service access points, and their CI field is part of the APDU.
  const dlms = ci <= LARGEST_DLMS_CI;
  const dataAt = at + (dlms ? 9 : 6);
  const sumAt = dataAt + data.length;
  const segment = `segment ${ci & 0x0f}${ci & 0x10 ? ", last" : ""}`;
  spans.push(
    span("frame", at, at + 4, "M-Bus start, length", `${sumAt - at - 4}`),
    span("frame", at + 4, at + 5, "C field", hex(control)),
    span("frame", at + 5, at + 6, "A field", address === 0xff ? "broadcast" : hex(address)),
    span("checksum", sumAt, sumAt + 1, "checksum", "right"),
  );
  if (dlms) {
    spans.push(
      span("frame", at + 6, at + 7, "CI field", segment),
      span("frame", at + 7, at + 8, "STSAP", `${stsap}`),
      span("frame", at + 8, at + 9, "DTSAP", `${dtsap}`),
    );
  }
  if (at + scan.length > sumAt + 1) spans.push(span("frame", sumAt + 1, at + scan.length, "stop"));
  slices.push({ start: dataAt, end: sumAt });
  seals.push({ type: "sum", from: at + 4, to: sumAt, at: sumAt });
  return scan.length;
}

function dissectHdlc(wire: Uint8Array, at: number, result: Dissection): number {
  const scan = scanHdlcFrame(wire, at, wire.length, true);
  if (scan.kind !== "frame") return 0;
  const { spans, seals } = result;
  if (scan.frame === null) {
    spans.push(span("frame", at, at + scan.length, "frame without content"));
    return scan.length;
  }
  const { destination, source, control, segmented, information } = scan.frame;
  const addressAt = at + 3;
  const controlAt = addressAt + destination.length + source.length;
  const informationAt = controlAt + 3;
  const hasInformation = information.length > 0;
  const fcsAt = hasInformation ? informationAt + information.length : controlAt + 1;
  spans.push(
    span("frame", at, at + 1, "HDLC flag"),
    span("frame", at + 1, addressAt, "format, length", `${fcsAt + 1 - at}${segmented ? ", more follow" : ""}`),
    span("frame", addressAt, addressAt + destination.length, "destination"),
    span("frame", addressAt + destination.length, controlAt, "source"),
    span("frame", controlAt, controlAt + 1, "control", hex(control)),
  );
  if (hasInformation) {
    spans.push(span("checksum", controlAt + 1, informationAt, "HCS", "right"));
    seals.push({ type: "x25", from: at + 1, to: controlAt + 1, at: controlAt + 1 });
    dissectMessage(wire, informationAt, fcsAt, result);
  }
  spans.push(span("checksum", fcsAt, fcsAt + 2, "FCS", "right"));
  seals.push({ type: "x25", from: at + 1, to: fcsAt, at: fcsAt });
  if (at + scan.length > fcsAt + 2) spans.push(span("frame", fcsAt + 2, at + scan.length, "HDLC flag"));
  return scan.length;
}

/** LLC header, block headers and their content. @returns `end` */
function dissectMessage(wire: Uint8Array, start: number, end: number, { spans, slices }: Dissection): number {
  let at = start + llcLength(wire, start);
  if (at > start) spans.push(span("frame", start, at, "LLC"));
  while (wire[at] === GENERAL_BLOCK_TRANSFER && end - at >= 7) {
    const length = readBerLength(wire, at + 6, end);
    if (length === undefined || length[0] + length[1] > end) break;
    const number = ((wire[at + 2] as number) << 8) | (wire[at + 3] as number);
    const last = ((wire[at + 1] as number) & 0x80) !== 0;
    spans.push(span("frame", at, length[1], "block", `${number}${last ? ", last" : ""}`));
    slices.push({ start: length[1], end: length[1] + length[0] });
    at = length[1] + length[0];
  }
  if (at < end) slices.push({ start: at, end });
  return end;
}

function dissectP1(wire: Uint8Array, at: number, { spans, slices, seals }: Dissection): number {
  const scan = scanP1Telegram(wire, at, wire.length, true);
  if (scan.kind !== "frame") return 0;
  const end = at + scan.length;
  if (scan.frame.type === "ciphered") {
    const apduAt = wire[end - scan.frame.apdu.length] === 0xdb ? end - scan.frame.apdu.length : end;
    spans.push(span("frame", at, apduAt, "P1 head"));
    if (apduAt < end) slices.push({ start: apduAt, end });
    return scan.length;
  }
  for (let line = at; line < end; ) {
    const feed = wire.indexOf(0x0a, line);
    const next = feed < 0 || feed >= end ? end : feed + 1;
    const text = latin1Text(wire, line, next).trim();
    const [, code, value] = /^(\d+-\d+:[\d.]+(?:\*\d+)?)(\(.*\))$/.exec(text) ?? [];
    if (code !== undefined) spans.push(span("register", line, next, code, value));
    else if (text.startsWith("!")) {
      const seal = sealOfP1(wire, at, line, text.slice(1));
      spans.push(span("checksum", line, next, "end, CRC"));
      if (seal !== null) seals.push(seal);
    } else spans.push(span("frame", line, next, line === at ? "P1 head" : "line"));
    line = next;
  }
  return scan.length;
}

/** @param digits of the checksum after the `!` at `bang` @returns `null` if no known checksum matches */
function sealOfP1(wire: Uint8Array, from: number, bang: number, digits: string): Seal | null {
  const check = checkThatFits(wire, from, bang + 1, Number.parseInt(digits, 16));
  if (check === null) return null;
  const [to, at] = [bang + 1, bang + 1];
  const form = { short: digits.length < 4, lowerCase: /[a-f]/.test(digits) };
  return { type: "p1", from, to, at, end: at + digits.length, check, ...form };
}

/** Whether the first byte starts an APDU, a block or an LLC header. */
function beginsApdu(wire: Uint8Array): boolean {
  return [0xdb, 0xdc, 0x0f, GENERAL_BLOCK_TRANSFER, 0xe6, 0x01, 0x02].includes(wire[0] ?? 0);
}

function addUnknown(spans: Span[], at: number): void {
  const last = spans.at(-1);
  if (last?.kind === "unknown" && last.end === at) spans[spans.length - 1] = { ...last, end: at + 1 };
  else spans.push(span("unknown", at, at + 1, "not recognised"));
}

export function span(kind: SpanKind, start: number, end: number, label: string, value = ""): Span {
  return { kind, start, end, label, value };
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}
