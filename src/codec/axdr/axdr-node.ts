/** The tree of typed values that axdr.ts decodes and the lists read. */

/** Tags of the `Data` choice (Blue Book, 4.1.5). */
export const TAG = {
  null: 0x00,
  array: 0x01,
  structure: 0x02,
  boolean: 0x03,
  bitString: 0x04,
  doubleLong: 0x05,
  doubleLongUnsigned: 0x06,
  octetString: 0x09,
  visibleString: 0x0a,
  utf8String: 0x0c,
  bcd: 0x0d,
  integer: 0x0f,
  long: 0x10,
  unsigned: 0x11,
  longUnsigned: 0x12,
  compactArray: 0x13,
  long64: 0x14,
  long64Unsigned: 0x15,
  enum: 0x16,
  float32: 0x17,
  float64: 0x18,
  dateTime: 0x19,
  date: 0x1a,
  time: 0x1b,
  deltaInteger: 0x1c,
  deltaLong: 0x1d,
  deltaDoubleLong: 0x1e,
  deltaUnsigned: 0x1f,
  deltaLongUnsigned: 0x20,
  deltaDoubleLongUnsigned: 0x21,
  dontCare: 0xff,
} as const;

/** One value of the tree. Strings are not copied: `start` and `end` delimit their bytes in the decoded buffer. */
export class AxdrNode {
  readonly tag: number;
  /** Value of integer, enum, bcd, boolean (0, 1) and float; 0 otherwise. A bigint only if a number would be inexact. */
  readonly value: number | bigint;
  /** Elements of an array, structure or compact array (expanded like a plain array); empty otherwise. */
  readonly items: readonly AxdrNode[];
  /** First byte of the content: after the tag and, for strings, the length. */
  readonly start: number;
  /** One past the last byte of the content. */
  readonly end: number;

  constructor(tag: number, value: number | bigint, items: readonly AxdrNode[], start: number, end: number) {
    this.tag = tag;
    this.value = value;
    this.items = items;
    this.start = start;
    this.end = end;
  }
}

/** Whether the node is a structure, array or compact array. */
export function isContainer(node: AxdrNode): boolean {
  return node.tag === TAG.structure || node.tag === TAG.array || node.tag === TAG.compactArray;
}

/** Whether the node is an integer or float of any width (not enum, boolean or bcd). */
export function isNumeric(node: AxdrNode): boolean {
  switch (node.tag) {
    case TAG.doubleLong:
    case TAG.doubleLongUnsigned:
    case TAG.integer:
    case TAG.long:
    case TAG.unsigned:
    case TAG.longUnsigned:
    case TAG.long64:
    case TAG.long64Unsigned:
    case TAG.float32:
    case TAG.float64:
      return true;
    default:
      return node.tag >= TAG.deltaInteger && node.tag <= TAG.deltaDoubleLongUnsigned;
  }
}

/** Whether the node is an octet-string, visible-string or utf8-string. */
export function isString(node: AxdrNode): boolean {
  return node.tag === TAG.octetString || node.tag === TAG.visibleString || node.tag === TAG.utf8String;
}
