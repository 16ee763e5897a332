/** Tracks which meter a source delivers and whether it is online; emits availability changes to the sinks. */
import type { MeterEvent, MeterInfo, Reading } from "./events.ts";

export class Presence {
  readonly #emit: (event: MeterEvent) => void;
  #info: MeterInfo | null = null;
  #online = false;

  constructor(emit: (event: MeterEvent) => void) {
    this.#emit = emit;
  }

  /** `null` until a telegram identifies the meter. */
  get info(): MeterInfo | null {
    return this.#info;
  }

  get online(): boolean {
    return this.#online;
  }

  /** Emits a reading. Its meter is now online; a different previous meter is offline. */
  publish(reading: Reading): void {
    const before = this.#info;
    this.#info = reading.meter;
    this.#emit({ type: "reading", reading });
    if (before !== null && before.id !== reading.meter.id) this.#setOnline(before, false);
    this.#setOnline(reading.meter, true);
  }

  /** The offline limit has passed. */
  offline(): void {
    if (this.#info !== null) this.#setOnline(this.#info, false);
  }

  #setOnline(meter: MeterInfo, online: boolean): void {
    if (this.#online === online) return;
    this.#online = online;
    this.#emit({ type: "availability", meter, online });
  }
}
