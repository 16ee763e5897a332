import { describe, expect, it } from "vitest";
import { createDecoder } from "../../src/codec/decoder.ts";
import type { Telegram } from "../../src/codec/telegram.ts";
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { LAYOUTS } from "../../src/sources/simulator-layouts.ts";

const key = Buffer.from(DEMO_KEY, "hex");
const start = Date.UTC(2026, 2, 28, 12, 0, 0);

function decodeOne(bytes: Uint8Array, authenticationKey?: Uint8Array): Telegram {
  const decoder = createDecoder({ key, authenticationKey });
  const events = [...decoder.feed(bytes), ...decoder.end()];
  expect(events.map((event) => (event.type === "fault" ? `${event.code}: ${event.message}` : event.type))).toEqual([
    "telegram",
  ]);
  const [event] = events;
  if (event?.type !== "telegram") throw new Error("no telegram");
  return event.telegram;
}

const numberAt = (telegram: Telegram, obis: string): number => {
  const value = telegram.registers.find((register) => register.obis === obis)?.value;
  if (value === undefined || typeof value === "string") throw new Error(`${obis} is missing`);
  return Number(value.coefficient) * 10 ** value.exponent;
};

describe("the simulated meter", () => {
  it.each(LAYOUTS.map(({ name }) => name))("%s: each telegram decodes to one reading without a fault", (layout) => {
    const meter = new SimulatedMeter({ layout, key, start });
    for (let step = 0; step < 20; step++) {
      const telegram = decodeOne(meter.telegram(start + step * 5000));
      expect(telegram.registers.length).toBeGreaterThanOrEqual(6);
    }
  });

  it("sends telegrams as long as those of Netz NÖ, KSM West and the older T210-D", () => {
    const frames = (layout: string) => Buffer.from(new SimulatedMeter({ layout, key, start }).telegram(start));
    expect(frames("netz-noe").length).toBe(282);
    expect(frames("netz-noe").subarray(0, 4).toString("hex")).toBe("68fafa68");
    expect(frames("tinetz").length).toBe(376);
    expect(frames("t210d").subarray(0, 4).toString("hex")).toBe("68010168");
  });

  it("counts up, advances its clock and integrates power into energy", () => {
    const meter = new SimulatedMeter({ key, start, seed: 3 });
    let before = decodeOne(meter.telegram(start));
    for (let step = 1; step <= 200; step++) {
      const now = decodeOne(meter.telegram(start + step * 60_000));
      expect(now.invocationCounter).toBe((before.invocationCounter ?? 0) + 1);
      expect(Date.parse(now.meterTime ?? "") - Date.parse(before.meterTime ?? "")).toBe(60_000);
      const grown = numberAt(now, "1-0:1.8.0*255") - numberAt(before, "1-0:1.8.0*255");
      const expected = numberAt(now, "1-0:1.7.0*255") / 60;
      expect(Math.abs(grown - expected)).toBeLessThanOrEqual(1);
      before = now;
    }
  });

  it("signals summer time by the deviation and the bit", () => {
    const meter = new SimulatedMeter({ key, start });
    expect(decodeOne(meter.telegram(Date.UTC(2026, 2, 29, 0, 59, 55))).meterTime).toBe("2026-03-29T01:59:55+01:00");
    expect(decodeOne(meter.telegram(Date.UTC(2026, 2, 29, 1, 0, 0))).meterTime).toBe("2026-03-29T03:00:00+02:00");
  });

  it("adds a valid tag if an authentication key is given", () => {
    const authenticationKey = Buffer.from("F18DB1C3C85E5AC7445336186649FA11", "hex");
    const meter = new SimulatedMeter({ layout: "ksm-west", key, authenticationKey, start });
    const telegram = decodeOne(meter.telegram(start), authenticationKey);
    expect(telegram).toMatchObject({ security: "authenticated+encrypted", proof: "tag" });
  });

  it("yields the same bytes for the same seed, different ones for another", () => {
    const bytes = (seed: number) =>
      Buffer.from(new SimulatedMeter({ key, start, seed }).telegram(start)).toString("hex");
    expect(bytes(5)).toBe(bytes(5));
    expect(bytes(6)).not.toBe(bytes(5));
  });

  it("lists the known layouts for an unknown name", () => {
    expect(() => new SimulatedMeter({ layout: "mars", start })).toThrow(/netz-noe.*tinetz/);
  });
});
