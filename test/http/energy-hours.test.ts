import { describe, expect, it } from "vitest";
import { hoursOfPoints } from "../../src/http/energy-hours.ts";
import type { Point } from "../../src/ledger/point.ts";

const HOUR = 3_600_000;
const point = (hours: number, wh: number, registers: Record<string, number> = { energy_import: wh }): Point => ({
  at: hours * HOUR,
  offset: 60,
  registers,
  mark: "ok",
});

describe("the hours of the page", () => {
  it("a register at a full hour ends one hour and begins the next", () => {
    expect(hoursOfPoints([point(10.1, 10), point(10.25, 12), point(11, 20), point(11.25, 25)])).toEqual([
      { start: 10 * HOUR, import: [0.01, 0.02], export: null },
      { start: 11 * HOUR, import: [0.02, 0.025], export: null },
    ]);
  });

  it("an hour without data is left out, and the one after a gap begins with its first register", () => {
    expect(
      hoursOfPoints([point(10, 1), point(10.5, 2), point(13, 30), point(13.25, 31, { energy_export: 7 })]),
    ).toEqual([
      { start: 10 * HOUR, import: [0.001, 0.002], export: null },
      { start: 13 * HOUR, import: [0.03, 0.03], export: [0.007, 0.007] },
    ]);
  });
});
