import { describe, expect, it } from "vitest";
import type { TariffWindowConfig } from "../../src/config/options.ts";
import { isInWindow, isWithinWindow, tariffWindow } from "../../src/ledger/tariff-window.ts";

const everyDay = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as TariffWindowConfig["weekdays"];
const everyMonth = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const windowOf = (more: Partial<TariffWindowConfig>) =>
  tariffWindow({ name: "window", months: everyMonth, weekdays: everyDay, from: "10:00", to: "16:00", ...more });
/** The instant with the offset in the text. */
const instant = (text: string) => {
  const [, sign = "+", hours = 0, minutes = 0] = /([+-])(\d\d):(\d\d)$/.exec(text) ?? [];
  return { at: Date.parse(text), offset: Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) };
};

describe("a tariff window", () => {
  it("Austria's summer window applies from 10:00 to 16:00, 1 April to 30 September", () => {
    const summer = windowOf({ months: [4, 5, 6, 7, 8, 9] });
    const inside = ["2026-04-01T10:00:00+02:00", "2026-09-30T15:45:00+02:00"];
    const outside = ["2026-04-01T09:45:00+02:00", "2026-09-30T16:00:00+02:00", "2026-03-31T12:00:00+02:00"];
    expect(inside.map((text) => isInWindow(summer, instant(text)))).toEqual([true, true]);
    expect(outside.map((text) => isInWindow(summer, instant(text)))).toEqual([false, false, false]);
  });

  it("overnight belongs entirely to the day on which it begins", () => {
    const friday = windowOf({ weekdays: ["fri"], from: "22:00", to: "06:00" });
    // 2026-03-06 is a Friday.
    expect(isInWindow(friday, instant("2026-03-06T22:00:00+01:00"))).toBe(true);
    expect(isInWindow(friday, instant("2026-03-07T05:45:00+01:00"))).toBe(true);
    expect(isInWindow(friday, instant("2026-03-07T06:00:00+01:00"))).toBe(false);
    expect(isInWindow(friday, instant("2026-03-06T05:45:00+01:00"))).toBe(false);
  });

  it("with its own zone follows that zone, whatever offset the meter sends, over both clock changes", () => {
    const vienna = windowOf({ time_zone: "Europe/Vienna" });
    // The meter uses UTC+1 all year.
    for (const [text, expected] of [
      ["2026-03-28T10:00:00+01:00", true],
      ["2026-03-28T09:45:00+01:00", false],
      ["2026-03-29T09:00:00+01:00", true],
      ["2026-03-29T15:00:00+01:00", false],
      ["2026-10-24T09:00:00+01:00", true],
      ["2026-10-25T09:00:00+01:00", false],
      ["2026-10-25T15:45:00+01:00", true],
    ] as const) {
      expect(isInWindow(vienna, instant(text)), text).toBe(expected);
    }
    expect(isInWindow(windowOf({}), instant("2026-03-29T09:00:00+01:00"))).toBe(false);
  });

  it("contains a gap only if all of it lies within", () => {
    const window = windowOf({ time_zone: "Europe/Vienna" });
    const gap = (start: string, end: string) => ({ start: instant(start), end: instant(end) });
    expect(isWithinWindow(window, gap("2026-06-01T10:00:00+02:00", "2026-06-01T16:00:00+02:00"))).toBe(true);
    expect(isWithinWindow(window, gap("2026-06-01T10:00:00+02:00", "2026-06-01T16:15:00+02:00"))).toBe(false);
    expect(isWithinWindow(window, gap("2026-06-01T10:00:00+02:00", "2026-06-03T12:00:00+02:00"))).toBe(false);
  });
});
