/** Back-off: how long to wait before the source is opened again. It grows with the outage. */

/** The delay is an eighth of the outage so far, within these limits. */
const SHARE = 8;
const LEAST_MS = 1_000;
const MOST_MS = 30_000;
/** On the network, where nothing says that the server is back, no longer than this share of a known period. */
const PERIODS = 0.5;

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

  /** @param networkPeriodMs the meter's period if the source is a network connection, else `null` */
  delayMs(at: number, networkPeriodMs: number | null): number {
    const share = (at - (this.#failingSince ?? at)) / SHARE;
    const most = networkPeriodMs === null ? MOST_MS : Math.min(MOST_MS, networkPeriodMs * PERIODS);
    return Math.max(Math.min(share, most), LEAST_MS);
  }
}
