/**
 * The latest values of an output's meter, across telegrams, and their age. Control loops act on them, so an instantaneous
 * value (power, voltage, current, frequency) is not served once it is older than the limit. Registers and texts are
 * served for up to two hours, because some meters send them once an hour.
 */
import type { LedgerState } from "../../ledger/ledger-state.ts";
import type { MeterEvent, MeterInfo, Reading, ReadingValue } from "../../meter/events.ts";
import { MAX_CODES } from "../../meter/known-codes.ts";
import { type Clock, systemClock } from "../../process/clock.ts";
import type { OutputStatus } from "./output.ts";

const PERIODS = 3;
const LEAST_LIMIT_MS = 15_000;
/** This long after the limit, the meter counts as gone: clients are disconnected, or get "no such device". */
const GONE_MS = 60_000;
const KEEP_MS = 2 * 3_600_000;
/** Maximum age of a ledger report; while telegrams arrive, there is at least one a minute. */
const LEDGER_MS = 150_000;
/** `stale`: no accepted telegram for three periods (15 s at least); `gone`: for a further minute, or none so far. */
export type Freshness = "fresh" | "stale" | "gone";

interface Kept {
  readonly value: ReadingValue;
  readonly at: number;
}

export class MeterFeed {
  readonly #meter: string | undefined;
  readonly #periodMs: (meterId: string | null) => number | null;
  readonly #clock: Clock;
  readonly #values = new Map<string, Kept>();
  #reading: Reading | null = null;
  #at: number | null = null;
  #revision = 0;
  /** Cached `limitMs` since the latest reading: the period changes only with telegrams. */
  #limit: number | null = null;
  #ledger: { readonly meter: string; readonly state: LedgerState; readonly at: number } | null = null;

  /** @param meter id of the meter; `undefined`: the only one */
  constructor(meter: string | undefined, periodMs: (meterId: string | null) => number | null, clock?: Clock) {
    this.#meter = meter;
    this.#periodMs = periodMs;
    this.#clock = clock ?? systemClock;
  }

  /** @returns the reading, if the event is one of this output's meter */
  take(event: MeterEvent): Reading | null {
    if (event.type !== "reading") return null;
    const { reading } = event;
    if (this.#meter !== undefined && reading.meter.id !== this.#meter) return null;
    // The meter was replaced: values of the old one must not be mixed in.
    if (reading.meter.id !== this.#reading?.meter.id) this.#values.clear();
    const at = this.#clock.now();
    this.#revision++;
    this.#limit = null;
    this.#reading = reading;
    this.#at = at;
    for (const value of reading.values) {
      if (this.#values.has(value.key) || this.#values.size < MAX_CODES) this.#values.set(value.key, { value, at });
    }
    return reading;
  }

  /** Stores the ledger's report if it is about this output's meter. */
  takeLedger(meter: string, state: LedgerState): void {
    if (this.#meter !== undefined && meter !== this.#meter) return;
    this.#revision++;
    this.#ledger = { meter, state, at: this.#clock.now() };
  }

  /** The latest ledger report about the meter of the latest reading; `null` if there is none, or it is too old. */
  get ledger(): LedgerState | null {
    if (this.#ledger === null || this.#ledger.meter !== this.meter?.id) return null;
    return this.#clock.now() - this.#ledger.at <= Math.max(LEDGER_MS, this.limitMs) ? this.#ledger.state : null;
  }

  /** The newest reading; `null` before the first. */
  get reading(): Reading | null {
    return this.#reading;
  }

  /** Changes with each reading and each report of the ledger. */
  get revision(): number {
    return this.#revision;
  }

  /** The clock's time, milliseconds. */
  get now(): number {
    return this.#clock.now();
  }

  /** Until when the data served now stays valid; then a value, the reading or the ledger's report expires. */
  get validUntil(): number {
    const { now, limitMs } = this;
    const ends = [...this.#values.values()].map((kept) => kept.at + this.#lifeOf(kept.value));
    if (this.#at !== null) ends.push(this.#at + limitMs);
    if (this.#ledger !== null) ends.push(this.#ledger.at + Math.max(LEDGER_MS, limitMs));
    return Math.min(...ends.filter((end) => end >= now));
  }

  get meter(): MeterInfo | null {
    return this.#reading?.meter ?? null;
  }

  get ageMs(): number | null {
    return this.#at === null ? null : this.#clock.now() - this.#at;
  }

  /** Age up to which instantaneous values are served, milliseconds. */
  get limitMs(): number {
    this.#limit ??= Math.max(LEAST_LIMIT_MS, PERIODS * (this.#periodMs(this.meter?.id ?? null) ?? 0));
    return this.#limit;
  }

  get freshness(): Freshness {
    const age = this.ageMs;
    if (age === null) return "gone";
    const limit = this.limitMs;
    if (age <= limit) return "fresh";
    return age <= limit + GONE_MS ? "stale" : "gone";
  }

  /** The meter's part of the output's status. */
  get summary(): Pick<OutputStatus, "meter" | "ageMs" | "fresh"> {
    return { meter: this.meter?.id ?? null, ageMs: this.ageMs, fresh: this.freshness === "fresh" };
  }

  /** The value under this key as exact decimal text (or text); `null` if the meter doesn't send it or it is too old. */
  text(key: string): string | null {
    return this.value(key)?.text ?? null;
  }

  /** The value under this key; `null` if the meter doesn't send it or it is too old. */
  value(key: string): ReadingValue | null {
    const kept = this.#values.get(key);
    return kept !== undefined && this.#isCurrent(kept) ? kept.value : null;
  }

  /** As a number in the published unit (kWh, W, V, A, Hz); `null` if there is none. */
  number(key: string): number | null {
    const value = this.value(key);
    return value?.numeric ? Number(value.text) : null;
  }

  /** Whether the first of two values is from a later telegram than the second. */
  isNewer(key: string, than: string): boolean {
    return (this.#values.get(key)?.at ?? 0) > (this.#values.get(than)?.at ?? Number.POSITIVE_INFINITY);
  }

  /** All values that may be served now, in the order in which the meter first sent them. */
  values(): ReadingValue[] {
    return [...this.#values.values()].filter((kept) => this.#isCurrent(kept)).map(({ value }) => value);
  }

  #isCurrent({ value, at }: Kept): boolean {
    return this.#clock.now() - at <= this.#lifeOf(value);
  }

  #lifeOf(value: ReadingValue): number {
    // A number missing from the table of quantities may be instantaneous, too.
    const kind = value.quantity?.kind ?? (value.numeric ? "gauge" : "text");
    return kind === "gauge" ? this.limitMs : KEEP_MS;
  }
}
