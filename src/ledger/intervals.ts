/** Points of the ledger → energy between them: quarters, and intervals that cannot be divided into quarters. */
import { type LocalInstant, localTime } from "./local-time.ts";
import { isBoundary, type Point, QUARTER_MS, type Registers } from "./point.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * How an interval is marked. Empty: it is exactly one step long. `gap`: its energy cannot be divided into steps, it is
 * only part of a step (the ledger begins or ends in it), or the meter's clock was set during it. `reset`: a register fell,
 * or the meter was replaced.
 */
export type IntervalMark = "" | "gap" | "reset";

export interface Interval {
  readonly start: LocalInstant;
  readonly end: LocalInstant;
  /** Wh by register: the difference of the registers at end and start; negative if one fell. */
  readonly energy: Registers;
  readonly mark: IntervalMark;
}

export const STEPS = ["quarter", "hour", "day", "month"] as const;
export type Step = (typeof STEPS)[number];

/** The time between two relevant points, and any event in it. */
interface Piece {
  readonly from: Point;
  readonly to: Point;
  readonly event: "clock" | "reset" | null;
}

/** Quarters and marked intervals, oldest first. Their energies add up to the last registers minus the first. */
export function intervalsOf(points: readonly Point[]): Interval[] {
  return piecesOf(points).map(({ from, to, event }) => {
    const quarter = isBoundary(from) && to.at - from.at === QUARTER_MS;
    return interval(from, to, event === "reset" ? "reset" : event === "clock" || !quarter ? "gap" : "");
  });
}

/** A span as the user gave it: whether an instant has reached its start (`from`) or its end (`to`). */
export interface Span {
  readonly from?: ((instant: LocalInstant) => boolean) | undefined;
  readonly to?: ((instant: LocalInstant) => boolean) | undefined;
}

/**
 * The ledger in steps of local time, limited to those that begin in the span, which may cut the first and the last step.
 * Unknown step boundaries are left out, as with quarters; the quarter in which a register fell gets its own row.
 */
export function stepsOf(points: readonly Point[], step: Step, { from, to }: Span = {}): Interval[] {
  const pieces = piecesOf(points).filter((piece) => (from?.(piece.from) ?? true) && !(to?.(piece.from) ?? false));
  const isLimit = (limit: Span["from"], { at, offset }: Point): boolean =>
    limit?.({ at, offset }) === true && !limit({ at: at - QUARTER_MS, offset });
  const rows: Interval[] = [];
  let run: Piece[] = [];
  for (const [index, piece] of pieces.entries()) {
    const next = pieces[index + 1];
    run.push(piece);
    const alone = piece.event === "reset" || next?.event === "reset";
    if (next !== undefined && !alone && !opensStep(piece.to, step)) continue;
    const [start, end] = [(run[0] as Piece).from, piece.to];
    const begins = opensStep(start, step) || (isBoundary(start) && isLimit(from, start));
    const ends = opensStep(end, step) || (isBoundary(end) && isLimit(to, end));
    const whole = begins && ends && isWithinStep(start, end, step);
    const wasSet = run.some(({ event }) => event === "clock");
    rows.push(interval(start, end, piece.event === "reset" ? "reset" : wasSet || !whole ? "gap" : ""));
    run = [];
  }
  return rows;
}

function interval(from: Point, to: Point, mark: IntervalMark): Interval {
  const energy: Record<string, number> = {};
  for (const [key, value] of Object.entries(to.registers)) {
    const before = from.registers[key];
    if (before !== undefined) energy[key] = value - before;
  }
  const { at, offset } = from;
  return { start: { at, offset }, end: { at: to.at, offset: to.offset }, energy, mark };
}

/** Skips points within a quarter, except the very first and last, but keeps their event marks. */
function piecesOf(points: readonly Point[]): Piece[] {
  const pieces: Piece[] = [];
  let from: Point | null = null;
  let event: "clock" | "reset" | null = null;
  for (const [index, point] of points.entries()) {
    if (from === null) {
      from = point;
      continue;
    }
    if (point.mark === "reset" || (point.mark === "clock" && event === null)) event = point.mark;
    if (!isBoundary(point) && index < points.length - 1) continue;
    pieces.push({ from, to: point, event });
    from = point;
    event = null;
  }
  return pieces;
}

/** Whether a step begins at this point, by its local time. */
function opensStep(point: Point, step: Step): boolean {
  if (!isBoundary(point)) return false;
  // Uses numbers: a year has 35,000 points, and formatting their times dominated the run time.
  const local = localTime(point);
  switch (step) {
    case "quarter":
      return true;
    case "hour":
      return local % HOUR_MS === 0;
    case "day":
      return local % DAY_MS === 0;
    case "month":
      return local % DAY_MS === 0 && new Date(local).getUTCDate() === 1;
  }
}

/** Whether two points lie in one step; the second may be its end. */
function isWithinStep(from: Point, to: Point, step: Step): boolean {
  const last = opensStep(to, step) ? stepNumber(to, step) - 1 : stepNumber(to, step);
  return stepNumber(from, step) === last;
}

/** A number that increases by one with each step. */
function stepNumber(point: LocalInstant, step: Step): number {
  const local = localTime(point);
  switch (step) {
    case "quarter":
      return Math.floor(point.at / QUARTER_MS);
    case "hour":
      return Math.floor(point.at / HOUR_MS);
    case "day":
      return Math.floor(local / DAY_MS);
    case "month":
      return new Date(local).getUTCFullYear() * 12 + new Date(local).getUTCMonth();
  }
}
