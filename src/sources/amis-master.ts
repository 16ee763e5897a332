/**
 * Protocol of an AMIS meter as the M-Bus master, simulated by `simulate --layout amis`:
 *
 *     searching   10 40 F0 30 16 once a minute ── E5 within 0.5 s ──> sending
 *     sending     a telegram once a second, each expects E5; after ten without an answer ──> searching
 */
import { ACKNOWLEDGE, ANSWER_MS, SEARCH } from "./amis-answer.ts";

/** Interval between searches, in milliseconds. */
export const SEARCH_INTERVAL_MS = 60_000;
/** Number of unanswered telegrams after which the meter searches again. */
const MAX_UNANSWERED = 10;

export interface MasterTiming {
  /** Milliseconds from one search to the next. */
  readonly searchMs: number;
  /** Milliseconds from one telegram to the next. */
  readonly intervalMs: number;
}

/** Determines what the meter sends next, and when. Times are in milliseconds, monotonic. */
export class AmisMaster {
  readonly #timing: MasterTiming;
  #sending = false;
  #unanswered = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #lastByteAt = Number.NEGATIVE_INFINITY;
  #answered = false;

  constructor(timing: MasterTiming) {
    this.#timing = timing;
  }

  /** Whether a reader has answered, so that the meter sends telegrams. */
  get sending(): boolean {
    return this.#sending;
  }

  /** When the next frame is due. */
  get dueAt(): number {
    const { searchMs, intervalMs } = this.#timing;
    return this.#sentAt === Number.NEGATIVE_INFINITY ? 0 : this.#sentAt + (this.#sending ? intervalMs : searchMs);
  }

  /** To be called when the last byte of the frame from `next` has been sent: the reader's response time starts. */
  sent(at: number): void {
    this.#lastByteAt = at;
  }

  /** Processes bytes from the reader. Ignores bytes other than E5 and late answers. */
  heard(bytes: Uint8Array, at: number): void {
    if (this.#answered || !bytes.includes(ACKNOWLEDGE[0] as number) || at - this.#lastByteAt > ANSWER_MS) return;
    this.#answered = true;
    this.#unanswered = 0;
    this.#sending = true;
  }

  /** The next frame: search or telegram. To be called once `dueAt` is reached. */
  next(at: number, telegram: () => Uint8Array): Uint8Array {
    if (this.#sending && !this.#answered) this.#unanswered++;
    if (this.#unanswered >= MAX_UNANSWERED) {
      this.#sending = false;
      this.#unanswered = 0;
    }
    this.#sentAt = this.#lastByteAt = at;
    this.#answered = false;
    return this.#sending ? telegram() : SEARCH;
  }
}
