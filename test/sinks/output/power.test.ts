import { describe, expect, it } from "vitest";
import { computedPowers, directedPower, netPower, phaseCount, phasePowers } from "../../../src/sinks/output/power.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { readingOf } from "../../helpers/readings.ts";
import { A, feedOf, THREE_PHASES, V, W } from "./feeds.ts";

describe("power", () => {
  it("is import minus export, or the net power that the meter sends, or just import", () => {
    expect(netPower(feedOf([W("1.7.0", 100), W("2.7.0", 350)]))).toBe(-250);
    expect(netPower(feedOf([W("16.7.0", -42)]))).toBe(-42);
    expect(netPower(feedOf([W("1.7.0", 7)]))).toBe(7);
    expect(netPower(feedOf([V(1, 2300)]))).toBeNull();
  });

  it("is the latest import if a meter sends the other direction less often", async () => {
    const clock = new FakeClock();
    const feed = feedOf([W("1.7.0", 0), W("2.7.0", 500)], clock);
    const import_ = (watts: number) => feed.take({ type: "reading", reading: readingOf([W("1.7.0", watts)]) });
    await clock.pass(2_000);
    import_(0);
    expect(netPower(feed)).toBe(-500);
    import_(800);
    expect(netPower(feed)).toBe(800);
  });

  it("has two directions if the meter sends only the net power", () => {
    expect(directedPower(feedOf([W("16.7.0", -42)]))).toEqual({ imported: 0, exported: 42 });
    expect(directedPower(feedOf([W("1.7.0", 7)]))).toEqual({ imported: 7, exported: null });
  });

  it("of a phase is the value that the meter sends", () => {
    const feed = feedOf([W("1.7.0", 100), W("21.7.0", 300), W("22.7.0", 0), W("41.7.0", 0), W("42.7.0", 200)]);
    expect(phasePowers(feed, "sent")).toEqual([300, -200, null]);
  });

  it("of a phase is unknown if the meter doesn't send it, unless it may be computed", () => {
    expect(phasePowers(feedOf(THREE_PHASES), "sent")).toEqual([null, null, null]);
    const powers = phasePowers(feedOf(THREE_PHASES), "computed");
    expect(powers.reduce<number>((sum, power) => sum + (power ?? 0), 0)).toBeCloseTo(2300, 2);
    expect(powers[0]).toBeCloseTo((2300 * 230.1 * 5) / (230.1 * 5 + 231.2 * 3 + 232.3 * 2.3), 2);
  });
});

describe("power computed from U·I", () => {
  const currents = (l1: number, l2: number, l3: number) => [
    V(1, 2300),
    V(2, 2300),
    V(3, 2300),
    A(1, l1),
    A(2, l2),
    A(3, l3),
  ];

  it("has the sign of the total if the totals prove it", () => {
    expect(computedPowers(feedOf([W("16.7.0", -2070), ...currents(300, 300, 300)]))).toEqual([-690, -690, -690]);
    expect(computedPowers(feedOf([W("16.7.0", 230), ...currents(100, 0, 0)]))).toEqual([230, 0, 0]);
  });

  it("does not exist if one phase may export while the others import", () => {
    // +10 A, +10 A, -10 A look like 30 A of one direction; the total says 10 A.
    expect(computedPowers(feedOf([W("16.7.0", 2300), ...currents(1000, 1000, 1000)]))).toBeNull();
    // 1000 W and -50 W, or 1000 W and 50 W at a low power factor: the totals don't distinguish them.
    expect(computedPowers(feedOf([W("16.7.0", 950), ...currents(435, 22, 0)]))).toBeNull();
  });

  it("never has the wrong sign", () => {
    let computed = 0;
    for (let seed = 1; seed < 3000; seed++) {
      // Three phases with random power and power factor.
      const next = (() => {
        let state = seed * 2654435761;
        return () => {
          state = (state ^ (state << 13)) >>> 0;
          state = (state ^ (state >>> 17)) >>> 0;
          state = (state ^ (state << 5)) >>> 0;
          return state / 2 ** 32;
        };
      })();
      const truth = [0, 1, 2].map(() => Math.round((next() - 0.3) * 4600));
      const amps = truth.map((watts) => Math.ceil((Math.abs(watts) / 230 / (0.7 + 0.3 * next())) * 100));
      const total = truth.reduce((sum, watts) => sum + watts, 0);
      const powers = computedPowers(
        feedOf([W("16.7.0", total), ...currents(amps[0] ?? 0, amps[1] ?? 0, amps[2] ?? 0)]),
      );
      if (powers === null) continue;
      computed++;
      powers.forEach((power, phase) => {
        if (power !== null && power !== 0) {
          expect(Math.sign(power), `seed ${seed}`).toBe(Math.sign(truth[phase] ?? 0));
        }
      });
    }
    expect(computed).toBeGreaterThan(100);
  });

  it("does not exist without currents or without a total", () => {
    expect(computedPowers(feedOf([W("16.7.0", 100)]))).toBeNull();
    expect(computedPowers(feedOf(currents(100, 100, 100)))).toBeNull();
  });
});

describe("the number of phases", () => {
  it("is the number of phases that the meter sends", () => {
    expect(phaseCount(feedOf(THREE_PHASES))).toBe(3);
    expect(phaseCount(feedOf([V(1, 2300), V(2, 2300)]))).toBe(2);
    expect(phaseCount(feedOf([W("1.7.0", 1)]))).toBe(1);
  });
});
