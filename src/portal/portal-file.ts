/** Parses a grid operator's CSV into quarters with their energy. Ambiguous times yield several readings. */
import { instantsOf, type ZoneOffset } from "../ledger/local-time.ts";
import { decimalSign, parseDate, parseNumber, parseStamp, parseTime, type Stamp } from "./cells.ts";
import { type Columns, findColumns, type Register, type TimeColumn } from "./columns.ts";
import { PortalError } from "./portal-error.ts";
import { readTable, type Table } from "./table.ts";

const QUARTER_MS = 900_000;
const CET_MINUTES = 60;

/** Energy of the quarter that begins at `start` (milliseconds since 1970), Wh; `null` if the file has no value. */
export interface PortalQuarter {
  readonly start: number;
  readonly line: number;
  readonly energy: Readonly<Partial<Record<Register, number | null>>>;
}

/** One interpretation of the times of the file. */
export interface Reading {
  /** `local time`, `UTC`, `UTC+1 all year`, `as stated` */
  readonly zone: string;
  /** Which end of its quarter a time refers to. */
  readonly names: "start" | "end";
  readonly quarters: readonly PortalQuarter[];
}

export interface PortalFile {
  readonly encoding: Table["encoding"];
  readonly separator: string;
  readonly decimal: "," | ".";
  readonly headings: Readonly<Partial<Record<Register, string>>>;
  /** At least one, the likeliest first; more only if the file is ambiguous. */
  readonly readings: readonly Reading[];
}

interface Entry {
  readonly line: number;
  readonly stamp: Stamp;
  readonly energy: PortalQuarter["energy"];
}

/**
 * @param zone time zone of local times
 * @throws PortalError with the line that cannot be parsed
 */
export function readPortalFile(bytes: Uint8Array, zone: ZoneOffset): PortalFile {
  const table = readTable(bytes);
  const columns = findColumns(table);
  const { data, values } = columns;
  const decimal = decimalSign(data.flatMap(({ cells }) => values.map(({ index }) => cells[index] ?? "")));
  const entries = inOrder(entriesOf(columns, decimal));
  checkSteps(entries);
  const ends =
    columns.start !== null ? ["start" as const] : columns.end !== null ? ["end" as const] : namedEnds(entries);
  const readings = zonesOf(entries, columns.zone, zone).flatMap(({ name, offsets }) =>
    ends.map((names) => ({ zone: name, names, quarters: quartersOf(entries, offsets, names) })),
  );
  const headings = Object.fromEntries(values.map(({ register, heading }) => [register, heading]));
  return { encoding: table.encoding, separator: table.separator, decimal, headings, readings };
}

function entriesOf({ start, end, either, data, values }: Columns, decimal: "," | "."): Entry[] {
  const column = (start ?? end ?? either) as TimeColumn;
  const entries: Entry[] = [];
  for (const { line, cells } of data) {
    const stamp = stampOf(cells, column);
    if (stamp === null) {
      // A line of totals at the end is not a quarter.
      if (!/\d/.test(cells[column.date] ?? "")) continue;
      throw new PortalError(`'${cells[column.date] ?? ""}' is not a date and time`, line);
    }
    const energy: Partial<Record<Register, number | null>> = {};
    for (const { index, register, factor } of values) {
      const cell = cells[index] ?? "";
      const value = parseNumber(cell, decimal);
      if (value === null && !/^(?:|-+|n\/a|null)$/i.test(cell))
        throw new PortalError(`'${cell}' is not a number`, line);
      energy[register] = value === null ? null : Math.round(value * factor * 1000) / 1000;
    }
    entries.push({ line, stamp, energy });
  }
  return entries;
}

function stampOf(cells: readonly string[], { date, time }: TimeColumn): Stamp | null {
  if (time === null) return parseStamp(cells[date] ?? "") ?? midnight(cells[date] ?? "");
  const [day, ms] = [parseDate(cells[date] ?? ""), parseTime(cells[time] ?? "")];
  return day === null || ms === null ? null : { local: day + ms, offset: null };
}

/** Some spreadsheets omit 00:00. */
function midnight(cell: string): Stamp | null {
  const day = parseDate(cell);
  return day === null ? null : { local: day, offset: null };
}

/** Reverses a file that has the newest quarter first. */
function inOrder(entries: Entry[]): Entry[] {
  const [first, last] = [entries[0], entries.at(-1)];
  return first !== undefined && last !== undefined && first.stamp.local > last.stamp.local
    ? entries.reverse()
    : entries;
}

function checkSteps(entries: readonly Entry[]): void {
  const steps = entries.slice(1).map(({ stamp, line }, index) => {
    const before = (entries[index] as Entry).stamp;
    const passed = stamp.local - (stamp.offset ?? 0) * 60_000 - (before.local - (before.offset ?? 0) * 60_000);
    return { passed, line };
  });
  const usual = steps.map(({ passed }) => passed).sort((a, b) => a - b)[steps.length >> 1];
  if (usual !== undefined && usual !== QUARTER_MS) {
    throw new PortalError(
      `the lines are ${usual / 60_000} minutes apart; a file with quarter hours is needed`,
      steps[0]?.line ?? null,
    );
  }
  const odd = entries.find(({ stamp }) => stamp.local % QUARTER_MS !== 0);
  if (odd !== undefined) throw new PortalError("the time is not a quarter of an hour", odd.line);
}

/** Determined by the first and last time of the file if those are day boundaries; else both are possible. */
function namedEnds(entries: readonly Entry[]): readonly ("start" | "end")[] {
  const ofDay = (entry: Entry | undefined): number => (entry?.stamp.local ?? 0) % 86_400_000;
  const [first, last] = [ofDay(entries[0]), ofDay(entries.at(-1))];
  if (first === QUARTER_MS && last === 0) return ["end"];
  if (first === 0 && last === 86_400_000 - QUARTER_MS) return ["start"];
  return ["start", "end"];
}

/** The possible zones of the times, narrowed down by the hours around a change of the clock. */
function zonesOf(
  entries: readonly Entry[],
  said: Columns["zone"],
  zone: ZoneOffset,
): { name: string; offsets: ZoneOffset }[] {
  const fixed = (name: string, minutes: number) => ({ name, offsets: () => minutes });
  const [utc, cet, local] = [
    fixed("UTC", 0),
    fixed("UTC+1 all year", CET_MINUTES),
    { name: "local time", offsets: zone },
  ];
  if (entries.every(({ stamp }) => stamp.offset !== null)) return [{ name: "as stated", offsets: zone }];
  if (said === "utc") return [utc];
  if (said === "cet") return [cet];
  const times = new Map<number, number>();
  for (const { stamp } of entries) times.set(stamp.local, (times.get(stamp.local) ?? 0) + 1);
  // The middle of an hour, so that start and end of the quarter lie in the same one.
  const middles = [...times].filter(([at]) => at % 3_600_000 === 1_800_000);
  const skipped = middles.filter(([at]) => instantsOf(at, zone).length === 0);
  const repeated = middles.filter(([at]) => instantsOf(at, zone).length === 2);
  if (skipped.length > 0 || repeated.some(([, count]) => count === 1)) return [cet, utc];
  if (repeated.length > 0) return [local];
  const leapt = entries.some(({ stamp }, index) => {
    const next = entries[index + 1]?.stamp.local ?? stamp.local;
    return next - stamp.local > 3_600_000 - 1 && instantsOf(stamp.local + 2_700_000, zone).length === 0;
  });
  return leapt ? [local] : [local, cet, utc];
}

function quartersOf(entries: readonly Entry[], offsets: ZoneOffset, names: "start" | "end"): PortalQuarter[] {
  let before = Number.NEGATIVE_INFINITY;
  return entries.map(({ line, stamp, energy }) => {
    const at = instantOf(stamp, offsets, before, line);
    before = at;
    return { start: names === "end" ? at - QUARTER_MS : at, line, energy };
  });
}

/** In the hour repeated in autumn, the first instant after the previous line. */
function instantOf({ local, offset }: Stamp, offsets: ZoneOffset, before: number, line: number): number {
  if (offset !== null) return local - offset * 60_000;
  const found = instantsOf(local, offsets).map(({ at }) => at);
  // The end of the last quarter before the clock goes forward may be given in the skipped hour.
  const all = found.length > 0 ? found : [local - offsets(local - 86_400_000) * 60_000];
  const at = all.find((candidate) => candidate > before);
  if (at === undefined) throw new PortalError("the time is not after that of the line before", line);
  return at;
}
