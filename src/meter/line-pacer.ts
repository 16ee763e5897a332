/**
 * How long to wait before the next read. An adapter that delivers byte by byte wakes the process 282 times a telegram, and
 * waking up is what costs, not decoding. The lengths in the frames say how many bytes are still to come (`Decoder.wanted`) and the baud
 * rate says when: until shortly before, the kernel collects.
 *
 *     bytes   |68 FA FA 68|.................................. 248 more ...................|16|
 *     reads    ↑  ↑  ↑  ↑                                                          ↑     ↑ ↑↑↑
 *                        └──────────── pause: 92 % of the time they need ─────────┘
 */
import type { LineSettings } from "../sources/source.ts";

/** The last bytes are awaited one by one, so that the end of a telegram is seen when it comes. */
const AWAITED_BYTES = 2;
/** A pause ends early by this share: the meter's clock and ours differ by less. */
const SAFETY = 0.92;
/** Bytes that came in less than this share of the time that the line needs did not come over a line of that speed. */
const LINE_SHARE = 0.93;
/** Shorter pauses save nothing. */
const LEAST_MS = 8;
/** Nor is a longer one ever right. */
const MOST_MS = 2_000;

/**
 * Decides after every read how long to pause. Pauses only once a telegram was seen to come no faster than the line
 * speed allows: a pseudo-terminal, a buffering adapter or a wrong baud rate may deliver faster, and then a pause would
 * be a delay. Any sign of that ends the pauses until the next telegram that keeps the pace.
 */
export class LinePacer {
  readonly #byteMs: number;
  #steady = false;
  #hurried = false;
  #begun: { at: number; bytes: number } | null = null;

  constructor(line: LineSettings) {
    // The shortest form of a byte: start bit, data bits, one stop bit. With a parity bit the line is slower than that.
    this.#byteMs = ((line.dataBits + 2) * 1000) / line.baudRate;
  }

  /**
   * @param bytes how many this read brought
   * @param at when, milliseconds, monotonic
   * @param wanted `Decoder.wanted` after them
   * @returns milliseconds to wait before the next read; 0: read on
   */
  pause(bytes: number, at: number, wanted: number): number {
    if (this.#begun === null) {
      this.#begun = { at, bytes: 0 };
      this.#hurried = false;
    } else {
      this.#begun.bytes += bytes;
      if (at - this.#begun.at < (this.#begun.bytes - 1) * this.#byteMs * LINE_SHARE) this.#hurried = true;
    }
    if (wanted === 0) {
      // The end of something: it tells about the speed if it came in more than one piece.
      this.#steady = !this.#hurried && (this.#steady || this.#begun.bytes > 16);
      this.#begun = null;
      return 0;
    }
    if (this.#hurried || !this.#steady) return 0;
    const ms = Math.min((wanted - AWAITED_BYTES) * this.#byteMs * SAFETY, MOST_MS);
    return ms < LEAST_MS ? 0 : ms;
  }

  /** The line fell silent: what comes next is the beginning of something. */
  silence(): void {
    this.#begun = null;
  }
}
