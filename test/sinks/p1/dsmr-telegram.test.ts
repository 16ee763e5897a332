import { describe, expect, it } from "vitest";
import { createDecoder } from "../../../src/codec/decoder.ts";
import { formatP1Number, formatP1Time } from "../../../src/codec/link/p1-content.ts";
import { parseDecimal } from "../../../src/codec/values/decimal.ts";
import { dsmrTelegram } from "../../../src/sinks/p1/dsmr-telegram.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { METER, NETZ_NOE, type Row, readingOf } from "../../helpers/readings.ts";
import { A, feedOf, THREE_PHASES, V, W, WH } from "../output/feeds.ts";

const text = (rows: readonly Row[]): string => Buffer.from(dsmrTelegram(feedOf(rows)) ?? []).toString("latin1");
const lines = (rows: readonly Row[]): string[] => text(rows).split("\r\n");

describe("a reading as a P1 telegram", () => {
  it("has the header, lines and end of DSMR 5.0", () => {
    expect(lines(NETZ_NOE)).toEqual([
      "/KFM5kaifa2mqtt",
      "",
      "1-3:0.2.8(50)",
      "0-0:1.0.0(210927094715S)",
      "0-0:96.1.1(313831323230303030303039)",
      "1-0:1.8.0(000012.937*kWh)",
      "1-0:1.8.1(000012.937*kWh)",
      "1-0:2.8.0(000000.000*kWh)",
      "1-0:2.8.1(000000.000*kWh)",
      "0-0:96.14.0(0001)",
      "1-0:1.7.0(00.000*kW)",
      "1-0:2.7.0(00.000*kW)",
      "1-0:32.7.0(233.7*V)",
      "1-0:52.7.0(000.0*V)",
      "1-0:72.7.0(000.0*V)",
      "1-0:31.7.0(000.00*A)",
      "1-0:51.7.0(000.00*A)",
      "1-0:71.7.0(000.00*A)",
      expect.stringMatching(/^![0-9A-F]{4}$/),
      "",
    ]);
  });

  it("is decoded by our own decoder with the same digits", () => {
    const decoder = createDecoder({});
    const [event] = decoder.feed(dsmrTelegram(feedOf(THREE_PHASES)) ?? new Uint8Array());
    if (event?.type !== "telegram") throw new Error(`no telegram: ${JSON.stringify(event)}`);
    const { proof, meterId, meterTime, registers } = event.telegram;
    expect({ proof, meterId, meterTime }).toEqual({
      proof: "crc",
      meterId: "181220000009",
      meterTime: "2021-09-27T09:47:15+02:00",
    });
    expect(registers).toContainEqual(
      expect.objectContaining({ obis: "1-0:1.8.0*255", value: { coefficient: 12_937_123, exponent: -3 }, unit: "kWh" }),
    );
    expect(registers).toContainEqual(
      expect.objectContaining({ obis: "1-0:1.7.0*255", value: { coefficient: 2300, exponent: -3 }, unit: "kW" }),
    );
  });

  it("has the tariffs of a meter that sends them, without its total", () => {
    const found = lines([
      WH("1.8.0", 3000),
      WH("1.8.1", 1000),
      WH("1.8.2", 2000),
      WH("2.8.0", 500),
      ["0-0:96.14.0*255", "2"],
    ]);
    expect(found.filter((line) => /^1-0:[12]\.8|96\.14/.test(line))).toEqual([
      "1-0:1.8.1(000001.000*kWh)",
      "1-0:1.8.2(000002.000*kWh)",
      "1-0:2.8.0(000000.500*kWh)",
      "1-0:2.8.1(000000.500*kWh)",
      "0-0:96.14.0(0002)",
    ]);
  });

  it("omits values that the meter doesn't send", () => {
    expect(lines([W("1.7.0", 42)]).slice(2, -2)).toEqual([
      "1-3:0.2.8(50)",
      "0-0:1.0.0(210927094715S)",
      "0-0:96.1.1(313831323230303030303039)",
      "1-0:1.7.0(00.042*kW)",
    ]);
  });

  it("has both directions for a meter that sends only net power, and the power of each phase sent", () => {
    expect(lines([W("16.7.0", -1500), W("36.7.0", -2000), W("56.7.0", 500)]).slice(5, -2)).toEqual([
      "1-0:1.7.0(00.000*kW)",
      "1-0:2.7.0(01.500*kW)",
      "1-0:21.7.0(00.000*kW)",
      "1-0:22.7.0(02.000*kW)",
      "1-0:41.7.0(00.500*kW)",
      "1-0:42.7.0(00.000*kW)",
    ]);
  });

  it("omits an outdated voltage while the meter keeps sending power", async () => {
    const clock = new FakeClock();
    const feed = feedOf([V(1, 2301), A(1, 100), W("1.7.0", 230)], clock);
    await clock.pass(20_000);
    feed.take({ type: "reading", reading: readingOf([W("1.7.0", 231)]) });
    expect(Buffer.from(dsmrTelegram(feed) ?? []).toString()).not.toContain("32.7.0");
  });

  it("waits until the registers of a new meter are confirmed", () => {
    const feed = feedOf([]);
    feed.take({ type: "reading", reading: readingOf(NETZ_NOE, { complete: false }) });
    expect(dsmrTelegram(feed)).toBeNull();
  });

  it("cannot be broken by a meter's name", () => {
    const feed = feedOf([]);
    const meter = { ...METER, serialNumber: "1)\r\n1-0:1.7.0(99.999*kW", systemTitle: "0D0A0D0A21303030" };
    feed.take({ type: "reading", reading: readingOf([W("1.7.0", 1)], { meter }) });
    expect(
      Buffer.from(dsmrTelegram(feed) ?? [])
        .toString()
        .split("\r\n")[0],
    ).toBe("/KMQ5kaifa2mqtt");
    expect(
      Buffer.from(dsmrTelegram(feed) ?? [])
        .toString()
        .match(/1-0:1\.7\.0/g),
    ).toHaveLength(1);
  });
});

describe("P1 numbers and times", () => {
  it("have fixed digits, rounded half up, and more digits for larger values", () => {
    expect(formatP1Number(parseDecimal("12.9375"), 6, 3)).toBe("000012.938");
    expect(formatP1Number(parseDecimal("1234567.8"), 6, 3)).toBe("1234567.800");
    expect(formatP1Number(parseDecimal("7"), 3, 0)).toBe("007");
    expect(formatP1Number(parseDecimal("-0.5"), 2, 3)).toBe("-00.500");
  });

  it("are in Central European time, summer or winter", () => {
    expect(formatP1Time("2021-09-27T09:47:15+02:00")).toBe("210927094715S");
    expect(formatP1Time("2021-12-27T09:47:15+01:00")).toBe("211227094715W");
    expect(formatP1Time("2021-12-27T08:47:15Z")).toBe("211227094715W");
    expect(formatP1Time("2021-07-01T10:00:00+03:00")).toBe("210701090000S");
    expect(formatP1Time("2021-07-01T10:00:00")).toBe("210701100000S");
    expect(formatP1Time("2021-03-28T01:59:59+01:00")).toBe("210328015959W");
    expect(formatP1Time("2021-03-28T03:00:00+02:00")).toBe("210328030000S");
    expect(formatP1Time("2021-10-31T02:30:00+02:00")).toBe("211031023000S");
    expect(formatP1Time("2021-10-31T02:30:00+01:00")).toBe("211031023000W");
    expect(formatP1Time("yesterday")).toBeNull();
  });
});
