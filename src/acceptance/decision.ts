/**
 * Decides telegrams: accepted, rejected, or held until others confirm or refute them. The order of the stages is that of
 * `decide`: first contact, repetition, doubts that are still held, then the telegram itself.
 */
import {
  chainOf,
  type Entry,
  FAST_RISE_QUORUM,
  fastChainOf,
  hasQuorum,
  isFall,
  noticeOf,
  peakPowerOf,
  quorumFor,
  runOf,
} from "./agreement.ts";
import { type Baseline, WAIVED } from "./baseline.ts";
import type { Check, CheckFailure } from "./check-failure.ts";
import { failures } from "./consistency.ts";
import { type HeldTelegrams, reject } from "./held-telegrams.ts";
import type { MeterRecord } from "./meter-record.ts";
import { compare, isRepetition, onlyZeros } from "./plausibility.ts";
import type { Verdict } from "./verdict.ts";

/** Doubts about registers or time only: power, voltage and current of the same telegram are published at once. */
const ENERGY_ONLY: ReadonlySet<Check> = new Set(["gap", "energy-burst", "clock"]);
/** The same for contradictions in a proven telegram. */
const PROVEN_ENERGY: ReadonlySet<Check> = new Set(["energy-fall", "energy-slip", "energy-zero", "energy-return"]);

export class Decision {
  readonly #held: HeldTelegrams;
  readonly #state: MeterRecord;

  constructor(held: HeldTelegrams, state: MeterRecord) {
    this.#held = held;
    this.#state = state;
  }

  /**
   * Decides this telegram and the held ones as far as possible. Verdicts are set on the entries.
   * @returns a provisional verdict if the instantaneous values of this telegram can be published before it is decided
   */
  decide(entry: Entry): Verdict | null {
    const { base } = this.#state;
    if (base === null) return this.#firstContact(entry);
    if (isRepetition(base, entry.sample.telegram)) {
      this.#state.acceptRepetition(entry, base);
      return null;
    }
    const poolIsEmpty = this.#held.pool.length === 0;
    let failure = entry.inconsistency ?? compare(base, entry.sample, entry.time, entry.proven);
    if (entry.inconsistency === null && !poolIsEmpty) failure = this.#resolveDoubts(entry, failure);
    if (failure === null) {
      if (!poolIsEmpty) this.#clearPool(entry, []);
      this.#held.due = null;
      this.#state.accept(entry);
      return null;
    }
    if (failure.grade === "doubt") {
      // Two doubts that contradict each other: the next telegram decides.
      this.#clearPool(entry, this.#held.doubts);
      this.#hold(entry, failure);
      // An unlikely value is damaged more often than true, and the damage may extend to the powers.
      return ENERGY_ONLY.has(failure.check) && failure.unlikely !== true ? provisional(entry) : null;
    }
    this.#challenge(entry, failure);
    // CRC or tag prove the rest of the telegram, whatever its registers say.
    return entry.proven && entry.verdict === null && PROVEN_ENERGY.has(failure.check) ? provisional(entry) : null;
  }

  /** Decides the held telegrams because nothing arrived in time, or nothing will. @param endOfInput of a capture */
  decideHeld(endOfInput: boolean): void {
    const held = this.#held.undecided;
    const unconfirmed = held.filter(({ failure }) => failure?.check === "unconfirmed");
    const isOnlyOne = unconfirmed.length === 1;
    // A capture of a new meter: nothing follows that could contradict it.
    const isNewInCapture = endOfInput && this.#state.base === null;
    for (const entry of held) {
      // First contact with telegrams that disagree: the next one decides, whenever it comes.
      if (!isOnlyOne && !endOfInput && unconfirmed.includes(entry)) continue;
      const { failure } = entry;
      // Only at the end of a capture; on a line the next telegram decides, whenever it comes.
      const isReset = endOfInput && entry.proven && failure !== null && isFall(failure.check);
      const isLikely = failure?.grade === "doubt" && (failure.unlikely !== true || endOfInput);
      const isConfirmedZero = isNewInCapture && failure?.check === "energy-zero";
      const isUnopposed = isOnlyOne && failure?.check === "unconfirmed";
      if ((isLikely && this.#matchesBaseline(entry)) || isReset || isConfirmedZero || isUnopposed) {
        this.#held.release(entry);
        this.#state.accept(entry, isReset ? failure?.reason : undefined);
        if (isOnlyOne && this.#state.base !== null) this.#state.base.confirmed = false;
      } else {
        reject(entry);
      }
    }
  }

  /** First contact: nothing is known about the meter. */
  #firstContact(entry: Entry): Verdict | null {
    // A meter that is starting up sends zeros with a valid checksum, too: they need a quorum, with or without a baseline.
    const zero = onlyZeros(null, entry.sample);
    if (entry.proven && zero === null) {
      for (const other of this.#held.pool) reject(other);
      this.#held.keep([]);
      this.#state.accept(entry);
      return null;
    }
    const reason = "nothing is known of this meter, and no second telegram has confirmed the first";
    this.#challenge(entry, entry.inconsistency ?? zero ?? { check: "unconfirmed", reason, grade: "contradiction" });
    return entry.verdict === null && entry.inconsistency === null ? provisional(entry) : null;
  }

  /**
   * Decides the held doubts: `entry` confirms a doubt, or matches better without it.
   * @param failure of `entry` against the baseline
   * @returns the failure of `entry` against the baseline afterwards
   */
  #resolveDoubts(entry: Entry, failure: CheckFailure | null): CheckFailure | null {
    let current = failure;
    for (const doubt of this.#held.doubts) {
      if (this.#state.base === null) break;
      if (!this.#matchesBaseline(doubt)) {
        this.#held.release(doubt);
        reject(doubt);
        continue;
      }
      const afterDoubt = compare(this.#state.extended(doubt), entry.sample, entry.time, entry.proven);
      if (afterDoubt === null || (afterDoubt.grade === "doubt" && current !== null)) {
        this.#held.release(doubt);
        this.#state.accept(doubt);
        if (doubt.failure?.check === "energy-burst") this.#state.base.unexplained += 1;
        current = afterDoubt;
      } else if (current === null) {
        this.#held.release(doubt);
        reject(doubt);
      }
    }
    return current;
  }

  /**
   * The meter continues from its baseline: rejects what contradicted it. A telegram below a value that was slightly too
   * high is accepted if `entry` continues from it: only its register is withheld.
   * @param undecided telegrams that stay in the pool
   */
  #clearPool(entry: Entry, undecided: Entry[]): void {
    for (const other of this.#held.pool) {
      if (undecided.includes(other)) continue;
      const comparison =
        other.failure?.check === "energy-slip" ? this.#compareTo(other, entry, this.#state.base) : undefined;
      if (comparison === null || (comparison?.grade === "doubt" && comparison.unlikely !== true))
        this.#state.accept(other);
      else reject(other);
    }
    this.#held.keep(undecided);
  }

  /** `entry` contradicts the baseline, or there is none: a quorum of agreeing telegrams replaces the baseline. */
  #challenge(entry: Entry, failure: CheckFailure): void {
    this.#hold(entry, failure);
    const comparison = (earlier: Entry, later: Entry): CheckFailure | null => this.#compareTo(earlier, later, null);
    const firstContact = this.#state.base === null;
    let chain = chainOf(entry, this.#held.pool, comparison, firstContact);
    entry.run = runOf(chain, chain.at(-2)?.run ?? null);
    let winner = entry.run;
    const isFast = !hasQuorum(entry.run, quorumFor(entry, chain, this.#state.base), entry.time);
    if (isFast) {
      chain = fastChainOf(entry, this.#held.pool, comparison, firstContact);
      if (chain.length === 0) return;
      entry.fastRun = runOf(chain, chain.at(-2)?.fastRun ?? null);
      if (entry.run.zero || !hasQuorum(entry.fastRun, FAST_RISE_QUORUM, entry.time)) return;
      winner = entry.fastRun;
    }
    this.#overrule(chain, failure, Math.max(chain.length, winner.telegrams));
    if (entry.inconsistency !== null) this.#waiveChecksOf(entry);
    if (isFast) this.#raisePowerLimit(1.5 * peakPowerOf(chain));
  }

  /** Accepts the telegrams of the chain, rejects all others that are held. @param agreeing how many agree, for the log */
  #overrule(chain: readonly Entry[], failure: CheckFailure, agreeing: number): void {
    const accepted = new Set(chain);
    for (const other of this.#held.pool) if (!accepted.has(other)) reject(other);
    this.#held.keep([]);
    this.#held.due = null;
    const hadBaseline = this.#state.base !== null;
    if (failure.check === "meter") this.#state.base = null;
    const isSlip = chain.every((link) => link.failure?.check === "energy-slip");
    const first = chain.find(({ verdict }) => verdict === null);
    const notice = `${noticeOf(first?.failure ?? failure)} (${agreeing} telegrams agree)`;
    for (const link of chain) {
      if (link.verdict === null)
        this.#state.accept(link, link === first && hadBaseline && !isSlip ? notice : undefined);
      else this.#state.advance(link);
    }
  }

  #raisePowerLimit(maxPower: number): void {
    const { base } = this.#state;
    if (base !== null) base.maxPower = Math.max(base.maxPower, maxPower);
  }

  /** Waives the consistency checks that this telegram fails. */
  #waiveChecksOf(entry: Entry): void {
    const { base } = this.#state;
    if (base === null) return;
    const waivers = failures(entry.sample, this.#state.limits).flatMap(({ waiver }) => waiver ?? []);
    base.waived = [...new Set([...waivers, ...base.waived])].slice(0, WAIVED);
  }

  /** Whether a held doubt still does not contradict the baseline; another doubt may have been accepted since. */
  #matchesBaseline(entry: Entry): boolean {
    const { base } = this.#state;
    return base === null || compare(base, entry.sample, entry.time, entry.proven)?.grade !== "contradiction";
  }

  /** The failure of `later` if `earlier` had been accepted; `null` if it passes or repeats `earlier`. */
  #compareTo(earlier: Entry, later: Entry, base: Baseline | null): CheckFailure | null {
    return compare(this.#state.extended(earlier, base), later.sample, later.time, later.proven);
  }

  #hold(entry: Entry, failure: CheckFailure): void {
    this.#held.hold(entry, failure, this.#state.base);
  }
}

/** Publishes the instantaneous values only. */
const provisional = ({ sample, at }: Entry): Verdict => ({ type: "provisional", telegram: sample.telegram, at });
