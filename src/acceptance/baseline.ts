/** The baseline of a meter: the state of its accepted telegrams, which the next one is compared with. */
import * as z from "zod/mini";
import { LastContent } from "./last-content.ts";
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
  value: number;
  /** Value in the telegram before that, Wh. */
  prior: number;
  /** Time of arrival, milliseconds. */
  at: number;
  /** The meter's time, milliseconds since 1970; `null` if it sends none. */
  clock: number | null;
  /** Restored after a restart; `at` is then derived from the wall clock. */
  restored: boolean;
  /** Recent rate of rise (moving average), W. */
  rate: number;
  /** Highest published value, Wh. */
  published: number;
  /** Since when the meter has been below `published`, milliseconds; `null` if it is not. */
  belowSince: number | null;
}

/**
 * Each accepted telegram advances it in place: with hundreds of meters, a new one per telegram would be a large part of
 * all garbage. To try a telegram out, advance a copy (`copyOf`).
 */
export interface Baseline {
  systemTitle: string | null;
  meterId: string | null;
  names: Readonly<Record<string, string>>;
  signatures: readonly string[];
  counter: number | null;
  /** The meter's time, milliseconds since 1970. */
  clock: number | null;
  /** Offset of the meter's clock from the time of arrival, milliseconds, for the telegram with the least delay. */
  clockOffset: number | null;
  content: LastContent;
  at: number;
  /** Usual time between two telegrams, milliseconds; `null` until two have arrived. */
  periodMs: number | null;
  /** Powers of the last telegram that contained them: W, W, VA. */
  import: number;
  export: number;
  apparent: number;
  /** Whether this meter sends these powers. */
  hasPower: boolean;
  /** How often a rise beyond what the powers explain was confirmed; decays by 0.02 per telegram. */
  unexplained: number;
  /** Power limit, W; raised if a quorum shows that this meter carries more than configured. */
  maxPower: number;
  waived: readonly string[];
  /** `false` while the baseline comes from a single, unconfirmed telegram. */
  confirmed: boolean;
  registers: Record<string, KnownRegister>;
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

/** The baseline before the first telegram, which arrives at `at`. */
export function emptyBaseline(at: number): Baseline {
  return {
    systemTitle: null,
    meterId: null,
    names: {},
    signatures: [],
    counter: null,
    clock: null,
    clockOffset: null,
    content: new LastContent(),
    at,
    periodMs: null,
    import: 0,
    export: 0,
    apparent: 0,
    hasPower: false,
    unexplained: 0,
    maxPower: 0,
    waived: [],
    confirmed: true,
    registers: {},
  };
}

/** A copy that can be advanced without changing the original. */
export function copyOf(base: Baseline): Baseline {
  const registers = Object.entries(base.registers).map(([obis, known]) => [obis, { ...known }]);
  return { ...base, content: base.content.copy(), registers: Object.fromEntries(registers) };
}

/** Advances the baseline by an accepted telegram. */
export function advance(base: Baseline, sample: Sample, at: number, maxPower: number): void {
  const { telegram, shape, clock, powers } = sample;
  advanceRegisters(base.registers, sample, at);
  addNames(base, sample);
  // An equal text is kept, so that the one in the telegram can be freed with it.
  if (telegram.systemTitle !== null && telegram.systemTitle !== base.systemTitle)
    base.systemTitle = telegram.systemTitle;
  if (telegram.meterId !== null && telegram.meterId !== base.meterId) base.meterId = telegram.meterId;
  if (!base.signatures.includes(shape.signature)) {
    base.signatures = [shape.signature, ...base.signatures].slice(0, SIGNATURES);
  }
  base.counter = telegram.invocationCounter ?? base.counter;
  base.clock = clock ?? base.clock;
  base.clockOffset = nextClockOffset(base, clock === null ? null : clock - at, at);
  base.content.set(telegram);
  base.periodMs = nextPeriod(base, at);
  base.at = at;
  if (powers !== null) {
    base.import = powers.import;
    base.export = powers.export;
    base.apparent = powers.apparent;
    base.hasPower = true;
  }
  base.unexplained = Math.max(0, base.unexplained - 0.02);
  base.maxPower = Math.max(maxPower, base.maxPower);
  base.confirmed = true;
}

function advanceRegisters(registers: Record<string, KnownRegister>, sample: Sample, at: number): void {
  const { telegram, shape, clock } = sample;
  for (const { index, obis, factor } of shape.lastCounters) {
    const value = numberOf(telegram.registers[index]) * factor;
    const known = registers[obis];
    if (known === undefined) {
      if (Object.keys(registers).length >= REGISTERS) continue;
      registers[obis] = {
        value,
        prior: value,
        at,
        clock,
        restored: false,
        rate: 0,
        published: value,
        belowSince: null,
      };
      continue;
    }
    const below = value < known.published;
    known.rate = nextRate(known, value, Math.max(1_000, elapsed(known, at, clock)));
    known.prior = known.value;
    known.value = value;
    known.at = at;
    known.clock = clock;
    known.restored = false;
    if (!below) known.published = value;
    known.belowSince = below ? (known.belowSince ?? at) : null;
  }
}

function addNames(base: Baseline, { telegram, shape }: Sample): void {
  for (const index of shape.names) {
    const register = telegram.registers[index];
    if (typeof register?.value !== "string" || base.names[register.obis] === register.value) continue;
    if (!(register.obis in base.names) && Object.keys(base.names).length >= NAMES) continue;
    base.names = { ...base.names, [register.obis]: register.value };
  }
}

/** Moving average over `RATE_MS`. */
function nextRate(before: KnownRegister, value: number, passed: number): number {
  const now = Math.max(0, value - before.value) / (passed / 3_600_000);
  return before.rate + (now - before.rate) * Math.min(1, passed / RATE_MS);
}

/** Keeps the largest offset (least delay); decays by 1 in 1000, far more than any clock drifts. */
function nextClockOffset(base: Baseline, offset: number | null, at: number): number | null {
  if (offset === null || base.clockOffset === null) return offset ?? base.clockOffset;
  // The clock was set back: the old offset no longer applies.
  if (offset < base.clockOffset - SET_BACK_MS) return offset;
  return Math.max(offset, base.clockOffset - (at - base.at) / 1000);
}

/** Follows shorter intervals at once and longer ones slowly, so that a lost telegram does not lengthen the period. */
function nextPeriod(base: Baseline, at: number): number | null {
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
  const { systemTitle, meterId, names, signatures, counter, clock, periodMs, maxPower, waived } = base;
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
    content: base.content.toString(),
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
  const { wall: savedAt, registers: stored, content, ...rest } = parsed.data;
  const age = savedAt === null || wall === null ? 0 : Math.max(0, wall - savedAt);
  const registers: Record<string, KnownRegister> = {};
  for (const [obis, known] of Object.entries(stored).slice(0, REGISTERS)) {
    const belowSince = known.value < known.published ? at : null;
    registers[obis] = { ...known, prior: known.value, at: at - age, restored: true, belowSince };
  }
  const { hasPower = true } = rest;
  return { ...emptyBaseline(at - age), ...rest, content: new LastContent(content), hasPower, registers };
}
