/**
 * Read pacing: how long to wait before the next read. An adapter that delivers byte by byte wakes the process 282 times
 * per telegram, and the wake-ups cost more than the decoding. The frame lengths show how many bytes are still missing
 * (`Decoder.wanted`), the baud rate gives their arrival time; until shortly before, the kernel buffers them.
 *
 *     bytes   |68 FA FA 68|.................................. 248 more ...................|16|
 *     reads    ↑  ↑  ↑  ↑                                                          ↑     ↑ ↑↑↑
 *                        └──────────── pause: 92 % of the transmission time ───────┘
 */
import type { LineSettings } from "../sources/source.ts";

/** The last bytes are read one by one, so that the end of a telegram is detected without delay. */
const UNPACED_BYTES = 2;
/** Pause as a fraction of the transmission time; the margin exceeds the clock deviation between meter and host. */
const SAFETY = 0.92;
/** Bytes that arrive in less than this fraction of their transmission time were not sent at that baud rate. */
const LINE_SHARE = 0.93;
/** Shorter pauses save nothing. */
const MIN_MS = 8;
/** No frame justifies a longer pause. */
const MAX_MS = 2_000;

/**
 * Decides after every read how long to pause. Pacing starts once a telegram has arrived no faster than the baud rate
 * allows. A pseudo-terminal, a buffering adapter or a wrong baud rate may deliver faster, and a pause would then add
 * latency: bytes that arrive too fast suspend pacing until the next telegram at line speed.
 */
export class LinePacer {
  readonly #byteMs: number;
  #steady = false;
  #hurried = false;
  #begun: { at: number; bytes: number } | null = null;

  constructor(line: LineSettings) {
    // Shortest character on the line: start bit, data bits, one stop bit. A parity bit makes the line slower than that.
    this.#byteMs = ((line.dataBits + 2) * 1000) / line.baudRate;
  }

  /**
   * @param bytes number of bytes in this read
   * @param at time of the read, monotonic milliseconds
   * @param wanted `Decoder.wanted` after this read
   * @returns milliseconds to wait before the next read; 0 for none
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
      // End of a frame: it reveals the speed if it took more than one read.
      this.#steady = !this.#hurried && (this.#steady || this.#begun.bytes > 16);
      this.#begun = null;
      return 0;
    }
    if (this.#hurried || !this.#steady) return 0;
    const ms = Math.min((wanted - UNPACED_BYTES) * this.#byteMs * SAFETY, MAX_MS);
    return ms < MIN_MS ? 0 : ms;
  }

  /** The line fell silent: the next byte starts a new frame. */
  silence(): void {
    this.#begun = null;
  }
}
