/** Back-off before the source is reopened. The delay grows with the outage. */

/** The delay is an eighth of the outage so far, within these limits. */
const DIVISOR = 8;
const MIN_MS = 1_000;
const MAX_MS = 30_000;
/** A network source cannot signal that the server is back, so the delay is capped at this fraction of a known period. */
const PERIOD_FRACTION = 0.5;
/** One attempt is made this long before the next telegram is due, so that the connection is up when it arrives. */
const LEAD_MS = 400;

/** Push schedule of a meter behind a network connection: every `periodMs`, starting at `sentAt` (monotonic milliseconds). */
export interface Schedule {
  readonly periodMs: number;
  readonly sentAt: number;
}

/** Times are monotonic milliseconds. */
export class RetryDelay {
  #failingSince: number | null = null;

  /** The source could not be opened, or the connection was lost. */
  failed(at: number): void {
    this.#failingSince ??= at;
  }

  /** Bytes arrive again. @returns duration of the outage in milliseconds; `null` if there was none */
  recovered(at: number): number | null {
    if (this.#failingSince === null) return null;
    const outage = at - this.#failingSince;
    this.#failingSince = null;
    return outage;
  }

  /**
   * The delay before the next attempt, at least one second.
   * @param schedule the meter's push schedule if the source is a network connection and the period is known, else `null`.
   * With a schedule, one attempt falls shortly before each telegram is due, so that a server that is back loses no telegram
   */
  delayMs(at: number, schedule: Schedule | null): number {
    const backOff = (at - (this.#failingSince ?? at)) / DIVISOR;
    if (schedule === null) return Math.max(Math.min(backOff, MAX_MS), MIN_MS);
    const { periodMs, sentAt } = schedule;
    const delay = Math.max(Math.min(backOff, MAX_MS, periodMs * PERIOD_FRACTION), MIN_MS);
    const periods = Math.ceil((at + MIN_MS + LEAD_MS - sentAt) / periodMs);
    const untilDue = sentAt + periods * periodMs - LEAD_MS - at;
    // A shorter delay that ends within the second before would leave no time for the attempt at `untilDue`.
    return delay > untilDue - MIN_MS ? untilDue : delay;
  }
}
