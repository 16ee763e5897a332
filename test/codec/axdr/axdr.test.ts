import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeAxdr } from "../../../src/codec/axdr/axdr.ts";
import { type AxdrValue, encodeAxdr } from "../../../src/codec/axdr/axdr-encoder.ts";
import { type AxdrNode, TAG } from "../../../src/codec/axdr/axdr-node.ts";
import { encodeBerLength } from "../../../src/codec/axdr/ber-length.ts";
import { ByteReader } from "../../../src/codec/axdr/byte-reader.ts";
import { formatHex, parseHex } from "../../../src/codec/hex.ts";

function decode(hex: string): AxdrNode {
  const reader = new ByteReader(parseHex(hex));
  const node = decodeAxdr(reader);
  expect(reader.pos).toBe(reader.end);
  return node;
}

const readValue = (hex: string) => decode(hex).value;

describe("every type of the Data choice is read as specified", () => {
  test.each<[string, string, number | bigint]>([
    ["boolean", "03 00", 0],
    ["boolean, any other byte is true", "03 FF", 1],
    ["double-long", "05 FF FF FF FE", -2],
    ["double-long-unsigned", "06 FF FF FF FE", 4294967294],
    ["bcd", "0D 42", 0x42],
    ["integer", "0F FD", -3],
    ["long", "10 FF 38", -200],
    ["unsigned", "11 FE", 254],
    ["long-unsigned", "12 FF 38", 65336],
    ["long64", "14 FF FF FF FF FF FF FF FF", -1],
    ["long64 beyond a double", "14 80 00 00 00 00 00 00 01", -9223372036854775807n],
    ["long64-unsigned", "15 00 00 00 01 00 00 00 01", 4294967297],
    ["long64-unsigned, the last exact double", "15 00 1F FF FF FF FF FF FF", 9007199254740991],
    ["long64-unsigned beyond", "15 FF FF FF FF FF FF FF FF", 18446744073709551615n],
    ["enum", "16 1E", 30],
    ["float32", "17 43 66 66 66", 230.39999389648438],
    ["float64", "18 40 6C CC CC CC CC CC CD", 230.4],
    ["delta-integer", "1C FF", -1],
    ["delta-long", "1D FF FE", -2],
    ["delta-double-long", "1E FF FF FF FD", -3],
    ["delta-unsigned", "1F FF", 255],
    ["delta-long-unsigned", "20 FF FE", 65534],
    ["delta-double-long-unsigned", "21 FF FF FF FD", 4294967293],
  ])("%s", (_, hex, value) => {
    expect(readValue(hex)).toBe(value);
  });

  test.each([
    ["octet-string", "09 03 01 02 03", "010203"],
    ["visible-string", "0A 02 41 42", "4142"],
    ["utf8-string", "0C 02 C3 A4", "C3A4"],
    ["octet-string with a length of two bytes", `09 81 80 ${"55".repeat(128)}`, "55".repeat(128)],
    ["octet-string with a length longer than needed", "09 82 00 01 07", "07"],
    ["bit-string of 9 bits", "04 09 FF 80", "FF80"],
    ["date-time", "19 07E5091B01092F0F00FF8880", "07E5091B01092F0F00FF8880"],
    ["date", "1A 07E5091B01", "07E5091B01"],
    ["time", "1B 092F0F00", "092F0F00"],
    ["null", "00", ""],
    ["don't care", "FF", ""],
    ["an empty string", "09 00", ""],
  ])("%s", (_, hex, content) => {
    const node = decode(hex);
    expect(formatHex(parseHex(hex), node.start, node.end)).toBe(content);
  });
});

describe("containers", () => {
  test("structures and arrays keep the order of their elements", () => {
    const node = decode("02 03 11 01 01 02 11 02 11 03 00");
    expect(node.items.map((item) => item.tag)).toEqual([0x11, 0x01, 0x00]);
    expect(node.items[1]?.items.map((item) => item.value)).toEqual([2, 3]);
  });

  test("a compact array of bare values", () => {
    const node = decode("13 12 06 0001 0002 0003");
    expect(node.items.map((item) => [item.tag, item.value])).toEqual([
      [0x12, 1],
      [0x12, 2],
      [0x12, 3],
    ]);
  });

  test("a compact array of structures that contain strings and arrays", () => {
    // {octet-string, double-long-unsigned, array of 2 unsigned} twice
    const node = decode("13 02 03 09 06 01 0002 11 11 02AABB 00000007 0506 01CC 00000008 0708");
    expect(node.items).toHaveLength(2);
    expect(node.items[0]?.items.map((item) => item.tag)).toEqual([0x09, 0x06, 0x01]);
    expect(node.items[1]?.items[1]?.value).toBe(8);
    expect(node.items[1]?.items[2]?.items.map((item) => item.value)).toEqual([7, 8]);
  });

  test("an untagged attribute descriptor is read as OBIS code and value", () => {
    const hex = "02 02 0003 0100010800FF 02 06 00003039";
    const node = decode(hex);
    expect(node.items.map((item) => item.tag)).toEqual([0x09, 0x06]);
    const [code, value] = node.items as [AxdrNode, AxdrNode];
    expect(formatHex(parseHex(hex), code.start, code.end)).toBe("0100010800FF");
    expect(value.value).toBe(12345);
  });
});

test("tag and length of an OBIS code may be swapped, as sent by a ZMF100 for one register", () => {
  const hex = "02 03 06 09 01 00 1F 07 00 FF 10 00 F4 02 02 0F FE 16 21";
  const node = decode(hex);
  expect(node.items.map((item) => item.tag)).toEqual([0x09, 0x10, 0x02]);
  expect(formatHex(parseHex(hex), node.items[0]?.start, node.items[0]?.end)).toBe("01001F0700FF");
});

describe("invalid input is refused", () => {
  test.each([
    ["nothing at all", ""],
    ["an unknown tag", "07 00"],
    ["a string longer than the rest", "09 05 01 02"],
    ["a truncated number", "06 00 00 00"],
    ["more elements than bytes", "02 05 11 01"],
    ["a length of an invalid form", "09 80"],
    ["a length of five bytes", "09 85 00 00 00 00 01 07"],
    ["an absurd length", "09 84 FF FF FF FF 00"],
    ["containers without end", "02 01 ".repeat(40)],
    ["compact arrays whose elements have no bytes", "13 00 02 00 00"],
    ["compact arrays whose arrays are empty", "13 01 0000 11 02 00 00"],
    ["a compact array truncated within an element", "13 12 03 0001 00"],
    ["type descriptions without end", `13 ${"01 0001 ".repeat(40)}`],
  ])("%s", (_, hex) => {
    expect(() => decodeAxdr(new ByteReader(parseHex(hex)))).toThrowError(
      expect.objectContaining({ name: "CodecError", code: "malformed" }),
    );
  });

  test("every prefix of a valid tree", () => {
    const bytes = parseHex("02 03 09 06 0100010800FF 06 00003039 02 02 0F 00 16 1E");
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeAxdr(new ByteReader(bytes.subarray(0, length)))).toThrowError(
        expect.objectContaining({ code: "malformed" }),
      );
    }
  });
});

describe("the encoder writes what the decoder reads", () => {
  test.each<[string, AxdrValue, string]>([
    ["negative numbers", { tag: "long", value: -200 }, "10FF38"],
    ["64 bits", { tag: "long64Unsigned", value: 18446744073709551615n }, "15FFFFFFFFFFFFFFFF"],
    ["floats", { tag: "float32", value: 230.4 }, "1743666666"],
    ["texts", { tag: "visibleString", bytes: "AB" }, "0A024142"],
    ["long texts", { tag: "octetString", bytes: new Uint8Array(200) }, `0981C8${"00".repeat(200)}`],
    ["bits", { tag: "bitString", bits: 9, bytes: Uint8Array.of(0xff, 0x80) }, "0409FF80"],
    ["null", { tag: "null" }, "00"],
    [
      "structures",
      {
        tag: "structure",
        items: [
          { tag: "integer", value: -1 },
          { tag: "enum", value: 35 },
        ],
      },
      "02020FFF1623",
    ],
    [
      "compact arrays",
      {
        tag: "compactArray",
        items: [
          {
            tag: "structure",
            items: [
              { tag: "unsigned", value: 1 },
              { tag: "octetString", bytes: Uint8Array.of(9) },
            ],
          },
          {
            tag: "structure",
            items: [
              { tag: "unsigned", value: 2 },
              { tag: "octetString", bytes: Uint8Array.of(8, 7) },
            ],
          },
        ],
      },
      "1302021109070101090202 0807",
    ],
  ])("%s", (_, value, hex) => {
    expect(formatHex(encodeAxdr(value))).toBe(formatHex(parseHex(hex)));
    decode(hex);
  });

  test("any tree survives encoding and decoding", () => {
    const { tree } = fc.letrec<{ tree: AxdrValue; leaf: AxdrValue }>((tie) => ({
      leaf: fc.oneof(
        fc.record({ tag: fc.constant("doubleLongUnsigned" as const), value: fc.nat(0xffffffff) }),
        fc.record({ tag: fc.constant("long" as const), value: fc.integer({ min: -32768, max: 32767 }) }),
        fc.record({ tag: fc.constant("long64" as const), value: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n) }),
        fc.record({ tag: fc.constant("octetString" as const), bytes: fc.uint8Array({ maxLength: 300 }) }),
        fc.constant<AxdrValue>({ tag: "null" }),
      ),
      tree: fc.oneof(
        { maxDepth: 6, withCrossShrink: true },
        tie("leaf"),
        fc.record({
          tag: fc.constantFrom("structure" as const, "array" as const),
          items: fc.array(tie("tree"), { maxLength: 5 }),
        }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const bytes = encodeAxdr(value);
        const reader = new ByteReader(bytes);
        const same = (node: AxdrNode, expected: AxdrValue): void => {
          expect(node.tag).toBe(TAG[expected.tag]);
          if ("items" in expected) {
            expect(node.items).toHaveLength(expected.items.length);
            node.items.forEach((item, index) => {
              same(item, expected.items[index] as AxdrValue);
            });
          } else if ("value" in expected) expect(BigInt(node.value)).toBe(BigInt(expected.value));
          else if ("bytes" in expected) expect(bytes.subarray(node.start, node.end)).toEqual(expected.bytes);
        };
        same(decodeAxdr(reader), value);
        expect(reader.pos).toBe(bytes.length);
      }),
      { seed: 4 },
    );
  });

  test("values that cannot be encoded are refused", () => {
    expect(() => encodeAxdr({ tag: "dateTime", bytes: new Uint8Array(11) })).toThrow(RangeError);
    expect(() => encodeAxdr({ tag: "compactArray", items: [] })).toThrow(RangeError);
    expect(() => encodeAxdr({ tag: "bitString", bits: 9, bytes: Uint8Array.of(1) })).toThrow(RangeError);
  });
});

test("BER lengths of every form", () => {
  for (const [length, hex] of [
    [0, "00"],
    [127, "7F"],
    [128, "8180"],
    [255, "81FF"],
    [256, "820100"],
    [65535, "82FFFF"],
    [65536, "83010000"],
    [16777216, "8401000000"],
  ] as const) {
    expect(formatHex(Uint8Array.from(encodeBerLength(length)))).toBe(hex);
    expect(new ByteReader(parseHex(hex)).berLength("length")).toBe(length);
  }
  expect(new ByteReader(parseHex("820007")).berLength("length")).toBe(7);
  expect(() => encodeBerLength(-1)).toThrow(RangeError);
});
