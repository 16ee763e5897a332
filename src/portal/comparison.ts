/** Compares a portal's quarters with ours. */
import type { Interval } from "../ledger/intervals.ts";
import type { Register } from "./columns.ts";
import type { PortalFile, PortalQuarter, Reading } from "./portal-file.ts";

/** A quarter of the file, or one missing from it. Energies in Wh; `null`: unknown there. */
export interface ComparedQuarter {
  readonly start: number;
  readonly register: Register;
  readonly portal: number | null;
  readonly ledger: number | null;
  /** Ours minus theirs; `null` if either is unknown. */
  readonly difference: number | null;
  /** `gap`, `reset`: as the ledger marks the time; `missing`: not in the ledger; `not-in-file`. */
  readonly mark: "" | "gap" | "reset" | "missing" | "not-in-file";
}

export interface Comparison {
  readonly reading: Reading;
  readonly quarters: readonly ComparedQuarter[];
  /** Number of quarters in both. */
  readonly compared: number;
  readonly differing: number;
  /** Wh over the quarters in both. */
  readonly portal: number;
  readonly ledger: number;
}

const QUARTER_MS = 900_000;
const REGISTERS = ["energy_import", "energy_export"] as const;

/** Interprets the file's times in the way that fits best; among equally good ones, the likeliest. */
export function compare(file: PortalFile, intervals: readonly Interval[], tolerance: number): Comparison {
  const all = file.readings.map((reading) => compareReading(reading, intervals, tolerance));
  const score = ({ compared, differing }: Comparison): number => compared - differing;
  return all.reduce((best, next) => (score(next) > score(best) ? next : best));
}

function compareReading(reading: Reading, intervals: readonly Interval[], tolerance: number): Comparison {
  const quarters = new Map<number, Interval>();
  for (const interval of intervals) {
    for (let at = interval.start.at; at < interval.end.at; at += QUARTER_MS) {
      quarters.set(Math.floor(at / QUARTER_MS) * QUARTER_MS, interval);
    }
  }
  const theirs = new Map(reading.quarters.map((quarter) => [quarter.start, quarter]));
  const [first, last] = [reading.quarters[0]?.start ?? 0, reading.quarters.at(-1)?.start ?? -1];
  const registers = REGISTERS.filter((register) =>
    reading.quarters.some(({ energy }) => energy[register] !== undefined),
  );
  const found: ComparedQuarter[] = [];
  for (let start = first; start <= last; start += QUARTER_MS) {
    for (const register of registers)
      found.push(compareQuarter(start, register, theirs.get(start), quarters.get(start)));
  }
  const known = found.filter(({ difference }) => difference !== null);
  const sum = (key: "portal" | "ledger"): number =>
    round(known.reduce((total, quarter) => total + (quarter[key] ?? 0), 0));
  return {
    reading,
    quarters: found,
    compared: known.length,
    differing: known.filter(({ difference }) => Math.abs(difference ?? 0) > tolerance).length,
    portal: sum("portal"),
    ledger: sum("ledger"),
  };
}

function compareQuarter(
  start: number,
  register: Register,
  theirs: PortalQuarter | undefined,
  ours: Interval | undefined,
): ComparedQuarter {
  const portal = theirs?.energy[register] ?? null;
  const value = ours?.energy[register];
  const ledger = ours === undefined || ours.mark !== "" || value === undefined ? null : value;
  const mark = ours === undefined || value === undefined ? "missing" : ours.mark;
  return {
    start,
    register,
    portal,
    ledger,
    difference: portal === null || ledger === null ? null : round(ledger - portal),
    mark: mark === "" && portal === null ? "not-in-file" : mark,
  };
}

function round(wattHours: number): number {
  return Math.round(wattHours * 1000) / 1000;
}
