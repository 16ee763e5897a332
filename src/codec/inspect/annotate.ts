/**
 * Annotates the bytes of a telegram for display: frame, header, ciphertext and, if the key is known, the plaintext with
 * each register. Keys are used but never shown.
 */

import {
  decipher,
  decodeGeneralCiphering,
  GENERAL_DED_CIPHERING,
  GENERAL_GLO_CIPHERING,
  type Keys,
} from "../apdu/ciphering.ts";
import { DATA_NOTIFICATION, decodeDataNotification } from "../apdu/data-notification.ts";
import { decodeAxdr } from "../axdr/axdr.ts";
import { type AxdrNode, isContainer, isNumeric, isString, TAG } from "../axdr/axdr-node.ts";
import { ByteReader } from "../axdr/byte-reader.ts";
import { createDecoder } from "../decoder.ts";
import type { DecoderOptions } from "../decoder-event.ts";
import { formatHex } from "../hex.ts";
import { CI_RECORDS } from "../link/mbus-assembler.ts";
import type { Register } from "../telegram.ts";
import { formatDecimal } from "../values/decimal.ts";
import { formatObis } from "../values/obis.ts";
import { decipheredRecords, headerSpans, recordSpans } from "./annotate-records.ts";
import { dissect, joinSlices, type Slice, type Span, span } from "./dissect.ts";

export type { Span, SpanKind } from "./dissect.ts";

/** Annotated bytes. The spans cover them from first to last byte, without gaps or overlaps. */
export interface AnnotatedBytes {
  /** The bytes as received, or decrypted. */
  readonly title: "wire" | "plaintext";
  readonly hex: string;
  readonly spans: readonly Span[];
}

/** One part for the wire; a second for the plaintext if the telegram is encrypted and the key fits. Never throws. */
export function annotate(wire: Uint8Array, keys: DecoderOptions = {}): AnnotatedBytes[] {
  const { spans, slices } = dissect(wire);
  const apdu = joinSlices(wire, slices);
  const registers = registersOf(wire, keys);
  const records = apdu[0] === CI_RECORDS;
  const plaintext = records ? decipheredRecords(apdu, keys) : decipheredOf(apdu, keys);
  const inner = records ? headerSpans(apdu) : spansOfApdu(apdu, registers);
  const parts: AnnotatedBytes[] = [
    { title: "wire", hex: formatHex(wire), spans: fillGaps([...spans, ...toWire(inner, slices)], wire.length) },
  ];
  if (plaintext !== null) {
    const meaning = records ? recordSpans(plaintext, apdu) : spansOfApdu(plaintext, registers);
    parts.push({ title: "plaintext", hex: formatHex(plaintext), spans: fillGaps(meaning, plaintext.length) });
  }
  return parts;
}

function registersOf(wire: Uint8Array, keys: DecoderOptions): readonly Register[] {
  const decoder = createDecoder(keys);
  const read = () =>
    [...decoder.feed(wire), ...decoder.end()].flatMap((event) =>
      event.type === "telegram" ? event.telegram.registers : [],
    );
  const registers = read();
  // The decoder accepts an unusual checksum only the second time it occurs.
  return registers.length > 0 ? registers : read();
}

/** The plaintext of an encrypted APDU; `null` if it is not encrypted or cannot be decrypted. */
function decipheredOf(apdu: Uint8Array, keys: Keys): Uint8Array | null {
  if (!isCiphered(apdu) || keys.key === undefined) return null;
  try {
    // The decoder has already verified the tag; here the content is shown either way.
    return decipher(decodeGeneralCiphering(apdu), { key: keys.key }, beginsWell).plaintext;
  } catch {
    return null;
  }
}

function isCiphered(apdu: Uint8Array): boolean {
  return apdu[0] === GENERAL_GLO_CIPHERING || apdu[0] === GENERAL_DED_CIPHERING;
}

/** Whether the plaintext starts like a data-notification, a block, P1 text, or a bare array or structure. */
function beginsWell(plaintext: Uint8Array): boolean {
  return [DATA_NOTIFICATION, 0xe0, 0x2f, 0x01, 0x02].includes(plaintext[0] ?? 0);
}

function spansOfApdu(apdu: Uint8Array, registers: readonly Register[]): Span[] {
  if (apdu.length === 0) return [];
  try {
    if (isCiphered(apdu)) return cipheredSpans(apdu);
    if (apdu[0] === DATA_NOTIFICATION) return notificationSpans(apdu, registers);
    if (apdu[0] === 0x2f) return dissect(apdu).spans;
    if (apdu[0] === TAG.array || apdu[0] === TAG.structure) return bodySpans(apdu, registers);
  } catch {
    // Shown undecoded; the decoder's error gives the reason.
  }
  return [span("unknown", 0, apdu.length, "not readable")];
}

function cipheredSpans(apdu: Uint8Array): Span[] {
  const { titleAt, securityControl, invocationCounter, contentAt, contentEnd } = decodeGeneralCiphering(apdu);
  const counterAt = contentAt - 4;
  const lengthAt = titleAt < 0 ? 2 : titleAt + 8;
  const spans = [
    span("header", 0, 1, apdu[0] === GENERAL_GLO_CIPHERING ? "general-glo-ciphering" : "general-ded-ciphering"),
    span("header", 1, 2, "length of the system title", `${apdu[1]}`),
  ];
  if (titleAt >= 0) spans.push(span("header", titleAt, lengthAt, "system title", titleText(apdu, titleAt)));
  spans.push(
    span("header", lengthAt, counterAt - 1, "length", `${apdu.length - counterAt + 1}`),
    span("header", counterAt - 1, counterAt, "security control", securityText(securityControl)),
    span("header", counterAt, contentAt, "invocation counter", `${invocationCounter}`),
    span("ciphertext", contentAt, contentEnd, "ciphertext", `${contentEnd - contentAt} bytes`),
  );
  if (contentEnd < apdu.length) spans.push(span("tag", contentEnd, apdu.length, "authentication tag"));
  return spans;
}

function titleText(apdu: Uint8Array, at: number): string {
  const maker = String.fromCharCode(...apdu.subarray(at, at + 3));
  return /^[A-Z]{3}$/.test(maker) ? `${maker} ${formatHex(apdu, at + 3, at + 8)}` : formatHex(apdu, at, at + 8);
}

function securityText(control: number): string {
  const parts = [
    control & 0x20 ? "encrypted" : "",
    control & 0x10 ? "authenticated" : "",
    control & 0x40 ? "broadcast key" : "",
    control & 0x80 ? "compressed" : "",
  ].filter((part) => part !== "");
  return `${parts.join(", ") || "none"}, suite ${control & 0x0f}`;
}

/** One or more consecutive notifications. */
function notificationSpans(apdu: Uint8Array, registers: readonly Register[]): Span[] {
  const names = new RegisterNames(registers);
  const spans: Span[] = [];
  for (let at = 0; at < apdu.length; ) {
    const rest = apdu.subarray(at);
    if (rest[0] !== DATA_NOTIFICATION) break;
    for (const each of oneNotification(rest, names))
      spans.push({ ...each, start: at + each.start, end: at + each.end });
    at += decodeDataNotification(rest).end;
  }
  return spans;
}

function oneNotification(apdu: Uint8Array, names: RegisterNames): Span[] {
  const { longInvokeId, dateTimeAt, body } = decodeDataNotification(apdu);
  const invokeId = `${longInvokeId & 0xffffff}`;
  const spans = [
    span("notification", 0, 1, "data-notification"),
    span("notification", 1, 5, "long-invoke-id-and-priority", invokeId),
  ];
  let at = 5;
  if (dateTimeAt >= 0) {
    spans.push(span("notification", 5, dateTimeAt + 12, "date-time", dateTimeText(apdu, dateTimeAt)));
    at = dateTimeAt + 12;
  } else {
    spans.push(span("notification", 5, 6, "date-time", "none"));
    at = 6;
  }
  walk(body, at, apdu, names, spans);
  return spans;
}

/** A body without the enclosing data-notification, as found in dumps. */
function bodySpans(apdu: Uint8Array, registers: readonly Register[]): Span[] {
  const spans: Span[] = [];
  walk(decodeAxdr(new ByteReader(apdu)), 0, apdu, new RegisterNames(registers), spans);
  return spans;
}

/** Adds the spans of the node whose tag is at `at`. */
function walk(node: AxdrNode, at: number, apdu: Uint8Array, names: RegisterNames, spans: Span[]): void {
  if (!isContainer(node)) {
    spans.push(leafSpan(node, at, apdu, names, null));
    return;
  }
  const kind = node.tag === TAG.structure ? "structure" : "array";
  spans.push(span("notification", at, node.start, kind, `${node.items.length}`));
  if (node.tag === TAG.compactArray) {
    spans.push(span("unknown", node.start, node.end, "contents"));
    return;
  }
  let position = node.start;
  for (let i = 0; i < node.items.length; i++) {
    const item = node.items[i] as AxdrNode;
    const next = node.items[i + 1];
    if (isObis(item) && next !== undefined && !isContainer(next)) {
      const scale = node.items[i + 2];
      const hasScale = scale !== undefined && isScalerUnit(scale);
      const register = leafSpan(next, position, apdu, names, formatObis(apdu, item.start));
      spans.push({ ...register, end: hasScale ? scale.end : next.end });
      i += hasScale ? 2 : 1;
      position = hasScale ? scale.end : next.end;
    } else {
      walk(item, position, apdu, names, spans);
      position = item.end;
    }
  }
}

function isObis(node: AxdrNode): boolean {
  return node.tag === TAG.octetString && node.end - node.start === 6;
}

function isScalerUnit(node: AxdrNode): boolean {
  const [scaler, unit] = node.items;
  return node.tag === TAG.structure && node.items.length === 2 && scaler?.tag === TAG.integer && unit?.tag === TAG.enum;
}

/** @param obis the code before the value; `null` if the meaning depends on the position, or there is none */
function leafSpan(node: AxdrNode, at: number, apdu: Uint8Array, names: RegisterNames, obis: string | null): Span {
  const register = names.take(node, apdu, obis);
  if (register !== null) return span("register", at, node.end, register.obis, valueText(register));
  if (obis !== null) return span("register", at, node.end, obis, contentText(node, apdu));
  const type = isString(node) ? "text" : node.tag === TAG.null ? "null" : "value";
  return span(isString(node) ? "text" : "unknown", at, node.end, type, contentText(node, apdu));
}

function valueText({ value, unit }: Register): string {
  if (typeof value === "string") return value;
  return unit === null ? formatDecimal(value) : `${formatDecimal(value)} ${unit}`;
}

function contentText(node: AxdrNode, apdu: Uint8Array): string {
  if (isNumeric(node) || node.tag === TAG.enum || node.tag === TAG.boolean) return `${node.value}`;
  const bytes = apdu.subarray(node.start, node.end);
  if (bytes.length === 12 && (bytes[0] === 0x07 || bytes[0] === 0x08)) return dateTimeText(apdu, node.start);
  const printable = bytes.length > 0 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return printable ? String.fromCharCode(...bytes) : formatHex(bytes);
}

/** Date and time as sent; the decoder handles the deviation and clock status. */
function dateTimeText(bytes: Uint8Array, at: number): string {
  const two = (offset: number) => String(bytes[at + offset]).padStart(2, "0");
  const year = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return `${year}-${two(2)}-${two(3)} ${two(5)}:${two(6)}:${two(7)}`;
}

/** Hands out the decoded registers in the order of their values in the telegram. */
class RegisterNames {
  #left: Register[];
  constructor(registers: readonly Register[]) {
    this.#left = [...registers];
  }

  /** The register that belongs to this value; `null` if there is none. */
  take(node: AxdrNode, apdu: Uint8Array, obis: string | null): Register | null {
    const fits = (register: Register) => {
      if (obis !== null) return register.obis === obis;
      if (typeof register.value === "string") return isString(node) && contentText(node, apdu) === register.value;
      return isNumeric(node) && BigInt(Math.trunc(Number(node.value))) === BigInt(register.value.coefficient);
    };
    // Without a code, only the next register in order may match, because equal numbers are common.
    const position = obis === null ? (this.#left[0] && fits(this.#left[0]) ? 0 : -1) : this.#left.findIndex(fits);
    return position < 0 ? null : (this.#left.splice(position, 1)[0] ?? null);
  }
}

/** Maps APDU spans to wire spans; a span that crosses a frame boundary is split. */
function toWire(inner: readonly Span[], slices: readonly Slice[]): Span[] {
  const spans: Span[] = [];
  let offset = 0;
  for (const { start, end } of slices) {
    const length = end - start;
    for (const each of inner) {
      const from = Math.max(each.start, offset);
      const to = Math.min(each.end, offset + length);
      if (from >= to) continue;
      const whole = from === each.start;
      const label = whole ? each.label : `${each.label} (continued)`;
      spans.push({
        ...each,
        label,
        value: whole ? each.value : "",
        start: start + from - offset,
        end: start + to - offset,
      });
    }
    offset += length;
  }
  return spans;
}

function fillGaps(spans: readonly Span[], length: number): Span[] {
  const sorted = [...spans].sort((a, b) => a.start - b.start);
  const filled: Span[] = [];
  let at = 0;
  for (const each of sorted) {
    // Drop empty spans (such as the contents of an empty compact array).
    if (each.start < at || each.end === each.start) continue;
    if (each.start > at) filled.push(span("unknown", at, each.start, "not recognised"));
    filled.push(each);
    at = each.end;
  }
  if (at < length) filled.push(span("unknown", at, length, "not recognised"));
  return filled;
}
