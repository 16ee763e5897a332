/**
 * The codec's fuzz targets: one for each decoder and entry point (feed, silence, end of the input, the
 * texts that `decode` reads, dissect, annotate, DIF and VIF, user-defined lists). Requirements:
 *
 * - only the entry point's typed errors are thrown,
 * - events stay within the stream, and at most 4 bytes are kept per byte fed,
 * - the next telegram is decoded,
 * - at most 10 µs per byte fed: `cost` measures it, and the caller judges, because a single run on a busy machine proves
 *   little (fuzz.test.ts takes the best of several).
 */

import { ApduDecoder } from "../../src/codec/apdu/apdu.ts";
import { decipher, decodeGeneralCiphering, encodeGeneralCiphering } from "../../src/codec/apdu/ciphering.ts";
import { decodeAxdr } from "../../src/codec/axdr/axdr.ts";
import { BROKEN, findAxdrEnd } from "../../src/codec/axdr/axdr-extent.ts";
import { ByteReader } from "../../src/codec/axdr/byte-reader.ts";
import { CodecError } from "../../src/codec/codec-error.ts";
import { createDecoder } from "../../src/codec/decoder.ts";
import type { Decoder, DecoderEvent, DecoderOptions } from "../../src/codec/decoder-event.ts";
import { annotate } from "../../src/codec/inspect/annotate.ts";
import { dissect, joinSlices, replaceApdu, withCheckSums } from "../../src/codec/inspect/dissect.ts";
import { latin1Text } from "../../src/codec/latin1.ts";
import { encodeBlock } from "../../src/codec/link/block-transfer.ts";
import { encodeHdlcFrame } from "../../src/codec/link/hdlc-frame.ts";
import { encodeMbusFrames } from "../../src/codec/link/mbus-frame.ts";
import { parseP1 } from "../../src/codec/link/p1-content.ts";
import { encodeP1 } from "../../src/codec/link/p1-telegram.ts";
import type { ElementFields, ListDefinition, ListElement } from "../../src/codec/lists/list-definition.ts";
import { listProblems } from "../../src/codec/lists/list-problems.ts";
import { ListSamples } from "../../src/codec/lists/list-samples.ts";
import { decodeRecords } from "../../src/codec/records/data-record.ts";
import { encodeLongHeader } from "../../src/codec/records/long-header.ts";
import { readRecords } from "../../src/codec/records/record-registers.ts";
import { decodeRecordTelegram } from "../../src/codec/records/record-telegram.ts";
import { CaptureReader } from "../../src/sources/capture-stream.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";

export const FUZZ_KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const AUTHENTICATION_KEY = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 | i);
const TITLE = Uint8Array.of(0x4b, 0x46, 0x4d, 0x65, 0x50, 0, 0, 9);
const LLC = Uint8Array.of(0xe6, 0xe7, 0x00);
/** The decoder must not want more bytes than this. */
const MOST_WANTED = 16_384;
const GOOD = new SimulatedMeter({ key: FUZZ_KEY, start: 0 }).telegram(5_000);
const KEYS: readonly DecoderOptions[] = [
  { key: FUZZ_KEY, keepBytes: true },
  { keepBytes: true },
  { key: FUZZ_KEY, authenticationKey: AUTHENTICATION_KEY },
];

/** Time in the decoder and bytes fed to it, since the last `takeCost`. */
const cost = { ms: 0, bytes: 0 };

/** Cost of the last target: milliseconds, and bytes fed. */
export function takeCost(): { readonly ms: number; readonly bytes: number } {
  const taken = { ...cost };
  cost.ms = cost.bytes = 0;
  return taken;
}

/** Runs one step; its time and bytes count towards the target's cost. */
export function timed<T>(bytes: number, step: () => T): T {
  const begun = performance.now();
  try {
    return step();
  } finally {
    cost.ms += performance.now() - begun;
    cost.bytes += bytes;
  }
}

function must(fact: boolean, what: () => string): void {
  if (!fact) throw new Error(what());
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Rethrows anything other than the codec's errors. */
function typed(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
  }
}

/** The chunks of a stream: all at once, byte by byte, or of lengths derived from the bytes. */
function* piecesOf(bytes: Uint8Array, mode: number): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = mode === 0 ? bytes.length : mode === 1 ? 1 : 1 + (((bytes[at] ?? 0) * 7 + turn * 13) % 97);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/**
 * Through one entry point: bits 0 and 1 of `mode` say how the bytes are cut, bits 2 and 3 how the stream ends or is
 * interrupted, bits 4 to 6 which keys are known; with bit 7 the next telegram is not tried, which is faster.
 */
function throughDecoder(bytes: Uint8Array, mode: number): void {
  const decoder = createDecoder(KEYS[(mode >> 4) % KEYS.length]);
  const events: DecoderEvent[] = [];
  const take = (step: () => DecoderEvent[], fed: number) => {
    for (const event of timed(fed, step)) events.push(event);
    const { wanted } = decoder;
    must(wanted >= 0 && wanted <= MOST_WANTED, () => `the decoder wants ${wanted} bytes`);
  };
  let turn = 0;
  for (const piece of piecesOf(bytes, mode & 3)) {
    take(() => decoder.feed(piece), piece.length);
    if ((mode & 4) !== 0 && ++turn % 3 === 0) take(() => decoder.silence(), 0);
  }
  take(() => ((mode & 8) === 0 ? decoder.silence() : decoder.end()), 0);
  checkEvents(events, bytes.length);
  if ((mode & 0x80) === 0) checkRecovery(decoder, (mode >> 4) % KEYS.length);
}

function checkEvents(events: readonly DecoderEvent[], fed: number): void {
  // Several telegrams in one frame share its bytes.
  const kept = new Set<Uint8Array>();
  must(events.length <= fed + 1, () => `${events.length} events from ${fed} bytes`);
  for (const event of events) {
    must(event.offset >= 0 && event.offset + event.length <= fed + 2048, () => `an event outside: ${event.offset}`);
    if (event.type === "skipped") continue;
    if (event.bytes !== undefined) kept.add(event.bytes);
    must(
      event.type !== "fault" || event.cause === undefined,
      () => `a defect: ${event.type === "fault" && event.cause}`,
    );
    if (event.type === "telegram") {
      must(event.telegram.registers.length <= 256, () => `${event.telegram.registers.length} registers`);
    }
  }
  let bytes = 0;
  for (const each of kept) bytes += each.length;
  must(bytes <= 4 * fed, () => `${bytes} bytes are kept of ${fed}`);
}

/** Whatever came before, the next telegram is decoded; with an authentication key, its missing tag is a fault. */
function checkRecovery(decoder: Decoder, keys: number): void {
  const after = decoder.feed(GOOD);
  const expected = keys === 0 ? "telegram" : "fault";
  must(
    after.some(({ type }) => type === expected),
    () => "the next telegram is not decoded",
  );
}

/** The first byte is the mode, the second how deeply the rest is wrapped, so that checksums do not block the fuzzer. */
function throughLink(wrap: (content: Uint8Array, depth: number) => Uint8Array): (input: Uint8Array) => void {
  return (input) => {
    const [mode = 0, depth = 0] = input;
    const content = input.subarray(2);
    throughDecoder(content.length === 0 ? content : wrap(content, depth), mode);
  };
}

const CIPHERING = { key: FUZZ_KEY, systemTitle: TITLE, invocationCounter: 7 };

/** Bytes as an APDU: unchanged, ciphered, ciphered with a tag, or as the body of a notification. */
function apduOf(content: Uint8Array, depth: number): Uint8Array {
  switch (depth & 3) {
    case 1:
      return encodeGeneralCiphering(content, CIPHERING);
    case 2:
      return encodeGeneralCiphering(content, {
        ...CIPHERING,
        authenticationKey: AUTHENTICATION_KEY,
        securityControl: 0x30,
      });
    case 3:
      return concat([Uint8Array.of(0x0f, 0, 0, 0, 0, 0), content]);
    default:
      return content;
  }
}

function mbus(content: Uint8Array, depth: number): Uint8Array {
  if ((depth & 4) === 0) return content;
  return concat(encodeMbusFrames(apduOf(content, depth), { maxData: (depth >> 3) * 8 || 245 }));
}

function hdlc(content: Uint8Array, depth: number): Uint8Array {
  if ((depth & 4) === 0) return content;
  const message = concat([LLC, apduOf(content.subarray(0, 1_900), depth)]);
  const size = depth >> 3 === 0 ? 2_000 : 8 * (depth >> 3);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += size) {
    frames.push(encodeHdlcFrame(message.subarray(at, at + size), { segmented: at + size < message.length }));
  }
  return concat(frames);
}

function p1(content: Uint8Array, depth: number): Uint8Array {
  if ((depth & 4) === 0) return content;
  const [head = "", ...lines] = latin1Text(content).split("\n");
  const clean = (line: string) => line.replace(/[/!\r]/g, "");
  return encodeP1(`/KFM5${clean(head).slice(0, 40)}`, lines.map(clean));
}

function blocks(content: Uint8Array, depth: number): Uint8Array {
  if ((depth & 4) === 0) return content;
  const apdu = apduOf(content.subarray(0, 1_900), depth);
  const size = 8 + (depth >> 3) * 8;
  const parts: Uint8Array[] = [];
  for (let at = 0; at < apdu.length && parts.length < 300; at += size) {
    const last = at + size >= apdu.length;
    const block = encodeBlock(parts.length + 1, last, apdu.subarray(at, at + size));
    const message = parts.length === 0 ? concat([LLC, block]) : block;
    parts.push((depth & 0x80) === 0 ? encodeHdlcFrame(message) : message);
  }
  return concat(parts);
}

function amis(content: Uint8Array, depth: number): Uint8Array {
  if ((depth & 4) === 0) return concat(encodeMbusFrames(content));
  const telegram = encodeLongHeader(content.subarray(0, 236), FUZZ_KEY, depth);
  // C, A, then the CI field; no access points.
  const data = concat([Uint8Array.of(0x53, 0xf0), telegram]);
  const sum = data.reduce((total, byte) => (total + byte) & 0xff, 0);
  return concat([Uint8Array.of(0x68, data.length, data.length, 0x68), data, Uint8Array.of(sum, 0x16)]);
}

function apdu(input: Uint8Array): void {
  const [depth = 0] = input;
  const bytes = apduOf(input.subarray(1), depth);
  const decoder = new ApduDecoder({ key: FUZZ_KEY });
  typed(() => {
    timed(bytes.length, () => decoder.decode(bytes, "raw", "none"));
  });
  typed(() => decoder.prepare(bytes, "raw", "none"));
  typed(() => {
    decipher(decodeGeneralCiphering(bytes), { key: FUZZ_KEY, authenticationKey: AUTHENTICATION_KEY }, () => true);
  });
}

function axdr(input: Uint8Array): void {
  const reader = new ByteReader(input);
  typed(() => {
    timed(input.length, () => decodeAxdr(reader));
  });
  for (const final of [false, true]) {
    const end = findAxdrEnd(input, 0, input.length, final);
    must(end === BROKEN || Number.isSafeInteger(end), () => `the end is ${end}`);
    must(end <= input.length, () => `the end ${end} lies behind ${input.length} bytes`);
  }
}

function records(input: Uint8Array): void {
  typed(() => {
    const found = timed(input.length, () => decodeRecords(input, 0, input.length));
    must(found.length <= 128, () => `${found.length} records`);
    readRecords(found, input, 0x4c2d);
  });
  typed(() => void decodeRecordTelegram(encodeLongHeader(input.subarray(0, 236), FUZZ_KEY, 1), FUZZ_KEY, "sum"));
  typed(() => void decodeRecordTelegram(input, FUZZ_KEY, "sum"));
}

function p1Text(input: Uint8Array): void {
  const text = `/KFM5\r\n\r\n${latin1Text(input)}`;
  typed(() => {
    const { registers, unread } = timed(input.length, () => parseP1(text));
    const printed = registers.reduce((sum, { value }) => sum + (typeof value === "string" ? value.length : 1), 0);
    must(printed + unread.join("").length <= 2 * text.length, () => "more comes out than went in");
  });
}

const WRAPPERS = [mbus, hdlc, p1, blocks, amis];

/** Frames or not: spans without gaps, and checksums that can be recomputed. */
function dissection(input: Uint8Array): void {
  const [depth = 0, which = 0] = input;
  const content = input.subarray(2);
  const wire = content.length === 0 ? content : (WRAPPERS[which % WRAPPERS.length]?.(content, depth) ?? content);
  const parts = timed(wire.length, () => dissect(wire));
  withCheckSums(wire, parts.seals);
  const inner = joinSlices(wire, parts.slices);
  must(inner.length <= wire.length, () => "the slices overlap");
  replaceApdu(wire, parts, inner);
}

function annotation(input: Uint8Array): void {
  const [depth = 0, which = 0] = input;
  const content = input.subarray(2);
  const wire = content.length === 0 ? content : (WRAPPERS[which % WRAPPERS.length]?.(content, depth) ?? content);
  // Decodes, dissects and describes: three times the cost of decoding.
  const parts = timed(3 * wire.length, () => annotate(wire, KEYS[depth % KEYS.length]));
  for (const { hex, spans } of parts) {
    let at = 0;
    for (const { start, end } of spans) {
      must(start === at && end > start, () => `a gap or an overlap at ${start}`);
      at = end;
    }
    must(at === hex.length / 2, () => `${at} of ${hex.length / 2} bytes are described`);
  }
}

/** What `decode` reads: hex in any form, dumps, logs, bytes. */
function capture(input: Uint8Array): void {
  const [mode = 0] = input;
  const reader = new CaptureReader();
  let bytes = 0;
  for (const piece of piecesOf(input.subarray(1), mode & 3)) {
    bytes += timed(piece.length, () => reader.push(piece)).length;
    reader.takeProblems();
  }
  bytes += timed(0, () => reader.end()).length;
  must(bytes <= input.length, () => `${bytes} bytes from a text of ${input.length}`);
}

const TYPES = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "octets", "text", "bool", "enum"];
const ROLES = ["meter_id", "meter_type", "clock"];

/** User-defined lists derived from the bytes; valid ones read a body derived from the bytes, too. */
function lists(input: Uint8Array): void {
  let at = 0;
  const next = (): number => input[at++] ?? 0;
  const word = (): string => {
    const from = at + 1;
    at = from + (next() % 12);
    return latin1Text(input, Math.min(from, input.length), Math.min(at, input.length));
  };
  const element = (): ListElement => {
    const choice = next();
    if (choice % 5 === 0) return "skip";
    const fields: Record<string, unknown> = {};
    if (choice & 1) fields.obis = choice & 64 ? word() : `${next() % 100}.${next() % 10}.0`;
    if (choice & 2) fields.type = choice & 128 ? word() : TYPES[next() % TYPES.length];
    if (choice & 4) fields.role = ROLES[next() % ROLES.length];
    if (choice & 8) fields.text = word();
    if (choice & 16) fields.bytes = word();
    if (choice & 32) fields.path = [next() % 16, next() % 4];
    if (choice & 64) fields.scaler = next() - 128;
    if (choice & 128) fields.unit = ["Wh", "kW", "V", null, word()][next() % 5];
    return fields as ElementFields;
  };
  const definitions: ListDefinition[] = Array.from({ length: 1 + (next() % 3) }, () => ({
    name: word() || "list",
    elements: Array.from({ length: 1 + (next() % 12) }, element),
  }));
  const problems = timed(input.length, () => listProblems(definitions));
  must(problems.length <= 500, () => `${problems.length} problems`);
  const body = input.subarray(at);
  const notification = concat([Uint8Array.of(0x0f, 0, 0, 0, 0, 0), body]);
  if (problems.length === 0) typed(() => void new ApduDecoder({}, definitions).decode(notification, "raw", "none"));
  template(notification);
}

/** The template printed for an unknown list. */
function template(notification: Uint8Array): void {
  const samples = new ListSamples();
  const decoder = createDecoder();
  for (const event of decoder.feed(concat(encodeMbusFrames(notification)))) {
    if (event.type === "fault" && event.positions !== undefined) samples.add(event.positions);
  }
  must(samples.template().length <= 200_000, () => "a template without end");
}

/** By name of the corpus folder. */
export const CODEC_TARGETS = {
  mbus: throughLink(mbus),
  hdlc: throughLink(hdlc),
  p1: throughLink(p1),
  raw: throughLink(apduOf),
  blocks: throughLink(blocks),
  amis: throughLink(amis),
  apdu,
  axdr,
  records,
  "p1-text": p1Text,
  dissect: dissection,
  annotate: annotation,
  capture,
  lists,
} as const satisfies Record<string, (input: Uint8Array) => void>;
