/** Deviations of P1 telegrams seen in the field. */
import { describe, expect, it } from "vitest";
import { createDecoder, decodeTelegrams } from "../../../src/codec/decoder.ts";
import { parseP1 } from "../../../src/codec/link/p1-content.ts";
import { encodeP1 } from "../../../src/codec/link/p1-telegram.ts";
import { formatDecimal } from "../../../src/codec/values/decimal.ts";

const HOLLEY = Buffer.from(
  "/HLY5\\D545-METER\r\n\r\n0-0:1.0.0(220203113815W)\r\n1-0:1.8.0(003668.743*kWh)\r\n!F62D\r\n",
);
const HEAD = "/KFM5KAIFA-METER";
/** A telegram whose checksum starts with exactly `count` zeros. */
function withZeros(count: number): string {
  for (let i = 0; ; i++) {
    const text = Buffer.from(encodeP1(HEAD, [`1-0:1.8.0(${String(i).padStart(6, "0")}.000*kWh)`])).toString("latin1");
    const crc = /!([0-9A-F]{4})\r\n$/.exec(text)?.[1] ?? "";
    if (/^0*/.exec(crc)?.[0].length === count) return text;
  }
}
const types = (text: string | Uint8Array) =>
  decodeTelegrams(typeof text === "string" ? Buffer.from(text, "latin1") : text).map((event) =>
    event.type === "fault" ? event.code : event.type,
  );
function read(...lines: string[]) {
  const { registers, unread } = parseP1(`${HEAD}\r\n\r\n${lines.join("\r\n")}\r\n`);
  const texts = registers.map(({ obis, value, unit }) => [
    obis,
    typeof value === "string" ? value : formatDecimal(value),
    unit,
  ]);
  return { registers: texts, unread };
}

describe("a checksum without its leading zeros", () => {
  it.each([1, 2, 3])("with %i digits fewer is accepted if the number matches", (zeros) => {
    const text = withZeros(zeros);
    const short = text.replace(/!0+/, "!");
    expect(types(short)).toEqual(["telegram"]);
    expect(types(short.replace(/![0-9A-F]+/, (crc) => crc.toLowerCase()))).toEqual(["telegram"]);
    for (let step = 1; step <= short.length; step += 7) {
      const decoder = createDecoder();
      const events = [];
      const bytes = Buffer.from(short, "latin1");
      for (let at = 0; at < bytes.length; at += step) events.push(...decoder.feed(bytes.subarray(at, at + step)));
      expect(events).toMatchObject([{ type: "telegram", telegram: { proof: "crc" } }]);
    }
  });

  it("is refused if the number differs or digits at the end are missing", () => {
    const short = withZeros(1).replace("!0", "!");
    expect(types(short.replace(/!./, (two) => (two === "!A" ? "!B" : "!A")))).toEqual(["checksum"]);
    expect(types(withZeros(0).replace(/.\r\n$/, "\r\n"))).toEqual(["checksum"]);
    expect(types(withZeros(0).slice(0, -3))).toEqual(["framing"]);
  });
});

describe("a non-standard checksum", () => {
  it("of a Holley meter is accepted the second time, and remembered when the source is reopened", () => {
    const decoder = createDecoder();
    const feed = () => decoder.feed(HOLLEY).map((event) => (event.type === "fault" ? event.message : event.type));
    expect(feed()[0]).toContain("CRC-16/X-25");
    expect(feed()).toEqual(["telegram"]);
    decoder.reset();
    expect(feed()).toEqual(["telegram"]);
  });

  it("is then the only one accepted from this meter; other meters are not affected", () => {
    const decoder = createDecoder();
    const outcome = (bytes: Uint8Array) => decoder.feed(bytes).map(({ type }) => type);
    outcome(HOLLEY);
    outcome(HOLLEY);
    const standard = encodeP1("/HLY5\\D545-METER", ["1-0:1.8.0(003668.743*kWh)"]);
    expect(outcome(standard)).toEqual(["fault"]);
    expect(outcome(encodeP1(HEAD, ["1-0:1.8.0(003668.743*kWh)"]))).toEqual(["telegram"]);
    expect(outcome(HOLLEY)).toEqual(["telegram"]);
  });

  it("that is unknown gives a pattern for comparison, a damaged telegram does not", () => {
    const unknown = Buffer.from(encodeP1(HEAD, ["1-0:1.8.0(003668.743*kWh)"]));
    unknown.write("1234", unknown.length - 6);
    expect(decodeTelegrams(unknown)).toMatchObject([{ code: "checksum", pattern: expect.any(String) }]);
    unknown.write("~~", 25);
    expect(decodeTelegrams(unknown)[0]).not.toHaveProperty("pattern");
  });
});

it("control characters in the identification are accepted only with a valid checksum", () => {
  const withControls = Buffer.from(encodeP1("/KFM5\x02KAIFA\x7f", ["1-0:1.8.0(000336.420*kWh)"]));
  expect(decodeTelegrams(withControls)).toMatchObject([{ type: "telegram", telegram: { listName: "KFM5KAIFA" } }]);
  const bare = withControls.toString("latin1").replace(/![0-9A-F]{4}/, "!");
  expect(types(bare)).not.toContain("telegram");
});

describe("lines", () => {
  it("of DSMR 2.2 have the value of a sub-meter on the next line", () => {
    const { registers, unread } = read("0-2:24.3.0(211123200000)(00)(60)(1)(0-2:24.2.1)(m3)", "(13376.292)");
    expect(registers).toEqual([["0-2:24.2.1*255", "13376.292", "m3"]]);
    expect(unread).toEqual([]);
  });

  it("with several values of a sub-meter are kept as one text", () => {
    const { registers } = read("0-2:24.3.0(211123200000)(00)(60)(2)(0-2:24.2.1)(m3)", "(1.0)", "(2.0)");
    expect(registers[0]?.[1]).toBe("(211123200000)(00)(60)(2)(0-2:24.2.1)(m3)(1.0)(2.0)");
  });

  it("with a space inside or before the brackets are read as numbers", () => {
    expect(read("1-0:1.8.0(00007137.694*kWh )", "1-0:2.8.0 ( 1.5*kWh)").registers).toEqual([
      ["1-0:1.8.0*255", "7137.694", "kWh"],
      ["1-0:2.8.0*255", "1.5", "kWh"],
    ]);
  });

  it("that match no rule are reported as unread", () => {
    expect(read("1-0:1.8.0(1*kWh)", "1-0:4:24.7.0(5*W)", "hello").unread).toEqual(["1-0:4:24.7.0(5*W)", "hello"]);
    const [event] = decodeTelegrams(encodeP1(HEAD, ["1-0:1.8.0(1*kWh)", "hello"]));
    expect(event).toMatchObject({ telegram: { unread: ["hello"] } });
  });
});

it("a telegram with more values than any known meter sends is refused", () => {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `1-0:${i % 250}.${i >> 3}.1(1*V)`);
  expect(types(encodeP1(HEAD, lines(256)))).toEqual(["telegram"]);
  expect(types(encodeP1(HEAD, lines(257)))).toEqual(["malformed"]);
});
