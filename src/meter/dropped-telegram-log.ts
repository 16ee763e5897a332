/**
 * Rate limiting for log messages about dropped telegrams: the first of each kind is logged at once with its reason, later
 * ones as totals at growing intervals, so that a bad cable does not flood the log.
 */

/** Intervals between totals. After an interval without dropped telegrams, the next one is again logged at once. */
const SUMMARY_MS = [60_000, 600_000, 3_600_000] as const;

/** The subset of a logger used here. */
interface DropLog {
  error(message: string): void;
  warn(message: string): void;
  debug(message: string | (() => string)): void;
}

/** Times are monotonic milliseconds. */
export class DroppedTelegramLog {
  readonly #log: DropLog;
  /** Kinds already logged, and the time of the last message. A kind is one of the ten error codes. */
  readonly #logged = new Set<string>();
  #loggedAt = 0;
  /** Count since then, by kind. */
  readonly #since = new Map<string, number>();
  /** Index into `SUMMARY_MS`. */
  #step = 0;
  /** The unexpected error logged last. */
  #lastUnexpected: string | null = null;

  constructor(log: DropLog) {
    this.#log = log;
  }

  /** Whether there is nothing to summarise. */
  get isEmpty(): boolean {
    return this.#logged.size === 0;
  }

  dropped(code: string, reason: string, at: number): void {
    this.#log.debug(() => `telegram dropped: ${code}: ${reason}`);
    if (this.#logged.has(code)) {
      this.#since.set(code, (this.#since.get(code) ?? 0) + 1);
      return;
    }
    this.#logged.add(code);
    this.#loggedAt = at;
    this.#log.warn(`telegram dropped (${code}): ${reason}`);
  }

  /** A bug in this program rather than an error on the line: logged once, with its stack. @returns the reason for `dropped` */
  unexpected(error: unknown): string {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (message !== this.#lastUnexpected) this.#log.error(error instanceof Error ? (error.stack ?? message) : message);
    this.#lastUnexpected = message;
    return `an unexpected error, see the log (${message})`;
  }

  /** Called every few seconds: logs the totals when they are due. */
  summarise(at: number): void {
    const interval = SUMMARY_MS[Math.min(this.#step, SUMMARY_MS.length - 1)] ?? 0;
    if (this.#logged.size === 0 || at - this.#loggedAt < interval) return;
    if (this.#since.size === 0) {
      this.#logged.clear();
      this.#step = 0;
      return;
    }
    const counts = [...this.#since].map(([code, count]) => `${count} × ${code}`).join(", ");
    const minutes = Math.round((at - this.#loggedAt) / 60_000);
    this.#log.warn(`telegrams dropped in the last ${minutes} min: ${counts}`);
    this.#since.clear();
    this.#loggedAt = at;
    this.#step++;
  }
}
