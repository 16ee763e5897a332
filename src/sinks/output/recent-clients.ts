/** Clients of the last minute, for protocols without persistent connections. */

const WITHIN_MS = 60_000;
/** Further requests from an address within this time are not recorded. */
const SAME_MS = 1_000;
/** Maximum number of addresses; the oldest is evicted. */
const MAX_CLIENTS = 256;

export class RecentClients {
  readonly #now: () => number;
  /** Address → time of its last request, oldest first. */
  readonly #clients = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Records a request from this address. */
  seen(address: string): void {
    const now = this.#now();
    const last = this.#clients.get(address);
    if (last !== undefined && now - last < SAME_MS) return;
    this.#clients.delete(address);
    this.#clients.set(address, now);
    if (this.#clients.size > MAX_CLIENTS) {
      const [oldest] = this.#clients.keys();
      if (oldest !== undefined) this.#clients.delete(oldest);
    }
  }

  /** Addresses with a request within the last minute. */
  get count(): number {
    const since = this.#now() - WITHIN_MS;
    for (const [address, at] of this.#clients) if (at < since) this.#clients.delete(address);
    return this.#clients.size;
  }
}
