/**
 * A point of the ledger: what the registers of a meter showed at one time. Energy is the difference of two points, so
 * that whatever is added up comes out as a difference of registers again.
 */
import type { LocalInstant } from "./local-time.ts";

/** A quarter hour, milliseconds. Every offset in use is a multiple of it, so quarters begin at multiples of it since 1970. */
export const QUARTER_MS = 900_000;

/**
 * How the point came about, and so what holds for the time since the boundary before it:
 *
 * - `begin`: the first telegram of all; nothing lies before it
 * - `ok`: a telegram stands on the boundary; `interpolated`: the boundary lies between two telegrams one period apart
 * - `clock`: the meter's clock was set; `reset`: a register fell, or the meter was replaced
 * - `last`: the newest telegram when the bridge stopped
 *
 * Points within a quarter only matter if they are the first or the last of all; `clock` and `reset` are carried on to
 * the next boundary.
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

/** Start of the quarter that an instant lies in, milliseconds since 1970. */
export function quarterOf(at: number): number {
  return Math.floor(at / QUARTER_MS) * QUARTER_MS;
}

/** Adds a point to those before. After a clock that was set back, the later ones are no longer true and go. */
export function appendPoint(points: Point[], point: Point): void {
  while (points.length > 0 && (points.at(-1) as Point).at >= point.at) points.pop();
  points.push(point);
}
