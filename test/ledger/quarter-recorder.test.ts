import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Interval, intervalsOf, stepsOf } from "../../src/ledger/intervals.ts";
import { formatLocal } from "../../src/ledger/local-time.ts";
import { appendPoint, type Point } from "../../src/ledger/point.ts";
import { LedgerInMemory } from "./ledger-in-memory.ts";

const QUARTER = 900_000;
const at = (text: string): number => Date.parse(`2026-03-02T${text}+01:00`);
const show = ({ start, end, energy, mark }: Interval): string =>
  [formatLocal(start).slice(11, 19), formatLocal(end).slice(11, 19), energy.energy_import, mark].join(" ").trim();
const intervals = (ledger: LedgerInMemory): string[] => intervalsOf(ledger.all()).map(show);

/** Telegrams every `step` seconds from `from` until `to`; the register rises by `wh` with each. */
function play(
  ledger: LedgerInMemory,
  from: string,
  to: string,
  { step = 5, start = 0, wh = 1, skew = 0 } = {},
): number {
  let register = start;
  for (let time = at(from); time <= at(to); time += step * 1000) {
    ledger.telegram(time, register, { arrived: time + skew, wall: time + skew });
    register += wh;
  }
  return register - wh;
}

describe("quarters", () => {
  it("a telegram on the boundary provides its register", () => {
    const ledger = new LedgerInMemory();
    play(ledger, "10:00:00", "10:45:00");
    expect(ledger.points.map(({ mark }) => mark)).toEqual(["begin", "ok", "ok", "ok"]);
    expect(intervals(ledger)).toEqual(["10:00:00 10:15:00 180", "10:15:00 10:30:00 180", "10:30:00 10:45:00 180"]);
  });

  it("a boundary between two telegrams is interpolated to the Wh, and marked as such", () => {
    const ledger = new LedgerInMemory();
    play(ledger, "10:14:43", "10:30:03", { wh: 10 });
    expect(ledger.points.map(({ mark }) => mark)).toEqual(["begin", "interpolated", "interpolated"]);
    // 10:14:58 has 30, 10:15:03 has 40: two fifths in between.
    expect(ledger.points[1]?.registers).toEqual({ energy_import: 34 });
    expect(intervals(ledger)).toEqual([
      "10:14:43 10:15:00 34 gap",
      "10:15:00 10:30:00 1800",
      "10:30:00 10:30:03 6 gap",
    ]);
  });

  it("a lost telegram at the boundary yields one marked interval, because the uncertainty exceeds one period", () => {
    const ledger = new LedgerInMemory();
    const register = play(ledger, "10:00:03", "10:14:58");
    play(ledger, "10:15:08", "10:45:03", { start: register + 2 });
    expect(intervals(ledger)).toEqual([
      "10:00:03 10:30:00 359 gap",
      "10:30:00 10:45:00 180",
      "10:45:00 10:45:03 1 gap",
    ]);
  });

  it("a gap across several boundaries is one interval with all of its energy", () => {
    const ledger = new LedgerInMemory();
    play(ledger, "10:00:00", "10:20:00");
    play(ledger, "12:01:00", "12:30:00", { start: 5_000 });
    expect(intervals(ledger)).toEqual(["10:00:00 10:15:00 180", "10:15:00 12:15:00 4988 gap", "12:15:00 12:30:00 180"]);
  });

  it("a gap within a quarter costs nothing", () => {
    const ledger = new LedgerInMemory();
    play(ledger, "10:00:00", "10:16:00");
    play(ledger, "10:28:00", "10:45:00", { start: 1_000 });
    expect(intervals(ledger)).toEqual(["10:00:00 10:15:00 180", "10:15:00 10:30:00 844", "10:30:00 10:45:00 180"]);
  });

  it("a restart in the middle of a quarter costs nothing, even after kill -9", () => {
    for (const how of ["killed", "stopped"] as const) {
      const ledger = new LedgerInMemory();
      play(ledger, "10:00:00", "10:20:00");
      ledger.restart(how);
      play(ledger, "10:22:30", "10:30:00", { start: 300 });
      expect(intervals(ledger)).toEqual(["10:00:00 10:15:00 180", "10:15:00 10:30:00 210"]);
    }
  });

  it("a restart across a boundary is a gap, unless the meter's period is longer", () => {
    const fast = new LedgerInMemory();
    play(fast, "10:00:00", "10:29:40");
    fast.restart("stopped");
    play(fast, "10:30:05", "10:45:00", { start: 400 });
    expect(intervals(fast)).toEqual(["10:00:00 10:15:00 180", "10:15:00 10:45:00 399 gap"]);

    const slow = new LedgerInMemory();
    play(slow, "10:00:07", "10:29:07", { step: 60, wh: 60 });
    slow.restart("stopped");
    play(slow, "10:30:07", "10:46:07", { step: 60, wh: 60, start: 1_800 });
    expect(intervals(slow)).toEqual([
      "10:00:07 10:15:00 893 gap",
      "10:15:00 10:30:00 900",
      "10:30:00 10:45:00 900",
      "10:45:00 10:46:07 67 gap",
    ]);
  });
});

describe("slow meters", () => {
  it("one that sends exactly every quarter yields quarters", () => {
    const ledger = new LedgerInMemory();
    play(ledger, "10:00:00", "11:00:00", { step: 900, wh: 100 });
    expect(intervals(ledger)).toEqual([
      "10:00:00 10:15:00 100",
      "10:15:00 10:30:00 100",
      "10:30:00 10:45:00 100",
      "10:45:00 11:00:00 100",
    ]);
  });

  it("one that sends a little after every quarter is interpolated within its period", () => {
    const ledger = new LedgerInMemory();
    play(ledger, "10:00:09", "10:45:09", { step: 900, wh: 900 });
    expect(intervals(ledger)).toEqual([
      "10:00:09 10:15:00 891 gap",
      "10:15:00 10:30:00 900",
      "10:30:00 10:45:00 900",
      "10:45:00 10:45:09 9 gap",
    ]);
  });

  it("one that sends every hour yields hours, which are not spread over quarters", () => {
    for (const second of ["00:00", "00:10"]) {
      const ledger = new LedgerInMemory();
      play(ledger, `09:${second}`, `13:${second}`, { step: 3600, wh: 3600 });
      const rows = stepsOf(ledger.all(), "hour")
        .map(show)
        .filter((row) => !row.endsWith("gap"));
      expect(rows).toEqual(
        second === "00:00"
          ? ["09:00:00 10:00:00 3600", "10:00:00 11:00:00 3600", "11:00:00 12:00:00 3600", "12:00:00 13:00:00 3600"]
          : ["10:00:00 11:00:00 3600", "11:00:00 12:00:00 3600", "12:00:00 13:00:00 3600"],
      );
      expect(intervals(ledger).every((row) => row.endsWith("gap"))).toBe(true);
    }
  });
});

describe("events of a meter", () => {
  it("a register that fell marks its quarter, and nothing else", () => {
    const ledger = new LedgerInMemory();
    play(ledger, "10:00:00", "10:20:00", { start: 90_000 });
    play(ledger, "10:20:05", "10:45:00", { start: 0 });
    expect(intervals(ledger)).toEqual([
      "10:00:00 10:15:00 180",
      "10:15:00 10:30:00 -90061 reset",
      "10:30:00 10:45:00 180",
    ]);
    expect(stepsOf(ledger.all(), "hour").map(show)).toEqual([
      "10:00:00 10:15:00 180 gap",
      "10:15:00 10:30:00 -90061 reset",
      "10:30:00 10:45:00 180 gap",
    ]);
  });

  it("a replaced meter is marked although its register is higher, also when the bridge was killed in between", () => {
    const ledger = new LedgerInMemory();
    for (let s = 0; s <= 1200; s += 5) ledger.telegram(at("10:00:00") + s * 1000, s, { device: "OLD" });
    ledger.restart("killed");
    for (let s = 1300; s <= 1800; s += 5) ledger.telegram(at("10:00:00") + s * 1000, 50_000 + s, { device: "NEW" });
    expect(intervals(ledger)).toEqual(["10:00:00 10:15:00 900", "10:15:00 10:30:00 50900 reset"]);
  });

  it("a mark within a quarter survives a restart", () => {
    const ledger = new LedgerInMemory();
    play(ledger, "10:00:00", "10:20:00", { start: 500 });
    play(ledger, "10:20:05", "10:21:00", { start: 0 });
    ledger.restart("killed");
    play(ledger, "10:22:00", "10:30:00", { start: 20 });
    expect(intervals(ledger)[1]).toBe("10:15:00 10:30:00 -564 reset");
  });

  it("a clock that is set back marks its quarter; later quarters are recorded again", () => {
    const ledger = new LedgerInMemory();
    const register = play(ledger, "10:00:00", "10:40:00");
    play(ledger, "10:20:00", "10:45:00", { start: register + 1, skew: 1_200_000 });
    expect(intervals(ledger)).toEqual(["10:00:00 10:15:00 180", "10:15:00 10:30:00 421 gap", "10:30:00 10:45:00 180"]);
    expect(ledger.notices).toHaveLength(1);
  });

  it("a clock that is set forward marks its quarter, even if no boundary was skipped", () => {
    const ledger = new LedgerInMemory();
    const register = play(ledger, "10:00:00", "10:20:00");
    play(ledger, "10:24:00", "10:45:00", { start: register, skew: -235_000 });
    expect(intervals(ledger)).toEqual(["10:00:00 10:15:00 180", "10:15:00 10:30:00 132 gap", "10:30:00 10:45:00 180"]);
  });

  it("a correction by a few seconds marks nothing", () => {
    const ledger = new LedgerInMemory();
    const register = play(ledger, "10:00:00", "10:15:02", { step: 2 });
    play(ledger, "10:14:58", "10:30:00", { step: 2, start: register + 1, skew: 6_000 });
    expect(intervals(ledger)).toEqual(["10:00:00 10:15:00 450", "10:15:00 10:30:00 453"]);
  });

  it("a clock that falls back to the year 2000 pauses the ledger and destroys nothing", () => {
    const ledger = new LedgerInMemory();
    play(ledger, "10:00:00", "10:20:00");
    const wall = at("10:20:05");
    for (let s = 0; s < 600; s += 5) {
      ledger.telegram(Date.UTC(2000, 0, 1) + s * 1000, 300 + s, { wall: wall + s * 1000, arrived: wall + s * 1000 });
    }
    expect(ledger.notices).toHaveLength(1);
    play(ledger, "10:31:00", "11:00:00", { start: 2_000 });
    expect(intervals(ledger)).toEqual(["10:00:00 10:15:00 180", "10:15:00 10:45:00 1988 gap", "10:45:00 11:00:00 180"]);
  });

  it("a clock that was years ahead, even from the first telegram, is accepted once it agrees with ours", () => {
    const ledger = new LedgerInMemory();
    for (let s = 0; s <= 900; s += 5) {
      ledger.telegram(Date.UTC(2063, 0, 1) + s * 1000, s, { wall: at("09:00:00"), arrived: s * 1000 });
    }
    play(ledger, "10:00:00", "10:30:00", { start: 1_000 });
    expect(intervals(ledger)).toEqual(["09:59:59 10:00:00 1000 gap", "10:00:00 10:15:00 180", "10:15:00 10:30:00 180"]);
  });

  it("lists with only some of the registers are ignored", () => {
    const ledger = new LedgerInMemory();
    for (let s = 0; s <= 900; s += 5) {
      const registers = s % 10 === 0 ? { energy_import: s, energy_export: 2 * s } : { energy_import: s };
      ledger.telegram(at("10:00:00") + s * 1000, s, { registers });
    }
    const [interval] = intervalsOf(ledger.all());
    expect(interval?.energy).toEqual({ energy_import: 900, energy_export: 1800 });
  });
});

/** One event; times in seconds. */
type Step =
  | { type: "telegram"; after: number; wh: number }
  | { type: "clock"; by: number }
  | { type: "reset" | "replaced" | "killed" | "stopped" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      type: fc.constant("telegram" as const),
      after: fc.constantFrom(1, 5, 5, 5, 10, 60, 300, 900, 3600, 20_000),
      wh: fc.nat(4_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("clock" as const), by: fc.integer({ min: -100_000, max: 100_000 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom("reset" as const, "replaced" as const, "killed" as const, "stopped" as const),
    }),
  },
);

describe("for any sequence of accepted telegrams", () => {
  it("quarters and marked intervals add up to the last register minus the first, and follow each other", () => {
    void fc.assert(
      fc.property(
        fc.array(step, { minLength: 2, maxLength: 120 }),
        fc.integer({ min: 0, max: 900 }),
        fc.boolean(),
        (steps, phase, agrees) => {
          const ledger = new LedgerInMemory();
          let now = at("00:00:00") + phase * 1000;
          let shift = 0;
          let register = 1_000_000;
          let first: number | null = null;
          let device = "A";
          for (const event of steps) {
            switch (event.type) {
              case "telegram":
                now += event.after * 1000;
                register += event.wh;
                first ??= register;
                ledger.telegram(now + shift, register, { arrived: now, wall: agrees ? now + shift : now, device });
                break;
              case "clock":
                shift += event.by * 1000;
                break;
              case "reset":
                register = Math.floor(register / 2);
                break;
              case "replaced":
                device += "A";
                register += 77_777;
                break;
              default:
                ledger.restart(event.type);
            }
          }
          const rows = intervalsOf(ledger.all());
          const sum = (list: readonly Interval[]): number =>
            list.reduce((total, { energy }) => total + (energy.energy_import ?? 0), 0);
          const newest = ledger.recorder.newest?.registers.energy_import ?? 0;
          expect(sum(rows)).toBe(newest - (first ?? newest));
          for (const stepName of ["hour", "day", "month"] as const) {
            expect(sum(stepsOf(ledger.all(), stepName))).toBe(sum(rows));
          }
          for (const [index, row] of rows.entries()) {
            expect(row.end.at).toBeGreaterThan(row.start.at);
            if (index > 0) expect(row.start.at).toBe(rows[index - 1]?.end.at);
            if (row.mark === "") expect([row.start.at % QUARTER, row.end.at - row.start.at]).toEqual([0, QUARTER]);
            if (row.mark !== "reset") expect(row.energy.energy_import).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      { numRuns: 400, seed: 12 },
    );
  });

  it("invalid points are removed when the clock is set back", () => {
    const points: Point[] = [];
    for (const time of [0, 1, 2, 3, 1]) appendPoint(points, { at: time, offset: 0, registers: {}, mark: "ok" });
    expect(points.map((point) => point.at)).toEqual([0, 1]);
  });
});
