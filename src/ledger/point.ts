/**
 * A point of the ledger: the registers of a meter at one time. Energy is the difference of two points, so every sum of
 * energies is again a difference of registers.
 */
import type { LocalInstant } from "./local-time.ts";

/** A quarter hour, milliseconds. Every offset in use is a multiple of it, so quarters begin at multiples of it since 1970. */
export const QUARTER_MS = 900_000;

/**
 * How the point was obtained, which also marks the time since the boundary before it:
 *
 * - `begin`: the very first telegram
 * - `ok`: a telegram falls on the boundary; `interpolated`: the boundary lies between two telegrams one period apart
 * - `clock`: the meter's clock was set; `reset`: a register fell, or the meter was replaced
 * - `last`: the newest telegram when the bridge stopped
 *
 * Points within a quarter count only as the very first or last; `clock` and `reset` are carried over to the next
 * boundary.
 */
export type PointMark = "begin" | "ok" | "interpolated" | "clock" | "reset" | "last";

/** Registers by their keys (`energy_import`, `energy_export_t1`, …) in whole Wh. */
export type Registers = Readonly<Record<string, number>>;

export interface Point extends LocalInstant {
  readonly registers: Registers;
  readonly mark: PointMark;
}

/** Whether an instant is the start of a quarter. */
export function isBoundary({ at }: { readonly at: number }): boolean {
  return at % QUARTER_MS === 0;
}

/** Start of the quarter that contains an instant, milliseconds since 1970. */
export function quarterOf(at: number): number {
  return Math.floor(at / QUARTER_MS) * QUARTER_MS;
}

/** Appends a point. Removes later points, which are invalid after a clock was set back. */
export function appendPoint(points: Point[], point: Point): void {
  while (points.length > 0 && (points.at(-1) as Point).at >= point.at) points.pop();
  points.push(point);
}
