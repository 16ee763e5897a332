/**
 * Assigns each meter to one source. A meter that is received at two ports (two adapters on one line, or a serial server
 * and an adapter) would alternate on one topic; the first source that receives it keeps it while that source is online.
 */
import type { MeterEvent } from "./events.ts";

export class MeterSources {
  readonly #isOnline: (source: number) => boolean;
  /** One entry per meter received since the start; bounded by the meters per port (`MeterIdentity`) and 10,000 ports. */
  readonly #sourceOf = new Map<string, number>();
  readonly #warned = new Set<number>();

  /** @param isOnline whether a source, by its position in the configuration, delivers accepted telegrams */
  constructor(isOnline: (source: number) => boolean) {
    this.#isOnline = isOnline;
  }

  /** Position in the configuration of the source that owns this meter. */
  sourceOf(meter: string): number | undefined {
    return this.#sourceOf.get(meter);
  }

  /**
   * Whether to pass an event of a source on. Events without a meter always pass.
   * @param warn called once per ignored source, with the position of the source that owns the meter
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
