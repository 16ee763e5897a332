/** The identity of a meter across the different lists that it sends. */
import { describe, expect, it } from "vitest";
import type { Telegram } from "../../src/codec/telegram.ts";
import { MeterIdentity } from "../../src/meter/identity.ts";
import { loadFixture } from "../helpers/fixtures.ts";
import { decodePieces } from "../helpers/splits.ts";

function telegramOf(name: string): Telegram {
  const { wire, keys } = loadFixture(name);
  const [event] = decodePieces([wire], keys);
  if (event?.type !== "telegram") throw new Error(`${name} gives no telegram`);
  return event.telegram;
}

describe("a meter", () => {
  it("is the same one whether a list contains its full number or only the last digits", () => {
    const identity = new MeterIdentity({ index: 0 });
    const lists = ["iskra-am550-si-9", "iskra-am550-si-4", "iskra-am550-si-9"].map(telegramOf);
    const readings = lists.map((telegram, i) => identity.read(telegram, true, i * 1000));
    expect(readings.map((reading) => reading?.meter.id)).toEqual(Array(3).fill("ISK1020784605887"));
    expect(readings.map((reading) => reading?.meter.serialNumber)).toEqual(Array(3).fill("ISK1020784605887"));
  });

  it("that never sends its number has an id at once, a different one for each entry of the configuration", () => {
    const telegram = telegramOf("siemens-amis-netz-ooe");
    const ids = [0, 1].map((index) => new MeterIdentity({ index }).read(telegram, true, 0)?.meter.id);
    expect(ids).toEqual(["amis", "amis_2"]);
    expect(new MeterIdentity({ index: 0, id: "house" }).read(telegram, true, 0)?.meter).toMatchObject({
      ...{ id: "house", manufacturer: "Siemens", model: "AMIS TD-351x", name: "Siemens AMIS TD-351x" },
    });
  });

  it("is another one if the number differs", () => {
    const identity = new MeterIdentity({ index: 0 });
    expect(identity.read(telegramOf("iskra-am550-si-9"), true, 0)?.meter.id).toBe("ISK1020784605887");
    expect(identity.read(telegramOf("iskra-am550-si-18"), true, 1000)?.meter.id).toBe("ISK1030789375606");
  });

  it("is one and the same object as long as nothing that names it changes, whatever its values and its time", () => {
    const identity = new MeterIdentity({ index: 0 });
    const telegram = telegramOf("kaifa-ksm-west");
    const later: Telegram = {
      ...telegram,
      meterTime: "2027-01-01T00:00:00",
      registers: telegram.registers.map(({ value, ...register }) => ({
        ...register,
        value:
          typeof value === "string"
            ? register.obis === "0-0:1.0.0*255"
              ? "2027-01-01T00:00:00"
              : value
            : { coefficient: 7, exponent: 0 },
      })),
    };
    const first = identity.read(telegram, true, 0)?.meter;
    expect(identity.read(later, true, 5_000)?.meter).toBe(first);
  });

  it.each([
    ["its type", "0-0:96.1.7*255", "MA309X", { model: "MA309X" }],
    ["its logical device name", "0-0:42.0.0*255", "SAG1234567890", { manufacturer: "Kaifa" }],
  ])("is looked at again when a telegram has %s", (_, obis, value, expected) => {
    const identity = new MeterIdentity({ index: 0, id: "house" });
    const telegram = telegramOf("kaifa-netz-noe");
    const before = identity.read(telegram, true, 0)?.meter;
    const registers = [...telegram.registers, { obis, value, unit: null, scaler: null }];
    const after = identity.read({ ...telegram, registers }, true, 5_000)?.meter;
    expect(after).toMatchObject(expected);
    expect(after).not.toBe(before);
    const changed = [...telegram.registers, { obis, value: `${value}2`, unit: null, scaler: null }];
    expect(identity.read({ ...telegram, registers: changed }, true, 10_000)?.meter).not.toBe(after);
  });

  it("without a number gets an id after twelve seconds, whatever the wall clock does", () => {
    const telegram = { ...telegramOf("iskra-am550-si-9"), meterId: null, systemTitle: null };
    let now = 0;
    const identity = new MeterIdentity({ index: 0, now: () => now });
    const year = 365 * 86_400_000;
    expect(identity.read(telegram, true, 0)).toBeNull();
    now = 5_000;
    expect(identity.read(telegram, true, year)).toBeNull();
    now = 13_000;
    expect(identity.read(telegram, true, -year)?.meter.id).toBe("meter");
  });

  it("with a different number in each telegram is published under eight of them, with one warning", () => {
    const warnings: string[] = [];
    const identity = new MeterIdentity({ index: 0, warn: (message) => warnings.push(message) });
    const telegram = telegramOf("iskra-am550-si-9");
    const ids = Array.from({ length: 1_000 }, (_, i) =>
      identity.read({ ...telegram, meterId: `FORGED${i}` }, true, i * 1000),
    );
    expect(ids.filter((reading) => reading !== null)).toHaveLength(8);
    expect(warnings).toEqual(["more than 8 meters were heard at this port; further ones are not published"]);
    expect(identity.read({ ...telegram, meterId: "FORGED3" }, true, 0)?.meter.id).toBe("FORGED3");
  });
});
