/** What is known of a meter from its accepted telegrams; the next one is compared with it. */
import * as z from "zod/mini";
import type { Telegram } from "../codec/telegram.ts";
import { numberOf } from "./list-shape.ts";
import type { Sample } from "./sample.ts";

/** Lists of one meter that are remembered; the meters with most send three. */
const SIGNATURES = 8;
/** Registers that are remembered; the longest list met has 33 counting ones. */
const REGISTERS = 128;
/** Texts that name the device. */
const NAMES = 8;
/** Checks that this meter fails by nature. */
export const WAIVED = 16;

/** A telegram whose clock is behind by more than this was not delayed: the clock was set back. */
const SET_BACK_MS = 12 * 3_600_000;
/** Telegrams that a serial server held back arrive together: no longer than this after one another by the meter's clock. */
const BACKLOG_MS = 3_600_000;

/** How long the rate of a register looks back, milliseconds. */
const RATE_MS = 600_000;

const text = z.string().check(z.maxLength(8192));
/** A stored baseline, as `toMemory` writes it. */
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
  /** Not in the files of version 1.0. */
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

/** A counting register as it was last seen. */
export interface KnownRegister {
  /** Wh. */
  readonly value: number;
  /** The same in the telegram before, Wh. */
  readonly prior: number;
  /** Time of arrival, milliseconds; and the meter's own time, milliseconds since 1970, if it sends one. */
  readonly at: number;
  readonly clock: number | null;
  /** From before a restart: `at` then rests on the wall clock. */
  readonly restored: boolean;
  /** How fast it rose of late, W. */
  readonly rate: number;
  /** Highest value that was published, Wh; and since when the meter has been below it (`null`: it is not). */
  readonly published: number;
  readonly belowSince: number | null;
}

/** Immutable: each accepted telegram makes a new one. */
export interface Baseline {
  readonly systemTitle: string | null;
  readonly meterId: string | null;
  readonly names: Readonly<Record<string, string>>;
  readonly signatures: readonly string[];
  readonly counter: number | null;
  /** The meter's time, milliseconds since 1970. */
  readonly clock: number | null;
  /** How far the meter's clock is ahead of the time of arrival, for the telegram that was delayed least. */
  readonly lead: number | null;
  /** The values of the last telegram as a text, to know a repetition. */
  readonly content: string;
  readonly at: number;
  /** Usual time between two telegrams, milliseconds; `null` until two have come. */
  readonly periodMs: number | null;
  /** Powers of the last telegram that had them: W, W, VA. */
  readonly import: number;
  readonly export: number;
  readonly apparent: number;
  /** Whether the last telegrams contained these powers. */
  readonly hasPower: boolean;
  /** How often of late an energy rose by more than the powers explain, and was confirmed. */
  readonly unexplained: number;
  /** W; grows if this meter is seen to carry more than the configuration says. */
  readonly maxPower: number;
  readonly waived: readonly string[];
  /** `false` while it rests on a single, unconfirmed telegram. */
  readonly confirmed: boolean;
  readonly registers: Readonly<Record<string, KnownRegister>>;
}

/** The values as a text; two telegrams with the same say the same. */
export function contentOf(telegram: Telegram): string {
  let content = telegram.meterTime ?? "";
  for (const { value } of telegram.registers) {
    content += typeof value === "string" ? `|${value}` : `|${value.coefficient}e${value.exponent}`;
  }
  return content;
}

/**
 * How long between what is known and this telegram, milliseconds: what passed here or on the meter's clock, the longer. In
 * this run the meter's clock counts for no more than a backlog that a serial server may have held back: a clock that is
 * set forward by a year does not make a year's energy believable. After a restart it is the only witness.
 */
export function elapsed(
  known: { at: number; clock: number | null; restored: boolean },
  at: number,
  clock: number | null,
): number {
  const here = at - known.at;
  const onClock = known.clock === null || clock === null ? 0 : clock - known.clock;
  return Math.max(0, here, known.restored ? onClock : Math.min(onClock, here + BACKLOG_MS));
}

/** What is known after this telegram. `base` is what was known of the same meter before, or `null`. */
export function extend(base: Baseline | null, sample: Sample, at: number, maxPower: number): Baseline {
  const { telegram, shape, clock, powers } = sample;
  const lead = clock === null ? null : clock - at;
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
    lead: nextLead(base, lead, at),
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

/** Follows within some ten minutes. */
function nextRate(before: KnownRegister, value: number, passed: number): number {
  const now = Math.max(0, value - before.value) / (passed / 3_600_000);
  return before.rate + (now - before.rate) * Math.min(1, passed / RATE_MS);
}

/** Follows the telegram that was delayed least; forgets slowly, because clocks drift (1 in 1000 is far more than any does). */
function nextLead(base: Baseline | null, lead: number | null, at: number): number | null {
  if (lead === null) return base?.lead ?? null;
  if (base === null || base.lead === null) return lead;
  // The clock was set back: how far it was ahead before says nothing any more.
  if (lead < base.lead - SET_BACK_MS) return lead;
  return Math.max(lead, base.lead - (at - base.at) / 1000);
}

/** Falls at once to a shorter interval, grows slowly with longer ones: a lost telegram is no longer period. */
function nextPeriod(base: Baseline | null, at: number): number | null {
  if (base === null) return null;
  const interval = at - base.at;
  if (interval < 700) return base.periodMs;
  if (base.periodMs === null || interval < base.periodMs) return interval;
  return Math.min(interval, base.periodMs * 1.25);
}

/** A JSON value of bounded size. `wall` is the time by the wall clock, milliseconds since 1970, if it is known. */
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
 * The other way round; `null` for what is no memory of ours.
 * @param at time of arrival of the first telegram, milliseconds
 * @param wall the same by the wall clock; how long ago the memory was written follows from it. If it jumped back: 0.
 */
export function fromMemory(memory: unknown, at: number, wall: number | null): Baseline | null {
  const parsed = memorySchema.safeParse(memory);
  if (!parsed.success) return null;
  const { wall: then, registers: stored, ...rest } = parsed.data;
  const ago = then === null || wall === null ? 0 : Math.max(0, wall - then);
  const registers: Record<string, KnownRegister> = {};
  for (const [obis, known] of Object.entries(stored).slice(0, REGISTERS)) {
    const belowSince = known.value < known.published ? at : null;
    registers[obis] = { ...known, prior: known.value, at: at - ago, restored: true, belowSince };
  }
  const { hasPower = true } = rest;
  return { ...rest, lead: null, at: at - ago, hasPower, unexplained: 0, confirmed: true, registers };
}
