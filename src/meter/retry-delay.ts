/** Back-off: how long to wait before the source is opened again. It grows with the outage. */

/** The delay is an eighth of the outage so far, within these limits. */
const SHARE = 8;
const LEAST_MS = 1_000;
const MOST_MS = 30_000;
/** On the network nothing signals that the server is back, so the delay is at most this share of a known period. */
const PERIODS = 0.5;
/** An attempt this long before the next telegram is due, so that the connection stands when it comes. */
const LEAD_MS = 400;

/** When a meter behind a network connection sends: every `periodMs`, counted from `sentAt` (milliseconds, monotonic). */
export interface Schedule {
  readonly periodMs: number;
  readonly sentAt: number;
}

/** Times are milliseconds, monotonic. */
export class RetryDelay {
  #failingSince: number | null = null;

  /** The source could not be opened, or the connection was lost. */
  failed(at: number): void {
    this.#failingSince ??= at;
  }

  /** Bytes arrive. @returns how long the outage was, milliseconds; `null` if there was none */
  recovered(at: number): number | null {
    if (this.#failingSince === null) return null;
    const outage = at - this.#failingSince;
    this.#failingSince = null;
    return outage;
  }

  /**
   * Never less than a second.
   * @param schedule of the meter if the source is a network connection and its period is known, else `null`. There is then an
   * attempt shortly before each telegram is due: a server that returns is connected to in time for the next one
   */
  delayMs(at: number, schedule: Schedule | null): number {
    const share = (at - (this.#failingSince ?? at)) / SHARE;
    if (schedule === null) return Math.max(Math.min(share, MOST_MS), LEAST_MS);
    const { periodMs, sentAt } = schedule;
    const delay = Math.max(Math.min(share, MOST_MS, periodMs * PERIODS), LEAST_MS);
    const periods = Math.ceil((at + LEAST_MS + LEAD_MS - sentAt) / periodMs);
    const untilDue = sentAt + periods * periodMs - LEAD_MS - at;
    // A delay that ends within a second before that moment would leave no attempt for it.
    return delay > untilDue - LEAST_MS ? untilDue : delay;
  }
}
