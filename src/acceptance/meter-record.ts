/**
 * Everything that is known about one meter: its baseline, its sub-meters and the replay guard. Restored from the state
 * file with the first telegram of the meter, advanced by each accepted one.
 */
import type { Telegram } from "../codec/telegram.ts";
import type { Entry } from "./agreement.ts";
import { advance, type Baseline, copyOf, emptyBaseline, fromMemory, toMemory } from "./baseline.ts";
import { DEFAULT_LIMITS, type Limits } from "./check-failure.ts";
import { isRecord, isSameKey, ReplayGuard } from "./replay-guard.ts";
import { Submeters } from "./submeters.ts";
import type { AcceptanceOptions, Verdict } from "./verdict.ts";
import { withholdRegisters } from "./withheld-registers.ts";

/** The sender as far as the telegram names it; the key of the stored state. */
export const identityOf = (telegram: Telegram): string => telegram.systemTitle ?? telegram.meterId ?? "";

export class MeterRecord {
  readonly guard: ReplayGuard;
  /** `null` until a telegram was accepted or the stored state was restored. */
  base: Baseline | null = null;
  readonly #limits: Limits;
  readonly #wall: (() => number) | null;
  readonly #keyId: string | undefined;
  /** Stored state of all meters; `null` once this meter was found in it. */
  #stored: Readonly<Record<string, unknown>> | null;
  /** `null` until the meter has been seen to have some: most have none. */
  #submeters: Submeters | null = null;

  /** @param memory what `memory()` returned before a restart; anything else is ignored */
  constructor(options: AcceptanceOptions, memory: unknown) {
    this.#limits = {
      maxPower: options.maxPower ?? DEFAULT_LIMITS.maxPower,
      minVoltage: options.minVoltage ?? DEFAULT_LIMITS.minVoltage,
      maxVoltage: options.maxVoltage ?? DEFAULT_LIMITS.maxVoltage,
    };
    this.#wall = options.wall ?? null;
    this.#keyId = options.keyId;
    const stored = isRecord(memory) ? memory : {};
    this.#stored = stored;
    this.guard = new ReplayGuard(options, stored);
  }

  /** The configured limits; the power limit is raised for a meter that has been shown to carry more. */
  get limits(): Limits {
    const maxPower = this.base?.maxPower ?? 0;
    return maxPower > this.#limits.maxPower ? { ...this.#limits, maxPower } : this.#limits;
  }

  /** Restores the stored state of the meter that sent this telegram, if there is any. */
  restore(telegram: Telegram, time: number): void {
    if (this.base !== null) return;
    const identity = identityOf(telegram);
    if (this.#stored === null || !Object.hasOwn(this.#stored, identity)) return;
    const stored = this.#stored[identity];
    this.#stored = null;
    const base = fromMemory(stored, time, this.#wall?.() ?? null);
    if (base === null) return;
    if (!isSameKey(stored as { keyId?: string | null }, this.#keyId)) base.counter = null;
    this.base = base;
    this.#submeters = new Submeters((stored as { submeters?: unknown }).submeters);
  }

  /** A JSON value of bounded size. */
  memory(): unknown {
    const { base } = this;
    if (base === null) return this.#stored ?? {};
    const identity = base.systemTitle ?? base.meterId ?? "";
    const baseline = toMemory(base, this.#wall?.() ?? null);
    const submeters = this.#submeters?.memory(base.at) ?? {};
    return { [identity]: { ...baseline, submeters, ...this.guard.memory(identity) } };
  }

  /** `base` (by default this meter's) as it would be after accepting `entry`. */
  extended(entry: Entry, base: Baseline | null = this.base): Baseline {
    const extended = base === null ? emptyBaseline(entry.time) : copyOf(base);
    advance(extended, entry.sample, entry.time, this.#limits.maxPower);
    return extended;
  }

  /** Advances the baseline by this telegram. */
  advance(entry: Entry): Baseline {
    this.base ??= emptyBaseline(entry.time);
    advance(this.base, entry.sample, entry.time, this.#limits.maxPower);
    return this.base;
  }

  /** Accepts a telegram; no effect if it has a verdict already. @param notice for the log */
  accept(entry: Entry, notice?: string): void {
    if (entry.verdict !== null) return;
    this.guard.accepted(entry.sample.telegram);
    entry.verdict = this.#acceptedVerdict(entry, this.advance(entry), notice);
  }

  /** Accepts the last telegram again: only its time of arrival is new. */
  acceptRepetition(entry: Entry, base: Baseline): void {
    base.at = entry.time;
    entry.verdict = this.#acceptedVerdict(entry, base);
  }

  /** The verdict on a telegram by which `base` was advanced, without the registers that are withheld. */
  #acceptedVerdict({ at, sample, time, proven }: Entry, base: Baseline, notice?: string): Verdict {
    const { telegram, shape } = sample;
    const withheld = withholdRegisters(base, shape, time);
    if (shape.submeters.length > 0) {
      this.#submeters ??= new Submeters(null);
      withheld.push(...this.#submeters.judge(sample, time, proven));
    }
    const logged = notice === undefined ? {} : { notice };
    if (withheld.length === 0) return { type: "accepted", telegram, at, ...logged };
    const registers = telegram.registers.filter(({ obis }) => !withheld.includes(obis));
    return { type: "accepted", telegram: { ...telegram, registers }, at, ...logged, withheld };
  }
}
