/**
 * Accepted telegrams in, points of the ledger out (point.ts). No clock, no I/O.
 *
 *     telegrams   ·  ·  ·  ·  ·|·  ·  ·                  ·  ·  ·|·  ·
 *     boundaries               |         |         |            |
 *     points      begin        ok                               ok       the time between them is one interval
 *
 * A boundary becomes a point if a telegram falls on it, or if it lies between two telegrams no further apart than the
 * meter's period; in that case its registers are interpolated. Any other boundary is left out, and the interval becomes
 * longer than a quarter. All times are the meter's own.
 */
import type { LocalInstant } from "./local-time.ts";
import { isBoundary, type Point, QUARTER_MS, quarterOf, type Registers } from "./point.ts";

/** What the recorder needs of one accepted telegram. */
export interface RegisterSample extends LocalInstant {
  readonly registers: Registers;
  /** Identity of the meter (system title, else number); `null` if this telegram has none. */
  readonly device: string | null;
  /** Time of arrival by a monotonic clock, milliseconds. */
  readonly arrived: number;
  /** Time of arrival by the wall clock, milliseconds since 1970. */
  readonly wall: number;
}

/** What the recorder needs to resume after a restart. */
export interface RecorderState {
  readonly device: string | null;
  /** The newest point on a boundary, or the one that began the ledger. */
  readonly point: Point;
  /** The newest telegram that was written since. */
  readonly last: Point | null;
  /** Event since `point`. */
  readonly mark: "clock" | "reset" | null;
}

/** Access to recorded points, needed when a clock is set back. */
export interface RecorderHistory {
  /** The newest point before this instant that is on a boundary or began the ledger; `null` if there is none. */
  before(at: number): Point | null;
  /** The registers at the beginning of the ledger. */
  first(): Registers | null;
  /** Whether a register fell, or the meter was replaced, after this instant. */
  resetAfter(at: number): boolean;
}

/** A telegram's contribution to the ledger. */
export interface RecorderResult {
  /** To be appended in this order (`appendPoint`). */
  readonly points: readonly Point[];
  /** The clock was set back to this instant, which invalidates later points; `null`: it was not. */
  readonly rewind: number | null;
  /** A sentence for the log, or `null`. */
  readonly notice: string | null;
}

type Telegram = LocalInstant & { readonly registers: Registers };

const NOTHING: RecorderResult = { points: [], rewind: null, notice: null };

/** Number of intervals used to estimate the period: maximum and minimum. */
const INTERVALS = 9;
const LEAST_INTERVALS = 2;
/** Resolution of meter clocks: an interval may appear longer by this much. */
const RESOLUTION_MS = 1_000;
/** For a meter that sends less than once a quarter, a telegram this close to a boundary counts as on it. */
const CLOSE_MS = 60_000;
/** A smaller correction of the clock is ignored: 1 % of a quarter. */
const SET_MS = 9_000;
/** If the meter's clock goes back further than this, the change is accepted only if the clock then agrees with ours. */
const LARGE_SET_MS = 2 * 3_600_000;
const AGREES_MS = 600_000;
/** A register absent for longer than this is dropped. */
const FORGET_MS = 3 * 3_600_000;

export class QuarterRecorder {
  readonly #history: RecorderHistory;
  #device: string | null;
  #point: Point | null;
  #mark: "clock" | "reset" | null;
  #last: Telegram | null;
  #arrived: number | null = null;
  /** Time of the newest point. */
  #writtenAt: number | null;
  /** Milliseconds between telegrams by the meter's clock, newest last. */
  readonly #intervals: number[] = [];
  /** Pairs of telegrams around a boundary that arrived before the period was known. */
  #undecided: { readonly from: Telegram; readonly to: Telegram }[] = [];
  /** Whether the meter's clock has kept pace with ours so far; it does not during a replay. */
  #inStep = false;
  #waiting = false;

  constructor(history: RecorderHistory, state: RecorderState | null = null) {
    this.#history = history;
    this.#device = state?.device ?? null;
    this.#point = state?.point ?? null;
    this.#mark = state?.mark ?? null;
    this.#last = state?.last ?? state?.point ?? null;
    this.#writtenAt = this.#last?.at ?? null;
  }

  /** The latest system title or number of the meter. */
  get device(): string | null {
    return this.#device;
  }

  /** The point that opened the current quarter; `null` if the registers at that boundary are unknown. */
  get opening(): Point | null {
    if (this.#point === null || this.#last === null || this.#mark !== null) return null;
    return this.#point.at === quarterOf(this.#last.at) ? this.#point : null;
  }

  /** Time and registers of the newest telegram; `null` before the first one. */
  get newest(): Telegram | null {
    return this.#last;
  }

  /** The newest telegram as a point, to be written when the bridge stops; `null` if it is recorded already. */
  get closing(): Point | null {
    if (this.#last === null || this.#writtenAt === null || this.#last.at <= this.#writtenAt) return null;
    return pointOf(this.#last, "last");
  }

  take(entry: RegisterSample): RecorderResult {
    const result = this.#record(entry);
    this.#writtenAt = result.points.at(-1)?.at ?? this.#writtenAt;
    return result;
  }

  #record(entry: RegisterSample): RecorderResult {
    const last = this.#last;
    if (last === null || this.#point === null) return this.#begin(entry);
    if (!hasAll(entry, last)) return NOTHING;
    const passed = entry.at - last.at;
    if (passed <= 0) {
      const arrivedBefore = this.#arrived;
      this.#arrived = entry.arrived;
      // A repetition or a small correction: record nothing until the clock has caught up.
      if (passed > -SET_MS && !this.#fell(entry, last)) return NOTHING;
      this.#arrived = arrivedBefore;
      return this.#setBack(entry, last);
    }
    this.#waiting = false;
    const points = this.#advance(entry, last, passed);
    this.#remember(entry);
    return points.length === 0 ? NOTHING : { points, rewind: null, notice: null };
  }

  #begin(entry: RegisterSample): RecorderResult {
    const { at, offset, registers } = entry;
    this.#point = { at, offset, registers, mark: "begin" };
    this.#remember(entry);
    return { points: [this.#point], rewind: null, notice: null };
  }

  #remember({ at, offset, registers, device, arrived }: RegisterSample): void {
    this.#device = device ?? this.#device;
    this.#last = { at, offset, registers };
    this.#arrived = arrived;
  }

  /** The points up to this telegram, which directly follows `last`. */
  #advance(entry: RegisterSample, last: Telegram, passed: number): Point[] {
    const event = this.#fell(entry, last) ? "reset" : this.#setForward(entry, passed) ? "clock" : null;
    if (event === null) {
      this.#intervals.push(passed);
      if (this.#intervals.length > INTERVALS) this.#intervals.shift();
      this.#undecided.push({ from: last, to: entry });
    }
    const points = this.#decide();
    if (event !== null) {
      // Undecided boundaries can no longer be separated from the event.
      this.#undecided = [];
      if (this.#mark !== "reset") this.#mark = event;
      // Written at once, so that it survives a restart within this quarter.
      if (!isBoundary(entry)) points.push(pointOf(entry, event));
    }
    if (isBoundary(entry)) points.push(this.#close(entry, "ok"));
    return points;
  }

  /** Interpolates where allowed, once the period is known. */
  #decide(): Point[] {
    const pairs = this.#undecided.filter(({ from, to }) => boundariesBetween(from.at, to.at).length > 0);
    this.#undecided = pairs;
    if (this.#intervals.length < LEAST_INTERVALS) return [];
    this.#undecided = [];
    const longest = this.#longest;
    return pairs
      .filter(({ from, to }) => to.at - from.at <= longest)
      .flatMap(({ from, to }) =>
        boundariesBetween(from.at, to.at).map((at) => {
          const registers = interpolate(from, to, at);
          return this.#close({ at, offset: to.offset, registers }, "interpolated");
        }),
      );
  }

  #close(telegram: Telegram, mark: "ok" | "interpolated"): Point {
    const point = pointOf(telegram, this.#mark ?? mark);
    this.#mark = null;
    this.#point = point;
    return point;
  }

  #fell({ registers, device }: RegisterSample, last: Telegram): boolean {
    if (device !== null && this.#device !== null && device !== this.#device) return true;
    return Object.entries(last.registers).some(([key, value]) => (registers[key] ?? value) < value);
  }

  /** Whether the meter's clock jumped ahead; detectable only if it had kept pace before. */
  #setForward(entry: RegisterSample, passed: number): boolean {
    if (this.#arrived === null) return false;
    const ahead = passed - (entry.arrived - this.#arrived);
    const inStep = this.#inStep;
    this.#inStep = Math.abs(ahead) < SET_MS;
    return inStep && ahead >= SET_MS;
  }

  #setBack(entry: RegisterSample, last: Telegram): RecorderResult {
    const back = Math.round((last.at - entry.at) / 1000);
    if (back * 1000 > LARGE_SET_MS && Math.abs(entry.at - entry.wall) > AGREES_MS) {
      this.#arrived = entry.arrived;
      if (this.#waiting) return NOTHING;
      this.#waiting = true;
      const until = new Date(last.at).toISOString();
      const notice = `the meter's clock went back by ${back} s and does not agree with ours: nothing is recorded in the ledger until it has passed ${until}`;
      return { points: [], rewind: null, notice };
    }
    const event = this.#fell(entry, last) ? "reset" : "clock";
    const notice =
      event === "clock"
        ? `the meter's clock was set back by ${back} s: this quarter is marked in the ledger`
        : "a register fell, or the meter was replaced: this quarter is marked in the ledger";
    const points: Point[] = [];
    this.#point = this.#history.before(entry.at);
    if (this.#point === null) {
      // Every point is invalid: the ledger restarts with its first registers, just before this telegram.
      const registers = this.#history.first() ?? last.registers;
      this.#point = { at: entry.at - RESOLUTION_MS, offset: entry.offset, registers, mark: "begin" };
      points.push(this.#point);
    }
    const reset = this.#mark === "reset" || this.#history.resetAfter(this.#point.at);
    this.#mark = reset ? "reset" : event;
    this.#waiting = false;
    this.#inStep = false;
    this.#intervals.length = 0;
    this.#undecided = [];
    points.push(isBoundary(entry) ? this.#close(entry, "ok") : pointOf(entry, this.#mark));
    this.#remember(entry);
    return { points, rewind: entry.at, notice };
  }

  /** Maximum interval between two telegrams with none missing in between, milliseconds. */
  get #longest(): number {
    const sorted = this.#intervals.toSorted((a, b) => a - b);
    return 1.5 * (sorted[(sorted.length - 1) >> 1] as number) + RESOLUTION_MS;
  }
}

function pointOf({ at, offset, registers }: Telegram, mark: Point["mark"]): Point {
  return { at, offset, registers, mark };
}

/** Whether to use a telegram: one with only some of the registers is skipped unless the others have long been absent. */
function hasAll(entry: RegisterSample, last: Telegram): boolean {
  if (Math.abs(entry.at - last.at) > FORGET_MS) return true;
  return Object.keys(last.registers).every((key) => entry.registers[key] !== undefined);
}

/**
 * The boundaries strictly between two telegrams whose registers may be interpolated. If a meter sends less than once a
 * quarter, several boundaries lie between two telegrams; only those close to a telegram count, so that no energy is
 * spread over quarters.
 */
function boundariesBetween(from: number, to: number): number[] {
  const first = quarterOf(from) + QUARTER_MS;
  const last = isBoundary({ at: to }) ? to - QUARTER_MS : quarterOf(to);
  if (last < first) return [];
  if (to - from <= QUARTER_MS) return [first];
  const close = [first - from <= CLOSE_MS ? first : null, to - last <= CLOSE_MS ? last : null];
  return close.filter((at, index) => at !== null && close.indexOf(at) === index) as number[];
}

/** Interpolates the registers linearly between two telegrams, rounded down to the Wh. */
function interpolate(from: Telegram, to: Telegram, at: number): Registers {
  const registers: Record<string, number> = {};
  for (const [key, before] of Object.entries(from.registers)) {
    const after = to.registers[key];
    if (after === undefined) continue;
    registers[key] = before + Math.floor(((after - before) * (at - from.at)) / (to.at - from.at));
  }
  return registers;
}
