/** A destination for readings. */
import type { MeterEvent } from "../meter/events.ts";

/**
 * `accept` neither waits nor throws; a sink keeps only the latest state per meter and never builds up a backlog.
 * Constructors only assign; `stop` may be called twice and finishes within 5 seconds.
 */
export interface Sink {
  /** Name for messages: `mqtt`, `solarview`, `http`. */
  readonly name: string;
  start(): Promise<void>;
  accept(event: MeterEvent): void;
  stop(): Promise<void>;
}
