/** When telegrams that contradict what is known win against it: as soon as several agree among themselves. */

import { type Baseline, contentOf } from "./baseline.ts";
import type { Check, Finding } from "./finding.ts";
import type { Sample } from "./sample.ts";
import { numberOf } from "./shape.ts";
import type { Verdict } from "./verdict.ts";

/** So many must agree before they win against what is known. */
const AGREE = {
  /** At first contact: two. */
  first: 2,
  /** Those below a value that had slipped in upward: their registers are withheld until they have caught up. */
  slip: 2,
  /** A register that fell, although CRC or tag prove the telegram: a reset. */
  provenFall: 2,
  /** A reset register, or a counter that began anew. */
  same: 3,
  /** What fails a check of its own: this meter is like that, and the check is waived from then on. */
  odd: 5,
  /** Another meter: two meters on one line must not take turns. */
  other: 4,
  /** Another list: one damaged in the same place several times must not pass for one. */
  list: 5,
  /** Registers that rise faster than the limit allows: this meter carries more. */
  fast: 5,
} as const;
/** A telegram on its way through the decision. */
export interface Entry {
  readonly sample: Sample;
  readonly at: number;
  /** As `at`, or by the meter's clock. */
  readonly time: number;
  readonly proven: boolean;
  readonly alone: Finding | null;
  /** Why it is held. */
  finding: Finding | null;
  verdict: Verdict | null;
}

/** What speaks against `later` if `earlier` was true. */
export type Beside = (earlier: Entry, later: Entry) => Finding | null;

/**
 * The run of held telegrams up to this one in which each goes on where the one before was. The same telegram twice counts
 * where nothing is known yet (`first`); an old one that is played again and again does not.
 */
export function chainOf(entry: Entry, pool: readonly Entry[], beside: Beside, first: boolean, fast = false): Entry[] {
  const chain = [entry];
  let head = entry;
  for (const other of pool.toReversed()) {
    if (other === entry || other.alone?.waiver !== head.alone?.waiver) continue;
    if (isSame(other, head)) {
      if (first) chain.unshift(other);
      continue;
    }
    const finding = beside(other, head);
    if (finding?.grade === "contradiction" && !(fast && finding.check === "energy-rise")) continue;
    chain.unshift(other);
    head = other;
  }
  return chain;
}

/** The same where registers may rise faster than the limit; empty if they do not, or are too few. */
export function fastChainOf(entry: Entry, pool: readonly Entry[], beside: Beside, first: boolean): Entry[] {
  const chain = chainOf(entry, pool, beside, first, true);
  const fast = chain.some((link, index) => {
    const next = chain[index + 1];
    return next !== undefined && beside(link, next)?.check === "energy-rise";
  });
  return fast && chain.length >= AGREE.fast ? chain : [];
}

function isSame({ sample: { telegram: a } }: Entry, { sample: { telegram: b } }: Entry): boolean {
  return a.invocationCounter === b.invocationCounter && contentOf(a) === contentOf(b);
}

/** How many must agree before they win. */
export function neededFor(entry: Entry, chain: readonly Entry[], base: Baseline | null): number {
  if (entry.alone !== null) return AGREE.odd;
  if (base?.confirmed !== true) return AGREE.first;
  const checks = chain.map(({ finding }) => finding?.check);
  if (checks.includes("meter")) return AGREE.other;
  if (checks.includes("structure")) return AGREE.list;
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
export function noticeOf({ check, reason }: Finding): string {
  switch (check) {
    case "meter":
      return `another meter is at this port now: ${reason}`;
    case "energy-fall":
      return `a register begins anew, or a wrong value had been taken before: ${reason}`;
    case "counter":
      return `the meter counts its telegrams anew: ${reason}`;
    case "structure":
      return `the meter sends another list now: ${reason}`;
    case "energy-rise":
      return `taken although it looks too much: ${reason}`;
    default:
      return `this meter is like that, so it is taken from now on: ${reason}`;
  }
}
