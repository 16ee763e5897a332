/** Judges the telegrams of one meter, in their order: the pool of what is held, and who wins (see acceptance.ts). */
import type { Telegram } from "../codec/telegram.ts";
import type { Acceptance, AcceptanceLog, AcceptanceOptions, Verdict } from "./acceptance.ts";
import { type Baseline, clockOf, extend, fromMemory, toMemory, WAIVED } from "./baseline.ts";
import {
  type Check,
  checkAlone,
  compare,
  DEFAULT_LIMITS,
  type Finding,
  failures,
  isRepetition,
  type Limits,
  slipOf,
} from "./plausibility.ts";
import { numberOf, type Shape, Shapes } from "./shape.ts";

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
/** Telegrams that are held, or remembered as evidence after they were rejected. */
const POOL = 8;
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
/** A register below the published value is not withheld for longer, milliseconds. */
const WITHHOLD_MS = 24 * 3_600_000;
/** Without clock and real time of arrival: so much may have passed between two telegrams of a capture. */
const UNKNOWN_PERIOD_MS = 900_000;

/** A telegram on its way through the decision. */
interface Entry {
  readonly telegram: Telegram;
  readonly at: number;
  /** As `at`, or by the meter's clock. */
  readonly time: number;
  readonly shape: Shape;
  readonly proven: boolean;
  readonly alone: Finding | null;
  /** Why it is held. */
  finding: Finding | null;
  verdict: Verdict | null;
}

/** Who sent it, as far as it tells; the key of the memory. */
export const identityOf = (telegram: Telegram): string => telegram.systemTitle ?? telegram.meterId ?? "";

export class Judge implements Acceptance {
  readonly #shapes = new Shapes();
  readonly #limits: Limits;
  readonly #byClock: boolean;
  readonly #wall: (() => number) | null;
  readonly #log: AcceptanceLog | undefined;
  #stored: Readonly<Record<string, unknown>>;
  #base: Baseline | null = null;
  /** In their order; doubts and contradictions since the last telegram that fitted. Decided ones are evidence. */
  #pool: Entry[] = [];
  /** In their order: verdicts leave only from the head. */
  #queue: Entry[] = [];
  #due: number | null = null;
  #lastTime = 0;

  constructor(options: AcceptanceOptions, memory: unknown, log: AcceptanceLog | undefined) {
    this.#limits = {
      maxPower: options.maxPower ?? DEFAULT_LIMITS.maxPower,
      minVoltage: options.minVoltage ?? DEFAULT_LIMITS.minVoltage,
      maxVoltage: options.maxVoltage ?? DEFAULT_LIMITS.maxVoltage,
    };
    this.#byClock = options.timing === "meter";
    this.#wall = options.wall ?? null;
    this.#log = log;
    this.#stored = memory !== null && typeof memory === "object" ? { ...memory } : {};
  }

  get due(): number | null {
    return this.#due;
  }

  memory(): unknown {
    const base = this.#base;
    if (base === null) return this.#stored;
    return { [base.systemTitle ?? base.meterId ?? ""]: toMemory(base, this.#wall?.() ?? null) };
  }

  judge(telegram: Telegram, at: number): Verdict[] {
    const time = this.#byClock ? this.#timeOf(telegram) : at;
    this.#recall(telegram, time);
    const shape = this.#shapes.of(telegram);
    const proven = telegram.proof === "crc" || telegram.proof === "tag";
    const alone = proven ? null : checkAlone(telegram, shape, this.#limitsNow, this.#base?.waived ?? []);
    const entry: Entry = { telegram, at, time, shape, proven, alone, finding: null, verdict: null };
    this.#queue.push(entry);
    const first = this.#decide(entry);
    return [...this.#drain(), ...first];
  }

  disturbed(at: number): void {
    const first = this.#pool.find(({ verdict }) => verdict === null);
    if (this.#due === null || first === undefined) return;
    const hold = holdOf(this.#base);
    this.#due = Math.max(this.#due, Math.min(at + hold, first.at + DISTURBED * hold));
  }

  expire(at: number): Verdict[] {
    const last = at === Number.POSITIVE_INFINITY;
    if (!last && (this.#due === null || at < this.#due)) return [];
    this.#due = null;
    const held = this.#pool.filter((entry) => entry.verdict === null);
    const unconfirmed = held.filter(({ finding }) => finding?.check === "unconfirmed");
    const lone = unconfirmed.length === 1;
    for (const entry of held) {
      // First contact, and they disagree: the next telegram will decide, whenever it comes.
      if (!lone && !last && unconfirmed.includes(entry)) continue;
      const finding = entry.finding;
      const reset = entry.proven && finding !== null && isFall(finding.check);
      const doubt = finding?.grade === "doubt" && (finding.unlikely !== true || last);
      if (doubt || reset || (lone && finding?.check === "unconfirmed")) {
        this.#pool = this.#pool.filter((other) => other !== entry);
        this.#accept(entry, reset ? finding?.reason : undefined);
        if (lone && this.#base !== null) this.#base = { ...this.#base, confirmed: false };
      } else {
        this.#reject(entry);
      }
    }
    return this.#drain();
  }

  /** The power limit grows with a meter that carries more. */
  get #limitsNow(): Limits {
    return { ...this.#limits, maxPower: Math.max(this.#limits.maxPower, this.#base?.maxPower ?? 0) };
  }

  /** In a capture time passes as the clock of the meter says; where there is none, unknown time between telegrams. */
  #timeOf(telegram: Telegram): number {
    this.#lastTime = clockOf(telegram) ?? this.#lastTime + UNKNOWN_PERIOD_MS;
    return this.#lastTime;
  }

  /** The first telegram of a meter that is remembered: what is known of it comes back. */
  #recall(telegram: Telegram, time: number): void {
    if (this.#base !== null) return;
    const stored = this.#stored[identityOf(telegram)];
    if (stored === undefined) return;
    this.#stored = {};
    this.#base = fromMemory(stored, time, this.#wall?.() ?? null);
  }

  /** Decides about this telegram, and about those that are held, as far as it can be decided now. */
  #decide(entry: Entry): Verdict[] {
    const base = this.#base;
    if (base === null) return this.#meet(entry);
    if (isRepetition(base, entry.telegram)) {
      this.#base = { ...base, at: entry.time };
      entry.verdict = this.#toVerdict(entry, base, undefined);
      return [];
    }
    let finding = entry.alone ?? compare(base, entry.telegram, entry.shape, entry.time, entry.proven);
    if (entry.alone === null) finding = this.#settleDoubts(entry, finding);
    if (finding === null) {
      this.#clear(entry);
      this.#due = null;
      this.#accept(entry, undefined);
      return [];
    }
    if (finding.grade === "doubt") {
      this.#clear(entry);
      this.#hold(entry, finding);
      if (finding.check === "gap") return [{ type: "provisional", telegram: entry.telegram, at: entry.at }];
      return [];
    }
    this.#challenge(entry, finding);
    return [];
  }

  /**
   * The meter goes on as known: what contradicted it is rejected. One below a value that may have slipped in upward is
   * taken if this telegram goes on from it, too: only its register is left out.
   */
  #clear(entry: Entry): void {
    for (const other of this.#pool) {
      const beside = other.finding?.check === "energy-slip" ? this.#beside(other, entry, this.#base) : undefined;
      if (beside === null || (beside?.grade === "doubt" && beside.unlikely !== true)) this.#accept(other, undefined);
      else this.#reject(other);
    }
    this.#pool = [];
  }

  /** First contact. */
  #meet(entry: Entry): Verdict[] {
    if (entry.proven) {
      for (const other of this.#pool) this.#reject(other);
      this.#pool = [];
      this.#accept(entry, undefined);
      return [];
    }
    const reason = "nothing is known of this meter, and no second telegram has confirmed the first";
    this.#challenge(entry, entry.alone ?? { check: "unconfirmed", reason, grade: "contradiction" });
    if (entry.verdict !== null || entry.alone !== null) return [];
    return [{ type: "provisional", telegram: entry.telegram, at: entry.at }];
  }

  /**
   * What was held because it was unusual: this telegram confirms it, or fits better without it. The result is what speaks
   * against this telegram afterwards.
   */
  #settleDoubts(entry: Entry, finding: Finding | null): Finding | null {
    let now = finding;
    for (const doubt of this.#pool.filter(({ finding: why }) => why?.grade === "doubt")) {
      if (this.#base === null) break;
      const after = this.#extend(this.#base, doubt);
      const beside = compare(after, entry.telegram, entry.shape, entry.time, entry.proven);
      if (beside === null || (beside.grade === "doubt" && now !== null)) {
        this.#pool = this.#pool.filter((other) => other !== doubt);
        this.#accept(doubt, undefined);
        if (doubt.finding?.check === "energy-burst" && this.#base !== null) {
          this.#base = { ...this.#base, unexplained: this.#base.unexplained + 1 };
        }
        now = beside;
      } else if (now?.grade !== "contradiction") {
        this.#pool = this.#pool.filter((other) => other !== doubt);
        this.#reject(doubt);
      }
    }
    return now;
  }

  /** Something that contradicts what is known, or nothing is known: those that agree among themselves win. */
  #challenge(entry: Entry, finding: Finding): void {
    this.#hold(entry, finding);
    let chain = this.#chainOf(entry, false);
    const fast = chain.length < this.#needed(entry, chain);
    if (fast) chain = this.#chainOf(entry, true);
    if (fast && (chain.length < AGREE.fast || !this.#isFast(chain))) return;
    const winners = new Set(chain);
    for (const other of this.#pool) if (!winners.has(other)) this.#reject(other);
    this.#pool = [];
    this.#due = null;
    const before = this.#base;
    const changed = finding.check === "meter" || before === null;
    if (changed) this.#base = null;
    const slip = chain.every((link) => link.finding?.check === "energy-slip");
    const first = chain.find(({ verdict }) => verdict === null);
    const notice = `${noticeOf(first?.finding ?? finding)} (${chain.length} telegrams agree)`;
    for (const link of chain) {
      if (link.verdict === null) this.#accept(link, link === first && before !== null && !slip ? notice : undefined);
      else this.#base = this.#extend(this.#base, link);
    }
    if (this.#base === null) return;
    if (entry.alone !== null) {
      const waivers = failures(entry.telegram, entry.shape, this.#limitsNow).flatMap(({ waiver }) => waiver ?? []);
      this.#base = { ...this.#base, waived: [...new Set([...waivers, ...this.#base.waived])].slice(0, WAIVED) };
    }
    if (fast) this.#learnPower(chain);
  }

  /**
   * The run of held telegrams up to this one in which each goes on where the one before was.
   * @param fast whether a register may rise faster than the limit
   */
  #chainOf(entry: Entry, fast: boolean): Entry[] {
    const chain = [entry];
    let head = entry;
    for (const other of this.#pool.toReversed()) {
      if (other === entry || other.alone?.waiver !== head.alone?.waiver) continue;
      if (isRepetition(this.#extend(null, other), head.telegram)) {
        if (this.#base === null) chain.unshift(other);
        continue;
      }
      const beside = this.#beside(other, head);
      if (beside?.grade === "contradiction" && !(fast && beside.check === "energy-rise")) continue;
      chain.unshift(other);
      head = other;
    }
    return chain;
  }

  /** What speaks against `later` if `earlier` was true. */
  #beside(earlier: Entry, later: Entry, base: Baseline | null = null): Finding | null {
    return compare(this.#extend(base, earlier), later.telegram, later.shape, later.time, later.proven);
  }

  /** Whether they agree but for rising faster than the limit. */
  #isFast(chain: readonly Entry[]): boolean {
    return chain.some((link, index) => {
      const next = chain[index + 1];
      return next !== undefined && this.#beside(link, next)?.check === "energy-rise";
    });
  }

  /** How many must agree before they win. */
  #needed(entry: Entry, chain: readonly Entry[]): number {
    if (entry.alone !== null) return AGREE.odd;
    if (this.#base?.confirmed !== true) return AGREE.first;
    const checks = chain.map(({ finding }) => finding?.check);
    if (checks.includes("meter")) return AGREE.other;
    if (checks.includes("structure")) return AGREE.list;
    if (checks.every((check) => check === "energy-slip")) return AGREE.slip;
    if (entry.proven && checks.every((check) => check !== undefined && isFall(check))) return AGREE.provenFall;
    return AGREE.same;
  }

  /** Several agree that more flows than the limit says: the limit grows with them. */
  #learnPower(chain: readonly Entry[]): void {
    let most = 0;
    chain.forEach((link, index) => {
      const next = chain[index + 1];
      if (next === undefined || next.shape !== link.shape) return;
      const hours = Math.max(1_000, next.time - link.time) / 3_600_000;
      for (const { index: place, factor } of link.shape.counters) {
        const rise = (numberOf(next.telegram.registers[place]) - numberOf(link.telegram.registers[place])) * factor;
        if (rise > 0) most = Math.max(most, rise / hours);
      }
    });
    if (this.#base !== null && most > this.#base.maxPower) this.#base = { ...this.#base, maxPower: 1.5 * most };
  }

  #extend(base: Baseline | null, { telegram, shape, time }: Entry): Baseline {
    return extend(base, telegram, shape, time, this.#limits.maxPower);
  }

  #hold(entry: Entry, finding: Finding): void {
    entry.finding = finding;
    this.#pool.push(entry);
    if (this.#pool.length > POOL) {
      const oldest = this.#pool.shift();
      if (oldest !== undefined) this.#reject(oldest);
    }
    this.#due = entry.at + holdOf(this.#base);
    this.#log?.debug(() => `held (${finding.check}): ${finding.reason}`);
  }

  #reject(entry: Entry): void {
    if (entry.verdict !== null) return;
    const { telegram, at, finding } = entry;
    const check = finding?.check ?? "unconfirmed";
    entry.verdict = { type: "rejected", telegram, at, check, reason: finding?.reason ?? "not confirmed" };
  }

  #accept(entry: Entry, notice: string | undefined): void {
    if (entry.verdict !== null) return;
    const before = this.#base;
    this.#base = this.#extend(before, entry);
    entry.verdict = this.#toVerdict(entry, this.#base, notice);
  }

  /** Registers that are a little below what was published are left out: a counter never falls for a slip. */
  #toVerdict(entry: Entry, base: Baseline, notice: string | undefined): Verdict {
    const { telegram, at } = entry;
    const withheld: string[] = [];
    const registers = { ...base.registers };
    for (const { obis } of entry.shape.counters) {
      const known = base.registers[obis];
      if (known === undefined || known.belowSince === null) continue;
      const below = known.published - known.value;
      if (below <= slipOf(base) && entry.time - known.belowSince < WITHHOLD_MS) withheld.push(obis);
      else registers[obis] = { ...known, published: known.value, belowSince: null };
    }
    this.#base = { ...base, at: entry.time, registers };
    const said = notice === undefined ? {} : { notice };
    if (withheld.length === 0) return { type: "accepted", telegram, at, ...said };
    const left = telegram.registers.filter(({ obis }) => !withheld.includes(obis));
    return { type: "accepted", telegram: { ...telegram, registers: left }, at, ...said, withheld };
  }

  #drain(): Verdict[] {
    const verdicts: Verdict[] = [];
    let decided = 0;
    for (const { verdict } of this.#queue) {
      if (verdict === null) break;
      verdicts.push(verdict);
      decided++;
    }
    this.#queue.splice(0, decided);
    if (this.#queue.length === 0) this.#due = null;
    return verdicts;
  }
}

/** How long nothing is decided about what is held: some of the telegrams that would confirm it may be damaged, too. */
function holdOf(base: Baseline | null): number {
  const period = base?.periodMs ?? null;
  return period === null || period > QUICK_MS ? HOLD_MS : Math.max(HOLD_MS, HOLD_PERIODS * period);
}

const isFall = (check: Check): boolean => check === "energy-fall" || check === "energy-slip";

/** A sentence for the log when those that contradicted what was known have won. */
function noticeOf({ check, reason }: Finding): string {
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
