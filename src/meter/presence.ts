/** Which meter is behind a source, and whether it is online; informs the sinks of changes. */
import type { MeterEvent, MeterInfo, Reading } from "./events.ts";

export class Presence {
  readonly #emit: (event: MeterEvent) => void;
  #info: MeterInfo | null = null;
  #online = false;

  constructor(emit: (event: MeterEvent) => void) {
    this.#emit = emit;
  }

  /** `null` until a telegram names it. */
  get info(): MeterInfo | null {
    return this.#info;
  }

  get online(): boolean {
    return this.#online;
  }

  /** A reading to publish. Its meter is online; another one that was before is offline. */
  reads(reading: Reading): void {
    const before = this.#info;
    this.#info = reading.meter;
    this.#emit({ type: "reading", reading });
    if (before !== null && before.id !== reading.meter.id) this.#turn(before, false);
    this.#turn(reading.meter, true);
  }

  /** Nothing has arrived for too long. */
  gone(): void {
    if (this.#info !== null) this.#turn(this.#info, false);
  }

  #turn(meter: MeterInfo, online: boolean): void {
    if (this.#online === online) return;
    this.#online = online;
    this.#emit({ type: "availability", meter, online });
  }
}
