/** Finds the end of an A-XDR value without decoding it, to delimit a bare APDU while its bytes are still arriving. */

import { isUntaggedDescriptor, MAX_DEPTH } from "./axdr.ts";
import { readBerLength } from "./ber-length.ts";

const LARGEST_COUNT = 8192;
/** Maximum number of elements in the type description of a compact array. */
const LARGEST_TYPE = 256;

/** The bytes are not valid A-XDR. */
export const BROKEN = Number.NEGATIVE_INFINITY;

/** Content length of a fixed-size type, without the tag; -1 for any other tag (Green Book, 9.5). */
function fixedSize(tag: number): number {
  switch (tag) {
    case 0x00:
    case 0xff:
      return 0;
    case 0x03:
    case 0x0d:
    case 0x0f:
    case 0x11:
    case 0x16:
    case 0x1c:
    case 0x1f:
      return 1;
    case 0x10:
    case 0x12:
    case 0x1d:
    case 0x20:
      return 2;
    case 0x05:
    case 0x06:
    case 0x17:
    case 0x1b:
    case 0x1e:
    case 0x21:
      return 4;
    case 0x1a:
      return 5;
    case 0x14:
    case 0x15:
    case 0x18:
      return 8;
    case 0x19:
      return 12;
    default:
      return -1;
  }
}

/**
 * Finds the end of the A-XDR value at `at` without decoding it. Accepts the untagged attribute descriptors of Czech
 * meters (`02 02 | class (2) | OBIS code (6) | attribute (1) | value`).
 * @returns the offset after the value; if incomplete, the negated minimum offset that data must reach; or `BROKEN`
 */
export function findAxdrEnd(buffer: Uint8Array, at: number, end: number, final: boolean): number {
  const left: number[] = [1];
  let pos = at;
  let owed = 1;
  let descriptors = false;
  while (left.length > 0) {
    const top = left.length - 1;
    if (left[top] === 0) {
      left.pop();
      continue;
    }
    if (pos >= end) return -(pos + owed);
    (left[top] as number)--;
    owed--;
    const tag = buffer[pos] as number;
    pos++;
    const size = fixedSize(tag);
    if (size >= 0) {
      pos += size;
      continue;
    }
    if (tag !== 0x01 && tag !== 0x02 && tag !== 0x04 && tag !== 0x09 && tag !== 0x0a && tag !== 0x0c && tag !== 0x13) {
      return BROKEN;
    }
    if (tag === 0x13) {
      if (left.length > MAX_DEPTH) return BROKEN;
      const behind = compactArrayEnd(buffer, pos, end);
      if (behind < 0) return behind === BROKEN ? BROKEN : behind - owed;
      pos = behind;
      continue;
    }
    const length = readBerLength(buffer, pos, end);
    if (!length) {
      if (pos < end && ((buffer[pos] as number) === 0x80 || (buffer[pos] as number) > 0x82)) return BROKEN;
      return -(pos + 1 + owed);
    }
    const [count, from] = length;
    if (count > LARGEST_COUNT) return BROKEN;
    pos = from;
    if (tag === 0x01 || tag === 0x02) {
      if (left.length > MAX_DEPTH) return BROKEN;
      if (pos >= end && count > 0) return -(pos + count + owed);
      const untagged = tag === 0x02 && count === 2 && buffer[pos] === 0;
      if (untagged && pos + 10 > end && (!final || descriptors)) return -(pos + 10);
      if (untagged && isUntaggedDescriptor(buffer, pos, end)) {
        descriptors = true;
        pos += 9;
        left.push(1);
        owed += 1;
      } else {
        const swapped = tag === 0x02 && count <= 3 && buffer[pos] === 0x06 && buffer[pos + 1] === 0x09;
        if (swapped && pos + 9 > end && !final) return -(pos + 9);
        const done = swapped && isSwappedCode(buffer, pos, end) ? 1 : 0;
        pos += 8 * done;
        left.push(count - done);
        owed += count - done;
      }
    } else pos += tag === 0x04 ? (count + 7) >> 3 : count;
  }
  return pos <= end ? pos : -pos;
}

/** `06 09` instead of `09 06` before an OBIS code, which axdr.ts accepts as well. */
function isSwappedCode(buffer: Uint8Array, at: number, end: number): boolean {
  const d = buffer[at + 5];
  return end - at >= 9 && (buffer[at + 2] as number) <= 1 && (d === 7 || d === 8) && buffer[at + 7] === 0xff;
}

/**
 * End of `type description | BER length | bytes`; the tag 13 has already been read. Nested compact arrays are not
 * supported here: no meter sends them.
 */
function compactArrayEnd(buffer: Uint8Array, at: number, end: number): number {
  let pos = at;
  // Only arrays and structures nest types, so limiting the number of elements also limits depth and run time.
  for (let left = 1, read = 0; left > 0; left--, read++) {
    if (read > LARGEST_TYPE) return BROKEN;
    if (pos >= end) return -(pos + left + 1);
    const tag = buffer[pos++] as number;
    if (tag === 0x02) {
      if (pos >= end) return -(pos + 2);
      left += buffer[pos++] as number;
    } else if (tag === 0x01) {
      pos += 2;
      left += 1;
    } else if (fixedSize(tag) < 0 && tag !== 0x04 && tag !== 0x09 && tag !== 0x0a && tag !== 0x0c) return BROKEN;
    if (left > LARGEST_TYPE) return BROKEN;
  }
  const length = readBerLength(buffer, pos, end);
  if (!length)
    return pos < end && ((buffer[pos] as number) === 0x80 || (buffer[pos] as number) > 0x82) ? BROKEN : -(pos + 1);
  return length[0] > LARGEST_COUNT ? BROKEN : length[1] + length[0];
}
