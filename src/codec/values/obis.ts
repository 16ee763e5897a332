/** OBIS codes (Blue Book, 7): six bytes A-B:C.D.E*F. */

/** Number of codes that `ObisNames` caches, a power of two; a telegram contains up to 60, and some 300 are in use. */
const MAX_NAMES = 1024;

/** `1-0:1.8.0*255` from the six bytes at `at`. */
export function formatObis(bytes: Uint8Array, at = 0): string {
  return `${bytes[at]}-${bytes[at + 1]}:${bytes[at + 2]}.${bytes[at + 3]}.${bytes[at + 4]}*${bytes[at + 5]}`;
}

/**
 * Parses `1-0:1.8.0*255`; `*F` defaults to 255 and `A-B` to 1-0.
 * @throws RangeError for anything else
 */
export function parseObis(text: string): Uint8Array {
  const match = /^(?:(\d{1,3})-(\d{1,3}):)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\*(\d{1,3}))?$/.exec(text);
  if (!match) throw new RangeError(`not an OBIS code: ${text}`);
  const numbers = [match[1] ?? 1, match[2] ?? 0, match[3], match[4], match[5], match[6] ?? 255].map(Number);
  if (numbers.some((n) => n > 255)) throw new RangeError(`not an OBIS code: ${text}`);
  return Uint8Array.from(numbers);
}

/** `formatObis` with a cache: a meter sends the same codes in every telegram, and most meters send the same ones. */
export class ObisNames {
  /** Indexed by hash; a collision replaces the previous entry. */
  readonly #names = new Array<Name | undefined>(MAX_NAMES).fill(undefined);

  format(bytes: Uint8Array, at: number): string {
    const high = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    const low = ((bytes[at + 3] as number) << 16) | ((bytes[at + 4] as number) << 8) | (bytes[at + 5] as number);
    const place = (Math.imul(high, 31) + Math.imul(low >> 8, 37)) & (MAX_NAMES - 1);
    const known = this.#names[place];
    if (known !== undefined && known.high === high && known.low === low) return known.text;
    const text = formatObis(bytes, at);
    this.#names[place] = { high, low, text };
    return text;
  }
}

interface Name {
  readonly high: number;
  readonly low: number;
  readonly text: string;
}
