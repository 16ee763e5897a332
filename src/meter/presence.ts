/** Who the meter behind a source is, and whether it is there; tells the sinks when that changes. */
import type { MeterEvent, MeterInfo, Reading } from "./events.ts";

export class Presence {
  readonly #emit: (event: MeterEvent) => void;
  #info: MeterInfo | null = null;
  #online = false;

  constructor(emit: (event: MeterEvent) => void) {
    this.#emit = emit;
  }

  /** `null` until a telegram told. */
  get info(): MeterInfo | null {
    return this.#info;
  }

  get online(): boolean {
    return this.#online;
  }

  /** A reading to publish. Its meter is there; another one that was there before is not. */
  reads(reading: Reading): void {
    const before = this.#info;
    this.#info = reading.meter;
    this.#emit({ type: "reading", reading });
    if (before !== null && before.id !== reading.meter.id) this.#turn(before, false);
    this.#turn(reading.meter, true);
  }

  /** Nothing has come for too long. */
  gone(): void {
    if (this.#info !== null) this.#turn(this.#info, false);
  }

  #turn(meter: MeterInfo, online: boolean): void {
    if (this.#online === online) return;
    this.#online = online;
    this.#emit({ type: "availability", meter, online });
  }
}
