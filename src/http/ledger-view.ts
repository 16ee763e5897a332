/** The ledger as the page shows it: the quarters of a day, the days of a month, the months of a year; and the same as CSV. */
import { type Interval, intervalsOf, type Step, stepsOf } from "../ledger/intervals.ts";
import type { LedgerReader } from "../ledger/ledger-reader.ts";
import { formatLocal, type LocalInstant, localText } from "../ledger/local-time.ts";
import { QUARTER_MS } from "../ledger/point.ts";
import { isWithinWindow, type TariffWindow } from "../ledger/tariff-window.ts";
import type { LedgerRange, LedgerRow, LedgerView } from "./page-model.ts";

const DAY_MS = 86_400_000;
const STEP_OF: Readonly<Record<LedgerRange, Step>> = { day: "quarter", month: "day", year: "month" };

/** What is asked for. */
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
 * @throws the error of the file system if the ledger is there but cannot be read
 */
export async function ledgerView(
  ledger: Pick<LedgerReader, "points">,
  windows: readonly TariffWindow[],
  { meter, range, date }: LedgerQuery,
): Promise<LedgerView> {
  const [from, to] = limitsOf(range, date);
  const isFrom = (instant: LocalInstant): boolean => localText(instant) >= from;
  const isTo = (instant: LocalInstant): boolean => localText(instant) >= to;
  const utc = (text: string): number => Date.parse(`${text}Z`);
  const points = await ledger.points(meter, { from: utc(from) - DAY_MS, to: utc(to) + DAY_MS });
  const intervals = stepsOf(points, STEP_OF[range], { from: isFrom, to: isTo });
  const quarters = intervalsOf(points).filter(({ start, mark }) => isFrom(start) && !isTo(start) && mark === "");
  // The offset may change within the range.
  const [first, last] = [intervals[0]?.start, intervals.at(-1)?.end];
  return {
    startAt: utc(from) - (first?.offset ?? 0) * 60_000,
    endAt: utc(to) - (last?.offset ?? 0) * 60_000,
    rows: intervals.map((interval) => rowOf(interval, range === "day" ? windows : [])),
    peak: peakOf(quarters),
  };
}

/** As `kaifa2mqtt export` prints it, and the names of the tariff windows. */
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

/** The whole quarter with the highest import; of equal ones the first. `null` if nothing was drawn. */
function peakOf(quarters: readonly Interval[]): LedgerView["peak"] {
  let peak: Interval | null = null;
  for (const quarter of quarters) {
    if ((quarter.energy.energy_import ?? 0) > (peak?.energy.energy_import ?? 0)) peak = quarter;
  }
  if (peak === null) return null;
  return {
    start: formatLocal(peak.start),
    watts: Math.round(((peak.energy.energy_import ?? 0) * 3_600_000) / QUARTER_MS),
  };
}
