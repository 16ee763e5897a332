/**
 * Line settings for `parity: auto`: tries even parity, no parity, then 9600 8E1 (AMIS meters of Netz OÖ) until telegrams
 * arrive. The interface specifications say 8E1; MA309 of Netz NÖ and T210-D were observed at 8N1 (docs/meters.md).
 */
import type { LineSettings } from "../sources/source.ts";

/** Line settings as configured. */
export interface LineChoice {
  readonly baudRate: number;
  readonly dataBits: LineSettings["dataBits"];
  readonly parity: "auto" | LineSettings["parity"];
  readonly stopBits: LineSettings["stopBits"];
}

/** AMIS; tried only at the default baud rate. Its search frame is recognised only at these settings. */
const AMIS: LineSettings = { baudRate: 9600, dataBits: 8, parity: "even", stopBits: 1 };
const DEFAULT_BAUD_RATE = 2400;
/** Silence timeout for AMIS: the meter sends its search frame once a minute. */
const AMIS_SILENT_MS = 130_000;
/** The next settings are tried after this many bursts without a valid frame. */
const GARBLED_BURSTS = 3;
/** The same for a line without gaps between bytes: timeout without a valid frame. */
const GARBLED_MS = 15_000;
/** Hysteresis: settings that have worked get this many times the above limits. */
const PROVEN_FACTOR = 4;
/**
 * An adapter may drop bytes with parity errors, so silence can mean a wrong parity; usually the meter just does not send.
 * The silence timeout therefore backs off from the first to the second value.
 */
const SILENT_MS = 60_000;
const MAX_SILENT_MS = 600_000;

/** The settings in use and their results. Times are monotonic milliseconds. */
export class ParitySearch {
  readonly #candidates: readonly LineSettings[];
  #candidate = 0;
  #proven = false;
  #garbled = 0;
  #firstByteAt: number | null = null;
  #since = 0;
  #silenceTimeoutMs = SILENT_MS;

  constructor(choice: LineChoice, hasLine: boolean) {
    const { baudRate, dataBits, parity, stopBits } = choice;
    const parities = parity === "auto" ? (["even", "none"] as const) : [parity];
    const own = parities.map((each) => ({ baudRate, dataBits, parity: each, stopBits }));
    const isDefault = parity === "auto" && baudRate === DEFAULT_BAUD_RATE;
    const candidates = isDefault ? [...own, AMIS] : own;
    // A source without a serial line has no settings to try.
    this.#candidates = hasLine ? candidates : own.slice(0, 1);
  }

  /** The settings for opening the source. */
  get line(): LineSettings {
    return this.#candidates[this.#candidate] as LineSettings;
  }

  opened(at: number): void {
    this.#since = at;
    this.#garbled = 0;
    this.#firstByteAt = null;
  }

  /** Bytes have arrived. `validFrame` follows if they complete a frame. */
  bytesReceived(at: number): void {
    this.#firstByteAt ??= at;
  }

  /** A frame passed all its checks: the settings work. */
  validFrame(): void {
    this.#proven = true;
    this.#garbled = 0;
    this.#firstByteAt = null;
    this.#silenceTimeoutMs = SILENT_MS;
  }

  /** The line fell silent after a burst. */
  silence(): void {
    if (this.#firstByteAt !== null) this.#garbled++;
  }

  /** Switches to the next settings if the current ones were tried for long enough. @returns whether it switched */
  tryNext(at: number): boolean {
    if (this.#candidates.length === 1) return false;
    const factor = this.#proven ? PROVEN_FACTOR : 1;
    const garbled =
      this.#garbled >= GARBLED_BURSTS * factor ||
      (this.#firstByteAt !== null && at - this.#firstByteAt >= GARBLED_MS * factor);
    const silenceTimeoutMs =
      this.line === AMIS ? Math.max(AMIS_SILENT_MS, this.#silenceTimeoutMs) : this.#silenceTimeoutMs;
    const silent = !this.#proven && this.#firstByteAt === null && at - this.#since >= silenceTimeoutMs;
    if (!garbled && !silent) return false;
    if (silent) this.#silenceTimeoutMs = Math.min(this.#silenceTimeoutMs * 2, MAX_SILENT_MS);
    this.#candidate = (this.#candidate + 1) % this.#candidates.length;
    this.#proven = false;
    return true;
  }
}
