/** Positional lists defined in the configuration: the same mechanism as the built-in tables. */
import { describe, expect, it } from "vitest";
import { encodeGeneralCiphering } from "../../../src/codec/apdu/ciphering.ts";
import { encodeDataNotification } from "../../../src/codec/apdu/data-notification.ts";
import type { AxdrValue } from "../../../src/codec/axdr/axdr-encoder.ts";
import { createDecoder, decodeTelegrams } from "../../../src/codec/decoder.ts";
import { encodeHdlcFrame } from "../../../src/codec/link/hdlc-frame.ts";
import { encodeMbusFrames } from "../../../src/codec/link/mbus-frame.ts";
import type { ListDefinition } from "../../../src/codec/lists/list-definition.ts";
import { listProblems } from "../../../src/codec/lists/list-problems.ts";
import { encodeDateTime } from "../../../src/codec/values/date-time.ts";
import { formatDecimal } from "../../../src/codec/values/decimal.ts";

const text = (value: string): AxdrValue => ({ tag: "octetString", bytes: Buffer.from(value, "latin1") });
const octets = (...bytes: number[]): AxdrValue => ({ tag: "octetString", bytes: Uint8Array.from(bytes) });
const u32 = (value: number): AxdrValue => ({ tag: "doubleLongUnsigned", value });
const u16 = (value: number): AxdrValue => ({ tag: "longUnsigned", value });
const structure = (...items: AxdrValue[]): AxdrValue => ({ tag: "structure", items });
const array = (...items: AxdrValue[]): AxdrValue => ({ tag: "array", items });
const TIME = encodeDateTime({ year: 2026, month: 11, day: 22, hour: 12, minute: 0, second: 5, offset: 60 });

const itemsOf = (value: AxdrValue): readonly AxdrValue[] => ("items" in value ? value.items : []);

const KEY = new Uint8Array(16).fill(9);
const notification = (body: AxdrValue) => encodeDataNotification(body, { longInvokeId: 1 });
const ciphered = (apdu: Uint8Array) =>
  encodeGeneralCiphering(apdu, { key: KEY, systemTitle: Buffer.from("XYZ\0\0\0\0\x01"), invocationCounter: 7 });
const hdlc = (apdu: Uint8Array) => encodeHdlcFrame(Buffer.concat([Buffer.from("E6E700", "hex"), apdu]));
const mbus = (apdu: Uint8Array) => Buffer.concat(encodeMbusFrames(apdu));

const MY_LIST: ListDefinition = {
  name: "my-list",
  elements: [
    { text: "NEW_LIST" },
    { role: "meter_id" },
    { role: "meter_type" },
    { role: "clock" },
    { obis: "1.7.0", unit: "W", scaler: 0, type: "u32" },
    { obis: "32.7.0", unit: "V", scaler: -1, type: "u16" },
    "skip",
    { obis: "1.8.0", unit: "Wh", scaler: 1 },
  ],
};
const body = (name = "NEW_LIST", volts = 2304): AxdrValue =>
  structure(text(name), text("1234567890"), text("X300"), octets(...TIME), u32(720), u16(volts), u16(1), u32(1234));

function decodeToTexts(wire: Uint8Array, lists: readonly ListDefinition[]): string[] {
  return decodeTelegrams(wire, { key: KEY, lists }).flatMap((event) => {
    if (event.type === "skipped") return [];
    if (event.type === "fault") return [`${event.code}: ${event.message}`];
    const { layout, meterId, meterType, meterTime, registers } = event.telegram;
    const values = registers.map(({ obis, value, unit }) => {
      return `${obis}=${typeof value === "string" ? value : formatDecimal(value)} ${unit}`;
    });
    return [`${layout} ${meterId} ${meterType} ${meterTime}`, ...values];
  });
}

describe("a configured list", () => {
  const expected = [
    "my-list 1234567890 X300 2026-11-22T12:00:05+01:00",
    "1-0:1.7.0*255=720 W",
    "1-0:32.7.0*255=230.4 V",
    "1-0:1.8.0*255=12340 Wh",
  ];

  it.each([
    ["M-Bus", mbus(ciphered(notification(body())))],
    ["HDLC", hdlc(ciphered(notification(body())))],
    ["a bare APDU", ciphered(notification(body()))],
    ["plain HDLC", hdlc(notification(body()))],
  ])("is read over %s", (_, wire) => {
    expect(decodeToTexts(wire, [MY_LIST])).toEqual(expected);
  });

  it("matches only if its constants and types do, otherwise the telegram is unsupported", () => {
    expect(decodeToTexts(hdlc(notification(body("OTHER"))), [MY_LIST])[0]).toMatch(
      /^unsupported: the body matches no known layout/,
    );
    const wrongType = structure(...itemsOf(body()).map((item, i) => (i === 4 ? u16(7) : item)));
    expect(decodeToTexts(hdlc(notification(wrongType)), [MY_LIST])[0]).toMatch(/^unsupported/);
    expect(decodeToTexts(hdlc(notification(body())), [])[0]).toMatch(/^unsupported/);
  });

  it("addresses elements of structures and arrays by a path of indices", () => {
    const nested = structure(
      octets(1, 2, 3),
      structure(u32(5), array(u16(2301), u16(2302), u16(2303))),
      u32(99),
      array(structure(text("a"), u32(7)), structure(text("b"), u32(8))),
    );
    const list: ListDefinition = {
      name: "nested",
      elements: [
        { bytes: "010203" },
        { obis: "1.7.0", unit: "W", path: [1, 0] },
        { obis: "32.7.0", unit: "V", scaler: -1, path: [1, 1, 0] },
        { obis: "72.7.0", unit: "V", scaler: -1, path: [1, 1, 2] },
        { obis: "2.7.0", unit: "W" },
        { text: "b", path: [3, 1, 0] },
        { obis: "1.8.0", unit: "Wh", path: [3, 1, 1] },
      ],
    };
    expect(decodeToTexts(hdlc(notification(nested)), [list])).toEqual([
      "nested null null null",
      ...["1-0:1.7.0*255=5 W", "1-0:32.7.0*255=230.1 V", "1-0:72.7.0*255=230.3 V", "1-0:2.7.0*255=99 W"],
      "1-0:1.8.0*255=8 Wh",
    ]);
  });

  it("reads every type that it may name", () => {
    const items: AxdrValue[] = [
      { tag: "unsigned", value: 1 },
      { tag: "long64Unsigned", value: 2n ** 60n },
      { tag: "integer", value: -3 },
      { tag: "long", value: -4 },
      { tag: "doubleLong", value: -5 },
      { tag: "long64", value: -6n },
      { tag: "float32", value: 0.1 },
      { tag: "float64", value: 2.5 },
      { tag: "boolean", value: 1 },
      { tag: "enum", value: 4 },
      { tag: "visibleString", bytes: Buffer.from("abc") },
      octets(0xde, 0xad),
    ] as AxdrValue[];
    const types = ["u8", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "bool", "enum", "text", "octets"] as const;
    const elements = types.map((type, i) => ({
      obis: `1-0:96.50.${i}`,
      type,
      ...(i < 8 ? { unit: "W", scaler: 1 } : {}),
    }));
    expect(listProblems([{ name: "types", elements }])).toEqual([]);
    const values = decodeToTexts(hdlc(notification(structure(...items))), [{ name: "types", elements }]).slice(1);
    expect(values.map((one) => one.replace(/^.*=/, ""))).toEqual([
      ...["10 W", "11529215046068469760 W", "-30 W", "-40 W", "-50 W", "-60 W", "1 W", "25 W"],
      ...["1 null", "4 null", "abc null", "DEAD null"],
    ]);
  });

  it("gives no register if the meter sends no value", () => {
    const list: ListDefinition = {
      name: "a",
      elements: [{ text: "A" }, { obis: "1.7.0", unit: "W" }, { obis: "2.7.0" }],
    };
    const wire = hdlc(notification(structure(text("A"), { tag: "null" } as AxdrValue, u32(3))));
    expect(decodeToTexts(wire, [list])).toEqual(["a null null null", "1-0:2.7.0*255=3 null"]);
  });

  it("may be one of several, and two decoders may have different ones", () => {
    const other: ListDefinition = {
      ...MY_LIST,
      name: "other",
      elements: [{ text: "OTHER" }, ...MY_LIST.elements.slice(1)],
    };
    expect(listProblems([MY_LIST, other])).toEqual([]);
    const both = [MY_LIST, other];
    expect(decodeToTexts(hdlc(notification(body("OTHER"))), both)[0]).toMatch(/^other /);
    const [one, two] = [createDecoder({ lists: [MY_LIST] }), createDecoder({ lists: [other] })];
    expect(one.feed(hdlc(notification(body()))).map(({ type }) => type)).toEqual(["telegram"]);
    expect(two.feed(hdlc(notification(body()))).map(({ type }) => type)).toEqual(["fault"]);
  });

  it("that matches a telegram together with another list refuses it and names both", () => {
    const twin: ListDefinition = { ...MY_LIST, name: "twin" };
    expect(decodeToTexts(hdlc(notification(body())), [MY_LIST, twin])).toEqual([
      "unsupported: the body matches two of the configured lists: my-list and twin",
    ]);
  });

  it("takes precedence over a built-in list of the same form", () => {
    const wien = structure(octets(...TIME), ...Array.from({ length: 8 }, (_, i) => u32(i)));
    expect(decodeToTexts(hdlc(notification(wien)), [])[0]).toMatch(/^Wien-9 /);
    const mine: ListDefinition = {
      name: "mine",
      elements: [{ role: "clock" }, ...Array(7).fill("skip"), { obis: "1.7.0" }],
    };
    expect(decodeToTexts(hdlc(notification(wien)), [mine])).toEqual([
      "mine null null 2026-11-22T12:00:05+01:00",
      "1-0:1.7.0*255=7 null",
    ]);
  });
});

describe("invalid lists", () => {
  const problems = (...lists: ListDefinition[]) =>
    listProblems(lists).map(
      ({ list, element, field, found, allowed }) => `${list}/${element}/${field}: ${found}; ${allowed}`,
    );
  const list = (...elements: ListDefinition["elements"]): ListDefinition => ({ name: "a", elements });

  it.each([
    [list({}), "0/0/null: none of them; one of skip, text, bytes, role, obis"],
    [list({ text: "A", obis: "1.7.0" }), "0/0/null: text and obis; one of skip, text, bytes, role, obis"],
    [list("skip", { role: "clock", unit: "W" }), "0/1/unit: a unit without `obis`; unit and scaler only with `obis`"],
    [list({ obis: "1.7.0" }, { obis: "1-0:1.7.0*255" }), "0/1/obis: 1-0:1.7.0*255 a second time; each OBIS code once"],
    [
      list({ obis: "1.8.0", unit: "kWh", scaler: -3 }),
      "0/0/unit: `kWh`; Wh, varh, VAh, W, var, VA, V, A, Hz and other units of DLMS, without a prefix (here: unit: Wh, with scaler: 0)",
    ],
    [list({ role: "clock" }, { role: "clock" }, { obis: "1.7.0" }), "0/1/role: clock a second time; each role once"],
    [
      list({ obis: "1.7.0", path: [1] }, { obis: "2.7.0", path: [1, 2] }),
      "0/1/path: position 1, 2, already used by an earlier element; each position once",
    ],
    [list({ bytes: "0A1" }, { obis: "1.7.0" }), "0/0/bytes: `0A1`; hex digits, two for each byte"],
    [list("skip", { text: "A" }), "0/null/null: no register; at least one element with `obis`"],
  ])("are reported with their position (%#)", (one, expected) => {
    expect(problems(one)).toEqual([expected]);
  });

  it("are two with the same name, and two that could match one telegram", () => {
    const [a, b] = [list({ obis: "1.7.0" }), { name: "b", elements: [{ obis: "2.7.0" }] }];
    expect(problems(a, { ...b, name: "a" })).toEqual([
      "1/null/null: a second list with the name a; a unique name for each list",
    ]);
    expect(problems(a, b)[0]).toMatch(/^1\/null\/null: a telegram could match both this list and a; lists that differ/);
  });

  it.each([
    ["their number of elements", list({ obis: "1.7.0" }), list({ obis: "1.7.0" }, "skip")],
    ["a type", list({ obis: "1.7.0", type: "u16" }), list({ obis: "1.7.0", type: "u32" })],
    ["a constant", list({ text: "A" }, { obis: "1.7.0" }), list({ text: "B" }, { obis: "1.7.0" })],
    ["constant bytes", list({ bytes: "0A" }, { obis: "1.7.0" }), list({ bytes: "0B" }, { obis: "1.7.0" })],
    ["a clock", list({ role: "clock" }, { obis: "1.7.0" }), list({ text: "B" }, { obis: "1.7.0" })],
    ["a container", list("skip", { obis: "1.7.0", path: [1, 0] }), list("skip", { obis: "1.7.0" })],
  ])("do not include two that differ in %s", (_, a, b) => {
    expect(problems(a, { ...b, name: "b" })).toEqual([]);
  });

  it.each([
    [
      "a constant and a number of the meter",
      list({ text: "A" }, { obis: "1.7.0" }),
      list({ role: "meter_id" }, { obis: "1.7.0" }),
    ],
    ["a skipped element", list("skip", { obis: "1.7.0" }), list({ bytes: "0A" }, { obis: "1.7.0" })],
    ["a text without a type", list({ text: "A" }, { obis: "1.7.0" }), list({ obis: "0-0:96.1.0" }, { obis: "1.7.0" })],
    ["a skipped container", list("skip", { obis: "1.7.0" }), list({ obis: "2.7.0", path: [0, 1] }, { obis: "1.7.0" })],
  ])("include two that overlap in %s", (_, a, b) => {
    expect(problems(a, { ...b, name: "b" })).toHaveLength(1);
    expect(problems({ ...b, name: "b" }, a)).toHaveLength(1);
  });
});
