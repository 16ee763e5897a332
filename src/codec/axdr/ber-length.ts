/** BER lengths (X.690, 8.1.3): one byte if below 0x80, otherwise 0x80 + the number of length bytes that follow. */

/** Reads the BER length at `at`. @returns `[value, offset after it]`, or undefined if incomplete or over 4 bytes long */
export function readBerLength(bytes: Uint8Array, at: number, end = bytes.length): [number, number] | undefined {
  if (at >= end) return undefined;
  const first = bytes[at] as number;
  if (first < 0x80) return [first, at + 1];
  const count = first & 0x7f;
  if (count === 0 || count > 4 || at + 1 + count > end) return undefined;
  let value = 0;
  for (let i = at + 1; i <= at + count; i++) value = value * 256 + (bytes[i] as number);
  return [value, at + 1 + count];
}

/** Encodes a BER length in its shortest form. @throws RangeError if `length` is not an unsigned 32-bit integer */
export function encodeBerLength(length: number): number[] {
  if (!Number.isInteger(length) || length < 0 || length > 0xffffffff) throw new RangeError(`no length: ${length}`);
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x10000) return [0x82, length >>> 8, length & 0xff];
  if (length < 0x1000000) return [0x83, length >>> 16, (length >>> 8) & 0xff, length & 0xff];
  return [0x84, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff];
}
