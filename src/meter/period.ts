/** Push period of a meter, and the offline limit derived from it. */

/** Size of the median window. */
const MAX_INTERVALS = 9;
/** Shortest offline limit, however short the period (product.md, MQTT topics). */
const MIN_LIMIT_MS = 30_000;
const PERIODS = 3;
/** Lists sent back to back (Norwegian and Slovenian meters on the hour) count as one push. */
const SAME_PUSH_MS = 700;

/** Estimates the period as the median interval between telegrams, so that lost telegrams and extra lists do not matter. */
export class Period {
  /** The last intervals, oldest first, and the same in order of length. */
  readonly #intervals: number[] = [];
  readonly #sorted: number[] = [];
  #ms: number | null = null;
  #openedAt: number | null = null;
  #firstAt: number | null = null;
  #lastAt: number | null = null;

  /** The source was (re)opened: the interval across the gap is not measured. */
  opened(at: number): void {
    this.#openedAt ??= at;
    this.#lastAt = null;
  }

  /** A telegram has arrived. */
  arrived(at: number): void {
    this.#firstAt ??= at;
    if (this.#lastAt !== null) {
      const interval = at - this.#lastAt;
      if (interval < SAME_PUSH_MS) return;
      if (this.#intervals.length === MAX_INTERVALS) {
        const oldest = this.#intervals.shift() as number;
        this.#sorted.splice(this.#sorted.indexOf(oldest), 1);
      }
      this.#intervals.push(interval);
      const longer = this.#sorted.findIndex((other) => other > interval);
      this.#sorted.splice(longer < 0 ? this.#sorted.length : longer, 0, interval);
      this.#ms = this.#sorted[this.#sorted.length >> 1] ?? null;
    }
    this.#lastAt = at;
  }

  /** Milliseconds; `null` until two telegrams have arrived. */
  get ms(): number | null {
    return this.#ms;
  }

  /**
   * Offline limit in milliseconds: three periods, at least 30 s, without an accepted telegram. Before the period is known,
   * the time waited for the first telegram is used (a meter that pushes every 15 minutes is not offline after 30 s).
   */
  get limitMs(): number {
    return Math.max(MIN_LIMIT_MS, PERIODS * (this.ms ?? this.#waitedMs));
  }

  get #waitedMs(): number {
    return this.#openedAt === null || this.#firstAt === null ? 0 : this.#firstAt - this.#openedAt;
  }
}
