/**
 * Keys as people paste them. Grid operators hand out 32 hex digits; blanks, colons, commas, dashes, quotes and a leading
 * `0x` are accepted. Forms known to cause trouble are named in the message (the ASCII codes of the digits, letters
 * instead of hex digits, base64, a leading control byte as in Luxembourg).
 */
import { parseHex } from "../codec/hex.ts";
import { latin1Text } from "../codec/latin1.ts";

/** Prefixes that precede a key in some letters and exports and are not part of it. */
const PREFIXES: readonly { readonly digits: string; readonly what: string }[] = [
  { digits: "30", what: "the control byte in front of keys in Luxembourg" },
  { digits: "20", what: "a security control byte" },
  { digits: "10", what: "a security control byte, or the length of the key" },
  { digits: "0910", what: "the tag and length of an octet string" },
  { digits: "0410", what: "the tag and length of an octet string" },
  { digits: "00", what: "a zero byte" },
];

const SEPARATORS = /[\s:,;_-]/g;

/** Removes accepted separators and converts to upper case. The result may still not be a key. */
export function normalizeKey(text: string): string {
  return text
    .trim()
    .replace(/^(["'])(.*)\1$/s, "$2")
    .replace(SEPARATORS, "")
    .replace(/0x/gi, "")
    .toUpperCase();
}

/** Whether a normalized text is a key: 32 hex digits (AES-128, DLMS security suites 0 and 1). */
export function isKey(normalized: string): boolean {
  return /^[0-9A-F]{32}$/.test(normalized);
}

/** The 16 bytes of a key, `null` if the text is not one. */
export function keyBytes(text: string): Uint8Array | null {
  const normalized = normalizeKey(text);
  return isKey(normalized) ? parseHex(normalized) : null;
}

/** Describes what was pasted instead of a key, without revealing its content. */
export function describeWrongKey(text: string): string {
  const trimmed = text.trim();
  const digits = normalizeKey(text);
  if (digits === "") return "nothing";
  if (/^[0-9A-F]+$/.test(digits)) {
    if (digits.length === 64) {
      const spelled = latin1Text(parseHex(digits));
      return isKey(spelled.toUpperCase())
        ? "64 hex digits that are the ASCII codes of 32 hex digits (write the 32 digits that they spell)"
        : "64 hex digits (perhaps encryption key and authentication key pasted one after the other)";
    }
    const prefix = PREFIXES.find(
      ({ digits: before }) => digits.startsWith(before) && digits.length === before.length + 32,
    );
    if (prefix !== undefined) {
      return `${digits.length} hex digits that begin with ${prefix.digits}, ${prefix.what} (leave ${prefix.digits} out; the 32 digits after it are the key)`;
    }
    return `${digits.length} hex digits${digits.length === 16 ? " (8 bytes: rather a system title, or half of a key)" : ""}`;
  }
  if (/^[A-Za-z0-9+/]{22}==$/.test(trimmed)) return "24 characters of base64 (write the same 16 bytes as hex digits)";
  if (trimmed.length === 16) return "16 letters or signs (the key must be written as the hex digits of its 16 bytes)";
  const label =
    /^\W*(guek|gek|gak|ek|ak|key|schl(?:ü|ue)ssel|encryption ?key|authentication ?key)\W+(?=[0-9a-f])/i.exec(trimmed);
  if (label?.[1] !== undefined && isKey(normalizeKey(trimmed.slice(label[0].length)))) {
    return `a key with the word "${label[1]}" in front (leave the word out)`;
  }
  const wrong = [...digits].findIndex((sign) => !/[0-9A-F]/.test(sign));
  const looks = /^[0-9A-FOIL]+$/.test(digits) ? ", a letter O, I or L, perhaps meant as 0 or 1" : "";
  return `${digits.length} characters, number ${wrong + 1} is not a hex digit${looks}`;
}
