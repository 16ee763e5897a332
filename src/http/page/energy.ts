/** Energy by hour and by day from the meter readings of each hour. Pure; days are those of the browser's time zone. */
import type { EnergyHour } from "../page-model.ts";

const HOUR_MS = 3_600_000;

/** kWh of one hour or day; `null` where unknown. */
export interface EnergyBar {
  readonly start: number;
  readonly import: number | null;
  readonly export: number | null;
  /** The reading at its end, to which later consumption is added. */
  readonly lastImport: number | null;
  readonly lastExport: number | null;
  /** Start of the first known hour if an earlier part of the bar is unknown; else `null`. */
  readonly since: number | null;
}

type Direction = "import" | "export";

/** The last `count` hours until `now`, oldest first. */
export function hoursOf(hours: readonly EnergyHour[], now: number, count: number): EnergyBar[] {
  const newest = Math.floor(now / HOUR_MS);
  return Array.from({ length: count }, (_, position) => {
    const start = (newest - count + 1 + position) * HOUR_MS;
    return barOf(hours, start, start + HOUR_MS);
  });
}

/** The last `count` days until `now`, oldest first. */
export function daysOf(hours: readonly EnergyHour[], now: number, count: number): EnergyBar[] {
  const today = new Date(now);
  const midnight = (day: number) => new Date(today.getFullYear(), today.getMonth(), today.getDate() + day).getTime();
  return Array.from({ length: count }, (_, position) => {
    const day = position - count + 1;
    return barOf(hours, midnight(day), midnight(day + 1));
  });
}

function barOf(hours: readonly EnergyHour[], from: number, to: number): EnergyBar {
  const within = hours.filter(({ start }) => start >= from && start < to);
  const imported = used(hours, within, from, "import");
  const exported = used(hours, within, from, "export");
  return {
    start: from,
    import: imported?.used ?? null,
    export: exported?.used ?? null,
    lastImport: imported?.last ?? null,
    lastExport: exported?.last ?? null,
    since: sinceWhen(hours, within, from),
  };
}

/** A day that begins with the installation, or after an outage, is incomplete. */
function sinceWhen(hours: readonly EnergyHour[], within: readonly EnergyHour[], from: number): number | null {
  const [first] = within;
  if (first === undefined || hours.some(({ start }) => start === from - HOUR_MS)) return null;
  return first.start;
}

/**
 * Last reading minus the one at the start: the last of the hour before if known, else the first within (after an outage
 * it is unknown when the energy was used). A falling reading means a replaced meter: counting continues from it.
 */
function used(
  hours: readonly EnergyHour[],
  within: readonly EnergyHour[],
  from: number,
  direction: Direction,
): { used: number; last: number } | null {
  const pairs = within.flatMap((hour) => (hour[direction] === null ? [] : [hour[direction]]));
  const before = hours.find(({ start }) => start === from - HOUR_MS)?.[direction] ?? null;
  let counter = before?.[1] ?? pairs[0]?.[0];
  const last = pairs.at(-1)?.[1];
  if (counter === undefined || last === undefined) return null;
  let sum = 0;
  for (const value of pairs.flat()) {
    if (value > counter) sum += value - counter;
    counter = value;
  }
  return { used: sum, last };
}
