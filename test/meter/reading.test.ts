import { describe, expect, it } from "vitest";
import { meterIdOf, readingToJson } from "../../src/meter/reading.ts";
import { NETZ_NOE, type Row, readingOf, telegramOf } from "../helpers/readings.ts";

function texts(rows: readonly Row[], complete = true): Record<string, string> {
  return Object.fromEntries(readingOf(rows, { complete }).values.map(({ key, text }) => [key, text]));
}

describe("a reading", () => {
  it("uses everyday units, with exactly the digits that the meter sends", () => {
    expect(texts(NETZ_NOE)).toEqual({
      energy_import: "12.937",
      energy_export: "0.000",
      power_import: "0",
      power_export: "0",
      voltage_l1: "233.7",
      voltage_l2: "0.0",
      voltage_l3: "0.0",
      current_l1: "0.00",
      current_l2: "0.00",
      current_l3: "0.00",
      power_factor: "1.000",
      power_net: "0",
    });
  });

  it("keeps all digits of a register beyond the range of a JavaScript number", () => {
    const json = readingToJson(readingOf([["1-0:1.8.0*255", 123456789012345678901n, 0, "Wh"]]));
    expect(json).toContain('"energy_import":123456789012345678.901');
  });

  it("has the same units whether the meter sends Wh, kWh or MWh", () => {
    expect(texts([["1-0:1.8.0*255", 12937, -3, "kWh"]])).toMatchObject({ energy_import: "12.937" });
    expect(texts([["1-0:1.8.0*255", 12937, -6, "MWh"]])).toMatchObject({ energy_import: "12.937" });
    expect(texts([["1-0:1.7.0*255", 714, -3, "kW"]])).toMatchObject({ power_import: "714" });
    expect(texts([["1-0:3.8.0*255", 4818, 0, "varh"]])).toMatchObject({ reactive_energy_import: "4.818" });
    expect(texts([["1-0:13.7.0*255", 98, 0, "%"]])).toMatchObject({ power_factor: "0.98" });
  });

  it("never gives a value the name of a quantity with a different unit", () => {
    const { values } = readingOf([
      ["1-0:1.8.0*255", 12937, 0, "varh"],
      ["1-0:32.7.0*255", 230, 0, null],
    ]);
    expect(values).toMatchObject([
      { key: "obis_1_8_0", topic: "1.8.0", text: "12937", unit: "varh", quantity: null },
      { key: "obis_32_7_0", topic: "32.7.0", text: "230", unit: null, quantity: null },
    ]);
  });

  it("computes 16.7.0 exactly if the meter does not send it", () => {
    expect(
      texts([
        ["1-0:1.7.0*255", 5, 0, "W"],
        ["1-0:2.7.0*255", 1073, -1, "W"],
      ]),
    ).toMatchObject({ power_net: "-102.3" });
    const net = readingOf([
      ["1-1:1.7.0*255", 826, -3, "kW"],
      ["1-1:2.7.0*255", 0, 0, "W"],
    ]).values.at(-1);
    expect(net).toMatchObject({ key: "power_net", topic: "16.7.0", text: "826", unit: "W" });
  });

  it("keeps 16.7.0 if the meter sends it", () => {
    const rows: Row[] = [
      ["1-0:16.7.0*255", -7, 0, "W"],
      ["1-0:1.7.0*255", 0, 0, "W"],
      ["1-0:2.7.0*255", 8, 0, "W"],
    ];
    expect(texts(rows)).toMatchObject({ power_net: "-7" });
    expect(readingOf(rows).values.filter(({ topic }) => topic === "16.7.0")).toHaveLength(1);
  });

  it("has no 16.7.0 if the meter sends only one direction", () => {
    expect(texts([["1-0:1.7.0*255", 5, 0, "W"]])).toEqual({ power_import: "5" });
  });

  it("names tariffs, phases and unnamed codes as documented", () => {
    expect(
      texts([
        ["1-0:1.8.1*255", 1, 3, "Wh"],
        ["1-0:4.8.2*255", 1, 3, "varh"],
        ["1-0:41.7.0*255", 1, 0, "W"],
        ["1-0:62.7.0*255", 1, 0, "W"],
        ["1-0:5.8.0*255", 1, 0, "varh"],
        ["1-0:81.7.1*255", 120, 0, "°"],
        ["0-1:24.2.1*255", 7, 0, "m³"],
        ["0-0:96.1.0*255", "1KFM0200234804"],
        ["1-0:1.8.0*1", 9, 0, "Wh"],
      ]),
    ).toEqual({
      energy_import_t1: "1",
      reactive_energy_export_t2: "1",
      power_import_l2: "1",
      power_export_l3: "1",
      obis_5_8_0: "0.001",
      obis_81_7_1: "120",
      obis_0_1_24_2_1: "7",
      obis_0_0_96_1_0: "1KFM0200234804",
      obis_1_8_0_1: "9",
    });
  });

  it("names topics by C.D.E, and by the full code if A-B is not 1-0", () => {
    const { values } = readingOf([
      ["1-0:1.8.0*255", 1, 0, "Wh"],
      ["1-1:32.7.0*255", 232, 0, "V"],
      ["0-0:96.1.0*255", "x"],
    ]);
    expect(values.map(({ topic, key }) => [topic, key])).toEqual([
      ["1.8.0", "energy_import"],
      ["1-1:32.7.0", "voltage_l1"],
      ["0-0:96.1.0", "obis_0_0_96_1_0"],
    ]);
  });

  it("distinguishes two channels of one quantity", () => {
    expect(
      texts([
        ["1-0:1.8.0*255", 1, 3, "Wh"],
        ["1-1:1.8.0*255", 2, 3, "Wh"],
      ]),
    ).toEqual({ energy_import: "1", obis_1_1_1_8_0: "2000" });
  });

  it("contains only instantaneous values at first contact", () => {
    const keys = Object.keys(texts([...NETZ_NOE, ["0-0:96.1.0*255", "x"], ["1-0:99.7.0*255", 1, 0, "W"]], false));
    expect(keys).toContain("power_net");
    expect(keys.filter((key) => /energy|obis/.test(key))).toEqual([]);
  });

  it("is one JSON object with time and meter before the values", () => {
    const json = readingToJson(
      readingOf([
        ["1-0:1.8.0*255", 12937, 0, "Wh"],
        ["0-0:96.1.0*255", 'a"b'],
      ]),
    );
    expect(json).toBe(
      '{"time":"2021-09-27T09:47:15+02:00","meter":"181220000009","energy_import":12.937,"obis_0_0_96_1_0":"a\\"b"}',
    );
  });
});

describe("the id of a meter", () => {
  it("is the configured one, else its number, else its system title, reduced to characters allowed in a topic", () => {
    expect(meterIdOf(telegramOf([]), "house")).toBe("house");
    expect(meterIdOf(telegramOf([]))).toBe("181220000009");
    expect(meterIdOf(telegramOf([], { meterId: null }))).toBe("4B464D6750000009");
    expect(meterIdOf(telegramOf([], { meterId: "AT/00 #1+2_x-y" }))).toBe("AT0012_x-y");
  });

  it("is unknown if the telegram does not identify its meter", () => {
    expect(meterIdOf(telegramOf([], { meterId: null, systemTitle: null }))).toBeNull();
  });

  it("is never the name of the bridge's own topics", () => {
    expect(meterIdOf(telegramOf([]), "bridge")).toBe("bridge_");
  });
});
