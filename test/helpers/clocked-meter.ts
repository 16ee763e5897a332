import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";

/** The key of the meter, 32 hex digits. */
export const METER_KEY = "000102030405060708090A0B0C0D0E0F";
const PERIOD_MS = 5_000;

/** A simulated meter of Netz NÖ; its clock advances one period per telegram, however fast they are sent. */
export class ClockedMeter {
  /** The meter's clock, milliseconds since 1970. */
  time: number;
  readonly #meter: SimulatedMeter;

  constructor(start = Date.UTC(2026, 10, 22, 12, 0, 0)) {
    this.time = start;
    this.#meter = new SimulatedMeter({ layout: "netz-noe", key: Buffer.from(METER_KEY, "hex"), start });
  }

  /** The next telegram. */
  telegram(): Uint8Array {
    this.time += PERIOD_MS;
    return this.#meter.telegram(this.time);
  }
}
