/** `simulator:`: the built-in simulated meter as a source, without hardware. */
import { SimulatedMeter } from "./simulated-meter.ts";
import { type LineSettings, type Source, SourceError } from "./source.ts";
import { sleep } from "./wait.ts";

export interface SimulatorOptions {
  /** See simulator-layouts.ts. */
  readonly layout?: string | undefined;
  readonly key?: Uint8Array | undefined;
  readonly authenticationKey?: Uint8Array | undefined;
  readonly seed?: number | undefined;
  /** Seconds between telegrams. Default: the layout's period. */
  readonly interval?: number | undefined;
  /** Speed of the simulated meter's clock relative to the system clock. Default 1. */
  readonly speed?: number | undefined;
  /** Number of telegrams to send. Default: unlimited. */
  readonly count?: number | undefined;
}

/** Yields one complete telegram per period. Reopening the source continues the same load profile. */
export class SimulatorSource implements Source {
  readonly label = "simulator:";
  readonly hasLine = false;
  readonly #options: SimulatorOptions;
  readonly #meter: SimulatedMeter;
  readonly #start = Date.now();
  readonly #startedAt = performance.now();

  /** @throws SourceError `unsupported` for an unknown layout */
  constructor(options: SimulatorOptions) {
    this.#options = options;
    try {
      this.#meter = new SimulatedMeter({ ...options, start: this.#start });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SourceError("unsupported", reason, { cause: error });
    }
  }

  async *open(signal: AbortSignal, _line: LineSettings): AsyncGenerator<Uint8Array, void, undefined> {
    const { count = Number.POSITIVE_INFINITY, interval = this.#meter.layout.periodS, speed = 1 } = this.#options;
    yield new Uint8Array(0);
    const begun = performance.now();
    for (let sent = 0; sent < count && !signal.aborted; sent++) {
      await sleep(begun + sent * interval * 1000 - performance.now(), signal);
      if (signal.aborted) return;
      yield this.#meter.telegram(this.#start + (performance.now() - this.#startedAt) * speed);
    }
  }
}
