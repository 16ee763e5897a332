/** Converts a leaf of the A-XDR tree to a number (scaler applied), a text or a time. */

import { formatHex } from "../hex.ts";
import type { Decimal } from "../telegram.ts";
import { formatDate, formatDateTime, formatTime } from "../values/date-time.ts";
import { decimalFromFloat32, decimalFromNumber } from "../values/decimal.ts";
import { type AxdrNode, TAG } from "./axdr-node.ts";

/** Whether the node is null-data or don't-care. */
export function isNothing(node: AxdrNode): boolean {
  return node.tag === TAG.null || node.tag === TAG.dontCare;
}

/** Formats a 12-byte date-time as ISO 8601; `null` if it is not a point in time. */
export function clockText(node: AxdrNode, bytes: Uint8Array): string | null {
  return formatDateTime(bytes, node.start);
}

/**
 * @param scaler power of ten sent with the value, 0 if none
 * @param c value group C of the OBIS code
 * @param d value group D of the OBIS code; 0.9.x are times of day and dates
 * @returns `null` if the leaf holds no value (NaN, or an unspecified time)
 */
export function readValue(
  node: AxdrNode,
  bytes: Uint8Array,
  scaler: number,
  c: number,
  d: number,
): Decimal | string | null {
  switch (node.tag) {
    case TAG.octetString:
    case TAG.visibleString:
    case TAG.utf8String:
      return c === 0 && d === 9
        ? readTimeOfDay(node, bytes)
        : (readText(node, bytes) ?? formatHex(bytes, node.start, node.end));
    case TAG.bitString:
      return formatHex(bytes, node.start, node.end);
    case TAG.dateTime:
      return formatDateTime(bytes, node.start);
    case TAG.date:
      return formatDate(bytes, node.start);
    case TAG.time:
      return formatTime(bytes, node.start);
    case TAG.bcd:
      return { coefficient: bcd(node.value as number), exponent: scaler };
    case TAG.float32:
      return scaled(decimalFromFloat32(node.value as number), scaler);
    case TAG.float64:
      return scaled(decimalFromNumber(node.value as number), scaler);
    default:
      return { coefficient: node.value, exponent: scaler };
  }
}

/** Printable string without trailing zero padding; `null` for anything else. */
export function readText(node: AxdrNode, bytes: Uint8Array): string | null {
  let end = node.end;
  while (end > node.start && bytes[end - 1] === 0) end--;
  if (end === node.start) return node.end === node.start ? "" : null;
  let text = "";
  for (let i = node.start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x20 || byte === 0x7f) return null;
    if (byte > 0x7f) return node.tag === TAG.utf8String ? readUtf8(bytes.subarray(node.start, end)) : null;
    text += String.fromCharCode(byte);
  }
  return text;
}

function readUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Local time 0.9.1 (4 bytes) and local date 0.9.2 (5 bytes). */
function readTimeOfDay(node: AxdrNode, bytes: Uint8Array): string | null {
  const length = node.end - node.start;
  if (length === 4) return formatTime(bytes, node.start);
  if (length === 5) return formatDate(bytes, node.start);
  return readText(node, bytes) ?? formatHex(bytes, node.start, node.end);
}

/** Decodes two BCD digits; a byte that is not valid BCD is returned unchanged. */
function bcd(byte: number): number {
  const tens = byte >> 4;
  const ones = byte & 15;
  return tens < 10 && ones < 10 ? tens * 10 + ones : byte;
}

function scaled(decimal: Decimal | null, scaler: number): Decimal | null {
  return decimal && { coefficient: decimal.coefficient, exponent: decimal.exponent + scaler };
}
