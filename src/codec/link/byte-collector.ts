/** Concatenates byte arrays in one growing buffer. Appending copies only the new bytes, unless the buffer must grow. */

const FIRST_SIZE = 512;

export class ByteCollector {
  readonly #limit: number;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** @param limit maximum number of bytes held */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** View of the collected bytes, valid until the next `append`. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Whether another `count` bytes fit within the limit. */
  fits(count: number): boolean {
    return this.#length + count <= this.#limit;
  }

  /** @throws RangeError beyond the limit; check `fits` first */
  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#limit) throw new RangeError(`more than ${this.#limit} bytes`);
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.#limit, Math.max(FIRST_SIZE, 2 * length)));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** Keeps only the first `length` bytes. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  clear(): void {
    this.#length = 0;
  }
}
