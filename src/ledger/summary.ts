/** Summary of the current month: the last quarter, the highest one, and the energy in the tariff windows. */
import type { Interval } from "./intervals.ts";
import { type LocalInstant, localText } from "./local-time.ts";
import { isInWindow, isWithinWindow, type TariffWindow } from "./tariff-window.ts";

/** A quarter of known energy, in Wh. */
export interface Quarter {
  readonly start: LocalInstant;
  readonly import: number | null;
  readonly export: number | null;
}

/** The highest quarter of a month, in W of mean import. */
export interface Peak {
  readonly start: LocalInstant;
  readonly power: number;
}

/** Energy imported within a window, Wh. */
export interface WindowEnergy {
  readonly today: number;
  readonly month: number;
}

export class Summary {
  readonly #windows: readonly TariffWindow[];
  /** `2026-03-29`, of the newest interval. */
  #day = "";
  #peak: Peak | null = null;
  #last: (Quarter & { readonly end: number }) | null = null;
  /** Wh by name of the window. */
  #today: Record<string, number> = {};
  #month: Record<string, number> = {};

  constructor(windows: readonly TariffWindow[]) {
    this.#windows = windows;
  }

  /** Adds the next interval. Only a complete quarter can be a peak; if a register fell, the energy is unknown. */
  add(interval: Interval): void {
    const { start, end, energy, mark } = interval;
    this.#enter(localText(start).slice(0, 10));
    const imported = energy.energy_import ?? null;
    this.#last = mark === "" ? { start, end: end.at, import: imported, export: energy.energy_export ?? null } : null;
    if (mark === "reset" || imported === null) return;
    const power = imported * 4;
    if (mark === "" && (this.#peak === null || power > this.#peak.power)) this.#peak = { start, power };
    for (const window of this.#windows) {
      if (!isWithinWindow(window, interval)) continue;
      this.#today[window.name] = (this.#today[window.name] ?? 0) + imported;
      this.#month[window.name] = (this.#month[window.name] ?? 0) + imported;
    }
  }

  /** The quarter that ended at this boundary; `null` if it is not known. */
  quarterBefore(boundary: number): Quarter | null {
    return this.#last?.end === boundary ? this.#last : null;
  }

  /** The highest quarter of the month that contains this instant. */
  peak(now: LocalInstant): Peak | null {
    return localText(now).slice(0, 7) === this.#day.slice(0, 7) ? this.#peak : null;
  }

  /**
   * The energy in each window, including the current quarter.
   * @param running Wh imported so far in the quarter that begins at `quarter`; `null` if unknown
   */
  windows(quarter: LocalInstant, running: number | null): Record<string, WindowEnergy> {
    const day = localText(quarter).slice(0, 10);
    const sameMonth = day.slice(0, 7) === this.#day.slice(0, 7);
    const result: Record<string, WindowEnergy> = {};
    for (const window of this.#windows) {
      const more = running !== null && isInWindow(window, quarter) ? running : 0;
      const today = day === this.#day ? (this.#today[window.name] ?? 0) : 0;
      const month = sameMonth ? (this.#month[window.name] ?? 0) : 0;
      result[window.name] = { today: today + more, month: month + more };
    }
    return result;
  }

  #enter(day: string): void {
    if (day === this.#day) return;
    if (day.slice(0, 7) !== this.#day.slice(0, 7)) {
      this.#peak = null;
      this.#month = {};
    }
    this.#today = {};
    this.#day = day;
  }
}
