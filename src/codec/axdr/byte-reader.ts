/** Big-endian cursor over bytes. Every read is bounds-checked, and errors name the field being read. */
import { CodecError } from "../codec-error.ts";

export class ByteReader {
  readonly bytes: Uint8Array;
  /** Position of the next byte. */
  pos: number;
  /** One past the last byte that may be read. */
  end: number;

  constructor(bytes: Uint8Array, pos = 0, end = bytes.length) {
    this.bytes = bytes;
    this.pos = pos;
    this.end = end;
  }

  /** @throws CodecError `malformed` if fewer than `count` bytes are left */
  need(count: number, field: string): void {
    if (count > this.end - this.pos) {
      throw new CodecError(
        "malformed",
        `${field} at byte ${this.pos} needs ${count} bytes, only ${this.end - this.pos} are left`,
      );
    }
  }

  u8(field: string): number {
    if (this.pos >= this.end) this.need(1, field);
    return this.bytes[this.pos++] as number;
  }

  u16(field: string): number {
    this.need(2, field);
    const at = this.pos;
    this.pos = at + 2;
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  u32(field: string): number {
    this.need(4, field);
    const { bytes, pos } = this;
    this.pos = pos + 4;
    return (
      (((bytes[pos] as number) << 24) |
        ((bytes[pos + 1] as number) << 16) |
        ((bytes[pos + 2] as number) << 8) |
        (bytes[pos + 3] as number)) >>>
      0
    );
  }

  /**
   * Reads a BER length: `00`-`7F` is the length itself; otherwise `81 xx`, `82 xx xx`, `83 …` or `84 …`. Longer forms
   * than necessary occur in practice (`82 00 E7`, seen on Kamstrup). The length is not checked here; `need` checks it
   * before the data is read.
   */
  berLength(field: string): number {
    const first = this.u8(field);
    if (first < 0x80) return first;
    const size = first & 0x7f;
    if (size === 0 || size > 4) {
      throw new CodecError("malformed", `${field} at byte ${this.pos - 1}: length form 0x${hex(first)} is not allowed`);
    }
    let length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + this.u8(field);
    return length;
  }

  /** Skips the next `count` bytes. @returns the position of the first */
  skip(count: number, field: string): number {
    this.need(count, field);
    const start = this.pos;
    this.pos = start + count;
    return start;
  }
}

/** Two upper-case hex digits. */
function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}
