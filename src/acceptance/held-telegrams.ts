/**
 * Telegrams that are not decided yet, in two lists. The *queue* keeps their order: verdicts leave only from its head. The
 * *pool* holds doubts and contradictions since the last telegram that matched the baseline; rejected ones stay as
 * evidence.
 */
import type { Entry } from "./agreement.ts";
import type { Baseline } from "./baseline.ts";
import type { CheckFailure } from "./check-failure.ts";
import type { AcceptanceLog, Verdict } from "./verdict.ts";

/**
 * How long a telegram is held for others to confirm it, milliseconds: the 5 s period of Austrian meters plus a second for
 * delays. A meter that pushes every 15 minutes is decided after this time.
 */
export const HOLD_MS = 6_000;
/** For a meter whose period is known to be `SHORT_PERIOD_MS` or shorter: at least so many periods. */
const HOLD_PERIODS = 4;
const SHORT_PERIOD_MS = 15_000;
/** While only damaged telegrams arrive, the hold time is extended up to this factor. */
const MAX_EXTENSION = 5;
/** Capacity of the pool, telegrams. */
const POOL = 8;

export class HeldTelegrams {
  readonly #log: AcceptanceLog | undefined;
  #pool: Entry[] = [];
  #queue: Entry[] = [];
  /** Deadline for deciding the held telegrams, milliseconds; `null` if none is held. */
  due: number | null = null;

  constructor(log: AcceptanceLog | undefined) {
    this.#log = log;
  }

  get pool(): readonly Entry[] {
    return this.#pool;
  }

  /** Telegrams in the pool without a verdict. */
  get undecided(): Entry[] {
    return this.#pool.filter(({ verdict }) => verdict === null);
  }

  /** Telegrams in the pool that are unusual but do not contradict the baseline. */
  get doubts(): Entry[] {
    return this.#pool.filter(({ failure }) => failure?.grade === "doubt");
  }

  /** Adds to the pool, and waits for other telegrams; if the pool is full, the oldest is rejected. */
  hold(entry: Entry, failure: CheckFailure, base: Baseline | null): void {
    entry.failure = failure;
    this.#pool.push(entry);
    if (this.#pool.length > POOL) {
      const oldest = this.#pool.shift();
      if (oldest !== undefined) reject(oldest);
    }
    this.due = entry.at + holdTimeOf(base);
    this.#log?.debug(() => `held (${failure.check}): ${failure.reason}`);
  }

  /** Postpones the deadline because damaged telegrams arrive. @param at time of their arrival, milliseconds */
  postpone(at: number, base: Baseline | null): void {
    const first = this.undecided[0];
    if (this.due === null || first === undefined) return;
    const holdMs = holdTimeOf(base);
    this.due = Math.max(this.due, Math.min(at + holdMs, first.at + MAX_EXTENSION * holdMs));
  }

  /** Removes from the pool. */
  release(entry: Entry): void {
    this.#pool = this.#pool.filter((other) => other !== entry);
  }

  /** Removes all others from the pool. */
  keep(entries: Entry[]): void {
    this.#pool = entries;
  }

  /** Adds a telegram to the queue. @returns as `drain` */
  enqueue(entry: Entry): Verdict[] {
    if (this.#queue.length === 0 && entry.verdict !== null) {
      this.due = null;
      return [entry.verdict];
    }
    this.#queue.push(entry);
    return this.drain();
  }

  /** Verdicts in order of arrival, up to the first telegram that is not decided. */
  drain(): Verdict[] {
    const verdicts: Verdict[] = [];
    let decided = 0;
    for (const { verdict } of this.#queue) {
      if (verdict === null) break;
      verdicts.push(verdict);
      decided++;
    }
    this.#queue.splice(0, decided);
    if (this.#queue.length === 0) this.due = null;
    return verdicts;
  }
}

/** Rejects a telegram; no effect if it has a verdict already. */
export function reject(entry: Entry): void {
  if (entry.verdict !== null) return;
  const { at, failure } = entry;
  const { telegram } = entry.sample;
  const check = failure?.check ?? "unconfirmed";
  entry.verdict = { type: "rejected", telegram, at, check, reason: failure?.reason ?? "not confirmed" };
}

/** How long telegrams are held, milliseconds: on a bad line some of those that would confirm them are damaged, too. */
function holdTimeOf(base: Baseline | null): number {
  const period = base?.periodMs ?? null;
  return period === null || period > SHORT_PERIOD_MS ? HOLD_MS : Math.max(HOLD_MS, HOLD_PERIODS * period);
}
