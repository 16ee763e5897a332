import { describe, expect, it } from "vitest";
import { ReadingCache } from "../../../src/sinks/output/reading-cache.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { METER, readingOf } from "../../helpers/readings.ts";
import { feedOf, V, W, WH } from "./feeds.ts";

describe("a cached answer", () => {
  it("is built once per reading, and again exactly when one of its values expires", async () => {
    const clock = new FakeClock();
    const feed = feedOf([WH("1.8.0", 1000), V(1, 2300), W("1.7.0", 100)], clock);
    let built = 0;
    const cache = new ReadingCache(feed, () => {
      built++;
      return [feed.number("voltage_l1"), feed.number("power_import"), feed.number("energy_import")];
    });
    expect(cache.get()).toEqual([230, 100, 1]);
    await clock.pass(10_000);
    expect(cache.get()).toEqual([230, 100, 1]);
    expect(built).toBe(1);
    feed.take({ type: "reading", reading: readingOf([W("1.7.0", 200)]) });
    expect(cache.get()).toEqual([230, 200, 1]);
    await clock.pass(5_000);
    expect(cache.get()).toEqual([230, 200, 1]);
    expect(built).toBe(2);
    await clock.pass(1);
    expect(cache.get()).toEqual([null, 200, 1]);
    await clock.pass(9_999);
    expect(built).toBe(3);
    expect(cache.get()).toEqual([null, 200, 1]);
    await clock.pass(1);
    expect(cache.get()).toEqual([null, null, 1]);
    expect(built).toBe(4);
    await clock.pass(7_200_000);
    expect(cache.get()).toEqual([null, null, null]);
    expect(cache.get()).toEqual([null, null, null]);
    expect(built).toBe(5);
  });

  it("is rebuilt after a report of the ledger", () => {
    const feed = feedOf([W("1.7.0", 100)]);
    let built = 0;
    const cache = new ReadingCache(feed, () => ++built);
    expect(cache.get()).toBe(1);
    const quarterStart = { at: 0, offset: 0 };
    feed.takeLedger(METER.id, {
      ...{ quarterStart, quarterImport: 1, quarterExport: 0, forecast: null, lastQuarter: null, peak: null },
      windows: {},
    });
    expect(cache.get()).toBe(2);
  });
});
