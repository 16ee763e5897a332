/**
 * Telegrams on their way through the decision. Two lists: the *queue* keeps their order, verdicts leave only from its
 * head; the *pool* holds doubts and contradictions since the last telegram that fitted, decided ones as evidence.
 */
import type { Entry } from "./agreement.ts";
import type { CheckFailure } from "./check-failure.ts";
import type { AcceptanceLog, Verdict } from "./verdict.ts";

/** Telegrams that are held, or kept as evidence after they were rejected. */
const POOL = 8;

export class HeldTelegrams {
  readonly #log: AcceptanceLog | undefined;
  #pool: Entry[] = [];
  #queue: Entry[] = [];
  /** When those that are held must be decided, milliseconds; `null`: none is. */
  due: number | null = null;

  constructor(log: AcceptanceLog | undefined) {
    this.#log = log;
  }

  get pool(): readonly Entry[] {
    return this.#pool;
  }

  /** Those in the pool that are not decided yet. */
  get undecided(): Entry[] {
    return this.#pool.filter(({ verdict }) => verdict === null);
  }

  /** Doubts: telegrams that fit what is known, but are unusual. */
  get doubts(): Entry[] {
    return this.#pool.filter(({ failure }) => failure?.grade === "doubt");
  }

  add(entry: Entry): void {
    this.#queue.push(entry);
  }

  /** Into the pool, because of this failure; the oldest makes room. @param holdMs how long to wait for others */
  hold(entry: Entry, failure: CheckFailure, holdMs: number): void {
    entry.failure = failure;
    this.#pool.push(entry);
    if (this.#pool.length > POOL) {
      const oldest = this.#pool.shift();
      if (oldest !== undefined) reject(oldest);
    }
    this.due = entry.at + holdMs;
    this.#log?.debug(() => `held (${failure.check}): ${failure.reason}`);
  }

  /** Out of the pool. */
  release(entry: Entry): void {
    this.#pool = this.#pool.filter((other) => other !== entry);
  }

  /** Keeps only these in the pool. */
  keep(entries: Entry[]): void {
    this.#pool = entries;
  }

  /** Verdicts in the order of their telegrams, up to the first that is not decided. */
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

/** Never published; nothing happens if it is decided already. */
export function reject(entry: Entry): void {
  if (entry.verdict !== null) return;
  const { at, failure } = entry;
  const { telegram } = entry.sample;
  const check = failure?.check ?? "unconfirmed";
  entry.verdict = { type: "rejected", telegram, at, check, reason: failure?.reason ?? "not confirmed" };
}
