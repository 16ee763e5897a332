/**
 * Partial start: a port opened in the middle of a telegram receives only its rest. The decoder reports the missing first
 * frame as `segmentation`, but nothing was damaged, so these bytes are counted as skipped. (Every capture in
 * test/fixtures, cut at any byte, yields this fault or none.)
 */
import type { Decoder, DecoderEvent } from "../codec/decoder-event.ts";

/** Wraps a decoder and reports a partial telegram at the start as skipped bytes. */
export class PartialStart implements Decoder {
  readonly #decoder: Decoder;
  /** No telegram and no fault yet since the source was opened. */
  #atStart = true;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  get wanted(): number {
    return this.#decoder.wanted;
  }

  feed(chunk: Uint8Array): DecoderEvent[] {
    return this.#filter(this.#decoder.feed(chunk));
  }

  silence(): DecoderEvent[] {
    return this.#filter(this.#decoder.silence());
  }

  end(): DecoderEvent[] {
    return this.#filter(this.#decoder.end());
  }

  reset(): void {
    this.#atStart = true;
    this.#decoder.reset();
  }

  #filter(events: DecoderEvent[]): DecoderEvent[] {
    return this.#atStart && events.length > 0 ? events.map((event) => this.#atTheStart(event)) : events;
  }

  #atTheStart(event: DecoderEvent): DecoderEvent {
    if (!this.#atStart || event.type === "skipped") return event;
    this.#atStart = false;
    if (event.type !== "fault" || event.code !== "segmentation") return event;
    return { type: "skipped", offset: event.offset, length: event.length };
  }
}
