/** The registers of every hour, from the ledger: the data of the page's energy plot and of its CSV. */
import type { LedgerReader } from "../ledger/ledger-reader.ts";
import type { Point } from "../ledger/point.ts";
import type { EnergyHour } from "./page-model.ts";

const HOUR_MS = 3_600_000;
/** Time span of the plot. */
const SPAN_MS = 62 * 24 * HOUR_MS;

/** First and last registers of each hour of the last two months for which the ledger has data, oldest first. */
export async function energyHours(
  ledger: Pick<LedgerReader, "points">,
  meter: string,
  now: number,
): Promise<EnergyHour[]> {
  if (meter === "") return [];
  const from = now - SPAN_MS;
  return hoursOfPoints((await ledger.points(meter, { from })).filter(({ at }) => at >= from));
}

/** A register at a full hour ends one hour and begins the next. */
export function hoursOfPoints(points: readonly Point[]): EnergyHour[] {
  const hours = new Map<number, Point[]>();
  const add = (hour: number, point: Point): void => {
    hours.set(hour, [...(hours.get(hour) ?? []), point]);
  };
  for (const [index, point] of points.entries()) {
    const hour = Math.floor(point.at / HOUR_MS);
    const before = points[index - 1];
    if (point.at % HOUR_MS === 0 && before !== undefined && before.at >= point.at - HOUR_MS) add(hour - 1, point);
    // The newest hour begins with the first telegram in it.
    if (point.at % HOUR_MS !== 0 || index < points.length - 1) add(hour, point);
  }
  return [...hours].map(([hour, within]) => ({
    start: hour * HOUR_MS,
    import: pairOf(within, "energy_import"),
    export: pairOf(within, "energy_export"),
  }));
}

function pairOf(points: readonly Point[], key: string): [first: number, last: number] | null {
  const values = points.flatMap(({ registers }) => registers[key] ?? []);
  const [first, last] = [values[0], values.at(-1)];
  return first === undefined || last === undefined ? null : [first / 1000, last / 1000];
}
