/**
 * Rate-limits repeated faults: logs the first, summarizes later ones at growing intervals, and logs the end. Uses no
 * timers.
 */
import type { Logger } from "./log.ts";

const FIRST_PAUSE_MS = 60_000;
const MOST_PAUSE_MS = 6 * 3_600_000;
/** Maximum number of distinct faults tracked at the same time. */
const MOST_FAULTS = 100;

interface Open {
  readonly since: number;
  readonly message: string;
  count: number;
  loggedAt: number;
  pauseMs: number;
}

export class RepeatedFaults {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #open = new Map<string, Open>();

  /** @param now monotonic milliseconds */
  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /**
   * Records a fault. The first is logged unchanged; later ones as "… (36 times in 3 min)" after the pause.
   * @param key identifies the fault
   */
  fault(key: string, message: string, level: "error" | "warn" | "info" = "warn"): void {
    const now = this.#now();
    const open = this.#open.get(key);
    if (open === undefined) {
      const oldest = this.#open.keys().next();
      if (this.#open.size >= MOST_FAULTS && !oldest.done) this.#open.delete(oldest.value);
      this.#open.set(key, { since: now, message, count: 1, loggedAt: now, pauseMs: FIRST_PAUSE_MS });
      this.#log[level](message);
      return;
    }
    open.count += 1;
    if (now - open.loggedAt < open.pauseMs) return;
    this.#log[level](`${message} (${open.count} times in ${formatDuration(now - open.since)})`);
    open.loggedAt = now;
    open.pauseMs = Math.min(open.pauseMs * 4, MOST_PAUSE_MS);
  }

  /** Ends a fault: if it was open, logs "`message` after 3 min (36 times)". */
  over(key: string, message: string): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    const times = open.count === 1 ? "once" : `${open.count} times`;
    this.#log.info(`${message} after ${formatDuration(this.#now() - open.since)} (${times})`);
  }

  /** Whether the fault is still open. */
  has(key: string): boolean {
    return this.#open.has(key);
  }
}

/** `8 s`, `3 min`, `2 h`, `4 d`: one unit, rounded. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
