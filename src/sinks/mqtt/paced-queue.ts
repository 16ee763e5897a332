/**
 * Handles work that is due for many meters at once, a few at a time. A burst for thousands of meters would overflow the
 * queues that a broker keeps for its subscribers (Mosquitto drops messages beyond `max_queued_messages`, 1000), and
 * delay new readings.
 */

/** Batch size. */
export const AT_ONCE = 20;
/** Interval between batches, milliseconds. */
const STEP_MS = 50;

/**
 * After a connect, the states and discovery messages of many meters are spread over this time: the period of most
 * meters.
 */
export const RESEND_MS = 5_000;

export class PacedQueue {
  readonly #act: (id: string) => void;
  readonly #overMs: number;
  readonly #isBusy: () => boolean;
  /** Bounded by the number of meters. */
  readonly #waiting = new Set<string>();
  #portion = AT_ONCE;
  #timer: NodeJS.Timeout | null = null;
  #acting = false;

  /**
   * @param overMs milliseconds over which the work for all meters is spread, if there are more than `AT_ONCE`
   * @param isBusy whether the work must wait, however long it takes
   */
  constructor(overMs: number, act: (id: string) => void, isBusy: () => boolean = () => false) {
    this.#overMs = overMs;
    this.#isBusy = isBusy;
    this.#act = act;
  }

  /** Adds meters by id; one that is already waiting keeps its place. */
  add(ids: Iterable<string>): void {
    for (const id of ids) this.#waiting.add(id);
    this.#portion = Math.max(1, Math.ceil((this.#waiting.size * STEP_MS) / this.#overMs));
    if (this.#timer === null && !this.#acting) this.#next(Math.max(this.#portion, AT_ONCE));
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting.clear();
  }

  #next(portion: number): void {
    this.#timer = null;
    this.#acting = true;
    let done = 0;
    for (const id of this.#waiting) {
      if (done++ === portion || this.#isBusy()) break;
      this.#waiting.delete(id);
      this.#act(id);
    }
    this.#acting = false;
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#next(this.#portion), STEP_MS);
  }
}
