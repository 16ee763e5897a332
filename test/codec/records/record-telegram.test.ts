/** M-Bus records (EN 13757-3) and AMIS meters of Netz OÖ, tested with the documented example. */
import { createCipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decodeTelegrams } from "../../../src/codec/decoder.ts";
import { formatHex, parseHex } from "../../../src/codec/hex.ts";
import { decodeRecords } from "../../../src/codec/records/data-record.ts";
import {
  decipherRecords,
  decodeLongHeader,
  encodeLongHeader,
  recipherRecords,
} from "../../../src/codec/records/long-header.ts";
import { readRecords } from "../../../src/codec/records/record-registers.ts";
import { decodeRecordTime, encodeRecordTime } from "../../../src/codec/records/record-time.ts";
import type { Telegram } from "../../../src/codec/telegram.ts";
import { formatDateTime } from "../../../src/codec/values/date-time.ts";
import { formatDecimal } from "../../../src/codec/values/decimal.ts";
import { loadFixture } from "../../helpers/fixtures.ts";
import { randomBytes, seededRandom } from "../../helpers/random.ts";

const AMIS = loadFixture("siemens-amis-netz-ooe");
const PLAINTEXT = parseHex(
  "2F2F066D5F0C48C1171B040300720A0004833C84F901008410FB82731E7605008410FB82F33C263E0100042B0000000004AB3C75000000" +
    "04FB140000000004FB943C000000000483FF04140000002F2F",
);
const RECORDS = PLAINTEXT.subarray(2, 78);
const KEY = AMIS.keys.key as Uint8Array;

/** A frame to address F0 with a telegram that starts with its CI field. */
function frame(telegram: Uint8Array, control = 0x53): Uint8Array {
  const content = [control, 0xf0, ...telegram];
  const sum = content.reduce((total, byte) => total + byte, 0) & 0xff;
  return Uint8Array.from([0x68, content.length, content.length, 0x68, ...content, sum, 0x16]);
}

function outcome(wire: Uint8Array, key: Uint8Array | null = KEY): Telegram | string {
  const events = decodeTelegrams(wire, { key: key ?? undefined });
  expect(events).toHaveLength(1);
  const [event] = events;
  if (event?.type === "telegram") return event.telegram;
  return event?.type === "fault" ? event.code : "nothing";
}

function values(telegram: Telegram | string): string[] {
  if (typeof telegram === "string") return [telegram];
  return telegram.registers.map(({ obis, value, unit }) => {
    const text = typeof value === "string" ? value : formatDecimal(value);
    return `${obis.replace(/^1-0:|\*255$/g, "")}=${text} ${unit}`;
  });
}

/** Values of the records in hex, and the records that are only listed as unread. */
function read(hex: string, manufacturer = 0x4c2d): { values: string[]; unread: readonly string[] } {
  const bytes = parseHex(hex);
  const { registers, unread } = readRecords(decodeRecords(bytes, 0, bytes.length), bytes, manufacturer);
  return { values: values({ registers } as unknown as Telegram), unread };
}

describe("a telegram of an AMIS meter", () => {
  it("gives the documented values, time and type", () => {
    expect(outcome(AMIS.wire)).toMatchObject({
      ...{ transport: "mbus", security: "encrypted", proof: "sum", layout: "amis", unread: [] },
      ...{ meterTime: "2014-07-01T08:12:31", clockStatus: 0x80, meterId: null, invocationCounter: null },
    });
  });

  it("decrypts to the documented plaintext, and encrypts back", () => {
    const telegram = AMIS.wire.subarray(6, 99);
    const plaintext = decipherRecords(telegram, decodeLongHeader(telegram), KEY);
    expect(formatHex(plaintext)).toBe(formatHex(PLAINTEXT));
    expect(formatHex(frame(encodeLongHeader(RECORDS, KEY, 0x0d)))).toBe(formatHex(AMIS.wire));
  });

  it("is read with either value of the frame count bit", () => {
    expect(values(outcome(frame(encodeLongHeader(RECORDS, KEY, 0x0d), 0x73)))).toHaveLength(9);
  });

  it("needs the right key: 10,000 wrong ones give no value", () => {
    expect(outcome(AMIS.wire, null)).toBe("key-missing");
    const random = seededRandom(20);
    const results = new Map<unknown, number>();
    for (let run = 0; run < 10_000; run++) {
      const wrong = run < 128 ? flipped(KEY, run) : randomBytes(random, 16);
      const result = outcome(AMIS.wire, wrong);
      results.set(result, (results.get(result) ?? 0) + 1);
    }
    expect([...results]).toEqual([["key-wrong", 10_000]]);
  });

  it("is refused if a marker is missing at either end, or the key has another length", () => {
    for (const [at, bit] of [
      [0, 1],
      [1, 0x80],
      [78, 4],
      [79, 2],
    ] as const) {
      const plaintext = Uint8Array.from(PLAINTEXT);
      plaintext[at] = (plaintext[at] as number) ^ bit;
      expect(outcome(frame(sealed(plaintext)))).toBe("key-wrong");
    }
    expect(outcome(AMIS.wire, new Uint8Array(32))).toBe("key-wrong");
  });

  it("is read with more or fewer records than documented, and lists unknown ones", () => {
    const more = parseHex(`${formatHex(RECORDS)}02FD48FC0804FD6101020304`);
    const telegram = outcome(frame(encodeLongHeader(more, KEY, 1)));
    expect(values(telegram).slice(-2)).toEqual(["1.128.0=20 Wh", "12.7.0=230.0 V"]);
    expect((telegram as Telegram).unread).toEqual(["04 FD 61"]);
    const fewer = outcome(frame(encodeLongHeader(RECORDS.subarray(0, 68), KEY, 2)));
    expect(values(fewer).at(-1)).toBe("4.7.0=0 var");
  });

  it("is malformed if records are truncated or repeated, or the time is invalid", () => {
    const seal = (hex: string) => outcome(frame(encodeLongHeader(parseHex(hex), KEY, 3)));
    expect(seal(`${formatHex(RECORDS)}0403`)).toBe("malformed");
    expect(seal(`${formatHex(RECORDS)}0403000000FF`)).toBe("malformed");
    expect(seal(`066D5F0C48C01F1B${formatHex(RECORDS.subarray(8))}`)).toBe("malformed");
  });

  it("gives no wrong value if the ciphertext is changed and the frame checksum still matches", () => {
    const random = seededRandom(3);
    const expected = values(outcome(AMIS.wire));
    for (let run = 0; run < 5_000; run++) {
      const wire = Uint8Array.from(AMIS.wire);
      for (let hit = 0; hit <= run % 3; hit++) wire[19 + Math.floor(random() * 80)] = Math.floor(random() * 256);
      wire[99] = wire.subarray(4, 99).reduce((sum, byte) => (sum + byte) & 0xff, 0);
      const found = outcome(wire);
      if (typeof found !== "string") expect(values(found)).toEqual(expected);
    }
  });

  it("with another encryption mode, or without electricity records, is unsupported", () => {
    const other = frame(encodeLongHeader(RECORDS, KEY, 4));
    other[18] = 0x07;
    other[99] = ((other[99] as number) + 2) & 0xff;
    expect(outcome(other)).toBe("unsupported");
    expect(outcome(frame(encodeLongHeader(parseHex("04130100000002590A0B"), KEY, 5)))).toBe("unsupported");
  });

  it("can be re-encrypted under another key with the same records", () => {
    const telegram = AMIS.wire.subarray(6, 99);
    const key = new Uint8Array(16).fill(7);
    expect(values(outcome(frame(recipherRecords(telegram, KEY, key)), key))).toEqual(values(outcome(AMIS.wire)));
  });
});

describe("M-Bus records", () => {
  it.each([
    ["energy of a tariff", "8420 03 01000000", "1.8.2=1 Wh"],
    ["energy in kWh", "04 06 01000000", "1.8.0=1000 Wh"],
    ["energy in tenths of MWh", "04 FB00 01000000", "1.8.0=100000 Wh"],
    ["unsigned 32 bits", "04 03 FFFFFFFF", "1.8.0=4294967295 Wh"],
    ["64 bits", "07 03 FFFFFFFFFFFFFFFF", "1.8.0=18446744073709551615 Wh"],
    ["24 bits", "03 2B 010000", "1.7.0=1 W"],
    ["BCD digits", "0C 03 78563412", "1.8.0=12345678 Wh"],
    ["a real number", "05 2B 0000C842", "1.7.0=100 W"],
    ["a voltage of a phase", "02 FDC8FC02 FD08", "52.7.0=230.1 V"],
    ["a current with a sign", "02 FDD9FC01 FFFF", "31.7.0=-0.001 A"],
    ["power of a phase to the grid", "04 ABBCFC03 64000000", "62.7.0=100 W"],
    ["frequency", "02 FB2D 8813", "14.7.0=50.00 Hz"],
    ["apparent power", "04 FB34 0A000000", "9.7.0=10 VA"],
    ["a factor of a thousand", "04 837D 01000000", "1.8.0=1000 Wh"],
  ])("%s is read", (_, hex, expected) => {
    expect(read(hex.replace(/ /g, ""))).toEqual({ values: [expected], unread: [] });
  });

  it.each([
    ["a historical value", "44 03 01000000", "44 03: energy"],
    ["a maximum", "14 2B 01000000", "14 2B: power"],
    ["a value in error", "34 2B 01000000", "34 2B: power"],
    ["a subunit", "8440 03 01000000", "84 40 03: energy"],
    ["a volume", "04 13 01000000", "04 13"],
    ["invalid BCD digits", "0C 03 FAFFFFFF", "0C 03: energy"],
    ["not a number", "05 2B 0000C07F", "05 2B: power"],
    ["no data", "00 2B", "00 2B: power"],
    ["a plain-text unit", "02 7C 03 72614C 0100", "02 7C 03 72 61 4C: Lar"],
    ["an unknown extension", "04 8339 01000000", "04 83 39"],
    ["a manufacturer-specific meaning", "04 83FF05 01000000", "04 83 FF 05"],
    ["a text", "0D 2B 03 636261", "0D 2B 03: power"],
  ])("%s is listed as unread", (_, hex, expected) => {
    expect(read(hex.replace(/ /g, ""))).toEqual({ values: [], unread: [expected] });
  });

  it("the prepayment register is signed, and specific to Siemens", () => {
    expect(read("0483FF04FEFFFFFF").values).toEqual(["1.128.0=-2 Wh"]);
    expect(read("0483FF04FEFFFFFF", 0x4cae)).toEqual({ values: [], unread: ["04 83 FF 04"] });
  });

  it("end with manufacturer-specific data, and may have filler bytes between them", () => {
    expect(read("2F04030100000 02F2F0F04030200".replace(/ /g, "")).values).toEqual(["1.8.0=1 Wh"]);
  });

  it("the fabrication number is the meter number", () => {
    const bytes = parseHex("0C7878563412");
    expect(readRecords(decodeRecords(bytes, 0, 6), bytes, 0).meterId).toBe("12345678");
  });

  it("throw only CodecError, whatever the bytes", () => {
    const random = seededRandom(5);
    for (let run = 0; run < 5_000; run++) {
      const plaintext = Uint8Array.from(PLAINTEXT);
      for (let hit = 0; hit < 3; hit++) {
        plaintext[2 + Math.floor(random() * 76)] = Math.floor(random() * 256);
      }
      outcome(frame(sealed(plaintext)));
    }
  });
});

describe("type I, date and time", () => {
  it("decodes the documented time and encodes it back", () => {
    const dateTime = decodeRecordTime(parseHex("5F0C48C1171B"), 0, 6) as Uint8Array;
    expect(formatDateTime(dateTime)).toBe("2014-07-01T08:12:31");
    expect(formatHex(encodeRecordTime(dateTime))).toBe("5F0C48C1171B");
  });

  it("decodes summer time, the invalid flag and an unspecified weekday", () => {
    expect(decodeRecordTime(parseHex("1F8C08C1171B"), 0, 6)?.subarray(11)).toEqual(Uint8Array.of(0x01));
    expect(decodeRecordTime(parseHex("1F0C08C1171B"), 0, 6)?.[4]).toBe(0xff);
  });

  it("is null if a field is out of range or the day does not exist", () => {
    for (const hex of [
      "3F0C48C1171B",
      "5F3C48C1171B",
      "5F0C58C1171B",
      "5F0C48C0171B",
      "5F0C48C11D1B",
      "5F0C48DE121B",
    ]) {
      expect(decodeRecordTime(parseHex(hex), 0, 6)).toBeNull();
    }
  });
});

function flipped(key: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(key);
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

/** The documented telegram with a different plaintext of 80 bytes. */
function sealed(plaintext: Uint8Array): Uint8Array {
  const vector = parseHex("2D4C00000000010E0D0D0D0D0D0D0D0D");
  const cbc = createCipheriv("aes-128-cbc", KEY, vector).setAutoPadding(false);
  return Uint8Array.from([...AMIS.wire.subarray(6, 19), ...cbc.update(plaintext)]);
}
