/** When telegrams that contradict what is known win against it: as soon as several agree among themselves. */

import { type Baseline, contentOf } from "./baseline.ts";
import type { Check, CheckFailure } from "./check-failure.ts";
import { numberOf } from "./list-shape.ts";
import type { Sample } from "./sample.ts";
import type { Verdict } from "./verdict.ts";

/** The evidence that is needed: how many telegrams must agree, over how long. */
export interface Evidence {
  readonly telegrams: number;
  readonly ms: number;
}

/** In telegrams and in time: at one telegram a second, a few of them prove no more than one. */
const AGREE = {
  /** At first contact. */
  first: { telegrams: 2, ms: 0 },
  /** Those below a value that had slipped in upward: their registers are withheld until they have caught up. */
  slip: { telegrams: 2, ms: 0 },
  /** A register that fell, although CRC or tag prove the telegram: a reset. */
  provenFall: { telegrams: 2, ms: 10_000 },
  /** A reset register, or a counter that began anew. */
  same: { telegrams: 3, ms: 10_000 },
  /** What fails a check of its own: this meter is like that, and the check is waived from then on. */
  odd: { telegrams: 5, ms: 15_000 },
  /** Another meter: two meters on one line must not alternate. */
  other: { telegrams: 4, ms: 15_000 },
  /** Another list: one damaged in the same place several times must not pass for one. */
  list: { telegrams: 5, ms: 15_000 },
  /** Registers that rise faster than the limit allows: this meter carries more. */
  fast: { telegrams: 5, ms: 15_000 },
  /** Every register at exactly 0: a meter that has lost its registers, is starting up, or is really new. */
  zero: { telegrams: 10, ms: 600_000 },
  /** From 0 back to more than can have flowed: what was known before the registers were 0. */
  return: { telegrams: 5, ms: 60_000 },
} as const satisfies Record<string, Evidence>;

/** How many telegrams in a row agree up to this one, including those no longer in the pool, and since when. */
export interface Run {
  readonly telegrams: number;
  /** Time of the first. */
  readonly since: number;
  /** Whether every register was 0 in one of them. */
  readonly zero: boolean;
}

/** A telegram on its way through the decision. */
export interface Entry {
  readonly sample: Sample;
  readonly at: number;
  /** As `at`, or by the meter's clock. */
  readonly time: number;
  readonly proven: boolean;
  readonly alone: CheckFailure | null;
  /** Why it is held. */
  failure: CheckFailure | null;
  verdict: Verdict | null;
  /** Those that agree up to this one; the same where registers may rise faster than the limit. */
  run: Run | null;
  fastRun: Run | null;
}

/** Why `later` cannot follow `earlier`; `null` if it can. */
export type Comparison = (earlier: Entry, later: Entry) => CheckFailure | null;

/**
 * The held telegrams up to this one, each of which continues the one before. The same telegram twice counts where nothing
 * is known yet (`first`); an old one that is replayed does not.
 */
export function chainOf(
  entry: Entry,
  pool: readonly Entry[],
  comparison: Comparison,
  first: boolean,
  fast = false,
): Entry[] {
  const chain = [entry];
  let head = entry;
  for (const other of pool.toReversed()) {
    if (other === entry || other.alone?.waiver !== head.alone?.waiver) continue;
    if (isSame(other, head)) {
      if (first) chain.unshift(other);
      continue;
    }
    const failure = comparison(other, head);
    if (failure?.grade === "contradiction" && !(fast && failure.check === "energy-rise")) continue;
    chain.unshift(other);
    head = other;
  }
  return chain;
}

/** The same where registers may rise faster than the limit; empty if none of them does. */
export function fastChainOf(entry: Entry, pool: readonly Entry[], comparison: Comparison, first: boolean): Entry[] {
  const chain = chainOf(entry, pool, comparison, first, true);
  const fast = chain.some((link, index) => {
    const next = chain[index + 1];
    return next !== undefined && comparison(link, next)?.check === "energy-rise";
  });
  return fast ? chain : [];
}

/** The run that ends with the last of this chain; `before` is that of the one before it. */
export function runOf(chain: readonly Entry[], before: Run | null): Run {
  const last = chain.at(-1);
  return {
    telegrams: Math.max(chain.length, (before?.telegrams ?? 0) + 1),
    since: Math.min(before?.since ?? Number.POSITIVE_INFINITY, chain[0]?.time ?? 0),
    zero: (before?.zero ?? false) || last?.failure?.check === "energy-zero",
  };
}

/** Whether this run is enough to win. */
export const isEnough = (
  { telegrams, since }: Pick<Run, "telegrams" | "since">,
  needed: Evidence,
  time: number,
): boolean => telegrams >= needed.telegrams && time - since >= needed.ms;

/** For registers that rise faster than the limit. */
export const FAST: Evidence = AGREE.fast;

function isSame({ sample: { telegram: a } }: Entry, { sample: { telegram: b } }: Entry): boolean {
  return a.invocationCounter === b.invocationCounter && contentOf(a) === contentOf(b);
}

/** What it takes for these to win. */
export function neededFor(entry: Entry, chain: readonly Entry[], base: Baseline | null): Evidence {
  if (entry.alone !== null) return AGREE.odd;
  if (entry.run?.zero === true) return AGREE.zero;
  if (base?.confirmed !== true) return AGREE.first;
  const checks = chain.map(({ failure }) => failure?.check);
  if (checks.includes("meter")) return AGREE.other;
  if (checks.includes("structure")) return AGREE.list;
  if (checks.includes("energy-return")) return AGREE.return;
  if (checks.every((check) => check === "energy-slip")) return AGREE.slip;
  if (entry.proven && checks.every((check) => check !== undefined && isFall(check))) return AGREE.provenFall;
  return AGREE.same;
}

/** W: the fastest that any register rose from one to the next. */
export function largestPower(chain: readonly Entry[]): number {
  let most = 0;
  chain.forEach((link, index) => {
    const next = chain[index + 1];
    if (next === undefined || next.sample.shape !== link.sample.shape) return;
    const hours = Math.max(1_000, next.time - link.time) / 3_600_000;
    for (const { index: place, factor } of link.sample.shape.counters) {
      const value = ({ sample: { telegram } }: Entry): number => numberOf(telegram.registers[place]) * factor;
      const rise = value(next) - value(link);
      if (rise > 0) most = Math.max(most, rise / hours);
    }
  });
  return most;
}

export const isFall = (check: Check): boolean => check === "energy-fall" || check === "energy-slip";

/** A sentence for the log when those that contradicted what was known have won. */
export function noticeOf({ check, reason }: CheckFailure): string {
  switch (check) {
    case "meter":
      return `another meter is at this port now: ${reason}`;
    case "energy-zero":
    case "energy-fall":
      return `a register begins anew, or a wrong value had been taken before: ${reason}`;
    case "counter":
      return `the meter counts its telegrams anew: ${reason}`;
    case "structure":
      return `the meter sends another list now: ${reason}`;
    case "energy-return":
      return `the registers are back after they had been 0: ${reason}`;
    case "energy-rise":
      return `taken although it looks too much: ${reason}`;
    default:
      return `this meter is like that, so it is taken from now on: ${reason}`;
  }
}
