/** Judges the telegrams of one meter, in their order: the pool of what is held, and who wins (see acceptance.ts). */
import type { Telegram } from "../codec/telegram.ts";
import {
  chainOf,
  type Entry,
  FAST,
  fastChainOf,
  isEnough,
  isFall,
  largestPower,
  neededFor,
  noticeOf,
  runOf,
} from "./agreement.ts";
import { type Baseline, extend, fromMemory, toMemory, WAIVED } from "./baseline.ts";
import { type Check, type CheckFailure, DEFAULT_LIMITS, type Limits } from "./check-failure.ts";
import { checkConsistency, failures } from "./consistency.ts";
import { HeldTelegrams, reject } from "./held-telegrams.ts";
import { Shapes } from "./list-shape.ts";
import { compare, isRepetition, onlyZeros } from "./plausibility.ts";
import { isRecord, isSameKey, ReplayGuard } from "./replay-guard.ts";
import { sampleOf } from "./sample.ts";
import { Submeters } from "./submeters.ts";
import type { Acceptance, AcceptanceLog, AcceptanceOptions, Verdict } from "./verdict.ts";
import { withheldOf } from "./withheld-registers.ts";

/**
 * So long is a telegram held that no other confirms, milliseconds: the 5 s of the Austrian meters and a second for what
 * delays them. A meter that pushes every 15 minutes is not silent for longer than this.
 */
export const HOLD_MS = 6_000;
/** A line on which nothing but damaged telegrams come prolongs that to so many times. */
const DISTURBED = 5;
/** A meter whose period is known to be short is given so many periods. */
const HOLD_PERIODS = 4;
const QUICK_MS = 15_000;
/** Without clock and real time of arrival: so much may have passed between two telegrams of a capture. */
const UNKNOWN_PERIOD_MS = 900_000;

/** Doubts about registers or time: power, voltage and current of the same telegram are published at once. */
const ENERGY_ONLY: ReadonlySet<Check> = new Set(["gap", "energy-burst", "clock"]);
/** The same for contradictions of a proven telegram. */
const PROVEN_ENERGY: ReadonlySet<Check> = new Set(["energy-fall", "energy-slip", "energy-zero", "energy-return"]);

/** Who sent it, as far as it tells; the key of the memory. */
export const identityOf = (telegram: Telegram): string => telegram.systemTitle ?? telegram.meterId ?? "";

export class Judge implements Acceptance {
  readonly #shapes = new Shapes();
  readonly #limits: Limits;
  readonly #byClock: boolean;
  readonly #wall: (() => number) | null;
  readonly #held: HeldTelegrams;
  readonly #guard: ReplayGuard;
  readonly #keyId: string | undefined;
  #submeters = new Submeters(null);
  /** What is remembered of all meters; `null` once this one was found in it. */
  #stored: Readonly<Record<string, unknown>> | null;
  #base: Baseline | null = null;
  #lastTime = 0;

  constructor(options: AcceptanceOptions, memory: unknown, log: AcceptanceLog | undefined) {
    this.#limits = {
      maxPower: options.maxPower ?? DEFAULT_LIMITS.maxPower,
      minVoltage: options.minVoltage ?? DEFAULT_LIMITS.minVoltage,
      maxVoltage: options.maxVoltage ?? DEFAULT_LIMITS.maxVoltage,
    };
    this.#byClock = options.timing === "meter";
    this.#wall = options.wall ?? null;
    this.#held = new HeldTelegrams(log);
    const stored = isRecord(memory) ? memory : {};
    this.#stored = stored;
    this.#guard = new ReplayGuard(options, stored);
    this.#keyId = options.keyId;
  }

  get due(): number | null {
    return this.#held.due;
  }

  memory(): unknown {
    const base = this.#base;
    if (base === null) return this.#stored ?? {};
    const identity = base.systemTitle ?? base.meterId ?? "";
    const known = toMemory(base, this.#wall?.() ?? null);
    const submeters = this.#submeters.memory(base.at);
    return { [identity]: { ...known, submeters, ...this.#guard.memory(identity) } };
  }

  judge(telegram: Telegram, at: number): Verdict[] {
    const sample = sampleOf(telegram, this.#shapes.of(telegram));
    const time = this.#byClock ? this.#timeOf(sample.clock) : at;
    this.#recall(telegram, time);
    const proven = telegram.proof === "crc" || telegram.proof === "tag";
    const alone = proven ? null : checkConsistency(sample, this.#limitsNow, this.#base?.waived ?? []);
    const entry: Entry = { sample, at, time, proven, alone, failure: null, verdict: null, run: null, fastRun: null };
    this.#held.add(entry);
    const refusal = this.#refusalOf(telegram);
    if (refusal !== null) {
      entry.failure = refusal;
      reject(entry);
      return this.#held.drain();
    }
    const first = this.#decide(entry);
    return [...this.#held.drain(), ...first];
  }

  disturbed(at: number): void {
    const first = this.#held.undecided[0];
    if (this.#held.due === null || first === undefined) return;
    const hold = holdOf(this.#base);
    this.#held.due = Math.max(this.#held.due, Math.min(at + hold, first.at + DISTURBED * hold));
  }

  expire(at: number): Verdict[] {
    const last = at === Number.POSITIVE_INFINITY;
    if (!last && (this.#held.due === null || at < this.#held.due)) return [];
    this.#held.due = null;
    const held = this.#held.undecided;
    const unconfirmed = held.filter(({ failure }) => failure?.check === "unconfirmed");
    const lone = unconfirmed.length === 1;
    // A capture of a new meter: nothing comes that could contradict it.
    const onlyCapture = last && this.#base === null;
    for (const entry of held) {
      // First contact, and they disagree: the next telegram will decide, whenever it comes.
      if (!lone && !last && unconfirmed.includes(entry)) continue;
      const failure = entry.failure;
      // The last telegram of a capture; on a line the next one decides, whenever it comes.
      const reset = last && entry.proven && failure !== null && isFall(failure.check);
      const doubt = failure?.grade === "doubt" && (failure.unlikely !== true || last) && this.#stillFits(entry);
      const newMeter = onlyCapture && failure?.check === "energy-zero";
      if (doubt || reset || newMeter || (lone && failure?.check === "unconfirmed")) {
        this.#held.release(entry);
        this.#accept(entry, reset ? failure?.reason : undefined);
        if (lone && this.#base !== null) this.#base = { ...this.#base, confirmed: false };
      } else {
        reject(entry);
      }
    }
    return this.#held.drain();
  }

  /** Not so if another doubt that contradicts it was accepted just before. */
  #stillFits(entry: Entry): boolean {
    return (
      this.#base === null || compare(this.#base, entry.sample, entry.time, entry.proven)?.grade !== "contradiction"
    );
  }

  /** The power limit grows with a meter that carries more. */
  get #limitsNow(): Limits {
    return { ...this.#limits, maxPower: Math.max(this.#limits.maxPower, this.#base?.maxPower ?? 0) };
  }

  /** In a capture time passes as the clock of the meter says; where there is none, unknown time between telegrams. */
  #timeOf(clock: number | null): number {
    this.#lastTime = clock ?? this.#lastTime + UNKNOWN_PERIOD_MS;
    return this.#lastTime;
  }

  /** The first telegram of a meter that is remembered: what is known of it comes back. */
  #recall(telegram: Telegram, time: number): void {
    if (this.#base !== null) return;
    const identity = identityOf(telegram);
    if (this.#stored === null || !Object.hasOwn(this.#stored, identity)) return;
    const stored = this.#stored[identity];
    this.#stored = null;
    const base = fromMemory(stored, time, this.#wall?.() ?? null);
    const counts = base !== null && isSameKey(stored as { keyId?: string | null }, this.#keyId);
    this.#base = base === null || counts ? base : { ...base, counter: null };
    if (base !== null) this.#submeters = new Submeters((stored as { submeters?: unknown }).submeters);
  }

  /** Refused whatever else agrees; but for the last telegram once more where nothing is authenticated: it says nothing new. */
  #refusalOf(telegram: Telegram): CheckFailure | null {
    const refusal = this.#guard.check(telegram);
    if (refusal?.check !== "counter" || telegram.proof === "tag" || this.#base === null) return refusal;
    return isRepetition(this.#base, telegram) ? null : refusal;
  }

  /** Decides about this telegram, and about those that are held, as far as it can be decided now. */
  #decide(entry: Entry): Verdict[] {
    const base = this.#base;
    if (base === null) return this.#meet(entry);
    if (isRepetition(base, entry.sample.telegram)) {
      this.#base = { ...base, at: entry.time };
      entry.verdict = this.#toVerdict(entry, this.#base, undefined);
      return [];
    }
    let failure = entry.alone ?? compare(base, entry.sample, entry.time, entry.proven);
    if (entry.alone === null) failure = this.#resolveDoubts(entry, failure);
    if (failure === null) {
      this.#clear(entry, false);
      this.#held.due = null;
      this.#accept(entry, undefined);
      return [];
    }
    if (failure.grade === "doubt") {
      this.#clear(entry, true);
      this.#hold(entry, failure);
      // What is unlikely is damaged more often than true, and the damage may have reached the powers, too.
      return ENERGY_ONLY.has(failure.check) && failure.unlikely !== true ? [provisional(entry)] : [];
    }
    this.#challenge(entry, failure);
    // CRC or tag prove the rest of the telegram, whatever its registers say.
    return entry.proven && entry.verdict === null && PROVEN_ENERGY.has(failure.check) ? [provisional(entry)] : [];
  }

  /**
   * The meter goes on as known: what contradicted it is rejected. One below a value that may have slipped in upward is
   * taken if this telegram goes on from it, too: only its register is left out.
   */
  #clear(entry: Entry, doubtful: boolean): void {
    // Two doubts that contradict each other: the next telegram will decide.
    const undecided = doubtful ? this.#held.doubts : [];
    for (const other of this.#held.pool) {
      if (undecided.includes(other)) continue;
      const comparison = other.failure?.check === "energy-slip" ? this.#compareTo(other, entry, this.#base) : undefined;
      if (comparison === null || (comparison?.grade === "doubt" && comparison.unlikely !== true))
        this.#accept(other, undefined);
      else reject(other);
    }
    this.#held.keep(undecided);
  }

  /** First contact. */
  #meet(entry: Entry): Verdict[] {
    // A meter that starts up sends zeros under a right check sum, too: they need evidence, be there a history or not.
    const zero = onlyZeros(null, entry.sample);
    if (entry.proven && zero === null) {
      for (const other of this.#held.pool) reject(other);
      this.#held.keep([]);
      this.#accept(entry, undefined);
      return [];
    }
    const reason = "nothing is known of this meter, and no second telegram has confirmed the first";
    this.#challenge(entry, entry.alone ?? zero ?? { check: "unconfirmed", reason, grade: "contradiction" });
    if (entry.verdict !== null || entry.alone !== null) return [];
    return [provisional(entry)];
  }

  /**
   * What was held because it was unusual: this telegram confirms it, or fits better without it. The result is what speaks
   * against this telegram afterwards.
   */
  #resolveDoubts(entry: Entry, failure: CheckFailure | null): CheckFailure | null {
    let now = failure;
    for (const doubt of this.#held.doubts) {
      if (this.#base === null) break;
      if (!this.#stillFits(doubt)) {
        this.#held.release(doubt);
        reject(doubt);
        continue;
      }
      const after = this.#extend(this.#base, doubt);
      const comparison = compare(after, entry.sample, entry.time, entry.proven);
      if (comparison === null || (comparison.grade === "doubt" && now !== null)) {
        this.#held.release(doubt);
        this.#accept(doubt, undefined);
        if (doubt.failure?.check === "energy-burst" && this.#base !== null) {
          this.#base = { ...this.#base, unexplained: this.#base.unexplained + 1 };
        }
        now = comparison;
      } else if (now === null) {
        this.#held.release(doubt);
        reject(doubt);
      }
    }
    return now;
  }

  /** Something that contradicts what is known, or nothing is known: those that agree among themselves win. */
  #challenge(entry: Entry, failure: CheckFailure): void {
    this.#hold(entry, failure);
    const comparison = (earlier: Entry, later: Entry): CheckFailure | null => this.#compareTo(earlier, later, null);
    const first = this.#base === null;
    let chain = chainOf(entry, this.#held.pool, comparison, first);
    entry.run = runOf(chain, chain.at(-2)?.run ?? null);
    const fast = !isEnough(entry.run, neededFor(entry, chain, this.#base), entry.time);
    if (fast) {
      chain = fastChainOf(entry, this.#held.pool, comparison, first);
      if (chain.length === 0) return;
      entry.fastRun = runOf(chain, chain.at(-2)?.fastRun ?? null);
      if (entry.run.zero || !isEnough(entry.fastRun, FAST, entry.time)) return;
    }
    const winners = new Set(chain);
    for (const other of this.#held.pool) if (!winners.has(other)) reject(other);
    this.#held.keep([]);
    this.#held.due = null;
    const before = this.#base;
    const changed = failure.check === "meter" || before === null;
    if (changed) this.#base = null;
    const slip = chain.every((link) => link.failure?.check === "energy-slip");
    const opening = chain.find(({ verdict }) => verdict === null);
    const agreeing = Math.max(chain.length, (fast ? entry.fastRun : entry.run)?.telegrams ?? 0);
    const notice = `${noticeOf(opening?.failure ?? failure)} (${agreeing} telegrams agree)`;
    for (const link of chain) {
      if (link.verdict === null) this.#accept(link, link === opening && before !== null && !slip ? notice : undefined);
      else this.#base = this.#extend(this.#base, link);
    }
    if (this.#base === null) return;
    if (entry.alone !== null) {
      const waivers = failures(entry.sample, this.#limitsNow).flatMap(({ waiver }) => waiver ?? []);
      this.#base = { ...this.#base, waived: [...new Set([...waivers, ...this.#base.waived])].slice(0, WAIVED) };
    }
    if (fast) this.#base = { ...this.#base, maxPower: Math.max(this.#base.maxPower, 1.5 * largestPower(chain)) };
  }

  /** What speaks against `later` if `earlier` was true; `null`, too, if it repeats it. */
  #compareTo(earlier: Entry, later: Entry, base: Baseline | null): CheckFailure | null {
    return compare(this.#extend(base, earlier), later.sample, later.time, later.proven);
  }

  #extend(base: Baseline | null, entry: Entry): Baseline {
    return extend(base, entry.sample, entry.time, this.#limits.maxPower);
  }

  #hold(entry: Entry, failure: CheckFailure): void {
    this.#held.hold(entry, failure, holdOf(this.#base));
  }

  #accept(entry: Entry, notice: string | undefined): void {
    if (entry.verdict !== null) return;
    const before = this.#base;
    this.#base = this.#extend(before, entry);
    this.#guard.accepted(entry.sample.telegram);
    entry.verdict = this.#toVerdict(entry, this.#base, notice);
  }

  #toVerdict(entry: Entry, base: Baseline, notice: string | undefined): Verdict {
    const { at, sample, time, proven } = entry;
    const slipped = withheldOf(base, sample.shape, time);
    if (slipped.base !== base) this.#base = slipped.base;
    const submeters = sample.shape.submeters.length > 0 ? this.#submeters.judge(sample, time, proven) : [];
    const withheld = [...slipped.withheld, ...submeters];
    const said = notice === undefined ? {} : { notice };
    const { telegram } = sample;
    if (withheld.length === 0) return { type: "accepted", telegram, at, ...said };
    const left = telegram.registers.filter(({ obis }) => !withheld.includes(obis));
    return { type: "accepted", telegram: { ...telegram, registers: left }, at, ...said, withheld };
  }
}

/** Its values of the moment only. */
const provisional = ({ sample, at }: Entry): Verdict => ({ type: "provisional", telegram: sample.telegram, at });

/** How long nothing is decided about what is held: some of the telegrams that would confirm it may be damaged, too. */
function holdOf(base: Baseline | null): number {
  const period = base?.periodMs ?? null;
  return period === null || period > QUICK_MS ? HOLD_MS : Math.max(HOLD_MS, HOLD_PERIODS * period);
}
