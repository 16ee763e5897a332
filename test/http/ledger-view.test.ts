import { describe, expect, it } from "vitest";
import { isDate, LedgerViews, ledgerCsv, ledgerView } from "../../src/http/ledger-view.ts";
import { intervalsOf } from "../../src/ledger/intervals.ts";
import { type Point, QUARTER_MS } from "../../src/ledger/point.ts";
import type { TariffWindow } from "../../src/ledger/tariff-window.ts";
import { seededRandom } from "../helpers/random.ts";

const MIDNIGHT = Date.parse("2026-06-10T00:00:00+02:00");
const noon: TariffWindow = {
  name: "noon",
  months: [6],
  weekdays: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
  from: "00:15",
  to: "00:30",
};
const point = (quarter: number, wh: number, mark: Point["mark"] = "ok"): Point => ({
  at: MIDNIGHT + quarter * QUARTER_MS,
  offset: 120,
  registers: { energy_import: wh },
  mark,
});
const view = (points: Point[], range: "day" | "month" | "year" = "day") =>
  ledgerView({ points: async () => points }, [noon], { meter: "house", range, date: "2026-06-10" });

describe("the page's view of the ledger", () => {
  it("has quarters, a gap as one marked row, the peak and the window", async () => {
    const { rows, peak, startAt, endAt } = await view([point(0, 0), point(1, 100), point(2, 400), point(5, 2_000)]);
    expect(rows.map(({ importWh, exportWh, mark, windows }) => [importWh, exportWh, mark, windows])).toEqual([
      [100, null, "", []],
      [300, null, "", ["noon"]],
      [1_600, null, "gap", []],
    ]);
    expect(peak).toEqual({ start: "2026-06-10T00:15:00+02:00", watts: 1_200 });
    expect([startAt, endAt - startAt]).toEqual([MIDNIGHT, 96 * QUARTER_MS]);
  });

  it("marks a register that fell and does not count it as the peak", async () => {
    const { rows, peak } = await view([point(0, 9_000), point(1, 9_100), point(2, 5, "reset")]);
    expect(rows.map(({ importWh, mark }) => [importWh, mark])).toEqual([
      [100, ""],
      [-9_095, "reset"],
    ]);
    expect(peak?.watts).toBe(400);
  });

  it("has the days of a month, with its highest quarter", async () => {
    const { rows, peak } = await view([point(0, 0), point(1, 900), point(96, 1_000), point(192, 1_500)], "month");
    expect(rows.map(({ start, importWh, mark }) => [start.slice(0, 10), importWh, mark])).toEqual([
      ["2026-06-10", 1_000, ""],
      ["2026-06-11", 500, ""],
    ]);
    expect(peak).toEqual({ start: "2026-06-10T00:00:00+02:00", watts: 3_600 });
  });

  it("has a day of 23 hours when summer time begins", async () => {
    const at = (text: string, offset: number): Point => ({ at: Date.parse(text), offset, registers: {}, mark: "ok" });
    const points = [at("2026-03-29T00:00:00+01:00", 60), at("2026-03-30T00:00:00+02:00", 120)];
    const ledger = { points: async () => points };
    const { startAt, endAt } = await ledgerView(ledger, [], { meter: "", range: "day", date: "2026-03-29" });
    expect(endAt - startAt).toBe(23 * 3_600_000);
  });

  it("has the same peak as the intervals, for any points", async () => {
    const random = seededRandom(12);
    const pick = <T>(...values: T[]): T => values[Math.floor(random() * values.length)] as T;
    for (let round = 0; round < 200; round++) {
      const points: Point[] = [];
      let [at, wh] = [0, 0];
      for (let i = 0; i < 40; i++) {
        at += pick(1, 1, 1, 1, 2, 0.3);
        wh += Math.floor(random() * 50);
        points.push(point(at, wh, pick("ok", "ok", "ok", "interpolated", "clock", "reset", "last")));
        if (at % 1 !== 0 && random() < 0.5) at = Math.ceil(at);
      }
      const quarters = intervalsOf(points).filter(({ mark }) => mark === "");
      const most = Math.max(0, ...quarters.map(({ energy }) => energy.energy_import ?? 0));
      expect((await view(points)).peak?.watts ?? 0).toBe(most * 4);
    }
  });

  it("reads a month or a year every five minutes, a day every time", async () => {
    let [reads, now] = [0, 0];
    const ledger = {
      points: async () => {
        reads++;
        return [point(0, 0), point(1, 100)];
      },
    };
    const views = new LedgerViews(ledger, [], () => now);
    const year = { meter: "house", range: "year", date: "2026-06-10" } as const;
    await Promise.all([views.view(year), views.view({ ...year, date: "2026-01-01" })]);
    expect(reads).toBe(1);
    await views.view({ ...year, range: "day" });
    await views.view({ ...year, range: "day" });
    expect(reads).toBe(3);
    now += 300_000;
    expect((await views.view(year)).rows).toHaveLength(1);
    expect(reads).toBe(4);
  });

  it("exports the shown data as CSV", async () => {
    expect(ledgerCsv(await view([point(1, 0), point(2, 250)]))).toBe(
      "start,end,energy_import_kwh,energy_export_kwh,mark,windows\n" +
        "2026-06-10T00:15:00+02:00,2026-06-10T00:30:00+02:00,0.250,,,noon\n",
    );
  });

  it("accepts only calendar dates", () => {
    expect(["2026-06-10", "2026-02-30", "2026-6-1", "x", ""].map(isDate)).toEqual([true, false, false, false, false]);
  });
});
