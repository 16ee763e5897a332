/**
 * The only thing that is ever sent to a meter: the single byte E5, with which a reader answers the AMIS meters of Netz OÖ
 * (Siemens TD-351x). There the meter is the M-Bus master and we are its slave with the address F0:
 *
 *     10 40 F0 30 16                           search, once a minute; wants E5 within 0.5 s
 *     68 L L 68 | 53 or 73 | F0 | 5B … | sum | 16   data, once a second after that; each wants E5
 *
 * Answered is only such a frame, whole and with a right sum, when it is the last that has come and nothing else has come
 * since the line was quiet: inside a telegram of another meter the same bytes are no frame. Source: Netz OÖ, "Technische
 * Spezifikation AMIS-Zähler Kundenschnittstelle", 05.11.2021.
 */

/** The answer. */
export const ACKNOWLEDGE = Uint8Array.of(0xe5);
/** What an AMIS meter sends while it looks for a reader. */
export const SEARCH = Uint8Array.of(0x10, 0x40, 0xf0, 0x30, 0x16);
/** The meter waits so long for the answer, milliseconds. */
export const ANSWER_MS = 500;

/** Nothing in a frame, and nothing between a frame and what belongs to it, pauses longer. */
const QUIET_MS = 200;
const LONGEST_FRAME = 261;

/** Remembers what has come since the line was quiet. Times are milliseconds, monotonic. */
export class AmisAnswer {
  #heard: number[] = [];
  #foreign = false;
  #heardAt = Number.NEGATIVE_INFINITY;

  /**
   * @param chunk what has just been read
   * @param at when
   * @param byteMs how long a byte takes on the line: what is read at once may have come over a while. 0: unknown
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
        return false;
      }
      last = frame;
      if (frame !== null) this.#heard = [];
    }
    return last === "asks";
  }
}

/** A whole frame that wants an answer, or one that does not (our own answer, echoed). */
type Frame = "asks" | "answer";

/** `null`: so far it can become one. */
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
  // Up to the CI field there is always something to wait for.
  if (bytes.length < Math.max(whole, 9)) return null;
  const sum = bytes.slice(4, whole - 2).reduce((total, byte) => total + byte, 0) & 0xff;
  return bytes.length === whole && sum === bytes[whole - 2] && bytes[whole - 1] === 0x16 ? "asks" : "foreign";
}
