/** How many agreeing telegrams it takes to overrule the baseline of a meter, and how agreement is established. */

import type { Baseline } from "./baseline.ts";
import type { Check, CheckFailure } from "./check-failure.ts";
import { contentOf } from "./last-content.ts";
import { numberOf } from "./list-shape.ts";
import type { Sample } from "./sample.ts";
import type { Verdict } from "./verdict.ts";

/** How many telegrams must agree, and over which time, milliseconds. Both are required. */
export interface Quorum {
  readonly telegrams: number;
  readonly ms: number;
}

/** Count and time: at one telegram a second, a few of them prove little more than one. */
const QUORUMS = {
  firstContact: { telegrams: 2, ms: 0 },
  /** A register below a value that was slightly too high: it is withheld until it has caught up. */
  slip: { telegrams: 2, ms: 0 },
  /** A register that fell in telegrams proven by CRC or tag: a reset. */
  provenFall: { telegrams: 2, ms: 10_000 },
  /** A register that was reset, or an invocation counter that restarted. */
  reset: { telegrams: 3, ms: 10_000 },
  /** A failed consistency check: this meter always fails it, so it is waived from then on. */
  waiver: { telegrams: 5, ms: 15_000 },
  /** Another meter: two meters on one line must not alternate. */
  meter: { telegrams: 4, ms: 15_000 },
  /** Another list: one damaged repeatedly in the same place must not pass for a new list. */
  list: { telegrams: 5, ms: 15_000 },
  /** Registers that rise faster than the limit allows: this meter carries more power. */
  fastRise: { telegrams: 5, ms: 15_000 },
  /** Every register at exactly 0: a meter that has lost its registers, is starting up, or is really new. */
  zero: { telegrams: 10, ms: 600_000 },
  /** From 0 back to more than can have flowed: the values from before the registers were 0. */
  return: { telegrams: 5, ms: 60_000 },
} as const satisfies Record<string, Quorum>;

/** Quorum for registers that rise faster than the limit. */
export const FAST_RISE_QUORUM: Quorum = QUORUMS.fastRise;

/** How many telegrams in a row agree, up to and including this one and those no longer in the pool, and since when. */
export interface Run {
  readonly telegrams: number;
  /** Time of the first telegram. */
  readonly since: number;
  /** Whether any of them had every register at 0. */
  readonly zero: boolean;
}

/** A telegram while it is being decided. */
export interface Entry {
  readonly sample: Sample;
  /** Time of arrival, milliseconds. */
  readonly at: number;
  /** As `at`; in a capture, time by the meter's clock. */
  readonly time: number;
  /** By CRC or tag. */
  readonly proven: boolean;
  /** The consistency check that it fails; `null` if none. */
  readonly inconsistency: CheckFailure | null;
  /** Why it is held. */
  failure: CheckFailure | null;
  verdict: Verdict | null;
  /** The run that ends with this telegram. */
  run: Run | null;
  /** The same if registers may rise faster than the limit. */
  fastRun: Run | null;
}

/** Why `later` cannot follow `earlier`; `null` if it can. */
export type Comparison = (earlier: Entry, later: Entry) => CheckFailure | null;

/**
 * The held telegrams up to `entry`, each of which continues the one before. At first contact the same telegram twice
 * counts as two; later a repetition does not count, because it may be a replay.
 */
export function chainOf(
  entry: Entry,
  pool: readonly Entry[],
  comparison: Comparison,
  firstContact: boolean,
  allowFastRise = false,
): Entry[] {
  const chain = [entry];
  let head = entry;
  for (const other of pool.toReversed()) {
    if (other === entry || other.inconsistency?.waiver !== head.inconsistency?.waiver) continue;
    if (isRepeated(other, head)) {
      if (firstContact) chain.unshift(other);
      continue;
    }
    const failure = comparison(other, head);
    if (failure?.grade === "contradiction" && !(allowFastRise && failure.check === "energy-rise")) continue;
    chain.unshift(other);
    head = other;
  }
  return chain;
}

/** As `chainOf`, but registers may rise faster than the limit; empty if none of them does. */
export function fastChainOf(
  entry: Entry,
  pool: readonly Entry[],
  comparison: Comparison,
  firstContact: boolean,
): Entry[] {
  const chain = chainOf(entry, pool, comparison, firstContact, true);
  const hasFastRise = chain.some((link, index) => {
    const next = chain[index + 1];
    return next !== undefined && comparison(link, next)?.check === "energy-rise";
  });
  return hasFastRise ? chain : [];
}

/** The run that ends with the last telegram of this chain. @param previous run of the telegram before it */
export function runOf(chain: readonly Entry[], previous: Run | null): Run {
  const last = chain.at(-1);
  return {
    telegrams: Math.max(chain.length, (previous?.telegrams ?? 0) + 1),
    since: Math.min(previous?.since ?? Number.POSITIVE_INFINITY, chain[0]?.time ?? 0),
    zero: (previous?.zero ?? false) || last?.failure?.check === "energy-zero",
  };
}

/** @param time of the last telegram of the run */
export const hasQuorum = (
  { telegrams, since }: Pick<Run, "telegrams" | "since">,
  quorum: Quorum,
  time: number,
): boolean => telegrams >= quorum.telegrams && time - since >= quorum.ms;

function isRepeated({ sample: { telegram: a } }: Entry, { sample: { telegram: b } }: Entry): boolean {
  return a.invocationCounter === b.invocationCounter && contentOf(a) === contentOf(b);
}

/** The quorum that this chain needs to overrule the baseline. */
export function quorumFor(entry: Entry, chain: readonly Entry[], base: Baseline | null): Quorum {
  if (entry.inconsistency !== null) return QUORUMS.waiver;
  if (entry.run?.zero === true) return QUORUMS.zero;
  if (base?.confirmed !== true) return QUORUMS.firstContact;
  const checks = chain.map(({ failure }) => failure?.check);
  if (checks.includes("meter")) return QUORUMS.meter;
  if (checks.includes("structure")) return QUORUMS.list;
  if (checks.includes("energy-return")) return QUORUMS.return;
  if (checks.every((check) => check === "energy-slip")) return QUORUMS.slip;
  if (entry.proven && checks.every((check) => check !== undefined && isFall(check))) return QUORUMS.provenFall;
  return QUORUMS.reset;
}

/** The fastest rise of any register from one telegram of the chain to the next, W. */
export function peakPowerOf(chain: readonly Entry[]): number {
  let peak = 0;
  chain.forEach((link, index) => {
    const next = chain[index + 1];
    if (next === undefined || next.sample.shape !== link.sample.shape) return;
    const hours = Math.max(1_000, next.time - link.time) / 3_600_000;
    for (const counter of link.sample.shape.counters) {
      const value = ({ sample: { telegram } }: Entry): number =>
        numberOf(telegram.registers[counter.index]) * counter.factor;
      const rise = value(next) - value(link);
      if (rise > 0) peak = Math.max(peak, rise / hours);
    }
  });
  return peak;
}

export const isFall = (check: Check): boolean => check === "energy-fall" || check === "energy-slip";

/** The log message after the baseline was overruled. */
export function noticeOf({ check, reason }: CheckFailure): string {
  switch (check) {
    case "meter":
      return `another meter is at this port now: ${reason}`;
    case "energy-zero":
    case "energy-fall":
      return `a register was reset, or a wrong value had been accepted before: ${reason}`;
    case "counter":
      return `the meter's invocation counter restarted: ${reason}`;
    case "structure":
      return `the meter sends another list now: ${reason}`;
    case "energy-return":
      return `the registers are back after reading 0: ${reason}`;
    case "energy-rise":
      return `accepted although it exceeds the power limit: ${reason}`;
    default:
      return `this meter always fails this check, so it is waived from now on: ${reason}`;
  }
}
