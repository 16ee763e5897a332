/** The ledger as the page shows it: the quarters of a day, the days of a month, the months of a year; and the same as CSV. */
import { type Interval, type Step, stepsOf } from "../ledger/intervals.ts";
import type { LedgerReader } from "../ledger/ledger-reader.ts";
import { formatLocal, type LocalInstant, localTime } from "../ledger/local-time.ts";
import { isBoundary, type Point, QUARTER_MS } from "../ledger/point.ts";
import { isWithinWindow, type TariffWindow } from "../ledger/tariff-window.ts";
import type { LedgerRange, LedgerRow, LedgerView } from "./page-model.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STEP_OF: Readonly<Record<LedgerRange, Step>> = { day: "quarter", month: "day", year: "month" };

/** Which part of the ledger to show. */
export interface LedgerQuery {
  readonly meter: string;
  readonly range: LedgerRange;
  /** A date within the day, month or year, `2026-03-29`. */
  readonly date: string;
}

/** Whether a text is a date of the calendar, `2026-03-29`. */
export function isDate(text: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/**
 * Rows that begin in the range, by the meter's local time.
 * @throws the file system's error if the ledger exists but cannot be read
 */
export async function ledgerView(
  ledger: Pick<LedgerReader, "points">,
  windows: readonly TariffWindow[],
  { meter, range, date }: LedgerQuery,
): Promise<LedgerView> {
  const [from, to] = limitsOf(range, date);
  const utc = (text: string): number => Date.parse(`${text}Z`);
  const [fromTime, toTime] = [utc(from), utc(to)];
  const isFrom = (instant: LocalInstant): boolean => localTime(instant) >= fromTime;
  const isTo = (instant: LocalInstant): boolean => localTime(instant) >= toTime;
  const points = await ledger.points(meter, { from: fromTime - DAY_MS, to: toTime + DAY_MS });
  const intervals = stepsOf(points, STEP_OF[range], { from: isFrom, to: isTo });
  // The offset may change within the range.
  const [first, last] = [intervals[0]?.start, intervals.at(-1)?.end];
  return {
    startAt: fromTime - (first?.offset ?? 0) * 60_000,
    endAt: toTime - (last?.offset ?? 0) * 60_000,
    rows: intervals.map((interval) => rowOf(interval, range === "day" ? windows : [])),
    peak: peakOf(points, fromTime, toTime),
  };
}

/** As printed by `kaifa2mqtt export`, plus the names of the tariff windows. */
export function ledgerCsv({ rows }: LedgerView): string {
  const kwh = (wh: number | null): string => (wh === null ? "" : (wh / 1000).toFixed(3));
  const cell = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = rows.map(
    (row) =>
      `${row.start},${row.end},${kwh(row.importWh)},${kwh(row.exportWh)},${row.mark},${cell(row.windows.join(" "))}`,
  );
  return ["start,end,energy_import_kwh,energy_export_kwh,mark,windows", ...lines, ""].join("\n");
}

/** Local start (included) and end (not included) of the day, month or year. */
function limitsOf(range: LedgerRange, date: string): [from: string, to: string] {
  const [year = 0, month = 1, day = 1] = date.split("-").map(Number);
  const text = (...parts: [number, number, number]): string => {
    const at = new Date(0);
    // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
    at.setUTCFullYear(...parts);
    return at.toISOString().slice(0, 19);
  };
  switch (range) {
    case "day":
      return [text(year, month - 1, day), text(year, month - 1, day + 1)];
    case "month":
      return [text(year, month - 1, 1), text(year, month, 1)];
    case "year":
      return [text(year, 0, 1), text(year + 1, 0, 1)];
  }
}

function rowOf(interval: Interval, windows: readonly TariffWindow[]): LedgerRow {
  const { start, end, energy, mark } = interval;
  return {
    start: formatLocal(start),
    end: formatLocal(end),
    importWh: energy.energy_import ?? null,
    exportWh: energy.energy_export ?? null,
    mark,
    windows: windows.filter((window) => isWithinWindow(window, interval)).map(({ name }) => name),
  };
}

/**
 * The complete quarter with the highest import in the range, the first of equal ones; `null` if nothing was imported.
 * Works on the points directly, because a year has 35,000 of them.
 */
function peakOf(points: readonly Point[], fromTime: number, toTime: number): LedgerView["peak"] {
  let [peak, most]: [Point | null, number] = [null, 0];
  let before: Point | null = null;
  let wasBroken = false;
  for (const point of points) {
    if (point.mark === "clock" || point.mark === "reset") wasBroken = true;
    if (!isBoundary(point)) continue;
    if (before !== null && !wasBroken && point.at - before.at === QUARTER_MS) {
      const energy =
        (point.registers.energy_import ?? 0) - (before.registers.energy_import ?? Number.POSITIVE_INFINITY);
      const start = localTime(before);
      if (energy > most && start >= fromTime && start < toTime) [peak, most] = [before, energy];
    }
    before = point;
    wasBroken = false;
  }
  return peak === null ? null : { start: formatLocal(peak), watts: Math.round((most * HOUR_MS) / QUARTER_MS) };
}

/** Maximum number of cached views: one per meter, month and year that somebody has open. */
const MAX_VIEWS = 8;
/** Cache lifetime of a month or year: pages reload every minute, and a year takes half a second of CPU time. */
const KEEP_MS = 300_000;

/** Reads views of the ledger, and caches months and years. */
export class LedgerViews {
  readonly #ledger: Pick<LedgerReader, "points">;
  readonly #windows: readonly TariffWindow[];
  readonly #now: () => number;
  readonly #kept = new Map<string, { readonly at: number; readonly view: Promise<LedgerView> }>();

  constructor(ledger: Pick<LedgerReader, "points">, windows: readonly TariffWindow[], now: () => number = Date.now) {
    this.#ledger = ledger;
    this.#windows = windows;
    this.#now = now;
  }

  /** @throws like `ledgerView` */
  async view(query: LedgerQuery): Promise<LedgerView> {
    const read = () => ledgerView(this.#ledger, this.#windows, query);
    if (query.range === "day") return read();
    const [year = "", month = ""] = query.date.split("-");
    const key = [query.meter, query.range, year, query.range === "month" ? month : ""].join(" ");
    const now = this.#now();
    const kept = this.#kept.get(key);
    if (kept !== undefined && Math.abs(now - kept.at) < KEEP_MS) return kept.view;
    const view = read();
    this.#kept.delete(key);
    this.#kept.set(key, { at: now, view });
    view.catch(() => this.#kept.delete(key));
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_VIEWS && oldest !== undefined) this.#kept.delete(oldest);
    return view;
  }
}
