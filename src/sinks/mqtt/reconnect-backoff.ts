/** Pauses between attempts to connect: they grow from 1 s to 30 s, and a reading that waits shortens them. */

const FIRST_PAUSE_MS = 1_000;
export const LONGEST_PAUSE_MS = 30_000;

export class ReconnectBackoff {
  /** The pause after the next failure. */
  pauseMs = FIRST_PAUSE_MS;
  #attempting = false;
  #attemptedAt = 0;
  /** The broker answered and refused us: it is not asked again before the pause is over. */
  #refused = false;

  /** Whether an attempt is under way. */
  get attempting(): boolean {
    return this.#attempting;
  }

  /** An attempt begins. */
  attempt(): void {
    this.#attempting = true;
    this.#attemptedAt = performance.now();
  }

  /** The attempt, or the connection, has ended. */
  ended(): void {
    this.#attempting = false;
  }

  /** Connected. */
  accepted(): void {
    this.#refused = false;
  }

  /** The attempt failed. @param refused the broker answered, and refuses us */
  failed(refused: boolean): void {
    this.#refused = refused;
  }

  /** The next pause is twice as long. */
  grow(): number {
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
    return this.pauseMs;
  }

  /** A connection held for long enough, or the cause of the failure was found. */
  reset(): void {
    this.pauseMs = FIRST_PAUSE_MS;
  }

  /** The next failure counts as the first. */
  restart(): void {
    this.pauseMs = FIRST_PAUSE_MS / 2;
  }

  /**
   * When something that waits to be published may start an attempt: milliseconds from now, one attempt a second at most;
   * `null` while one is under way, and after a refusal.
   */
  get hurryMs(): number | null {
    if (this.#attempting || this.#refused) return null;
    return Math.max(0, this.#attemptedAt + FIRST_PAUSE_MS - performance.now());
  }

  /** For how long the present attempt has been under way, milliseconds; 0 if there is none. */
  get attemptMs(): number {
    return this.#attempting ? performance.now() - this.#attemptedAt : 0;
  }
}
