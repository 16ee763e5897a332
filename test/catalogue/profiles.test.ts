/** Manufacturers, and units of the bare numbers in documented lists, on real captures. */
import { describe, expect, it } from "vitest";
import { completeUnits, profileOf, UNIT_LISTS, unitListOf } from "../../src/catalogue/profiles.ts";
import type { Telegram } from "../../src/codec/telegram.ts";
import { formatDecimal } from "../../src/codec/values/decimal.ts";
import { fixtureNames, loadFixture } from "../helpers/fixtures.ts";
import { decodePieces } from "../helpers/splits.ts";

function telegramsOf(name: string): Telegram[] {
  const { wire, keys } = loadFixture(name);
  return decodePieces([wire], keys).flatMap((event) => (event.type === "telegram" ? [event.telegram] : []));
}

function telegramOf(name: string): Telegram {
  const telegram = telegramsOf(name).at(-1);
  if (telegram === undefined) throw new Error(`${name} gives no telegram`);
  return telegram;
}

/** `code=value unit` for each number. */
function published(name: string, ...codes: string[]): string[] {
  const { registers } = completeUnits(telegramOf(name));
  return codes.map((code) => {
    const register = registers.find(({ obis }) => obis.includes(`:${code}*`));
    if (register === undefined || typeof register.value === "string") throw new Error(`${name} has no ${code}`);
    return `${code}=${formatDecimal(register.value)}${register.unit === null ? "" : ` ${register.unit}`}`;
  });
}

describe("units of documented lists", () => {
  it.each([
    [
      "kamstrup-omnipower-no-list2",
      "Kamstrup_V0001",
      ["1.7.0=826 W", "4.7.0=176 var", "31.7.0=2.37 A", "32.7.0=232 V"],
    ],
    [
      "kamstrup-omnipower-dk-encrypted",
      "Kamstrup_V0001",
      ["21.7.0=36 W", "33.7.0=0.31", "51.7.0=2.28 A", "13.7.0=0.83"],
    ],
    [
      "kaifa-ma304-se-obis",
      "KFM_001",
      ["1.7.0=3 W", "31.7.0=0.032 A", "32.7.0=232.2 V", "1.8.0=1142 Wh", "3.8.0=67 varh"],
    ],
    [
      "lg-e450-ch-gbt-encrypted",
      "LGZ-E450-16-pairs",
      ["1.8.0=6226327 Wh", "1.7.0=769 W", "4.8.1=958712 varh", "4.7.0=442 var"],
    ],
    ["lg-e450-ch-gbt-currents", "LGZ-E450-CH-currents", ["1.7.0=362 W", "31.7.0=0.51 A", "8.8.0=706216 varh"]],
    ["lg-e450-ch-broken-transfer", "LGZ-E450-CH-power-factor", ["1.7.0=28 W", "13.7.0=0.941", "1.8.0=886977 Wh"]],
    ["lg-e360-ch-pushlist", "LGZ-E360-CH-2026", ["32.7.0=235.7 V", "31.7.0=0.06 A", "1.7.0=11 W"]],
    ["lg-e570-ch-gbt", "LGZ-E570-CH", ["1.8.0=862055 Wh", "31.7.0=0 A", "13.7.0=1.000"]],
    [
      "lg-e450-cy-pushlist",
      "LGZ-E450-CY",
      ["1.7.0=187 W", "32.7.0=238 V", "31.7.0=1.30 A", "13.7.0=0.286", "14.7.0=50 Hz"],
    ],
    ["egd-raw-example", "EGD", ["1.7.0=3 W", "1.8.0=8 Wh"]],
    ["sagemcom-xt211-raw", "EGD", ["1.7.0=1956 W", "1.8.0=4913794 Wh"]],
    ["iskra-am550-ch-pushlist", "ISK push lists", ["1.8.0=6229669 Wh", "5.8.1=230463 varh", "1.7.0=0 W", "13.7.0=0"]],
  ])("of %s are those of %s", (fixture, list, expected) => {
    expect(unitListOf(telegramOf(fixture))?.name).toBe(list);
    expect(published(fixture, ...expected.map((one) => one.slice(0, one.indexOf("="))))).toEqual(expected);
  });

  it("leave Kamstrup's energies bare, because the documents disagree", () => {
    expect(published("kamstrup-omnipower-se-hourly", "1.8.0", "4.8.0")).toEqual(["1.8.0=32014158", "4.8.0=1073187"]);
  });

  it("leave a voltage bare if it cannot be in whole volts", () => {
    const telegram = telegramOf("kamstrup-omnipower-no-list2");
    const registers = telegram.registers.map((register) =>
      register.obis === "1-1:32.7.0*255" ? { ...register, value: { coefficient: 23_214, exponent: 0 } } : register,
    );
    const completed = completeUnits({ ...telegram, registers }).registers;
    expect(completed.find(({ obis }) => obis === "1-1:32.7.0*255")).toMatchObject({ unit: null, scaler: null });
    expect(completed.find(({ obis }) => obis === "1-1:52.7.0*255")).toMatchObject({ unit: "V" });
  });

  it("change nothing if the telegram contains units, or its list is unknown", () => {
    for (const name of [
      "kaifa-netz-noe",
      "aidon-no-3phase-list3",
      "kaifa-ma304-no-list2",
      "dsmr5-nl-iskra-p1",
      "lg-e450-ch-submeters",
    ]) {
      const telegram = telegramOf(name);
      expect(completeUnits(telegram)).toEqual(telegram);
    }
  });

  it("have a source", () => {
    expect(UNIT_LISTS.filter(({ source }) => source.length < 20)).toEqual([]);
  });

  it("agree with voltage times current in every capture that has them: the power is never larger", () => {
    let compared = 0;
    for (const telegram of fixtureNames().flatMap(telegramsOf)) {
      if (telegram.transport === "p1") continue; // whole amperes
      const numbers = new Map<string, number>();
      for (const { obis, value, unit } of completeUnits(telegram).registers) {
        if (typeof value === "string") continue;
        const number = Number(value.coefficient) * 10 ** value.exponent;
        if (unit !== null) numbers.set(obis.replace(/^.*:|\*.*$/g, ""), number);
      }
      const power = Math.abs((numbers.get("1.7.0") ?? 0) - (numbers.get("2.7.0") ?? 0));
      const apparent = [0, 20, 40]
        .map(
          (phase) =>
            (numbers.get(`${31 + phase}.7.0`) ?? Number.NaN) * (numbers.get(`${32 + phase}.7.0`) ?? Number.NaN),
        )
        .reduce((sum, one) => sum + one);
      if (!numbers.has("1.7.0") || !(apparent > 0)) continue;
      // In an IT network the second voltage is sent as 0, and P is the sum of two phases with √3.
      const limit = numbers.get("52.7.0") === 0 ? apparent * Math.sqrt(3) : apparent;
      expect(power, JSON.stringify([...numbers])).toBeLessThanOrEqual(limit * 1.05 + 30);
      compared++;
    }
    expect(compared).toBeGreaterThan(20);
  });
});

describe("the manufacturer of a meter", () => {
  it.each([
    ["kaifa-netz-noe", "Kaifa", "MA309"],
    ["sagemcom-t210d-length-overflow", "Sagemcom", "T210-D"],
    ["lg-e450-burgenland-14", "Landis+Gyr", "E450"],
    ["iskra-am550-kaernten-12", "Iskraemeco", "AM550"],
    ["siemens-im350-wien", "Siemens", null],
    ["siemens-im350-kaernten", "Siemens", null],
    ["iskra-am550-ch-pushlist", "Iskraemeco", null],
    ["iskra-ie5-hr-33-raw", "Iskraemeco", "IE.5"],
    ["kaifa-ma304-no-list2", "Kaifa", "MA304H3E"],
    ["kaifa-ma304-se-obis", "Kaifa", "MA304H4"],
    ["aidon-no-3phase-list3", "Aidon", "6534"],
    ["kamstrup-omnipower-no-list2", "Kamstrup", "Omnipower"],
    ["energomera-raw", "Energomera", null],
    ["lg-e360-se-p1", "Landis+Gyr", null],
    ["kamstrup-omnia-se-p1", "Kamstrup", null],
    ["dsmr5-nl-iskra-p1", "Iskraemeco", null],
    ["aidon-se-27", null, null],
  ])("of %s is %s %s", (fixture, manufacturer, model) => {
    expect(profileOf(telegramOf(fixture))).toEqual({ manufacturer, model });
  });
});
