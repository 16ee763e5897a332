/** Where readings go. */
import type { MeterEvent } from "../meter/events.ts";

/**
 * `accept` neither waits nor throws; a sink keeps the latest per meter and never lets anything pile up. Constructors
 * only assign; `stop` may be called twice and ends within 5 seconds.
 */
export interface Sink {
  /** For messages: `mqtt`, `solarview`, `http`. */
  readonly name: string;
  start(): Promise<void>;
  accept(event: MeterEvent): void;
  stop(): Promise<void>;
}
