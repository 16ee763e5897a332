/** What has come of a stream and is not decided yet; positions count in the buffer, offsets from the first byte ever. */

/** Most that is ever held back; larger than the largest frame that any scanner waits for. */
export const MAX_BUFFER = 16_384;
const FIRST_BUFFER = 2_048;
/** Bytes before `start` that stay, so that a scanner may look back. */
const HISTORY = 16;

export class StreamBuffer {
  bytes = new Uint8Array(FIRST_BUFFER);
  /** Position that is looked at next. */
  start = 0;
  /** One past the last byte that has come. */
  end = 0;
  /** Offset in the stream of the first byte of the buffer. */
  #base = 0;

  get available(): number {
    return this.end - this.start;
  }

  /** Offset in the stream of the next position. */
  get offset(): number {
    return this.#base + this.start;
  }

  /** Offset in the stream of the end. */
  get endOffset(): number {
    return this.#base + this.end;
  }

  /** Takes as much of `chunk` from `at` on as there is room for. @returns how many bytes */
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

  /** Drops what was looked at, and doubles the buffer if that is not enough. */
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
