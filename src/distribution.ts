/**
 * Passes the events of the meters on: to the outputs first, then to the other sinks and the ledger. A meter that is read
 * at two ports counts at one of them only.
 */
import type { Ledger } from "./ledger/ledger.ts";
import type { ComponentLog } from "./log/component-log.ts";
import { mask } from "./log/redact.ts";
import type { MeterEvent } from "./meter/events.ts";
import type { MeterSources } from "./meter/meter-sources.ts";
import type { Output } from "./sinks/output/output.ts";
import type { Sink } from "./sinks/sink.ts";

export interface DistributionParts {
  /** Ports of the meters, in configuration order. */
  readonly ports: readonly string[];
  readonly sources: MeterSources;
  /** May grow until the first event. */
  readonly outputs: readonly Output[];
  /** Without outputs; may grow until the first event. */
  readonly sinks: readonly Sink[];
  readonly ledger: Pick<Ledger, "keeps" | "take">;
}

export class Distribution {
  readonly #parts: DistributionParts;
  /** Events for the other sinks, deferred until the outputs have served their clients; emptied within milliseconds. */
  readonly #passedOnLater: (() => void)[] = [];

  constructor(parts: DistributionParts) {
    this.#parts = parts;
  }

  /**
   * Passes an event on, unless the same meter is already being read on another port.
   * @param index position of the meter in the configuration
   * @param log of that meter
   * @returns whether it was passed on
   */
  take(event: MeterEvent, index: number, log: ComponentLog): boolean {
    const { ports, sources, outputs } = this.#parts;
    const counts = sources.admits(event, index, (id, other) =>
      log.warn(
        `meter ${id} is already read at ${mask(ports[other] ?? "")}: its telegrams here are ignored (one meter on two ports?)`,
      ),
    );
    if (!counts) return false;
    // Outputs first: control loops wait for them, and they handle a reading faster than its MQTT messages are sent.
    // `accept` must not throw; if one does, the other sinks still get the event.
    const attempt = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        log.error(`unexpected error: ${String(error)}`);
      }
    };
    for (const output of outputs) attempt(() => output.accept(event));
    if (!outputs.some(({ name }) => name !== "p1")) this.#passOn(event, index);
    else if (this.#passedOnLater.push(() => attempt(() => this.#passOn(event, index))) === 1) {
      // Yield for one poll phase first, so that requests already waiting at the outputs are answered in between.
      setImmediate(() => setImmediate(() => this.passOnAll()));
    }
    return true;
  }

  /** Passes on what was deferred. */
  passOnAll(): void {
    for (const passOn of this.#passedOnLater.splice(0)) passOn();
  }

  /** Passes an event to all sinks other than outputs. */
  #passOn(event: MeterEvent, index: number): void {
    const { sinks, ledger } = this.#parts;
    for (const sink of sinks) {
      // The Solarview file holds only one meter: the first.
      if (sink.name !== "solarview" || index === 0) sink.accept(event);
    }
    // Deferred until the reading has been sent: the ledger is not time-critical.
    if (event.type === "reading" && ledger.keeps(event.reading.meter.id)) {
      setImmediate(() => ledger.take(event.reading));
    }
  }
}
