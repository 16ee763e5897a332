/** Assigns quarters to tariff windows (option `tariff_windows`). */
import type { TariffWindowConfig } from "../config/options.ts";
import type { Interval } from "./intervals.ts";
import { type LocalInstant, type ZoneOffset, zoneOffset } from "./local-time.ts";
import { QUARTER_MS } from "./point.ts";

const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const DAY_MS = 86_400_000;
/** A gap longer than a day belongs to no window. */
const MAX_QUARTERS = 96;

export interface TariffWindow extends Omit<TariffWindowConfig, "time_zone"> {
  /** Its own time zone; without one, the offset of each instant applies. */
  readonly zone?: ZoneOffset;
}

/** Converts a configured window. */
export function tariffWindow({ time_zone: name, ...window }: TariffWindowConfig): TariffWindow {
  return name === undefined ? window : { ...window, zone: zoneOffset(name) };
}

/**
 * Whether the quarter that begins at this instant lies in the window, by the window's local time. A window that ends on
 * the next day belongs entirely to the day on which it begins.
 */
export function isInWindow(window: TariffWindow, { at, offset }: LocalInstant): boolean {
  const { months, weekdays, from, to, zone } = window;
  const local = at + (zone?.(at) ?? offset) * 60_000;
  const minute = Math.floor((local % DAY_MS) / 60_000);
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  const overnight = end <= begin;
  if (overnight ? minute < begin && minute >= end : minute < begin || minute >= end) return false;
  const day = new Date(overnight && minute < end ? local - DAY_MS : local);
  return (
    months.includes(day.getUTCMonth() + 1) && weekdays.includes(WEEKDAYS[day.getUTCDay()] as (typeof WEEKDAYS)[number])
  );
}

/** Whether the whole interval lies in the window, and with it all of its energy. */
export function isWithinWindow(window: TariffWindow, { start, end }: Pick<Interval, "start" | "end">): boolean {
  if (end.at - start.at > MAX_QUARTERS * QUARTER_MS) return false;
  for (let at = start.at; at < end.at; at += QUARTER_MS) {
    if (!isInWindow(window, { at, offset: start.offset })) return false;
  }
  return true;
}

function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}
