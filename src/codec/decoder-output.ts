/**
 * The events of one stream in their order. Skipped bytes are added up until another event or the end of the call cuts
 * the stretch off, so that noise costs one event and not one for each byte.
 */
import type { DecoderEvent } from "./decoder-event.ts";

export class DecoderOutput {
  #events: DecoderEvent[] = [];
  /** Skipped bytes without an event yet, as offsets in the stream. */
  #skippedFrom = 0;
  #skippedTo = 0;

  /** Where the last stretch of skipped bytes ends, whether it has its event or not. */
  get skippedTo(): number {
    return this.#skippedTo;
  }

  /** Bytes `from` … `to`-1 belong to no telegram. */
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

  /** What has come about since the last call. */
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
