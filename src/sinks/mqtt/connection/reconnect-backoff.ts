/** Pauses between connection attempts: they grow from 1 s to 30 s, and are shortened when a reading is waiting. */

const FIRST_PAUSE_MS = 1_000;
export const LONGEST_PAUSE_MS = 30_000;

export class ReconnectBackoff {
  /** The pause after the next failure. */
  pauseMs = FIRST_PAUSE_MS;
  #attempting = false;
  #attemptedAt = 0;
  /** The broker answered and refused us: no retry before the pause is over. */
  #refused = false;

  /** Whether an attempt is in progress. */
  get attempting(): boolean {
    return this.#attempting;
  }

  /** An attempt starts. */
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

  /** The attempt failed. @param refused whether the broker answered and refused us */
  failed(refused: boolean): void {
    this.#refused = refused;
  }

  /** Doubles the next pause. */
  grow(): number {
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
    return this.pauseMs;
  }

  /** A connection lasted long enough, or the cause of the failure was found. */
  reset(): void {
    this.pauseMs = FIRST_PAUSE_MS;
  }

  /** The next failure counts as the first. */
  restart(): void {
    this.pauseMs = FIRST_PAUSE_MS / 2;
  }

  /**
   * When pending data may trigger an attempt: milliseconds from now, at most one attempt a second; `null` during an
   * attempt and after a refusal.
   */
  get hurryMs(): number | null {
    if (this.#attempting || this.#refused) return null;
    return Math.max(0, this.#attemptedAt + FIRST_PAUSE_MS - performance.now());
  }

  /** How long the current attempt has been running, milliseconds; 0 if there is none. */
  get attemptMs(): number {
    return this.#attempting ? performance.now() - this.#attemptedAt : 0;
  }
}
