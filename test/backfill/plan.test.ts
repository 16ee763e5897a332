import { describe, expect, it } from "vitest";
import {
  type EnergyUnit,
  HOUR_MS,
  type Plan,
  planBackfill,
  type StatisticsRow,
  WATT_HOURS,
} from "../../src/backfill/plan.ts";
import { type Point, type PointMark, QUARTER_MS } from "../../src/ledger/point.ts";
import { seededRandom } from "../helpers/random.ts";

const BEGIN = Date.parse("2026-03-28T00:00:00Z");
const SUM_0 = 3.5;

/** Registers at each quarter; `wh` is the energy of the quarter before. */
function ledgerOf(hours: number, wh: (quarter: number) => number, marks: Record<number, PointMark> = {}): Point[] {
  let register = 12_937;
  return Array.from({ length: hours * 4 + 1 }, (_, quarter) => {
    register = marks[quarter] === "reset" ? 0 : register + (quarter === 0 ? 0 : wh(quarter));
    const at = BEGIN + quarter * QUARTER_MS;
    // The clock changes within the span: Home Assistant's hours begin at full UTC hours.
    const offset = at < Date.parse("2026-03-29T01:00:00Z") ? 60 : 120;
    return {
      at,
      offset,
      registers: { energy_import: register },
      mark: marks[quarter] ?? (quarter === 0 ? "begin" : "ok"),
    };
  });
}

/** The rows that Home Assistant would have: the register at the end of each hour, sums since resets. */
function rowsOf(points: readonly Point[], unit: EnergyUnit = "kWh"): StatisticsRow[] {
  const wh = WATT_HOURS[unit];
  let sum = SUM_0 * 1000;
  const rows: StatisticsRow[] = [];
  for (const [index, point] of points.entries()) {
    if (index === 0) continue;
    const [value, before] = [point.registers.energy_import ?? 0, points[index - 1]?.registers.energy_import ?? 0];
    sum += value < before ? value : value - before;
    if (point.at % HOUR_MS === 0) rows.push({ start: point.at - HOUR_MS, state: value / wh, sum: sum / wh });
  }
  return rows;
}
const at = (hour: number) => BEGIN + hour * HOUR_MS;
const without = (rows: readonly StatisticsRow[], hours: readonly number[]) =>
  rows.filter(({ start }) => !hours.includes((start - BEGIN) / HOUR_MS));
const planOf = (
  rows: readonly StatisticsRow[],
  points: readonly Point[],
  more: Partial<Parameters<typeof planBackfill>[0]> = {},
): Plan => planBackfill({ rows, points, key: "energy_import", unit: "kWh", now: at(1_000), ...more });
const reasons = (plan: Plan) => plan.left.map(({ start, reason }) => [(start - BEGIN) / HOUR_MS, reason]);

const points = ledgerOf(30, (quarter) => 90 + (quarter % 7));
const rows = rowsOf(points);

describe("the plan of a backfill", () => {
  it("is empty if no hour is missing", () => {
    expect(planOf(rows, points)).toEqual({ write: [], left: [] });
  });

  it("gives missing hours the state and sum that they would have had", () => {
    const plan = planOf(without(rows, [10, 11, 12, 20]), points);
    expect(plan.left).toEqual([]);
    expect(plan.write.map(({ start }) => start)).toEqual([10, 11, 12, 20].map(at));
    for (const row of plan.write) {
      const original = rows.find(({ start }) => start === row.start);
      expect(row.state).toBeCloseTo(original?.state ?? Number.NaN, 9);
      expect(row.sum).toBeCloseTo(original?.sum ?? Number.NaN, 9);
    }
    expect(planOf([...without(rows, [10, 11, 12, 20]), ...plan.write], points).write).toEqual([]);
  });

  it.each(["Wh", "kWh", "MWh"] as const)("writes in %s if that is the statistic's unit", (unit) => {
    const inUnit = rowsOf(points, unit);
    const [row] = planOf(without(inUnit, [10]), points, { unit }).write;
    expect(row?.sum).toBeCloseTo(inUnit[10]?.sum ?? Number.NaN, 9);
  });

  it("leaves the rest of the hour in which Home Assistant stopped in the hour of its return", () => {
    const parted = without(rows, [10, 11]).map((row) => {
      const missed = row.start === at(9) ? 0.15 : 0;
      return { start: row.start, state: (row.state ?? 0) - missed, sum: (row.sum ?? 0) - missed };
    });
    const plan = planOf(parted, points);
    const changes = [...parted, ...plan.write].sort((a, b) => a.start - b.start).map(({ sum }) => sum ?? 0);
    const change = (hour: number) => (changes[hour] ?? 0) - (changes[hour - 1] ?? 0);
    const original = (hour: number) => (rows[hour]?.sum ?? 0) - (rows[hour - 1]?.sum ?? 0);
    expect(change(10)).toBeCloseTo(original(10), 9);
    expect(change(11)).toBeCloseTo(original(11), 9);
    expect(change(12)).toBeCloseTo(original(12) + 0.15, 9);
  });

  it("resumes after a killed run, although the first hours are below the register", () => {
    const parted = without(rows, [10, 11, 12]).map((row) => {
      const missed = row.start === at(9) ? 0.36 : 0;
      return { start: row.start, state: (row.state ?? 0) - missed, sum: (row.sum ?? 0) - missed };
    });
    const whole = planOf(parted, points).write;
    const [first] = whole;
    if (first === undefined) throw new Error("nothing is written");
    const again = planOf([...parted, first], points, { written: new Map([[first.start, first]]) });
    expect(again.write).toEqual(whole.slice(1));
  });

  it("never spreads a gap of the ledger: hours before it are written, those after it are left", () => {
    const gap = points.filter((_, quarter) => quarter < 46 || quarter > 49);
    const plan = planOf(without(rows, [10, 11, 12, 13]), gap);
    expect(plan.write.map(({ start }) => start)).toEqual([at(10)]);
    expect(reasons(plan)).toEqual([
      [11, "ledger-gap"],
      [12, "ledger-gap"],
      [13, "hour-before-missing"],
    ]);
  });

  it("leaves a hole in which the register was reset or the clock was set", () => {
    const reset = ledgerOf(30, () => 100, { 45: "reset" });
    expect(planOf(without(rowsOf(reset), [10, 11]), reset).write).toEqual([]);
    expect(reasons(planOf(without(rowsOf(reset), [11]), reset))).toEqual([[11, "ledger-reset"]]);
    const clock = ledgerOf(30, () => 100, { 45: "clock" });
    expect(reasons(planOf(without(rowsOf(clock), [11]), clock))).toEqual([[11, "ledger-gap"]]);
  });

  it("leaves a hole next to edited rows, to the Wh", () => {
    const edit = (hour: number, more: { state?: number; sum?: number }) =>
      without(rows, [10, 11]).map((row) =>
        row.start === at(hour)
          ? { ...row, state: (row.state ?? 0) + (more.state ?? 0), sum: (row.sum ?? 0) + (more.sum ?? 0) }
          : row,
      );
    expect(reasons(planOf(edit(12, { sum: 0.001 }), points))).toEqual([
      [10, "sum-differs"],
      [11, "sum-differs"],
    ]);
    expect(reasons(planOf(edit(9, { sum: -0.001 }), points))[0]).toEqual([10, "sum-differs"]);
    expect(reasons(planOf(edit(9, { state: -5, sum: -5 }), points))[0]).toEqual([10, "row-before-differs"]);
    expect(reasons(planOf(edit(12, { state: 5, sum: 5 }), points))[0]).toEqual([10, "row-after-differs"]);
  });

  it("waits for the row after the hole and never touches the current hour", () => {
    const open = rows.slice(0, 10);
    expect(reasons(planOf(open, points, { now: at(12) + 60_000 }))).toEqual([[10, "no-row-after"]]);
    expect(planOf(open, points, { now: at(11) + 60_000 })).toEqual({ write: [], left: [] });
  });

  it("respects --from and --to", () => {
    const holes = without(rows, [10, 11, 20, 21]);
    const only = planOf(holes, points, {
      isAfterFrom: (start) => start >= at(15),
      isBeforeTo: (start) => start < at(21),
    });
    expect(only.write.map(({ start }) => start)).toEqual([at(20)]);
    expect(only.left).toEqual([]);
    expect(reasons(planOf(holes, points, { isAfterFrom: (start) => start >= at(11) }))).toEqual([[11, "before-from"]]);
  });

  it("omits hours beyond the ledger", () => {
    expect(planOf(without(rows, [2, 3]), points.slice(30))).toEqual({ write: [], left: [] });
    expect(planOf(rows, [])).toEqual({ write: [], left: [] });
  });

  it("random holes, gaps, resets and edits: existing rows are kept, sums only grow, a second run finds nothing", () => {
    let writes = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const random = seededRandom(seed);
      const marks: Record<number, PointMark> = {};
      for (const mark of ["reset", "clock", "interpolated"] as const) {
        if (random() < 0.3) marks[1 + Math.floor(random() * 190)] = mark;
      }
      const whole = ledgerOf(48, () => Math.floor(random() * 300), marks);
      const loss = random() < 0.5 ? 0 : 0.03;
      const ledger = whole.filter(({ mark }) => mark === "reset" || mark === "clock" || random() >= loss);
      const present = rowsOf(whole)
        .filter(() => random() > 0.4)
        .map((row) => {
          // Home Assistant stopped in the middle of the hour, or a row was edited.
          const [missed, edited] = [random() < 0.1 ? 0.02 : 0, random() < 0.1 ? 0.005 : 0];
          return { start: row.start, state: (row.state ?? 0) - missed, sum: (row.sum ?? 0) - missed + edited };
        });
      const { write } = planOf(present, ledger);
      writes += write.length;
      const starts = new Set(present.map(({ start }) => start));
      expect(write.filter(({ start }) => starts.has(start))).toEqual([]);
      const after = [...present, ...write].sort((a, b) => a.start - b.start);
      for (const row of write) {
        const index = after.findIndex(({ start }) => start === row.start);
        expect(row.sum).toBeGreaterThanOrEqual(after[index - 1]?.sum ?? Number.NaN);
        expect(after[index + 1]?.sum ?? Number.NaN).toBeGreaterThanOrEqual(row.sum - 1e-6);
        // The bar of a written hour equals the ledger's.
        expect(row.start - (after[index - 1]?.start ?? 0)).toBe(HOUR_MS);
        const ends = [row.start, row.start + HOUR_MS].map((time) => ledger.find((point) => point.at === time));
        const [from, to] = ends.map((point) => point?.registers.energy_import ?? Number.NaN);
        expect(row.sum - (after[index - 1]?.sum ?? 0)).toBeCloseTo(((to ?? 0) - (from ?? 0)) / 1000, 6);
      }
      const written = new Map(write.map((row) => [row.start, row]));
      expect(planOf(after, ledger, { written }).write).toEqual([]);
      // If it is killed after any of them, the next run yields the same state.
      const done = write.slice(0, Math.floor(random() * write.length));
      const rest = planOf([...present, ...done], ledger, { written }).write;
      expect([...done, ...rest]).toEqual(write);
    }
    expect(writes).toBeGreaterThan(500);
  });
});
