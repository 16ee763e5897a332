/**
 * Data records of the M-Bus application layer (EN 13757-3, 6), back to back:
 *
 *     DIF | DIFE × 0…10 | VIF | (length, text)? | VIFE × 0…10 | data
 *
 * The DIF defines the coding of the data; together with its extensions (DIFE), it also defines the storage number, tariff
 * and subunit. The VIF and its extensions define the quantity (value-information.ts). DIF 2F is filler; 0F and 1F start
 * manufacturer-specific data, which extends to the end of the telegram.
 */
import { CodecError } from "../codec-error.ts";
import { formatHex } from "../hex.ts";
import { latin1Text } from "../latin1.ts";
import type { Decimal } from "../telegram.ts";
import { decimalFromFloat32 } from "../values/decimal.ts";

/** Function field of the DIF; only `current` is the instantaneous value. */
export type RecordFunction = "current" | "maximum" | "minimum" | "error";

/** Coding of the data (EN 13757-3, table 4). */
export type RecordCoding = "none" | "integer" | "real" | "bcd" | "text";

/** One data record; its data is at `dataStart`…`dataEnd` of the decoded bytes. */
export interface DataRecord {
  readonly start: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  readonly function: RecordFunction;
  /** 0: the current value; other numbers are historical values. */
  readonly storage: number;
  /** 0: the total of all tariffs. */
  readonly tariff: number;
  /** 0: the meter itself. */
  readonly subunit: number;
  readonly coding: RecordCoding;
  /** VIF and VIFEs, without the text of a plain-text VIF. */
  readonly vif: Uint8Array;
  /** Unit of a plain-text VIF (7C, FC); `null` for any other. */
  readonly plainText: string | null;
}

/** Filler byte; also marks the start and end of an encrypted part. */
export const FILLER = 0x2f;

const EXTENSION = 0x80;
const FUNCTIONS = ["current", "maximum", "minimum", "error"] as const;
/** Maximum number of extensions of a DIF or VIF (EN 13757-3, 6.3.3 and 6.4.3). */
const MAX_EXTENSIONS = 10;
/** Maximum number of records in one telegram; the AMIS sends 10. */
const MAX_RECORDS = 128;
const PLAIN_TEXT = 0x7c;

/** Data length by the low four bits of the DIF. 13: variable length, given before the data; 8 and 15 are not values. */
const LENGTHS = [0, 1, 2, 3, 4, 4, 6, 8, -1, 1, 2, 3, 4, -1, 6, -1] as const;

/**
 * Decodes all records between `start` and `end`.
 * @param ownData whether manufacturer-specific data (DIF 0F, 1F) may follow; it is skipped
 * @throws CodecError `malformed` for an invalid coding, more than ten extensions, or data past the end
 */
export function decodeRecords(bytes: Uint8Array, start: number, end: number, ownData = true): DataRecord[] {
  const records: DataRecord[] = [];
  for (let at = start; at < end; ) {
    if (bytes[at] === FILLER) {
      at++;
      continue;
    }
    // Manufacturer-specific data up to the end; 1F: more records follow in the next telegram.
    if (ownData && (bytes[at] === 0x0f || bytes[at] === 0x1f)) break;
    const record = decodeRecord(bytes, at, end);
    records.push(record);
    at = record.dataEnd;
    if (records.length > MAX_RECORDS) throw new CodecError("malformed", `more than ${MAX_RECORDS} M-Bus records`);
  }
  return records;
}

function decodeRecord(bytes: Uint8Array, start: number, end: number): DataRecord {
  const fail = (what: string): never => {
    throw new CodecError("malformed", `M-Bus record at byte ${start}: ${what}`);
  };
  const take = (at: number): number => (at < end ? (bytes[at] as number) : fail("cut short"));
  const dif = take(start);
  let at = start + 1;
  let storage = (dif >> 6) & 1;
  let tariff = 0;
  let subunit = 0;
  let byte = dif;
  for (let i = 0; (byte & EXTENSION) !== 0; i++) {
    if (i === MAX_EXTENSIONS) fail(`more than ${MAX_EXTENSIONS} DIFE`);
    byte = take(at++);
    storage += (byte & 0x0f) * 2 ** (1 + 4 * i);
    tariff += ((byte >> 4) & 3) * 4 ** i;
    subunit += ((byte >> 6) & 1) * 2 ** i;
  }
  const vif: number[] = [];
  let plainText: string | null = null;
  do {
    if (vif.length > MAX_EXTENSIONS) fail(`more than ${MAX_EXTENSIONS} VIFE`);
    byte = take(at++);
    vif.push(byte);
    if (vif.length === 1 && (byte & 0x7f) === PLAIN_TEXT) {
      const length = take(at++);
      if (length > end - at) fail("the text of its unit is cut short");
      plainText = reversedText(bytes, at, at + length);
      at += length;
    }
  } while ((byte & EXTENSION) !== 0);
  const code = dif & 0x0f;
  const length = code === 0x0d ? variableLength(take(at++)) : (LENGTHS[code] as number);
  if (length < 0) fail(`data field ${code} is no value`);
  if (length > end - at) fail(`${length} bytes of data announced, ${end - at} present`);
  return {
    start,
    dataStart: at,
    dataEnd: at + length,
    function: FUNCTIONS[(dif >> 4) & 3] as RecordFunction,
    storage,
    tariff,
    subunit,
    coding: codingOf(code),
    vif: Uint8Array.from(vif),
    plainText,
  };
}

/** Data length from LVAR. Only text (00…BF) is decoded; variable-length numbers are skipped. */
function variableLength(lvar: number): number {
  if (lvar < 0xc0) return lvar;
  if (lvar < 0xe0) return lvar & 0x0f;
  return lvar < 0xf0 ? lvar & 0x0f : -1;
}

function codingOf(code: number): RecordCoding {
  if (code === 0 || code === 8) return "none";
  if (code === 5) return "real";
  if (code < 8) return "integer";
  return code === 0x0d ? "text" : "bcd";
}

/** A copy in reverse order. `slice` on a Node `Buffer` would return a view of the original. */
function reversed(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end)).reverse();
}

/** M-Bus transmits text with the last character first. */
function reversedText(bytes: Uint8Array, start: number, end: number): string {
  return latin1Text(reversed(bytes, start, end));
}

/**
 * The numeric value of a record.
 * @param signed whether integers are signed (type B) or unsigned (type C)
 * @returns `null` without a number: no data, text, a non-decimal BCD digit (which signals an error), NaN
 */
export function recordNumber(record: DataRecord, bytes: Uint8Array, signed: boolean): Decimal | null {
  const { dataStart, dataEnd } = record;
  switch (record.coding) {
    case "integer":
      return { coefficient: integer(bytes, dataStart, dataEnd, signed), exponent: 0 };
    case "real":
      return decimalFromFloat32(new DataView(bytes.buffer, bytes.byteOffset + dataStart, 4).getFloat32(0, true));
    case "bcd":
      return bcd(bytes, dataStart, dataEnd);
    default:
      return null;
  }
}

/** Text, or the digits of a BCD number; `null` for anything else. Used for device numbers. */
export function recordText(record: DataRecord, bytes: Uint8Array): string | null {
  if (record.coding === "text") return reversedText(bytes, record.dataStart, record.dataEnd);
  if (record.coding !== "bcd") return null;
  const digits = formatHex(reversed(bytes, record.dataStart, record.dataEnd));
  return /^\d+$/.test(digits) ? digits : null;
}

function integer(bytes: Uint8Array, start: number, end: number, signed: boolean): number | bigint {
  let value = 0n;
  for (let at = end - 1; at >= start; at--) value = (value << 8n) | BigInt(bytes[at] as number);
  if (signed) value = BigInt.asIntN(8 * (end - start), value);
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** Two digits per byte, least significant byte first; F as the most significant digit is a minus sign (EN 13757-3, type A). */
function bcd(bytes: Uint8Array, start: number, end: number): Decimal | null {
  const digits = formatHex(reversed(bytes, start, end));
  const match = /^(F?)(\d+)$/.exec(digits);
  if (match === null) return null;
  const value = Number(match[2]);
  return { coefficient: match[1] === "" ? value : -value || 0, exponent: 0 };
}
