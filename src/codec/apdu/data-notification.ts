/**
 * data-notification APDU (Green Book, 9.3.10): the APDU a meter pushes, in plaintext or after deciphering.
 *
 *     0F | long-invoke-id-and-priority (4) | date-time | body: one A-XDR value
 *
 * date-time is `0C` + 12 bytes, or `00` if absent. Also accepted: `09 0C` + 12 bytes (seen on Kaifa MA304, Norway) and
 * `19` + 12 bytes (never seen). The body ends exactly at the end of the APDU, or another APDU follows (Landis+Gyr E450,
 * Switzerland).
 */
import { decodeAxdr, type ScalerUnits } from "../axdr/axdr.ts";
import { type AxdrValue, encodeAxdr } from "../axdr/axdr-encoder.ts";
import type { AxdrNode } from "../axdr/axdr-node.ts";
import { ByteReader } from "../axdr/byte-reader.ts";
import { CodecError } from "../codec-error.ts";
import { llcLength } from "../link/hdlc-assembler.ts";

export const DATA_NOTIFICATION = 0x0f;

export interface DataNotification {
  /** Bit 31 priority, 30 confirmed, 29 break on error, 28 self-descriptive; low 24 bits invoke-id. */
  readonly longInvokeId: number;
  /** Position of the 12-byte date-time in the APDU; -1 if absent. */
  readonly dateTimeAt: number;
  readonly body: AxdrNode;
  /** Offset of the next APDU; usually the end of the bytes. */
  readonly end: number;
}

/**
 * @param units see `decodeAxdr`
 * @throws CodecError `malformed` if a length does not match or the trailing bytes are not another APDU
 */
export function decodeDataNotification(apdu: Uint8Array, units?: ScalerUnits): DataNotification {
  const reader = new ByteReader(apdu);
  const tag = reader.u8("APDU tag");
  if (tag !== DATA_NOTIFICATION) throw new CodecError("malformed", `APDU tag ${tag} is not a data-notification`);
  const longInvokeId = reader.u32("long-invoke-id-and-priority");
  const dateTimeAt = skipDateTime(reader);
  const body = decodeAxdr(reader, 0, units);
  const end = reader.pos === reader.end ? reader.end : nextApdu(apdu, reader.pos);
  if (end === null) {
    throw new CodecError("malformed", `${reader.end - reader.pos} bytes are left over after the body of the telegram`);
  }
  return { longInvokeId, dateTimeAt, body, end };
}

/**
 * Start of the next APDU at `at`, after its LLC header (E6 E7 00) if there is one.
 * @returns the length of `bytes` at the end of the data; `null` if the bytes that follow are not an APDU
 */
export function nextApdu(bytes: Uint8Array, at: number): number | null {
  if (at >= bytes.length) return at === bytes.length ? at : null;
  const start = at + llcLength(bytes, at);
  const [tag, form] = [bytes[start], bytes[start + 5]];
  if (tag === DATA_NOTIFICATION) return form === 0x0c || form === 0x00 || form === 0x09 || form === 0x19 ? start : null;
  return (tag === 0xdb || tag === 0xdc) && bytes[start + 1] === 8 ? start : null;
}

function skipDateTime(reader: ByteReader): number {
  let form = reader.u8("date-time");
  if (form === 0) return -1;
  if (form === 0x09) form = reader.u8("date-time length");
  if (form !== 0x0c && form !== 0x19) {
    throw new CodecError("malformed", `date-time of the data-notification: expected 0, 9, 12 or 25, found ${form}`);
  }
  return reader.skip(12, "date-time");
}

/**
 * @param options `dateTime`: 12 bytes, or `null` for none, written as `0C` + 12 bytes, or `09 0C` + 12 bytes if `tagged`
 * @throws RangeError if the date-time does not have 12 bytes
 */
export function encodeDataNotification(
  body: AxdrValue,
  options: {
    readonly dateTime?: Uint8Array | null | undefined;
    readonly longInvokeId?: number | undefined;
    readonly tagged?: boolean | undefined;
  } = {},
): Uint8Array {
  const { dateTime = null, longInvokeId = 0, tagged = false } = options;
  if (dateTime && dateTime.length !== 12) throw new RangeError("a date-time has 12 bytes");
  const id = longInvokeId >>> 0;
  const time = dateTime ? [...(tagged ? [0x09] : []), 0x0c, ...dateTime] : [0];
  const head = [DATA_NOTIFICATION, id >>> 24, (id >>> 16) & 0xff, (id >>> 8) & 0xff, id & 0xff, ...time];
  return Uint8Array.from([...head, ...encodeAxdr(body)]);
}
