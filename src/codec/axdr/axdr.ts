/**
 * A-XDR (IEC 61334-6 as used by the DLMS Green Book): decodes the typed values in an APDU to a tree. Every length is
 * checked before reading. The tree is in axdr-node.ts; the counterpart is axdr-encoder.ts.
 */

import { CodecError } from "../codec-error.ts";
import { AxdrNode, TAG } from "./axdr-node.ts";
import type { ByteReader } from "./byte-reader.ts";

/** Maximum nesting depth of containers, including compact arrays and type descriptions; field telegrams reach 4. */
export const MAX_DEPTH = 10;
const NO_ITEMS: readonly AxdrNode[] = [];

/**
 * Cache of {scaler, unit} structures, one node per pair of values. They make up more than a third of a telegram's nodes
 * and are the same in every telegram. Positions are those of the first occurrence.
 */
export class ScalerUnits {
  readonly #known = new Array<AxdrNode | undefined>(64).fill(undefined);

  /** The node for `02 02 | 0F scaler | 16 unit`, with the cursor after the count; `undefined` for other structures. */
  take(reader: ByteReader): AxdrNode | undefined {
    const { bytes, pos, end } = reader;
    if (bytes[pos] !== TAG.integer || bytes[pos + 2] !== TAG.enum || end - pos < 4) return undefined;
    const scaler = ((bytes[pos + 1] as number) << 24) >> 24;
    const unit = bytes[pos + 3] as number;
    const place = (scaler * 5 + unit) & 63;
    let node = this.#known[place];
    if (node === undefined || node.items[0]?.value !== scaler || node.items[1]?.value !== unit) {
      const items = [
        new AxdrNode(TAG.integer, scaler, NO_ITEMS, pos + 1, pos + 2),
        new AxdrNode(TAG.enum, unit, NO_ITEMS, pos + 3, pos + 4),
      ];
      node = new AxdrNode(TAG.structure, 0, items, pos, pos + 4);
      this.#known[place] = node;
    }
    reader.pos = pos + 4;
    return node;
  }
}

/**
 * Decodes one value and advances the cursor past it.
 * @param units cache for {scaler, unit} structures; the positions of cached nodes are meaningless
 * @throws CodecError `malformed` for an unknown tag, a length beyond the end, or containers nested more than 10 deep
 */
export function decodeAxdr(reader: ByteReader, depth = 0, units?: ScalerUnits): AxdrNode {
  const tag = reader.u8("A-XDR tag");
  if (tag !== TAG.structure && tag !== TAG.array) return decodeContent(reader, tag, depth);
  const count = countOf(reader, depth);
  const start = reader.pos;
  if (units !== undefined && count === 2 && tag === TAG.structure) {
    const known = units.take(reader);
    if (known) return known;
  }
  const items = new Array<AxdrNode>(count);
  let i = 0;
  if (tag === TAG.structure && count <= 3) {
    const code = irregularCode(reader, count);
    if (code) items[i++] = code;
  }
  for (; i < count; i++) items[i] = decodeAxdr(reader, depth + 1, units);
  return new AxdrNode(tag, 0, items, start, reader.pos);
}

/**
 * Reads two invalid A-XDR encodings of an OBIS code, seen as the first element of a structure, as the intended
 * octet-string, and advances the cursor past it.
 * - `02 02 | class (2) | OBIS code (6) | attribute (1) | value` (EGD, Czechia: Sagemcom XT211)
 * - `06 09` instead of `09 06` (Landis+Gyr ZMF100, one register of its list). This is unambiguous: after a genuine
 *   double-long-unsigned, the next tag would be 07 or 08, which do not exist.
 */
function irregularCode(reader: ByteReader, count: number): AxdrNode | undefined {
  const { bytes, pos, end } = reader;
  if (count === 2 && isUntaggedDescriptor(bytes, pos, end)) {
    reader.pos = pos + 9;
    return new AxdrNode(TAG.octetString, 0, NO_ITEMS, pos + 2, pos + 8);
  }
  if (bytes[pos] !== TAG.doubleLongUnsigned || bytes[pos + 1] !== TAG.octetString || end - pos < 9) return undefined;
  if ((bytes[pos + 2] as number) > 1 || (bytes[pos + 5] !== 7 && bytes[pos + 5] !== 8) || bytes[pos + 7] !== 0xff) {
    return undefined;
  }
  reader.pos = pos + 8;
  return new AxdrNode(TAG.octetString, 0, NO_ITEMS, pos + 2, pos + 8);
}

/**
 * Whether `class (2) | OBIS code (6) | attribute (1)` takes the place of the first element of a two-element structure.
 */
export function isUntaggedDescriptor(bytes: Uint8Array, at: number, end = bytes.length): boolean {
  if (end - at < 10 || bytes[at] !== 0 || bytes[at + 7] !== 0xff) return false;
  const classId = bytes[at + 1] as number;
  const attribute = bytes[at + 8] as number;
  return classId >= 1 && (bytes[at + 2] as number) < 16 && attribute >= 1 && attribute <= 16;
}

/** @throws CodecError `malformed` if a container at this depth would exceed `MAX_DEPTH` */
function checkDepth(reader: ByteReader, depth: number): void {
  if (depth < MAX_DEPTH) return;
  throw new CodecError("malformed", `A-XDR at byte ${reader.pos}: containers nested more than ${MAX_DEPTH} deep`);
}

function countOf(reader: ByteReader, depth: number): number {
  checkDepth(reader, depth);
  const count = reader.berLength("A-XDR element count");
  reader.need(count, "A-XDR elements"); // at least one byte each
  return count;
}

/** Decodes the content after the tag; the most frequent types come first. */
function decodeContent(reader: ByteReader, tag: number, depth: number): AxdrNode {
  const start = reader.pos;
  switch (tag) {
    case TAG.octetString:
    case TAG.visibleString:
    case TAG.utf8String:
      return fixed(reader, tag, reader.berLength("string length"), 0);
    case TAG.integer:
    case TAG.deltaInteger:
      return leaf(reader, tag, (reader.u8("integer") << 24) >> 24, start);
    case TAG.enum:
    case TAG.unsigned:
    case TAG.bcd:
    case TAG.deltaUnsigned:
      return leaf(reader, tag, reader.u8("unsigned"), start);
    case TAG.longUnsigned:
    case TAG.deltaLongUnsigned:
      return leaf(reader, tag, reader.u16("long-unsigned"), start);
    case TAG.doubleLongUnsigned:
    case TAG.deltaDoubleLongUnsigned:
      return leaf(reader, tag, reader.u32("double-long-unsigned"), start);
    case TAG.long:
    case TAG.deltaLong:
      return leaf(reader, tag, (reader.u16("long") << 16) >> 16, start);
    case TAG.doubleLong:
    case TAG.deltaDoubleLong:
      return leaf(reader, tag, reader.u32("double-long") | 0, start);
    case TAG.null:
    case TAG.dontCare:
      return leaf(reader, tag, 0, start);
    case TAG.boolean:
      return leaf(reader, tag, reader.u8("boolean") === 0 ? 0 : 1, start);
    case TAG.long64:
      return leaf(reader, tag, long64(reader, true), start);
    case TAG.long64Unsigned:
      return leaf(reader, tag, long64(reader, false), start);
    case TAG.float32:
      return fixed(reader, tag, 4, view(reader, 4, "float32").getFloat32(0));
    case TAG.float64:
      return fixed(reader, tag, 8, view(reader, 8, "float64").getFloat64(0));
    case TAG.dateTime:
      return fixed(reader, tag, 12, 0);
    case TAG.date:
      return fixed(reader, tag, 5, 0);
    case TAG.time:
      return fixed(reader, tag, 4, 0);
    case TAG.bitString:
      return fixed(reader, tag, Math.ceil(reader.berLength("bit-string length") / 8), 0);
    case TAG.compactArray:
      return compactArray(reader, depth);
    default:
      throw new CodecError("malformed", `A-XDR at byte ${start - 1}: unknown tag ${tag}`);
  }
}

function leaf(reader: ByteReader, tag: number, value: number | bigint, start: number): AxdrNode {
  return new AxdrNode(tag, value, NO_ITEMS, start, reader.pos);
}

function fixed(reader: ByteReader, tag: number, length: number, value: number): AxdrNode {
  const start = reader.skip(length, "A-XDR content");
  return new AxdrNode(tag, value, NO_ITEMS, start, reader.pos);
}

function view(reader: ByteReader, length: number, field: string): DataView {
  reader.need(length, field);
  return new DataView(reader.bytes.buffer, reader.bytes.byteOffset + reader.pos, length);
}

function long64(reader: ByteReader, signed: boolean): number | bigint {
  const unsignedHigh = reader.u32("long64");
  const low = reader.u32("long64");
  const high = signed ? unsignedHigh | 0 : unsignedHigh;
  const value = high * 0x100000000 + low;
  return Number.isSafeInteger(value) ? value : BigInt(high) * 0x100000000n + BigInt(low);
}

/** Type description of a compact array, which replaces the tags of its elements. */
interface TypeDescription {
  readonly tag: number;
  /** Number of elements of an array or structure. */
  readonly count: number;
  /** Types of a structure's elements, or the single element type of an array. */
  readonly types: readonly TypeDescription[];
}

function typeDescription(reader: ByteReader, depth: number): TypeDescription {
  const tag = reader.u8("type description");
  if (tag === TAG.array) {
    checkDepth(reader, depth);
    const count = reader.u16("type description: array length");
    if (count === 0) throw emptyType(reader);
    return { tag, count, types: [typeDescription(reader, depth + 1)] };
  }
  const types: TypeDescription[] = [];
  if (tag === TAG.structure) {
    const count = countOf(reader, depth);
    if (count === 0) throw emptyType(reader);
    for (let i = 0; i < count; i++) types.push(typeDescription(reader, depth + 1));
  }
  if (tag === TAG.null || tag === TAG.dontCare) throw emptyType(reader);
  return { tag, count: types.length, types };
}

/** Rejects zero-length elements: a short telegram could otherwise expand to a tree of any size. */
function emptyType(reader: ByteReader): CodecError {
  return new CodecError("malformed", `compact-array at byte ${reader.pos}: zero-length elements`);
}

/** `13`, type description, length in bytes, then untagged values of that type (Blue Book, 4.1.5). */
function compactArray(reader: ByteReader, depth: number): AxdrNode {
  checkDepth(reader, depth);
  const type = typeDescription(reader, depth + 1);
  const length = reader.berLength("compact-array length");
  reader.need(length, "compact-array contents");
  const start = reader.pos;
  const outerEnd = reader.end;
  reader.end = start + length;
  const items: AxdrNode[] = [];
  while (reader.pos < reader.end) items.push(typedContent(reader, type, depth + 1));
  reader.end = outerEnd;
  return new AxdrNode(TAG.compactArray, 0, items, start, reader.pos);
}

function typedContent(reader: ByteReader, type: TypeDescription, depth: number): AxdrNode {
  if (type.tag !== TAG.structure && type.tag !== TAG.array) return decodeContent(reader, type.tag, depth);
  const start = reader.pos;
  const items: AxdrNode[] = [];
  for (let i = 0; i < type.count; i++) {
    const element = (type.tag === TAG.array ? type.types[0] : type.types[i]) as TypeDescription;
    items.push(typedContent(reader, element, depth + 1));
  }
  return new AxdrNode(type.tag, 0, items, start, reader.pos);
}
