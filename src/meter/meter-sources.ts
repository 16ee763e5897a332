/**
 * Which source a meter is read from. The same meter at two ports (two adapters on one line, a serial server and an
 * adapter) would alternate on one topic: the first source that has it keeps it while it is online.
 */
import type { MeterEvent } from "./events.ts";

export class MeterSources {
  readonly #isOnline: (source: number) => boolean;
  /** No more entries than meters ever heard at the configured ports: 10,000 ports at most. */
  readonly #sourceOf = new Map<string, number>();
  readonly #warned = new Set<number>();

  /** @param isOnline whether a source, by its position in the configuration, gives accepted telegrams */
  constructor(isOnline: (source: number) => boolean) {
    this.#isOnline = isOnline;
  }

  /** Position in the configuration of the source from which this meter is read. */
  sourceOf(meter: string): number | undefined {
    return this.#sourceOf.get(meter);
  }

  /**
   * Whether an event of a source counts; events that belong to no known meter do.
   * @param warn called once for each source that is left out, with the position of the one that has the meter
   */
  admits(event: MeterEvent, source: number, warn: (meter: string, other: number) => void): boolean {
    const id =
      event.type === "reading" ? event.reading.meter.id : event.type === "availability" ? event.meter.id : null;
    if (id === null) return true;
    const owner = this.#sourceOf.get(id);
    if (owner !== undefined && owner !== source && this.#isOnline(owner)) {
      if (!this.#warned.has(source)) warn(id, owner);
      this.#warned.add(source);
      return false;
    }
    this.#sourceOf.set(id, source);
    return true;
  }
}
