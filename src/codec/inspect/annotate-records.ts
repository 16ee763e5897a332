/** Annotates the bytes of an M-Bus record telegram (AMIS): the long header and the decrypted records. */
import type { Keys } from "../apdu/ciphering.ts";
import { formatHex } from "../hex.ts";
import { type DataRecord, decodeRecords } from "../records/data-record.ts";
import { decipherRecords, decodeLongHeader, LONG_HEADER_LENGTH } from "../records/long-header.ts";
import { readRecords } from "../records/record-registers.ts";
import { formatDateTime } from "../values/date-time.ts";
import { formatDecimal } from "../values/decimal.ts";
import { type Span, span } from "./dissect.ts";

/** The decrypted records; `null` if the key is wrong or they are not encrypted. */
export function decipheredRecords(telegram: Uint8Array, keys: Keys): Uint8Array | null {
  try {
    const header = decodeLongHeader(telegram);
    return header.encryptedLength === 0 ? null : decipherRecords(telegram, header, keys.key);
  } catch {
    return null;
  }
}

/** Spans of the header and of the content after it. */
export function headerSpans(telegram: Uint8Array): Span[] {
  try {
    const { accessNumber, mode, encryptedLength } = decodeLongHeader(telegram);
    const contentEnd = LONG_HEADER_LENGTH + encryptedLength;
    const spans = [
      span("header", 0, 1, "CI field", "records with a long header"),
      span("header", 1, 5, "ID", formatHex(telegram, 1, 5)),
      span("header", 5, 7, "manufacturer", makerText(telegram)),
      span("header", 7, 8, "version", `${telegram[7]}`),
      span("header", 8, 9, "medium", `${telegram[8]}`),
      span("header", 9, 10, "access number", `${accessNumber}`),
      span("header", 10, 11, "status", `${telegram[10]}`),
      span("header", 11, 13, "configuration", mode === 5 ? `mode 5, ${encryptedLength} bytes` : `mode ${mode}`),
    ];
    if (encryptedLength > 0) {
      spans.push(span("ciphertext", LONG_HEADER_LENGTH, contentEnd, "ciphertext", `${encryptedLength} bytes`));
    }
    if (contentEnd < telegram.length) spans.push(span("unknown", contentEnd, telegram.length, "records"));
    return spans;
  } catch {
    return [span("unknown", 0, telegram.length, "not readable")];
  }
}

/** Three letters in 15 bits (EN 13757-3, 5.6). */
function makerText(telegram: Uint8Array): string {
  const code = (telegram[5] as number) | ((telegram[6] as number) << 8);
  return String.fromCharCode(...[10, 5, 0].map((shift) => 64 + ((code >> shift) & 31)));
}

/**
 * Spans of all records and the filler around them.
 * @param telegram starting with the CI field; its header names the manufacturer
 */
export function recordSpans(plaintext: Uint8Array, telegram: Uint8Array): Span[] {
  try {
    const { manufacturer } = decodeLongHeader(telegram);
    const spans: Span[] = [];
    let at = 0;
    for (const record of decodeRecords(plaintext, 0, plaintext.length)) {
      if (record.start > at) spans.push(span("frame", at, record.start, "filler"));
      spans.push(recordSpan(record, plaintext, manufacturer));
      at = record.dataEnd;
    }
    if (at < plaintext.length) spans.push(span("frame", at, plaintext.length, "filler"));
    return spans;
  } catch {
    return [span("unknown", 0, plaintext.length, "not readable")];
  }
}

function recordSpan(record: DataRecord, bytes: Uint8Array, manufacturer: number): Span {
  const { start, dataStart, dataEnd } = record;
  const { registers, clock, meterId, unread } = readRecords([record], bytes, manufacturer);
  const [register] = registers;
  if (register !== undefined) {
    const number = typeof register.value === "string" ? register.value : formatDecimal(register.value);
    return span(
      "register",
      start,
      dataEnd,
      register.obis,
      register.unit === null ? number : `${number} ${register.unit}`,
    );
  }
  if (clock !== null) return span("notification", start, dataEnd, "date-time", formatDateTime(clock) ?? "");
  if (meterId !== null) return span("text", start, dataEnd, "fabrication number", meterId);
  return span("unknown", start, dataEnd, unread[0] ?? "record", formatHex(bytes, dataStart, dataEnd));
}
