/**
 * Rate limiting for the log of dropped telegrams: the first of each kind is logged at once with its reason, the rest as
 * totals at growing intervals, so that a bad cable does not fill the log.
 */

/** Intervals between totals. After an interval without any, the next dropped telegram is logged at once again. */
const SUMMARY_MS = [60_000, 600_000, 3_600_000] as const;

/** The part of a logger that is used here. */
interface DropLog {
  error(message: string): void;
  warn(message: string): void;
  debug(message: string | (() => string)): void;
}

/** Times are milliseconds, monotonic. */
export class DroppedTelegramLog {
  readonly #log: DropLog;
  /** Kinds that were logged, and when something was logged last. Kinds are error codes, of which there are ten. */
  readonly #logged = new Set<string>();
  #loggedAt = 0;
  /** How many came since then, by kind. */
  readonly #since = new Map<string, number>();
  /** Which interval is in use. */
  #step = 0;
  /** The unexpected error that was logged last. */
  #lastUnexpected: string | null = null;

  constructor(log: DropLog) {
    this.#log = log;
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

  /** An error in this program rather than on the line: logged once with its stack. @returns the reason to count it under */
  unexpected(error: unknown): string {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (message !== this.#lastUnexpected) this.#log.error(error instanceof Error ? (error.stack ?? message) : message);
    this.#lastUnexpected = message;
    return `an unexpected error, see the log (${message})`;
  }

  /** To be called every few seconds: logs the total when it is due. */
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
