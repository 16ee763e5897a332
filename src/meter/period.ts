/** How often a meter pushes, and from when on its silence means that it is gone. */

/** Intervals that are remembered. */
const REMEMBERED = 9;
/** Availability is not withdrawn before this, however short the period (product.md, MQTT topics). */
const LEAST_LIMIT_MS = 30_000;
const PERIODS = 3;
/** Lists that follow each other at once (Norwegian and Slovenian meters on the hour) are one push. */
const SAME_PUSH_MS = 700;

/** Estimates the period from the times of arrival: the median, so that lost telegrams and extra lists do not matter. */
export class Period {
  readonly #intervals: number[] = [];
  #openedAt: number | null = null;
  #firstAt: number | null = null;
  #lastAt: number | null = null;

  /** The source was opened: an interval across the gap would say nothing. */
  opened(at: number): void {
    this.#openedAt ??= at;
    this.#lastAt = null;
  }

  /** A telegram has come. */
  arrived(at: number): void {
    this.#firstAt ??= at;
    if (this.#lastAt !== null) {
      const interval = at - this.#lastAt;
      if (interval < SAME_PUSH_MS) return;
      this.#intervals.push(interval);
      if (this.#intervals.length > REMEMBERED) this.#intervals.shift();
    }
    this.#lastAt = at;
  }

  /** Milliseconds; `null` until two telegrams have come. */
  get ms(): number | null {
    if (this.#intervals.length === 0) return null;
    const sorted = this.#intervals.toSorted((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? null;
  }

  /**
   * After how long without an accepted telegram the meter is offline, milliseconds: three periods, 30 s at least. While
   * no period is known, three times as long as the first telegram let us wait (a meter that pushes every 15 minutes is
   * not gone after 30 seconds).
   */
  get limitMs(): number {
    return Math.max(LEAST_LIMIT_MS, PERIODS * (this.ms ?? this.#waitedMs));
  }

  get #waitedMs(): number {
    return this.#openedAt === null || this.#firstAt === null ? 0 : this.#firstAt - this.#openedAt;
  }
}
