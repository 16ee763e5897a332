/** The baseline of a meter: the state of its accepted telegrams, which the next one is compared with. */
import * as z from "zod/mini";
import type { Telegram } from "../codec/telegram.ts";
import { numberOf } from "./list-shape.ts";
import type { Sample } from "./sample.ts";

/** Lists remembered per meter; no known meter sends more than three. */
const SIGNATURES = 8;
/** Counters remembered per meter; the longest known list has 33. */
const REGISTERS = 128;
/** Device names (texts) remembered per meter. */
const NAMES = 8;
/** Checks waived per meter because it always fails them. */
export const WAIVED = 16;

/** If the meter's clock is behind by more than this, the telegram was not delayed: the clock was set back. */
const SET_BACK_MS = 12 * 3_600_000;
/** Longest backlog, by the meter's clock, that a serial server may have buffered and delivered at once. */
const BACKLOG_MS = 3_600_000;

/** Averaging time for the rate of a register, milliseconds. */
const RATE_MS = 600_000;

const text = z.string().check(z.maxLength(8192));
/** A stored baseline as written by `toMemory`. */
const memorySchema = z.object({
  systemTitle: z.nullable(text),
  meterId: z.nullable(text),
  names: z.record(text, text),
  signatures: z.array(text).check(z.maxLength(SIGNATURES)),
  counter: z.nullable(z.number()),
  clock: z.nullable(z.number()),
  content: text,
  wall: z.nullable(z.number()),
  periodMs: z.nullable(z.number()),
  import: z.number(),
  export: z.number(),
  apparent: z.number(),
  /** Missing in files of version 1.0. */
  hasPower: z.optional(z.boolean()),
  maxPower: z.number(),
  waived: z.array(text).check(z.maxLength(WAIVED)),
  registers: z.record(
    text,
    z.object({
      value: z.number(),
      rate: z.number(),
      clock: z.nullable(z.number()),
      published: z.number(),
    }),
  ),
});

/** The last accepted state of a counter. */
export interface KnownRegister {
  /** Wh. */
  readonly value: number;
  /** Value in the telegram before that, Wh. */
  readonly prior: number;
  /** Time of arrival, milliseconds. */
  readonly at: number;
  /** The meter's time, milliseconds since 1970; `null` if it sends none. */
  readonly clock: number | null;
  /** Restored after a restart; `at` is then derived from the wall clock. */
  readonly restored: boolean;
  /** Recent rate of rise (moving average), W. */
  readonly rate: number;
  /** Highest published value, Wh. */
  readonly published: number;
  /** Since when the meter has been below `published`, milliseconds; `null` if it is not. */
  readonly belowSince: number | null;
}

/** Immutable; each accepted telegram creates a new one. */
export interface Baseline {
  readonly systemTitle: string | null;
  readonly meterId: string | null;
  readonly names: Readonly<Record<string, string>>;
  readonly signatures: readonly string[];
  readonly counter: number | null;
  /** The meter's time, milliseconds since 1970. */
  readonly clock: number | null;
  /** Offset of the meter's clock from the time of arrival, milliseconds, for the telegram with the least delay. */
  readonly clockOffset: number | null;
  /** The values of the last telegram as a text, to detect a repetition. */
  readonly content: string;
  readonly at: number;
  /** Usual time between two telegrams, milliseconds; `null` until two have arrived. */
  readonly periodMs: number | null;
  /** Powers of the last telegram that contained them: W, W, VA. */
  readonly import: number;
  readonly export: number;
  readonly apparent: number;
  /** Whether this meter sends these powers. */
  readonly hasPower: boolean;
  /** How often a rise beyond what the powers explain was confirmed; decays by 0.02 per telegram. */
  readonly unexplained: number;
  /** Power limit, W; raised if a quorum shows that this meter carries more than configured. */
  readonly maxPower: number;
  readonly waived: readonly string[];
  /** `false` while the baseline comes from a single, unconfirmed telegram. */
  readonly confirmed: boolean;
  readonly registers: Readonly<Record<string, KnownRegister>>;
}

/** Meter time and values as a text; equal for a repeated telegram. */
export function contentOf(telegram: Telegram): string {
  // Joined: a text built with += would be kept in pieces, which take five times the memory.
  const parts = telegram.registers.map(({ value }) =>
    typeof value === "string" ? value : `${value.coefficient}e${value.exponent}`,
  );
  return [telegram.meterTime ?? "", ...parts].join("|");
}

/**
 * Time from the last known state to this telegram, milliseconds: the longer of the time elapsed here and on the meter's
 * clock. During a run the meter's clock may add at most the backlog that a serial server may have buffered: setting the
 * clock forward by a year must not make a year's energy plausible. After a restart the meter's clock counts in full.
 */
export function elapsed(
  known: { at: number; clock: number | null; restored: boolean },
  at: number,
  clock: number | null,
): number {
  const elapsedHere = at - known.at;
  const elapsedOnMeter = known.clock === null || clock === null ? 0 : clock - known.clock;
  return Math.max(0, elapsedHere, known.restored ? elapsedOnMeter : Math.min(elapsedOnMeter, elapsedHere + BACKLOG_MS));
}

/** The baseline after accepting this telegram. `base` is the previous one of the same meter, or `null`. */
export function extendBaseline(base: Baseline | null, sample: Sample, at: number, maxPower: number): Baseline {
  const { telegram, shape, clock, powers } = sample;
  const clockOffset = clock === null ? null : clock - at;
  const registers: Record<string, KnownRegister> = { ...base?.registers };
  for (const { index, obis, factor } of shape.counters) {
    const value = numberOf(telegram.registers[index]) * factor;
    const before = base?.registers[obis];
    if (before === undefined && Object.keys(registers).length >= REGISTERS) continue;
    const passed = before === undefined ? 0 : Math.max(1_000, elapsed(before, at, clock));
    const below = before !== undefined && value < before.published;
    registers[obis] = {
      value,
      prior: before?.value ?? value,
      at,
      clock,
      restored: false,
      rate: before === undefined ? 0 : nextRate(before, value, passed),
      published: below ? before.published : value,
      belowSince: below ? (before.belowSince ?? at) : null,
    };
  }
  const names: Record<string, string> = { ...base?.names };
  for (const index of shape.names) {
    const register = telegram.registers[index];
    if (typeof register?.value !== "string") continue;
    if (register.obis in names || Object.keys(names).length < NAMES) names[register.obis] = register.value;
  }
  const signatures = base?.signatures ?? [];
  return {
    systemTitle: telegram.systemTitle ?? base?.systemTitle ?? null,
    meterId: telegram.meterId ?? base?.meterId ?? null,
    names,
    signatures: signatures.includes(shape.signature)
      ? signatures
      : [shape.signature, ...signatures].slice(0, SIGNATURES),
    counter: telegram.invocationCounter ?? base?.counter ?? null,
    clock: clock ?? base?.clock ?? null,
    clockOffset: nextClockOffset(base, clockOffset, at),
    content: contentOf(telegram),
    at,
    periodMs: nextPeriod(base, at),
    import: powers?.import ?? base?.import ?? 0,
    export: powers?.export ?? base?.export ?? 0,
    apparent: powers?.apparent ?? base?.apparent ?? 0,
    hasPower: powers !== null || (base?.hasPower ?? false),
    unexplained: Math.max(0, (base?.unexplained ?? 0) - 0.02),
    maxPower: Math.max(maxPower, base?.maxPower ?? 0),
    waived: base?.waived ?? [],
    confirmed: true,
    registers,
  };
}

/** Moving average over `RATE_MS`. */
function nextRate(before: KnownRegister, value: number, passed: number): number {
  const now = Math.max(0, value - before.value) / (passed / 3_600_000);
  return before.rate + (now - before.rate) * Math.min(1, passed / RATE_MS);
}

/** Keeps the largest offset (least delay); decays by 1 in 1000, far more than any clock drifts. */
function nextClockOffset(base: Baseline | null, offset: number | null, at: number): number | null {
  if (offset === null) return base?.clockOffset ?? null;
  if (base === null || base.clockOffset === null) return offset;
  // The clock was set back: the old offset no longer applies.
  if (offset < base.clockOffset - SET_BACK_MS) return offset;
  return Math.max(offset, base.clockOffset - (at - base.at) / 1000);
}

/** Follows shorter intervals at once and longer ones slowly, so that a lost telegram does not lengthen the period. */
function nextPeriod(base: Baseline | null, at: number): number | null {
  if (base === null) return null;
  const interval = at - base.at;
  if (interval < 700) return base.periodMs;
  if (base.periodMs === null || interval < base.periodMs) return interval;
  return Math.min(interval, base.periodMs * 1.25);
}

/** A JSON value of bounded size. @param wall the wall clock, milliseconds since 1970; `null` if unknown */
export function toMemory(base: Baseline, wall: number | null): object {
  const registers: Record<string, unknown> = {};
  for (const [obis, { value, rate, clock, published }] of Object.entries(base.registers)) {
    registers[obis] = { value, rate, clock, published };
  }
  const { systemTitle, meterId, names, signatures, counter, clock, content, periodMs, maxPower, waived } = base;
  const powers = {
    import: base.import,
    export: base.export,
    apparent: Math.min(base.apparent, Number.MAX_SAFE_INTEGER),
    hasPower: base.hasPower,
  };
  return {
    systemTitle,
    meterId,
    names,
    signatures,
    counter,
    clock,
    content,
    wall,
    periodMs,
    ...powers,
    maxPower,
    waived,
    registers,
  };
}

/**
 * Restores what `toMemory` wrote; `null` for anything else.
 * @param at time of arrival of the first telegram, milliseconds
 * @param wall the same by the wall clock; gives the age of the stored state, taken as 0 if the clock jumped back
 */
export function fromMemory(memory: unknown, at: number, wall: number | null): Baseline | null {
  const parsed = memorySchema.safeParse(memory);
  if (!parsed.success) return null;
  const { wall: savedAt, registers: stored, ...rest } = parsed.data;
  const age = savedAt === null || wall === null ? 0 : Math.max(0, wall - savedAt);
  const registers: Record<string, KnownRegister> = {};
  for (const [obis, known] of Object.entries(stored).slice(0, REGISTERS)) {
    const belowSince = known.value < known.published ? at : null;
    registers[obis] = { ...known, prior: known.value, at: at - age, restored: true, belowSince };
  }
  const { hasPower = true } = rest;
  return { ...rest, clockOffset: null, at: at - age, hasPower, unexplained: 0, confirmed: true, registers };
}
