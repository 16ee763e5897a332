/**
 * Plans which missing hourly rows of an energy entity to write to Home Assistant's statistics, and their values.
 * Pure: rows and ledger in, plan out.
 *
 * A hole is one or more hours without a row between two rows. Home Assistant books the energy of the whole hole in the
 * row after it, so the sums from there on are right. A written hour gets the state and sum of the row before plus the
 * difference in the ledger; the row after keeps its values, and its bar shrinks to the remainder.
 *
 *     row before   written          written          row after
 *     13:00        14:00            15:00            16:00
 *     state, sum   + ledger 14-15   + ledger 15-16   as it was
 */
import { intervalsOf } from "../ledger/intervals.ts";
import { type Point, QUARTER_MS } from "../ledger/point.ts";
import type { Reason } from "./reasons.ts";

export const HOUR_MS = 3_600_000;

/** An hourly row of Home Assistant's statistics, in the unit of the statistic. */
export interface StatisticsRow {
  /** Start of the hour, milliseconds since 1970. */
  readonly start: number;
  /** The register at the end of the hour. */
  readonly state: number | null;
  /** Energy since the statistic began, at the end of the hour. */
  readonly sum: number | null;
}

/** A row that may be written. */
export interface NewRow {
  readonly start: number;
  readonly state: number;
  readonly sum: number;
}

/** Units that energy statistics may have, and how many Wh each is. */
export const WATT_HOURS = { Wh: 1, kWh: 1_000, MWh: 1_000_000 } as const satisfies Record<string, number>;
export type EnergyUnit = keyof typeof WATT_HOURS;

export interface Plan {
  /** Oldest first. */
  readonly write: readonly NewRow[];
  /** Hours without a row that are not filled although the ledger covers them. */
  readonly left: readonly { readonly start: number; readonly reason: Reason }[];
}

export interface PlanInput {
  /** The rows of the entity; whole hours only. */
  readonly rows: readonly StatisticsRow[];
  /** The ledger of the meter, oldest first. */
  readonly points: readonly Point[];
  /** Key of the register: `energy_import`, … */
  readonly key: string;
  readonly unit: EnergyUnit;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Whether an hour that starts then is not before `--from`, or is before `--to`. Both default to every hour. */
  readonly isAfterFrom?: (start: number) => boolean;
  readonly isBeforeTo?: (start: number) => boolean;
  /** Rows written by an earlier run, by start. */
  readonly written?: ReadonlyMap<number, NewRow>;
}

/** Home Assistant adds up binary fractions: values that differ by less count as equal. */
const SAME_WH = 0.1;
/** The recorder compiles an hour seconds after its end, so one that has just ended is not missing yet. */
const COMPILED_MS = 15 * 60_000;

export function planBackfill(input: PlanInput): Plan {
  const { isAfterFrom = () => true, isBeforeTo = () => true } = input;
  const rows = [...input.rows].sort((a, b) => a.start - b.start);
  const register = new Register(input.points, input.key);
  const { first, last } = register;
  const write: NewRow[] = [];
  const left: { start: number; reason: Reason }[] = [];
  if (first === undefined || last === undefined) return { write, left };
  const leave = (start: number, reason: Reason): void => {
    if (start >= first && start + HOUR_MS <= last && isAfterFrom(start) && isBeforeTo(start))
      left.push({ start, reason });
  };
  for (const [index, before] of rows.entries()) {
    const after = rows[index + 1];
    const begin = before.start + HOUR_MS;
    const lastEnd = Math.floor((input.now - COMPILED_MS) / HOUR_MS) * HOUR_MS;
    const end = after?.start ?? Math.min(lastEnd, last);
    if (end <= begin) continue;
    const refused = after === undefined ? "no-row-after" : refusalOf(before, after, register, input);
    let blocked: Reason | null = null;
    let wattHours = 0;
    for (let start = begin; start < end; start += HOUR_MS) {
      const energy = register.energyOf(start);
      if (blocked === null && refused === null && !isAfterFrom(start)) blocked = "before-from";
      const reason: Reason | null = energy === null ? "ledger-gap" : blocked;
      if (refused !== null || reason !== null || energy === null) {
        leave(start, refused ?? reason ?? "ledger-gap");
        blocked ??= "hour-before-missing";
        continue;
      }
      wattHours += energy;
      if (!isBeforeTo(start) || start + HOUR_MS > input.now) break;
      const row = { start, ...grown(before, wattHours, input.unit) };
      // The remainder for the row after must not be negative; differing clocks could make it so.
      if (row.sum * WATT_HOURS[input.unit] > Number(after?.sum) * WATT_HOURS[input.unit] + SAME_WH) {
        blocked = "row-after-differs";
        leave(start, blocked);
        continue;
      }
      write.push(row);
    }
  }
  return { write, left };
}

/** Why nothing may be written between two rows; `null` if they agree with each other and with the ledger. */
function refusalOf(before: StatisticsRow, after: StatisticsRow, register: Register, input: PlanInput): Reason | null {
  const wh = WATT_HOURS[input.unit];
  if (before.state === null || before.sum === null) return "row-before-differs";
  if (after.state === null || after.sum === null) return "row-after-differs";
  if (register.isReset(before.start, after.start + HOUR_MS)) return "ledger-reset";
  const [stateWh, sumWh] = [(after.state - before.state) * wh, (after.sum - before.sum) * wh];
  if (stateWh < -SAME_WH || !same(stateWh, sumWh)) return "sum-differs";
  const ours = input.written?.get(before.start);
  const isOurs = ours !== undefined && same(ours.state * wh, before.state * wh) && same(ours.sum * wh, before.sum * wh);
  if (!isOurs && !register.agrees(before.start, before.state * wh)) return "row-before-differs";
  const ends = after.start + HOUR_MS;
  if (register.last === undefined || register.last < ends) return "not-known-yet";
  return register.agrees(after.start, after.state * wh) ? null : "row-after-differs";
}

function same(a: number, b: number): boolean {
  return Math.abs(a - b) < SAME_WH;
}

/** State and sum of a row plus an energy in Wh, without binary rounding noise. */
function grown({ state, sum }: StatisticsRow, wattHours: number, unit: EnergyUnit): { state: number; sum: number } {
  const add = (value: number | null): number => Number(((value ?? 0) + wattHours / WATT_HOURS[unit]).toFixed(9));
  return { state: add(state), sum: add(sum) };
}

/** The ledger of one register. */
class Register {
  readonly #quarters = new Map<number, number>();
  readonly #resets: { from: number; to: number }[] = [];
  readonly #points: { at: number; wattHours: number }[] = [];

  constructor(points: readonly Point[], key: string) {
    for (const { start, end, energy, mark } of intervalsOf(points)) {
      const wattHours = energy[key];
      if (mark === "reset") this.#resets.push({ from: start.at, to: end.at });
      else if (mark === "" && wattHours !== undefined) this.#quarters.set(start.at, wattHours);
    }
    for (const { at, registers } of points) {
      const wattHours = registers[key];
      if (wattHours !== undefined) this.#points.push({ at, wattHours });
    }
  }

  /** Beginning and end of this register's ledger. */
  get first(): number | undefined {
    return this.#points[0]?.at;
  }
  get last(): number | undefined {
    return this.#points.at(-1)?.at;
  }

  /** Wh in an hour of four unmarked quarters; `null` for any other. */
  energyOf(start: number): number | null {
    let wattHours = 0;
    for (let at = start; at < start + HOUR_MS; at += QUARTER_MS) {
      const quarter = this.#quarters.get(at);
      if (quarter === undefined) return null;
      wattHours += quarter;
    }
    return wattHours;
  }

  isReset(from: number, to: number): boolean {
    return this.#resets.some((reset) => reset.from < to && reset.to > from);
  }

  /**
   * Whether the register can have had this value in an hour: Home Assistant keeps the last one that arrived in it. So it lies
   * between the values at both ends, or up to a quarter later if Home Assistant's clock is behind the meter's.
   */
  agrees(start: number, wattHours: number): boolean {
    const end = start + HOUR_MS;
    const atEnd = this.#points.find(({ at }) => at === end);
    if (atEnd !== undefined && same(atEnd.wattHours, wattHours)) return true;
    const lower = this.#points.findLast(({ at }) => at <= start);
    const later = this.#points.find(({ at }) => at >= end + QUARTER_MS);
    const upper = later ?? this.#points.findLast(({ at }) => at >= end);
    if (lower === undefined || upper === undefined || this.isReset(lower.at, upper.at)) return false;
    return wattHours > lower.wattHours - SAME_WH && wattHours < upper.wattHours + SAME_WH;
  }
}
