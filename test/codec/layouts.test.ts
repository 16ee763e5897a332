import { describe, expect, test } from "vitest";
import { encodeDataNotification } from "../../src/codec/apdu/data-notification.ts";
import { type AxdrValue, encodeAxdr, type NumericTag } from "../../src/codec/axdr/axdr-encoder.ts";
import { decodeTelegrams } from "../../src/codec/decoder.ts";
import type { DecoderEvent } from "../../src/codec/decoder-event.ts";
import { formatHex, parseHex } from "../../src/codec/hex.ts";
import { encodeMbusFrames } from "../../src/codec/link/mbus-frame.ts";
import type { Telegram } from "../../src/codec/telegram.ts";
import { parseObis } from "../../src/codec/values/obis.ts";
import { summarize } from "../helpers/fixtures.ts";
import { join } from "../helpers/splits.ts";

const CLOCK = "07E5091B01092F0F00FF8880";
const ISO = "2021-09-27T09:47:15+02:00";

const number = (tag: NumericTag, value: number | bigint): AxdrValue => ({ tag, value });
const u32 = (value: number) => number("doubleLongUnsigned", value);
const octets = (hex: string): AxdrValue => ({ tag: "octetString", bytes: parseHex(hex) });
const text = (value: string): AxdrValue => ({ tag: "octetString", bytes: value });
const code = (obis: string): AxdrValue => ({ tag: "octetString", bytes: parseObis(obis) });
const structure = (...items: AxdrValue[]): AxdrValue => ({ tag: "structure", items });
const array = (...items: AxdrValue[]): AxdrValue => ({ tag: "array", items });
const scale = (scaler: number, unit: number) => structure(number("integer", scaler), number("enum", unit));
const NULL: AxdrValue = { tag: "null" };

function decodeApdu(apdu: Uint8Array): DecoderEvent {
  const [event, ...others] = decodeTelegrams(join(...encodeMbusFrames(apdu)));
  expect(others).toEqual([]);
  return event as DecoderEvent;
}

const decodeBody = (body: AxdrValue, dateTime: Uint8Array | null = parseHex(CLOCK)) =>
  decodeApdu(encodeDataNotification(body, { dateTime }));

function telegramOf(body: AxdrValue, dateTime?: Uint8Array | null): Telegram {
  const event = decodeBody(body, dateTime);
  if (event.type !== "telegram") throw new Error(JSON.stringify(event));
  return event.telegram;
}

/** `1-0:1.8.0*255=12937 Wh` for each register. */
function valuesOf(telegram: Telegram): string[] {
  const [summary] = summarize([{ type: "telegram", telegram, offset: 0, length: 0 }]);
  const values = (summary?.values ?? []) as { obis: string; value: unknown; unit: string | null }[];
  return values.map(({ obis, value, unit }) => `${obis}=${value}${unit === null ? "" : ` ${unit}`}`);
}

describe("flat: Netz NÖ / EVN", () => {
  const pairs = [code("1.8.0"), u32(12937), scale(0, 30), code("32.7.0"), number("longUnsigned", 2337), scale(-1, 35)];
  const values = ["1-0:1.8.0*255=12937 Wh", "1-0:32.7.0*255=233.7 V"];

  test("clock first, meter number last", () => {
    const telegram = telegramOf(structure(octets(CLOCK), ...pairs, text("181220000009")));
    expect(telegram).toMatchObject({ layout: "flat", meterId: "181220000009", meterTime: ISO, clocks: [CLOCK, CLOCK] });
    expect(valuesOf(telegram)).toEqual(values);
  });

  test("without clock and number: the time is taken from the header, if it has one", () => {
    expect(telegramOf(structure(...pairs))).toMatchObject({ meterId: null, meterTime: ISO, clocks: [CLOCK] });
    expect(telegramOf(structure(...pairs), null)).toMatchObject({ meterTime: null, clockStatus: null, clocks: [] });
    expect(telegramOf(structure(octets(CLOCK), ...pairs), null)).toMatchObject({ meterTime: ISO, clockStatus: 0x80 });
  });

  test("with an unspecified clock in the header, the time is taken from the body", () => {
    const telegram = telegramOf(structure(octets(CLOCK), ...pairs), new Uint8Array(12).fill(0xff));
    expect(telegram.meterTime).toBe(ISO);
  });

  test("a null value is omitted", () => {
    const telegram = telegramOf(
      structure(code("1.8.0"), NULL, scale(0, 30), ...pairs.slice(3), code("2.8.0"), { tag: "dontCare" }),
    );
    expect(valuesOf(telegram)).toEqual(values.slice(1));
  });

  test("signed, negative and 64-bit values", () => {
    const telegram = telegramOf(
      structure(
        code("13.7.0"),
        number("long", -998),
        scale(-3, 255),
        code("16.7.0"),
        number("doubleLong", -1234567),
        scale(0, 27),
        code("1.8.0"),
        number("long64", 22661795n),
        scale(1, 30),
      ),
    );
    expect(valuesOf(telegram)).toEqual([
      "1-0:13.7.0*255=-0.998",
      "1-0:16.7.0*255=-1234567 W",
      "1-0:1.8.0*255=226617950 Wh",
    ]);
    expect(telegram.registers[2]).toEqual({
      obis: "1-0:1.8.0*255",
      value: { coefficient: 22661795, exponent: 1 },
      unit: "Wh",
      scaler: 1,
    });
  });

  test("floats are converted exactly to decimal, NaN is omitted", () => {
    const telegram = telegramOf(
      structure(
        code("32.7.0"),
        number("float32", 230.4),
        scale(0, 35),
        code("52.7.0"),
        number("float64", 230.25),
        scale(-1, 35),
        code("72.7.0"),
        number("float32", Number.NaN),
        scale(0, 35),
      ),
    );
    expect(valuesOf(telegram)).toEqual(["1-0:32.7.0*255=230.4 V", "1-0:52.7.0*255=23.025 V"]);
  });
});

describe("nested: TINETZ, Salzburg, Vorarlberg", () => {
  test("values that look like OBIS codes are values", () => {
    const telegram = telegramOf(
      structure(
        code("0-0:1.0.0"),
        octets(CLOCK),
        structure(code("0-0:96.1.0"), octets("0100010800FF")),
        structure(code("1.8.0"), u32(5), scale(0, 30)),
      ),
    );
    expect(telegram.layout).toBe("nested");
    expect(valuesOf(telegram)).toEqual([`0-0:1.0.0*255=${ISO}`, "0-0:96.1.0*255=0100010800FF", "1-0:1.8.0*255=5 Wh"]);
  });

  test("in a flat list, too", () => {
    const telegram = telegramOf(structure(code("0-0:96.1.0"), octets("0100010800FF"), code("1.8.0"), u32(5)));
    expect(telegram).toMatchObject({ layout: "obis-pairs", meterId: "0100010800FF" });
  });
});

describe("the meter's number", () => {
  const id = (...items: AxdrValue[]) => telegramOf(structure(...items, code("1.8.0"), u32(5), text("000099"))).meterId;

  test("is 0-0:96.1.0, else the logical device name, else that of Kamstrup, else the text without a code", () => {
    const meterNumber = [code("0-0:96.1.0"), text("1KFM0200234804")];
    const device = [code("0-0:42.0.0"), text("KFM1200200234804")];
    const gs1 = [code("1-1:0.0.5"), text("5706567326590407")];
    expect(id(...gs1, ...device, ...meterNumber)).toBe("1KFM0200234804");
    expect(id(...meterNumber, ...device)).toBe("1KFM0200234804");
    expect(id(...gs1, ...device)).toBe("KFM1200200234804");
    expect(id(...gs1)).toBe("5706567326590407");
    expect(id()).toBe("000099");
    expect(id(code("1-0:96.1.0"), text("A1"))).toBe("A1");
  });

  test("the number of a sub-meter is not used", () => {
    expect(id(code("0-1:96.1.0"), text("GAS"))).toBe("000099");
  });

  test("padding zeros are removed, bytes that are not text are shown as hex", () => {
    expect(id(code("0-0:96.1.0"), octets("31320000"))).toBe("12");
    expect(id(code("0-0:96.1.0"), octets("01FE"))).toBe("01FE");
    expect(id(code("0-0:96.1.0"), u32(4711))).toBe("4711");
  });
});

test("array: structures of code and value, with or without scaler and unit", () => {
  const telegram = telegramOf(
    array(
      structure(code("1-1:0.2.129"), { tag: "visibleString", bytes: "AIDON_V0001" }),
      structure(code("0-0:96.1.0"), { tag: "visibleString", bytes: "7359992890941742" }),
      structure(code("1-0:1.7.0"), u32(1122), scale(0, 27)),
      structure(code("1-0:32.7.0"), number("longUnsigned", 2307), scale(-1, 35)),
    ),
    null,
  );
  expect(telegram).toMatchObject({ layout: "array", meterId: "7359992890941742" });
  expect(valuesOf(telegram)).toEqual([
    "1-1:0.2.129*255=AIDON_V0001",
    "0-0:96.1.0*255=7359992890941742",
    "1-0:1.7.0*255=1122 W",
    "1-0:32.7.0*255=230.7 V",
  ]);
});

test("array: untagged attribute descriptors, as sent by meters of EG.D", () => {
  const descriptor = (classId: number, obis: string, value: AxdrValue) =>
    join(parseHex("0202"), Uint8Array.of(0, classId), parseObis(obis), Uint8Array.of(2), encodeAxdr(value));
  const body = join(
    parseHex("0203"),
    descriptor(1, "0-0:96.1.1", { tag: "visibleString", bytes: "00000000" }),
    descriptor(3, "1-0:1.7.0", u32(1234)),
    descriptor(3, "1-0:1.8.0", u32(5)),
  );
  const event = decodeApdu(join(parseHex(`0F000000010C${CLOCK}`), body));
  if (event.type !== "telegram") throw new Error(JSON.stringify(event));
  expect(valuesOf(event.telegram)).toEqual(["0-0:96.1.1*255=00000000", "1-0:1.7.0*255=1234", "1-0:1.8.0*255=5"]);
});

test("compact arrays are read like arrays", () => {
  const telegram = telegramOf({
    tag: "compactArray",
    items: [structure(code("1.8.0"), u32(5)), structure(code("2.8.0"), u32(6))],
  });
  expect(telegram.layout).toBe("array");
  expect(valuesOf(telegram)).toEqual(["1-0:1.8.0*255=5", "1-0:2.8.0*255=6"]);
});

describe("obis-pairs: Kamstrup, Landis+Gyr", () => {
  const pairs = [code("1-1:1.7.0"), u32(826), code("1-1:32.7.0"), number("longUnsigned", 232)];
  const values = ["1-1:1.7.0*255=826", "1-1:32.7.0*255=232"];

  test.each([
    ["a list name", [{ tag: "visibleString", bytes: "Kamstrup_V0001" } as const]],
    ["a clock", [octets(CLOCK)]],
    ["the name of the push setup", [octets("0006190900FF")]],
    ["nothing", []],
  ])("after %s", (_, lead) => {
    const telegram = telegramOf(structure(...lead, ...pairs));
    expect(telegram.layout).toBe("obis-pairs");
    expect(valuesOf(telegram)).toEqual(values);
    expect(telegram.registers[0]).toMatchObject({ unit: null, scaler: null });
  });

  test("values before their codes are not mistaken for values after them", () => {
    const [code1, value1, code2, value2] = pairs as [AxdrValue, AxdrValue, AxdrValue, AxdrValue];
    expect(decodeBody(structure(value1, code1, value2, code2))).toMatchObject({ code: "unsupported" });
  });

  test("an element without a code between the pairs is unsupported", () => {
    for (const stray of [u32(7), text("abc"), octets(CLOCK)]) {
      const event = decodeBody(structure(pairs[0] as AxdrValue, pairs[1] as AxdrValue, stray, ...pairs.slice(2)));
      expect(event).toMatchObject({ type: "fault", code: "unsupported" });
    }
  });
});

describe("push-list: Iskraemeco, Landis+Gyr", () => {
  const object = (classId: number, obis: string, attribute: number, ...more: AxdrValue[]) =>
    structure(
      number("longUnsigned", classId),
      code(obis),
      number("integer", attribute),
      number("longUnsigned", 0),
      ...more,
    );
  const listItself = object(40, "0-8:25.9.0", 2);
  const measured = [object(3, "1-1:1.7.0", 2), object(3, "1-1:1.8.0", 2), object(8, "0-0:1.0.0", 2)];
  const values = [u32(7), u32(6229669), octets(CLOCK)];
  const expected = ["1-1:1.7.0*255=7", "1-1:1.8.0*255=6229669", `0-0:1.0.0*255=${ISO}`];

  test("a list that contains itself first, as its own value", () => {
    const telegram = telegramOf(structure(array(listItself, ...measured), ...values));
    expect(telegram.layout).toBe("push-list");
    expect(valuesOf(telegram)).toEqual(expected);
  });

  test("a list that does not contain itself: the values follow it", () => {
    expect(valuesOf(telegramOf(structure(array(...measured), ...values)))).toEqual(expected);
  });

  test("six-element descriptors", () => {
    const six = measured.map((item) => ("items" in item ? structure(...item.items, NULL, array()) : item));
    expect(valuesOf(telegramOf(structure(array(...six), ...values)))).toEqual(expected);
  });

  test("the push setup, logical names and further attributes are not measurements", () => {
    const objects = [
      listItself,
      object(40, "0-8:25.9.0", 1),
      object(1, "0-0:42.0.0", 1),
      object(3, "1-1:1.7.0", 5),
      ...measured,
    ];
    const body = structure(array(...objects), octets("0008190900FF"), octets("00002A0000FF"), octets(CLOCK), ...values);
    expect(valuesOf(telegramOf(body))).toEqual(expected);
  });

  test("the state of a disconnector is read, although it is not attribute 2", () => {
    const body = structure(array(listItself, object(70, "0-0:96.3.10", 3), ...measured), number("enum", 1), ...values);
    expect(valuesOf(telegramOf(body))).toEqual(["0-0:96.3.10*255=1", ...expected]);
  });

  test("a pushed scaler_unit belongs to the value of its code", () => {
    const body = structure(array(object(3, "1.7.0", 2), object(3, "1.7.0", 3)), u32(7), scale(1, 27));
    expect(valuesOf(telegramOf(body))).toEqual(["1-0:1.7.0*255=70 W"]);
  });

  test("a number of values that differs from the number of objects is unsupported", () => {
    for (const body of [
      structure(array(...measured), ...values.slice(1)),
      structure(array(listItself, ...measured), ...values, u32(1), u32(2)),
    ]) {
      expect(decodeBody(body)).toMatchObject({ type: "fault", code: "unsupported" });
    }
  });
});

describe("values that give no register are reported as unread", () => {
  const pair = [code("1.8.0"), u32(5)];
  const unspecified = "FFFFFFFFFFFFFFFFFFFF8000";

  test.each<[string, AxdrValue, string[]]>([
    ["a container", structure(...pair, code("0-0:99.1.0"), array(u32(1), u32(2))), ["0-0:99.1.0*255: array of 2"]],
    [
      "a float that is NaN",
      structure(...pair, code("32.7.0"), number("float32", Number.NaN)),
      ["1-0:32.7.0*255: float32 NaN"],
    ],
    [
      "an unspecified time",
      structure(...pair, code("0-0:1.0.0"), { tag: "dateTime", bytes: parseHex(unspecified) }),
      [`0-0:1.0.0*255: dateTime ${unspecified}`],
    ],
    [
      "bytes before the first code",
      structure(octets("0102"), ...pair),
      ["in front of the first code: octetString 0102"],
    ],
    ["bytes after the last value", structure(...pair, octets("0102")), ["behind the last value: octetString 0102"]],
    [
      "a value of the push setup",
      structure(...pair, code("0-0:25.9.0"), u32(3)),
      ["0-0:25.9.0*255: doubleLongUnsigned 3"],
    ],
  ])("%s", (_, body, unread) => {
    const telegram = telegramOf(body);
    expect(valuesOf(telegram)).toEqual(["1-0:1.8.0*255=5"]);
    expect(telegram.unread).toEqual(unread);
  });

  test("not a null value or the name of an object", () => {
    const telegram = telegramOf(structure(code("0-0:25.9.0"), octets("0000190900FF"), ...pair, code("2.8.0"), NULL));
    expect(telegram.unread).toEqual([]);
  });

  test("further attributes of a push list", () => {
    const object = (classId: number, obis: string, attribute: number) =>
      structure(number("longUnsigned", classId), code(obis), number("integer", attribute), number("longUnsigned", 0));
    const objects = [object(3, "1.8.0", 2), object(3, "1.8.0", 5), object(3, "2.8.0", 3), object(1, "0-0:42.0.0", 1)];
    const body = structure(array(...objects), u32(5), octets(CLOCK), scale(0, 30), text("ABC"));
    expect(telegramOf(body).unread).toEqual([
      `1-0:1.8.0*255 attribute 5: octetString ${CLOCK}`,
      "1-0:2.8.0*255 attribute 3: structure of 2",
      "0-0:42.0.0*255 attribute 1: octetString ABC",
    ]);
  });

  test("the first 64 are listed, the others counted", () => {
    const many = Array.from({ length: 70 }, () => [code("0-0:99.1.0"), array()]).flat();
    const { unread } = telegramOf(structure(...pair, ...many));
    expect(unread).toHaveLength(65);
    expect(unread?.at(-1)).toBe("6 more");
  });
});

describe("a body that matches no layout", () => {
  test("is unsupported, and the message names the types but no values", () => {
    const event = decodeBody(structure(u32(111), u32(222), text("secret"), structure(number("unsigned", 9))));
    expect(event).toMatchObject({ type: "fault", code: "unsupported" });
    if (event.type !== "fault") throw new Error("no fault");
    expect(event.message).toContain(
      "structure of 4 (doubleLongUnsigned ×2, octetString[6], structure of 1 (unsigned))",
    );
    expect(event.message).not.toMatch(/111|222|secret/);
  });

  test("such as a single value, an empty list, a list of texts", () => {
    for (const body of [u32(5), structure(), array(), structure(text("a"), text("b"), text("c"))]) {
      expect(decodeBody(body)).toMatchObject({ type: "fault", code: "unsupported" });
    }
  });

  test("or another kind of APDU", () => {
    expect(decodeApdu(parseHex("C2 00 0003 0100010800FF 02 06 00000001"))).toMatchObject({ code: "unsupported" });
    expect(formatHex(parseHex("c2:00 03"))).toBe("C20003");
  });
});
