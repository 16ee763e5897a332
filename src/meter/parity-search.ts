/**
 * Which line settings to use with `parity: auto`: even parity, then none, then 9600 8E1 for the AMIS meters of Netz OÖ, until
 * telegrams arrive. The interface descriptions say 8E1; MA309 of Netz NÖ and T210-D were observed at 8N1 (docs/meters.md).
 */
import type { LineSettings } from "../sources/source.ts";

/** Line settings as configured. */
export interface LineChoice {
  readonly baudRate: number;
  readonly dataBits: LineSettings["dataBits"];
  readonly parity: "auto" | LineSettings["parity"];
  readonly stopBits: LineSettings["stopBits"];
}

/** AMIS, tried where the configuration leaves the baud rate at its default. Its search frame is recognised at these settings only. */
const AMIS: LineSettings = { baudRate: 9600, dataBits: 8, parity: "even", stopBits: 1 };
const DEFAULT_BAUD_RATE = 2400;
/** An AMIS meter searches for its reader once a minute. */
const AMIS_SILENT_MS = 130_000;
/** So many bursts of bytes without a single frame that is right: the next setting is tried. */
const GARBLED_BURSTS = 3;
/** Where bytes never pause, the same after so long. */
const GARBLED_MS = 15_000;
/** Once a setting has brought telegrams, this many times more is needed before another is tried. */
const DOUBT = 4;
/** An adapter may drop damaged bytes, so that a wrong parity looks like silence; but most silence is just silence. */
const SILENT_MS = 60_000;
const SILENT_LONGEST_MS = 600_000;

/** Which setting is in use, and what it has brought. Times are milliseconds, monotonic. */
export class ParitySearch {
  readonly #candidates: readonly LineSettings[];
  #candidate = 0;
  #proven = false;
  #garbled = 0;
  #firstByteAt: number | null = null;
  #since = 0;
  #patienceMs = SILENT_MS;

  constructor(choice: LineChoice, hasLine: boolean) {
    const { baudRate, dataBits, parity, stopBits } = choice;
    const parities = parity === "auto" ? (["even", "none"] as const) : [parity];
    const own = parities.map((each) => ({ baudRate, dataBits, parity: each, stopBits }));
    const isDefault = parity === "auto" && baudRate === DEFAULT_BAUD_RATE;
    const candidates = isDefault ? [...own, AMIS] : own;
    // Without a line there is nothing to search for.
    this.#candidates = hasLine ? candidates : own.slice(0, 1);
  }

  /** The settings to open with. */
  get line(): LineSettings {
    return this.#candidates[this.#candidate] as LineSettings;
  }

  opened(at: number): void {
    this.#since = at;
    this.#garbled = 0;
    this.#firstByteAt = null;
  }

  /** Bytes have arrived; `good` is called as well if a frame is right. */
  heard(at: number): void {
    this.#firstByteAt ??= at;
  }

  /** A frame with all its checks right: the setting works. */
  good(): void {
    this.#proven = true;
    this.#garbled = 0;
    this.#firstByteAt = null;
    this.#patienceMs = SILENT_MS;
  }

  /** The line has fallen silent after bytes. */
  silence(): void {
    if (this.#firstByteAt !== null) this.#garbled++;
  }

  /** Goes on to the next setting if the present one has been tried for long enough. @returns whether it did */
  turn(at: number): boolean {
    if (this.#candidates.length === 1) return false;
    const doubt = this.#proven ? DOUBT : 1;
    const garbled =
      this.#garbled >= GARBLED_BURSTS * doubt ||
      (this.#firstByteAt !== null && at - this.#firstByteAt >= GARBLED_MS * doubt);
    const patienceMs = this.line === AMIS ? Math.max(AMIS_SILENT_MS, this.#patienceMs) : this.#patienceMs;
    const silent = !this.#proven && this.#firstByteAt === null && at - this.#since >= patienceMs;
    if (!garbled && !silent) return false;
    if (silent) this.#patienceMs = Math.min(this.#patienceMs * 2, SILENT_LONGEST_MS);
    this.#candidate = (this.#candidate + 1) % this.#candidates.length;
    this.#proven = false;
    return true;
  }
}
