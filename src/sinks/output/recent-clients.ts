/** Who has asked lately, for protocols whose clients hold no connection open. */

const WITHIN_MS = 60_000;
/** Addresses that are kept; the oldest gives way. */
const MAX_PEERS = 256;

export class RecentClients {
  readonly #now: () => number;
  /** Address → when it asked last, oldest first. */
  readonly #peers = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  asked(address: string): void {
    this.#peers.delete(address);
    this.#peers.set(address, this.#now());
    if (this.#peers.size > MAX_PEERS) {
      const [oldest] = this.#peers.keys();
      if (oldest !== undefined) this.#peers.delete(oldest);
    }
  }

  /** Addresses that have asked within the last minute. */
  get count(): number {
    const since = this.#now() - WITHIN_MS;
    for (const [address, at] of this.#peers) if (at < since) this.#peers.delete(address);
    return this.#peers.size;
  }
}
