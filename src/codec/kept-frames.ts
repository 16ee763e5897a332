/** Copies of the bytes that an event covers (`DecoderOptions.keepBytes`): the frames of one telegram, or part of the buffer. */
import { ByteCollector } from "./link/byte-collector.ts";
import type { StreamBuffer } from "./link/stream-buffer.ts";

/** Maximum number of frame bytes kept per telegram; events of longer telegrams have no bytes. */
const MAX_KEPT = 16_384;

/** Optional field of an event. */
export interface EventBytes {
  readonly bytes: Uint8Array;
}

export class KeptFrames {
  readonly #buffer: StreamBuffer;
  readonly #enabled: boolean;
  readonly #frames = new ByteCollector(MAX_KEPT);
  /** Whether all frames of the telegram fitted. */
  #complete = true;

  /** @param enabled `keepBytes`; if `false`, nothing is copied and every result is `undefined` */
  constructor(buffer: StreamBuffer, enabled: boolean) {
    this.#buffer = buffer;
    this.#enabled = enabled;
  }

  /** Copies the frame at the start of the buffer. */
  add(length: number): void {
    if (!this.#enabled || !this.#complete) return;
    const { bytes, start } = this.#buffer;
    this.#complete = this.#frames.fits(length);
    if (this.#complete) this.#frames.append(bytes.subarray(start, start + length));
  }

  /** Copy of all frames of the telegram; `undefined` if they did not fit. */
  telegram(): EventBytes | undefined {
    return this.#enabled && this.#complete ? { bytes: this.#frames.bytes.slice() } : undefined;
  }

  /** Copy of the next `length` bytes of the buffer, or of as many as have arrived. */
  next(length: number): EventBytes | undefined {
    if (!this.#enabled) return undefined;
    const { bytes, start, end } = this.#buffer;
    return { bytes: bytes.slice(start, Math.min(end, start + length)) };
  }

  /** Discards the frames: the next one starts another telegram. */
  clear(): void {
    this.#frames.clear();
    this.#complete = true;
  }
}
