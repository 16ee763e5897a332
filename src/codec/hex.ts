/** Conversion between bytes and hexadecimal text. */

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).toUpperCase().padStart(2, "0"));

/** Upper-case hex digits without separators. */
export function formatHex(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = "";
  for (let i = start; i < end; i++) text += BYTES[bytes[i] as number];
  return text;
}

/**
 * Parses hex digits; white space, colons and hyphens are ignored.
 * @throws RangeError for any other character or an odd number of digits
 */
export function parseHex(text: string): Uint8Array {
  const digits = text.replace(/[\s:-]/g, "");
  if (digits.length % 2 !== 0 || !/^[0-9A-Fa-f]*$/.test(digits))
    throw new RangeError("not an even number of hex digits");
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
