import { describe, expect, it } from "vitest";
import { MeterFeed } from "../../../src/sinks/output/meter-feed.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { METER, readingOf } from "../../helpers/readings.ts";
import { V, W, WH } from "./feeds.ts";

function feed(periodMs: number | null, meter?: string) {
  const clock = new FakeClock();
  const feed = new MeterFeed(meter, () => periodMs, clock);
  const take = (...args: Parameters<typeof readingOf>) => feed.take({ type: "reading", reading: readingOf(...args) });
  return { clock, feed, take };
}

describe("the values of an output's meter", () => {
  it("are missing, and the meter is gone, before the first reading", () => {
    const { feed: empty } = feed(5_000);
    expect(empty.freshness).toBe("gone");
    expect(empty.ageMs).toBeNull();
    expect(empty.number("power_import")).toBeNull();
  });

  it("are stale after three periods, at least 15 s, and the meter is gone a minute later", async () => {
    for (const [periodMs, limitMs] of [
      [null, 15_000],
      [1_000, 15_000],
      [10_000, 30_000],
    ] as const) {
      const { clock, feed: one, take } = feed(periodMs);
      take();
      await clock.pass(limitMs);
      expect(one.freshness).toBe("fresh");
      await clock.pass(1);
      expect(one.freshness).toBe("stale");
      await clock.pass(60_000);
      expect(one.freshness).toBe("gone");
      expect(one.ageMs).toBe(limitMs + 60_001);
    }
  });

  it("include registers but no power once they are stale", async () => {
    const { clock, feed: one, take } = feed(5_000);
    take([WH("1.8.0", 12_937), W("1.7.0", 500)]);
    expect(one.text("energy_import")).toBe("12.937");
    expect(one.number("power_import")).toBe(500);
    await clock.pass(15_001);
    expect(one.text("energy_import")).toBe("12.937");
    expect(one.number("power_import")).toBeNull();
    expect(one.values().map(({ key }) => key)).toEqual(["energy_import"]);
  });

  it("are combined from lists sent at different times, each value with its own age", async () => {
    const { clock, feed: one, take } = feed(2_500);
    take([WH("1.8.0", 12_937), V(1, 2301)]);
    await clock.pass(10_000);
    take([W("1.7.0", 500)]);
    expect(one.number("voltage_l1")).toBe(230.1);
    await clock.pass(5_001);
    expect(one.freshness).toBe("fresh");
    expect(one.number("voltage_l1")).toBeNull();
    expect(one.number("power_import")).toBe(500);
    expect(one.text("energy_import")).toBe("12.937");
  });

  it("are those of the configured meter only", () => {
    const { feed: one, take } = feed(5_000, "house");
    expect(take()).toBeNull();
    expect(take(undefined, { meter: { ...METER, id: "house" } })).not.toBeNull();
    expect(one.meter?.id).toBe("house");
  });

  it("include none of a replaced meter", () => {
    const { feed: one, take } = feed(5_000);
    take([WH("1.8.0", 12_937), W("1.7.0", 500)]);
    take([W("1.7.0", 1)], { meter: { ...METER, id: "other" } });
    expect(one.text("energy_import")).toBeNull();
    expect(one.number("power_import")).toBe(1);
  });
});
