/**
 * The protocol of an AMIS meter as the M-Bus master, played by `simulate --layout amis`:
 *
 *     searching   10 40 F0 30 16 once a minute ── E5 within 0.5 s ──> sending
 *     sending     a telegram once a second; each wants E5; after ten without an answer ──> searching
 */
import { ACKNOWLEDGE, ANSWER_MS, SEARCH } from "./amis-answer.ts";

/** How often a meter searches, milliseconds. */
export const SEARCH_INTERVAL_MS = 60_000;
/** So many telegrams without an answer end it. */
const MAX_UNANSWERED = 10;

export interface MasterTiming {
  /** Milliseconds from one search to the next. */
  readonly searchMs: number;
  /** Milliseconds from one telegram to the next. */
  readonly intervalMs: number;
}

/** Says what the meter sends next, and when. Times are milliseconds, monotonic. */
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

  /** Whether a reader is there. */
  get sending(): boolean {
    return this.#sending;
  }

  /** When the next frame is due. */
  get dueAt(): number {
    const { searchMs, intervalMs } = this.#timing;
    return this.#sentAt === Number.NEGATIVE_INFINITY ? 0 : this.#sentAt + (this.#sending ? intervalMs : searchMs);
  }

  /** The last byte of what `next` gave is on its way: from now on the reader has its time to answer. */
  sent(at: number): void {
    this.#lastByteAt = at;
  }

  /** A reader's bytes have come. Any other byte than E5, and an answer that comes too late, is none. */
  heard(bytes: Uint8Array, at: number): void {
    if (this.#answered || !bytes.includes(ACKNOWLEDGE[0] as number) || at - this.#lastByteAt > ANSWER_MS) return;
    this.#answered = true;
    this.#unanswered = 0;
    this.#sending = true;
  }

  /** The frame that is due: the search, or the telegram. To be called when `dueAt` has come. */
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
