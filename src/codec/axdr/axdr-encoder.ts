/** Encodes a tree of values to A-XDR; the counterpart of axdr.ts. */
import { TAG } from "./axdr-node.ts";
import { encodeBerLength } from "./ber-length.ts";

/** A value to encode. Strings are text or bytes; containers list their elements. */
export type AxdrValue =
  | { readonly tag: "null" | "dontCare" }
  | { readonly tag: "structure" | "array"; readonly items: readonly AxdrValue[] }
  | { readonly tag: "compactArray"; readonly items: readonly AxdrValue[] }
  | {
      readonly tag: "octetString" | "visibleString" | "utf8String" | "dateTime" | "date" | "time";
      readonly bytes: Uint8Array | string;
    }
  | { readonly tag: "bitString"; readonly bits: number; readonly bytes: Uint8Array }
  | { readonly tag: NumericTag; readonly value: number | bigint };

/** Tags of numeric types. */
export type NumericTag = Exclude<
  keyof typeof TAG,
  | "null"
  | "dontCare"
  | "structure"
  | "array"
  | "compactArray"
  | "octetString"
  | "visibleString"
  | "utf8String"
  | "dateTime"
  | "date"
  | "time"
  | "bitString"
>;

const WIDTH: Record<NumericTag, number> = {
  boolean: 1,
  bcd: 1,
  integer: 1,
  unsigned: 1,
  enum: 1,
  deltaInteger: 1,
  deltaUnsigned: 1,
  long: 2,
  longUnsigned: 2,
  deltaLong: 2,
  deltaLongUnsigned: 2,
  doubleLong: 4,
  doubleLongUnsigned: 4,
  deltaDoubleLong: 4,
  deltaDoubleLongUnsigned: 4,
  long64: 8,
  long64Unsigned: 8,
  float32: 4,
  float64: 8,
};

/** Encodes one value with its tag. @throws RangeError for a date of wrong length or mixed types in a compact array */
export function encodeAxdr(value: AxdrValue): Uint8Array {
  const out: number[] = [];
  write(out, value);
  return Uint8Array.from(out);
}

function write(out: number[], value: AxdrValue): void {
  out.push(TAG[value.tag]);
  if (value.tag === "compactArray") {
    const types = value.items.map((item) => describe(item).join());
    if (types.length === 0 || types.some((type) => type !== types[0])) {
      throw new RangeError("a compact array needs elements of one type");
    }
    out.push(...describe(value.items[0] as AxdrValue));
    const contents: number[] = [];
    for (const item of value.items) writeContent(contents, item, false);
    out.push(...encodeBerLength(contents.length), ...contents);
  } else {
    writeContent(out, value, true);
  }
}

function describe(value: AxdrValue): number[] {
  if (value.tag === "structure") {
    return [TAG.structure, ...encodeBerLength(value.items.length), ...value.items.flatMap(describe)];
  }
  if (value.tag === "array") {
    const [first] = value.items;
    if (!first) throw new RangeError("an array in a compact array needs elements");
    return [TAG.array, value.items.length >> 8, value.items.length & 0xff, ...describe(first)];
  }
  return [TAG[value.tag]];
}

function writeContent(out: number[], value: AxdrValue, tagged: boolean): void {
  switch (value.tag) {
    case "null":
    case "dontCare":
      return;
    case "structure":
    case "array":
      if (tagged) out.push(...encodeBerLength(value.items.length));
      for (const item of value.items) {
        if (tagged) write(out, item);
        else writeContent(out, item, false);
      }
      return;
    case "compactArray":
      throw new RangeError("a compact array cannot contain a compact array");
    case "octetString":
    case "visibleString":
    case "utf8String": {
      const bytes = typeof value.bytes === "string" ? new TextEncoder().encode(value.bytes) : value.bytes;
      out.push(...encodeBerLength(bytes.length), ...bytes);
      return;
    }
    case "dateTime":
    case "date":
    case "time": {
      const bytes = typeof value.bytes === "string" ? new TextEncoder().encode(value.bytes) : value.bytes;
      const length = value.tag === "dateTime" ? 12 : value.tag === "date" ? 5 : 4;
      if (bytes.length !== length) throw new RangeError(`${value.tag} needs ${length} bytes`);
      out.push(...bytes);
      return;
    }
    case "bitString":
      if (value.bytes.length !== Math.ceil(value.bits / 8)) throw new RangeError("bit-string: bits and bytes differ");
      out.push(...encodeBerLength(value.bits), ...value.bytes);
      return;
    default:
      writeNumber(out, value.tag, value.value);
  }
}

function writeNumber(out: number[], tag: NumericTag, value: number | bigint): void {
  const data = new DataView(new ArrayBuffer(8));
  const width = WIDTH[tag];
  if (tag === "float32") data.setFloat32(0, Number(value));
  else if (tag === "float64") data.setFloat64(0, Number(value));
  else data.setBigUint64(0, BigInt.asUintN(width * 8, BigInt(value)) << BigInt(64 - width * 8));
  for (let i = 0; i < width; i++) out.push(data.getUint8(i));
}
