/**
 * Seeded mutations of every capture: whatever the bytes, the decoder never throws, terminates, buffers no more than its cap,
 * and its events stay within the stream. (That no mutation of a protected telegram gives a wrong value is tested with the
 * ciphering and in test/corruption.)
 */
import { describe, expect, test } from "vitest";
import { createDecoder } from "../../src/codec/decoder.ts";
import type { DecoderEvent } from "../../src/codec/decoder-event.ts";
import { fixtureNames, loadFixture } from "../helpers/fixtures.ts";
import { randomBytes, seededRandom } from "../helpers/random.ts";
import { join } from "../helpers/splits.ts";

const RUNS = 60;
/** Largest number of bytes the decoder may buffer. */
const CAP = 16_384;

const fixtures = fixtureNames().map(loadFixture);

function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const pick = (below: number) => Math.floor(random() * below);
  let result: Uint8Array = bytes.slice();
  const times = 1 + pick(4);
  for (let i = 0; i < times; i++) {
    const at = pick(result.length);
    switch (pick(6)) {
      case 0:
        result[at] = (result[at] as number) ^ (1 << pick(8));
        break;
      case 1:
        result[at] = pick(256);
        break;
      case 2:
        result = join(result.subarray(0, at), result.subarray(at + 1 + pick(20)));
        break;
      case 3:
        result = join(result.subarray(0, at), randomBytes(random, 1 + pick(20)), result.subarray(at));
        break;
      case 4:
        result = join(result.subarray(0, at), result.subarray(pick(result.length)));
        break;
      default:
        // Extreme lengths and counts do the most harm.
        result[at] = [0x00, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xfe, 0xff][pick(8)] as number;
    }
    if (result.length === 0) return bytes;
  }
  return result;
}

function feedInPieces(bytes: Uint8Array, keys: object, random: () => number): DecoderEvent[] {
  const decoder = createDecoder(keys);
  const events: DecoderEvent[] = [];
  let fed = 0;
  while (fed < bytes.length) {
    const piece = bytes.subarray(fed, fed + 1 + Math.floor(random() * 300));
    events.push(...decoder.feed(piece));
    fed += piece.length;
    expect(decoder.wanted).toBeLessThanOrEqual(CAP);
    if (random() < 0.02) events.push(...decoder.silence());
  }
  events.push(...decoder.end());
  expect(decoder.wanted).toBe(0);
  return events;
}

function feedIn(size: number, bytes: Uint8Array, keys: object): DecoderEvent[] {
  const decoder = createDecoder(keys);
  const events: DecoderEvent[] = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...decoder.feed(bytes.subarray(at, at + size)));
  return [...events, ...decoder.end()];
}

/** Telegrams and faults only; skipped bytes are reported per read. */
function outcomes(events: readonly DecoderEvent[]): readonly DecoderEvent[] {
  return events.filter((event) => event.type !== "skipped");
}

function expectSane(events: readonly DecoderEvent[], length: number): void {
  for (const event of events) {
    expect(event.offset).toBeGreaterThanOrEqual(0);
    expect(event.length).toBeGreaterThan(0);
    expect(event.offset).toBeLessThan(length);
    if (event.type !== "telegram") continue;
    expect(event.offset + event.length).toBeLessThanOrEqual(length);
    expect(event.telegram.registers.length).toBeGreaterThan(0);
    for (const { obis, value } of event.telegram.registers) {
      expect(obis).toMatch(/^\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}\*\d{1,3}$/);
      if (typeof value !== "string") expect(Number.isFinite(Number(value.coefficient))).toBe(true);
    }
  }
}

describe("mutations are harmless", () => {
  test.each(fixtures)("$name", ({ wire, keys, name }) => {
    const random = seededRandom(name.length * 7919 + wire.length);
    for (let run = 0; run < RUNS; run++) {
      const bytes = mutate(join(wire, wire), random);
      expectSane(feedInPieces(bytes, keys, random), bytes.length);
    }
  });

  test("M-Bus and HDLC: the result does not depend on how reads are split, damaged or not", () => {
    const random = seededRandom(13);
    const framed = fixtures.filter(({ wire }) => wire[0] === 0x68 || wire[0] === 0x7e);
    expect(framed.length).toBeGreaterThan(20);
    for (const { wire, keys, name } of framed) {
      for (let run = 0; run < 20; run++) {
        const other = framed[Math.floor(random() * framed.length)]?.wire ?? wire;
        const bytes = join(mutate(wire, random), randomBytes(random, 30), mutate(other, random), wire);
        const whole = outcomes(feedIn(bytes.length, bytes, keys));
        for (const size of [1, 7, 64, 300]) expect(outcomes(feedIn(size, bytes, keys)), name).toEqual(whole);
      }
    }
  });

  test("changed plaintexts in frames with valid checksums", () => {
    // Above, frame checks catch nearly everything; here the APDU is changed and the checksum of its frame corrected.
    const random = seededRandom(11);
    for (const { wire, keys } of fixtures) {
      if (wire[0] !== 0x68) continue;
      for (let run = 0; run < 300; run++) {
        const bytes = wire.slice();
        const length = (bytes[1] as number) < 5 ? (bytes[1] as number) + 256 : (bytes[1] as number);
        if (bytes.length < length + 6) continue;
        const at = 9 + Math.floor(random() * (length - 5));
        const value = Math.floor(random() * 256);
        bytes[4 + length] = ((bytes[4 + length] as number) + value - (bytes[at] as number)) & 0xff;
        bytes[at] = value;
        expectSane(feedInPieces(bytes, keys, random), bytes.length);
      }
    }
  });

  test("random bytes alone", () => {
    const random = seededRandom(12);
    for (let run = 0; run < 20; run++) {
      const bytes = randomBytes(random, 20_000);
      const events = feedInPieces(bytes, fixtures[0]?.keys ?? {}, random);
      expectSane(events, bytes.length);
      expect(events.filter((event) => event.type === "telegram")).toEqual([]);
    }
  });
});
