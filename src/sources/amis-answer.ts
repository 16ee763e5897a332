/**
 * The only data ever sent to a meter: the single byte E5, the acknowledgement that AMIS meters of Netz OÖ (Siemens
 * TD-351x) require. The meter is the M-Bus master; the reader is the slave with address F0:
 *
 *     10 40 F0 30 16                           search, once a minute; expects E5 within 0.5 s
 *     68 L L 68 | 53 or 73 | F0 | 5B … | sum | 16   data, once a second after that; each expects E5
 *
 * Only such a frame is acknowledged, if it is complete, has a correct checksum and is the last data received, and if
 * nothing else has arrived since the line was idle: the same bytes inside a telegram of another meter are not a frame.
 * Source: Netz OÖ, "Technische Spezifikation AMIS-Zähler Kundenschnittstelle", 05.11.2021.
 */

/** The acknowledgement (M-Bus single character E5). */
export const ACKNOWLEDGE = Uint8Array.of(0xe5);
/** Frame that an AMIS meter sends while it searches for a reader. */
export const SEARCH = Uint8Array.of(0x10, 0x40, 0xf0, 0x30, 0x16);
/** How long the meter waits for the answer, in milliseconds. */
export const ANSWER_MS = 500;

/** Idle time, in milliseconds, that separates transmissions; pauses within a frame or an exchange are shorter. */
const QUIET_MS = 200;
const LONGEST_FRAME = 261;

/** Shared by the lines of all other meters; nothing is added to it. */
const NOTHING: number[] = [];

/** Tracks the bytes received since the line was last idle. Times are in milliseconds, monotonic. */
export class AmisAnswer {
  #heard = NOTHING;
  #foreign = false;
  #heardAt = Number.NEGATIVE_INFINITY;

  /**
   * @param chunk the bytes just read
   * @param at time of the read
   * @param byteMs transmission time per byte, used to find when the first byte of the chunk arrived. 0: unknown
   * @returns whether to answer now
   */
  heard(chunk: Uint8Array, at: number, byteMs = 0): boolean {
    if (chunk.length === 0) return false;
    const quiet = at - this.#heardAt - chunk.length * byteMs;
    this.#heardAt = at;
    if (quiet >= QUIET_MS) {
      this.#heard = [];
      this.#foreign = false;
    }
    if (this.#foreign) return false;
    let last: Frame | null = null;
    for (const byte of chunk) {
      this.#heard.push(byte);
      const frame = frameOf(this.#heard);
      if (frame === "foreign") {
        this.#foreign = true;
        this.#heard = NOTHING;
        return false;
      }
      last = frame;
      if (frame !== null) this.#heard = [];
    }
    return last === "asks";
  }
}

/** A complete frame that expects an answer, or one that does not (the echo of our own answer). */
type Frame = "asks" | "answer";

/** `null`: incomplete, but still a possible frame. */
function frameOf(bytes: readonly number[]): Frame | "foreign" | null {
  switch (bytes[0]) {
    case ACKNOWLEDGE[0]:
      return "answer";
    case SEARCH[0]:
      if (bytes.some((byte, i) => byte !== SEARCH[i])) return "foreign";
      return bytes.length === SEARCH.length ? "asks" : null;
    case 0x68:
      return dataFrame(bytes);
    default:
      return "foreign";
  }
}

function dataFrame(bytes: readonly number[]): "asks" | "foreign" | null {
  const [, length = 0, again, start, control, address, ci] = bytes;
  const fits =
    (again === undefined || again === length) &&
    (start === undefined || start === 0x68) &&
    (control === undefined || control === 0x53 || control === 0x73) &&
    (address === undefined || address === 0xf0) &&
    (ci === undefined || ci === 0x5b);
  if (!fits || bytes.length > LONGEST_FRAME) return "foreign";
  const whole = length + 6;
  // A frame has at least 9 bytes: header up to the CI field, checksum and stop byte.
  if (bytes.length < Math.max(whole, 9)) return null;
  const sum = bytes.slice(4, whole - 2).reduce((total, byte) => total + byte, 0) & 0xff;
  return bytes.length === whole && sum === bytes[whole - 2] && bytes[whole - 1] === 0x16 ? "asks" : "foreign";
}
