/**
 * Load profile of a simulated meter: switching appliances, a photovoltaic system, three phases, and registers that
 * integrate the power. The same seed produces the same days.
 */

/** Instantaneous values and registers of a meter. */
export interface Measurement {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Total over all phases; import or export is 0. */
  readonly importW: number;
  readonly exportW: number;
  readonly importVar: number;
  readonly exportVar: number;
  /** Whole Wh and varh. */
  readonly importWh: number;
  readonly exportWh: number;
  readonly importVarh: number;
  readonly exportVarh: number;
  /** L1, L2, L3, in tenths of a volt and in milliamperes. */
  readonly voltageDv: readonly [number, number, number];
  readonly currentMa: readonly [number, number, number];
  /** In thousandths. */
  readonly powerFactor: number;
}

/** Returns a number from 0 (inclusive) to 1 (exclusive); equal seeds produce equal sequences (mulberry32). */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Phase, power in watts, runs per day, and minutes per run. */
const APPLIANCES = [
  { phase: 0, watts: 2100, perDay: 8, minutes: 3 },
  { phase: 1, watts: 1800, perDay: 2, minutes: 50 },
  { phase: 2, watts: 2600, perDay: 3, minutes: 30 },
  { phase: 1, watts: 90, perDay: 40, minutes: 12 },
  { phase: 0, watts: 350, perDay: 4, minutes: 120 },
] as const;
const PHASES = [0, 1, 2] as const;
/** Ratio of reactive to active power of the base load; the photovoltaic system feeds in at power factor 1. */
const REACTIVE_SHARE = 0.2;
const HOUR_MS = 3_600_000;

export class LoadProfile {
  readonly #random: Random;
  readonly #plantW: number;
  /** End of each appliance's current run, in milliseconds since 1970. */
  readonly #until: number[] = APPLIANCES.map(() => 0);
  readonly #base = [90, 60, 120];
  readonly #volts = [231.4, 230.2, 232.6];
  #cloud = 0.8;
  #time: number;
  #wh: { import: number; export: number; importVarh: number; exportVarh: number };

  /** @param time start, in milliseconds since 1970 @param plantW peak power of the photovoltaic system */
  constructor(random: Random, time: number, plantW = 5000) {
    this.#random = random;
    this.#time = time;
    this.#plantW = plantW;
    this.#wh = { import: 12_345_678, export: 4_321_098, importVarh: 234_567, exportVarh: 1_234_567 };
  }

  /** Advances to `time` and measures. An earlier time does not move the clock back. */
  measure(time: number): Measurement {
    const hours = Math.max(0, time - this.#time) / HOUR_MS;
    this.#time = Math.max(time, this.#time);
    this.#wander(hours * 3600);
    const watts = PHASES.map((phase) => this.#phaseW(phase));
    const vars = PHASES.map((phase) => Math.round((this.#base[phase] ?? 0) * REACTIVE_SHARE));
    const net = watts.reduce((sum, w) => sum + w, 0);
    const netVar = vars.reduce((sum, v) => sum + v, 0);
    this.#wh.import += Math.max(net, 0) * hours;
    this.#wh.export += Math.max(-net, 0) * hours;
    this.#wh.importVarh += netVar * hours;
    const voltageDv = this.#volts.map((v) => Math.round(v * 10)) as [number, number, number];
    const apparent = PHASES.map((phase) => Math.hypot(watts[phase] ?? 0, vars[phase] ?? 0));
    const currentMa = PHASES.map((phase) =>
      Math.round(((apparent[phase] ?? 0) * 10_000) / (voltageDv[phase] ?? 2300)),
    ) as [number, number, number];
    return {
      time: this.#time,
      importW: Math.max(net, 0),
      exportW: Math.max(-net, 0),
      importVar: netVar,
      exportVar: 0,
      importWh: Math.floor(this.#wh.import),
      exportWh: Math.floor(this.#wh.export),
      importVarh: Math.floor(this.#wh.importVarh),
      exportVarh: Math.floor(this.#wh.exportVarh),
      voltageDv,
      currentMa,
      powerFactor: Math.round((1000 * Math.abs(net)) / Math.max(1, Math.hypot(net, netVar))),
    };
  }

  /** Varies base load, voltages, cloud cover and appliances over the given seconds. */
  #wander(seconds: number): void {
    const step = Math.min(1, Math.sqrt(seconds / 60));
    const drift = (value: number, low: number, high: number): number =>
      Math.min(high, Math.max(low, value + (this.#random() - 0.5) * step * (high - low)));
    for (const phase of PHASES) {
      this.#base[phase] = drift(this.#base[phase] ?? 100, 40, 260);
      this.#volts[phase] = drift(this.#volts[phase] ?? 230, 226, 236);
    }
    this.#cloud = drift(this.#cloud, 0.15, 1);
    APPLIANCES.forEach(({ perDay, minutes }, index) => {
      const chance = (perDay * seconds) / 86_400;
      const roll = this.#random();
      if (this.#time >= (this.#until[index] ?? 0) && roll < chance) this.#until[index] = this.#time + minutes * 60_000;
    });
  }

  /** Power of a phase in whole watts; negative if generation exceeds consumption. */
  #phaseW(phase: number): number {
    const hour = ((this.#time / HOUR_MS) % 24) + 1; // Central European winter time is accurate enough for a daily curve
    const evening = 1 + 0.9 * Math.exp(-((hour - 19) ** 2) / 6) + 0.5 * Math.exp(-((hour - 7) ** 2) / 3);
    const running = APPLIANCES.reduce(
      (sum, { phase: at, watts }, index) => sum + (at === phase && this.#time < (this.#until[index] ?? 0) ? watts : 0),
      0,
    );
    const sun = Math.max(0, Math.sin(((hour - 6) / 12) * Math.PI)) * this.#cloud;
    return Math.round((this.#base[phase] ?? 100) * evening + running - (this.#plantW / 3) * sun);
  }
}
