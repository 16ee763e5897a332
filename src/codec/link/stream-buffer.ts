/** Bytes of a stream not yet decoded. Positions are relative to the buffer, offsets to the start of the stream. */

/** Maximum buffer size in bytes; larger than any frame a scanner waits for. */
export const MAX_BUFFER = 16_384;
/** Enough for the telegrams of most meters; doubled when a longer frame comes. */
const FIRST_BUFFER = 512;
/** Number of bytes kept before `start` so that scanners can look back. */
const HISTORY = 16;

export class StreamBuffer {
  bytes = new Uint8Array(FIRST_BUFFER);
  /** Position to scan next. */
  start = 0;
  /** One past the last byte received. */
  end = 0;
  /** Stream offset of the first byte in the buffer. */
  #base = 0;

  get available(): number {
    return this.end - this.start;
  }

  /** Stream offset of `start`. */
  get offset(): number {
    return this.#base + this.start;
  }

  /** Stream offset of `end`. */
  get endOffset(): number {
    return this.#base + this.end;
  }

  /** Appends as much of `chunk`, starting at `at`, as fits. @returns the number of bytes appended */
  append(chunk: Uint8Array, at: number): number {
    const wanted = chunk.length - at;
    if (this.bytes.length - this.end < wanted) this.#makeRoom();
    const count = Math.min(wanted, this.bytes.length - this.end);
    this.bytes.set(count === chunk.length ? chunk : chunk.subarray(at, at + count), this.end);
    this.end += count;
    return count;
  }

  reset(): void {
    this.#base = this.start = this.end = 0;
  }

  /** Discards bytes already decoded, and doubles the buffer if that does not free enough room. */
  #makeRoom(): void {
    const from = Math.max(0, this.start - HISTORY);
    if (from > 0) {
      this.bytes.copyWithin(0, from, this.end);
      this.#base += from;
      this.start -= from;
      this.end -= from;
    }
    if (this.end > this.bytes.length / 2 && this.bytes.length < MAX_BUFFER) {
      const larger = new Uint8Array(2 * this.bytes.length);
      larger.set(this.bytes.subarray(0, this.end));
      this.bytes = larger;
    }
  }
}
