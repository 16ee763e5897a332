/**
 * Collects the events of one stream in order. Consecutive skipped bytes are merged into one event, up to the next event
 * or the end of the call, so that noise does not produce one event per byte.
 */
import type { DecoderEvent } from "./decoder-event.ts";

export class DecoderOutput {
  #events: DecoderEvent[] = [];
  /** Skipped bytes not yet in an event, as stream offsets. */
  #skippedFrom = 0;
  #skippedTo = 0;

  /** End of the last run of skipped bytes, whether or not its event has been emitted. */
  get skippedTo(): number {
    return this.#skippedTo;
  }

  /** Marks bytes `from` … `to`-1 as belonging to no telegram. */
  skip(from: number, to: number): void {
    if (from !== this.#skippedTo) {
      this.#cut();
      this.#skippedFrom = from;
    }
    this.#skippedTo = to;
  }

  add(event: DecoderEvent): void {
    this.#cut();
    this.#events.push(event);
  }

  /** Returns the events since the last call. */
  take(): DecoderEvent[] {
    this.#cut();
    const events = this.#events;
    this.#events = [];
    return events;
  }

  reset(): void {
    this.#events = [];
    this.#skippedFrom = this.#skippedTo = 0;
  }

  #cut(): void {
    const length = this.#skippedTo - this.#skippedFrom;
    if (length > 0) this.#events.push({ type: "skipped", offset: this.#skippedFrom, length });
    this.#skippedFrom = this.#skippedTo;
  }
}
