/**
 * A year of one meter, a telegram every 20 s, with both clock changes, gaps, restarts and kills: every quarter is compared
 * with a calculation from the telegrams alone, which uses nothing of src/ledger but the points.
 */
import { describe, expect, it } from "vitest";
import { type Interval, intervalsOf } from "../../src/ledger/intervals.ts";
import { zoneOffset } from "../../src/ledger/local-time.ts";
import { seededRandom } from "../helpers/random.ts";
import { LedgerInMemory } from "./ledger-in-memory.ts";

const QUARTER = 900_000;
const PERIOD = 20_000;
const START = Date.parse("2026-01-01T00:00:07+01:00");
const END = Date.parse("2027-01-01T00:00:07+01:00");
const CHANGES = ["2026-03-29T12:00:00Z", "2026-10-25T12:00:00Z"].map((text) => Date.parse(text));
const vienna = zoneOffset("Europe/Vienna");

/** The register at an instant, Wh: a daily curve that the ledger knows nothing about. */
function register(at: number): number {
  const hours = (at - START) / 3_600_000;
  return Math.floor(12_937 + 400 * hours + 900 * Math.sin((hours / 24) * 2 * Math.PI) * Math.cos(hours / 700));
}

describe("a simulated year", () => {
  const random = seededRandom(12);
  const ledger = new LedgerInMemory();
  /** Times of the telegrams around each boundary: the last at or before it, and the first at or after it. */
  const before = new Map<number, number>();
  const after = new Map<number, number>();
  let telegrams = 0;
  let last = START;
  let restarts = 0;
  /** Boundaries whose preceding telegram was lost with the process. */
  const forgotten = new Set<number>();
  let silentUntil = 0;
  for (let at = START; at <= END; at += PERIOD) {
    const boundary = Math.ceil(at / QUARTER) * QUARTER;
    const dice = random();
    // Gaps of half a minute to twelve hours, restarts and kills, except on the two days that are checked completely.
    const special = CHANGES.some((day) => Math.abs(at - day) < 1.5 * 86_400_000);
    if (special) silentUntil = 0;
    else if (dice < 0.000_25) silentUntil = at + 30_000 + random() ** 4 * 43_200_000;
    else if (dice > 0.999_5) {
      const how = dice > 0.999_75 ? "killed" : "stopped";
      ledger.restart(how);
      restarts++;
      const between = Math.floor(at / QUARTER) * QUARTER;
      if (how === "killed" && between > at - PERIOD) forgotten.add(between);
    }
    if (at < silentUntil) continue;
    ledger.take({
      at,
      offset: vienna(at),
      registers: { energy_import: register(at) },
      device: "4B464D",
      arrived: at,
      wall: at,
    });
    telegrams++;
    last = at;
    before.set(boundary, at);
    const passed = Math.floor(at / QUARTER) * QUARTER;
    if (!after.has(passed)) after.set(passed, at);
  }
  const intervals = intervalsOf(ledger.all());
  const energy = ({ energy: { energy_import = Number.NaN } }: Interval): number => energy_import;

  it("has the telegrams, gaps and restarts that it should have", () => {
    expect(telegrams).toBeGreaterThan(1_000_000);
    expect(restarts).toBeGreaterThan(400);
    expect(intervals.filter(({ mark }) => mark === "gap").length).toBeGreaterThan(50);
  });

  it("yields every quarter whose boundaries lie between two telegrams one period apart, with its energy to the Wh", () => {
    const at = (boundary: number): number | null => {
      const [a, b] = [before.get(boundary), after.get(boundary)];
      if (a === undefined || b === undefined || b - a !== PERIOD || forgotten.has(boundary)) return null;
      const [low, high] = [register(a), register(b)];
      return low + Math.floor(((high - low) * (boundary - a)) / PERIOD);
    };
    const found = new Map(intervals.filter(({ mark }) => mark === "").map((interval) => [interval.start.at, interval]));
    let checked = 0;
    for (let start = Math.ceil(START / QUARTER) * QUARTER; start + QUARTER <= last; start += QUARTER) {
      const [from, to] = [at(start), at(start + QUARTER)];
      const interval = found.get(start);
      if (from === null || to === null) {
        expect(interval, new Date(start).toISOString()).toBeUndefined();
        continue;
      }
      expect(interval, new Date(start).toISOString()).toBeDefined();
      expect(energy(interval as Interval)).toBe(to - from);
      checked++;
    }
    expect(checked).toBeGreaterThan(30_000);
  });

  it("the days on which the clock changes have 92 and 100 quarters, with the offsets before and after", () => {
    for (const [day, count] of [
      ["2026-03-29", 92],
      ["2026-10-25", 100],
    ] as const) {
      const local = ({ start }: Interval): string => new Date(start.at + start.offset * 60_000).toISOString();
      const of = intervals.filter((interval) => local(interval).startsWith(day));
      const length = of.reduce((total, { start, end }) => total + (end.at - start.at) / QUARTER, 0);
      expect(length).toBe(count);
      expect([...new Set(of.map(({ start }) => start.offset))].sort()).toEqual([120, 60]);
    }
  });

  it("adds up to the last register minus the first", () => {
    const sum = intervals.reduce((total, interval) => total + energy(interval), 0);
    expect(sum).toBe(register(last) - register(START));
    for (const [index, { start }] of intervals.entries()) {
      if (index > 0) expect(start.at).toBe(intervals[index - 1]?.end.at);
    }
  });
});
