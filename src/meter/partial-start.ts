/**
 * The start in the middle of a telegram: whoever opens a port on a healthy line receives the rest of the telegram that is
 * under way. Its frames lack the first one, which the decoder calls `segmentation`; nothing was damaged, so these bytes
 * are counted as skipped ones. (Every capture of test/fixtures, cut at every byte, gives this fault or none.)
 */
import type { Decoder, DecoderEvent } from "../codec/decoder-event.ts";

/** Wraps a decoder; everybody behind it sees the partial telegram as skipped bytes. */
export class PartialStart implements Decoder {
  readonly #decoder: Decoder;
  /** Neither a telegram nor a fault since the source was opened. */
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
