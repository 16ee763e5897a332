/**
 * The *shape* of a list: its layout, OBIS codes, scalers and units, without the values; and where in it stand the values
 * that plausibility looks at. Two telegrams of one kind have the same shape, so it is worked out once and kept.
 */
import type { Register, Telegram } from "../codec/telegram.ts";

/** How many shapes are kept; the meters with most lists send three. */
const SHAPES = 16;
/** A code that names a device: 96.1.x, 42.0.0, 0.0.x. Its text is the same in every telegram. Not those of sub-meters (0-1 on). */
const IDENTITY = /^(?!0-[1-9]).*:(?:96\.1\.\d+|42\.0\.0|0\.0\.\d+)\*/;
/** The register of a sub-meter at M-Bus channel n: 0-n:24.2.x (24.3.0 in DSMR 2 and 3); or with its medium, A = 4 to 9: 7-0:3.0.0. */
const SUBMETER = /^(?:(0-[1-9]\d*):24\.[23]\.\d+|([4-9]-\d+):\d+\.\d+\.\d+)\*/;
/** The number of a sub-meter: 0-n:96.1.x. */
const SUBMETER_NUMBER = /^(0-[1-9]\d*):96\.1\.\d+\*/;
/**
 * What a sub-meter can bring in an hour at most, in the unit of its register; a register in another unit has no known
 * limit. 100 m³/h is a G65 gas meter or a water pipe of 100 mm; 1 MW is the heating of a large building.
 */
const MOST_PER_HOUR: Readonly<Record<string, number>> = {
  m3: 100,
  "m³": 100,
  dm3: 100_000,
  l: 100_000,
  L: 100_000,
  GJ: 3.6,
  MJ: 3_600,
  kWh: 1_000,
  Wh: 1_000_000,
};
/** Units of values of the moment: flow, power, temperature. */
const MOMENTARY = /\/h$|^k?W$|°C|^K$|^bar$|^Pa$/;
const CODE = /^(\d+)-(\d+):(\d+)\.(\d+)\.(\d+)\*/;

/** What an electrical quantity (A = 1) may be measured in; a unit that the telegram does not name is no fault. */
const ENERGY = ["Wh", "kWh"];
const REACTIVE_ENERGY = ["varh", "kvarh"];
const APPARENT_ENERGY = ["VAh", "kVAh"];
const POWER = ["W", "kW"];
const REACTIVE_POWER = ["var", "kvar"];
const APPARENT_POWER = ["VA", "kVA"];
/** C of the OBIS code, the phase taken away (21, 41, 61 → 1): which power or energy it is (Blue Book, 7.5.1). */
const FLOW: Readonly<Record<number, { readonly energy: readonly string[]; readonly power: readonly string[] }>> = {
  1: { energy: ENERGY, power: POWER },
  2: { energy: ENERGY, power: POWER },
  3: { energy: REACTIVE_ENERGY, power: REACTIVE_POWER },
  4: { energy: REACTIVE_ENERGY, power: REACTIVE_POWER },
  5: { energy: REACTIVE_ENERGY, power: REACTIVE_POWER },
  6: { energy: REACTIVE_ENERGY, power: REACTIVE_POWER },
  7: { energy: REACTIVE_ENERGY, power: REACTIVE_POWER },
  8: { energy: REACTIVE_ENERGY, power: REACTIVE_POWER },
  9: { energy: APPARENT_ENERGY, power: APPARENT_POWER },
  10: { energy: APPARENT_ENERGY, power: APPARENT_POWER },
  15: { energy: ENERGY, power: POWER },
  16: { energy: ENERGY, power: POWER },
};
/** C without its phase, for single values: unit and range. `null` as unit: a bare number. */
const SINGLE: Readonly<Record<number, { readonly units: readonly (string | null)[]; readonly kind: GaugeKind }>> = {
  11: { units: ["A", "mA"], kind: "current" },
  12: { units: ["V", "mV"], kind: "voltage" },
  13: { units: [null, ""], kind: "factor" },
  14: { units: ["Hz"], kind: "frequency" },
};

export type GaugeKind = "voltage" | "current" | "power" | "factor" | "frequency";

/** A counting register (D = 8). Values are taken in Wh, varh or VAh. */
export interface CounterPlace {
  readonly index: number;
  readonly obis: string;
  /** From the number of the telegram to Wh. */
  readonly factor: number;
  /** Smallest step that the register can show, Wh. */
  readonly step: number;
  /** Which power makes it rise. */
  readonly by: "import" | "export" | "apparent" | "unknown";
  /** It may fall: 16.8.0 is import minus export. */
  readonly signed: boolean;
}

/** A counting register of a sub-meter (gas, water, heat), in its own unit. */
export interface SubmeterPlace {
  readonly index: number;
  readonly obis: string;
  /** Where the text stands that gives the sub-meter's number; `null` if there is none. */
  readonly number: number | null;
  /** How much it can rise in an hour. */
  readonly mostPerHour: number;
}

/** A value of the moment. Values are taken in V, A, W, Hz. */
export interface GaugePlace {
  readonly index: number;
  readonly obis: string;
  readonly kind: GaugeKind;
  readonly factor: number;
  /** 1, 2, 3; 0 for the sum of all. */
  readonly phase: number;
}

export interface Shape {
  readonly signature: string;
  readonly counters: readonly CounterPlace[];
  readonly gauges: readonly GaugePlace[];
  readonly submeters: readonly SubmeterPlace[];
  /** 1.7.0, 2.7.0 and 16.7.0 among the gauges. */
  readonly powerImport: GaugePlace | null;
  readonly powerExport: GaugePlace | null;
  readonly powerNet: GaugePlace | null;
  /** Voltage and current of each phase; none if a phase has only one of them. */
  readonly phases: readonly { readonly voltage: GaugePlace; readonly current: GaugePlace }[];
  /** Indices of the texts that name the device. */
  readonly names: readonly number[];
  /** A unit that its OBIS code cannot have, as a sentence. */
  readonly wrongUnit: string | null;
}

/** Makes shapes and keeps the last ones. */
export class Shapes {
  readonly #known = new Map<string, Shape>();
  #last: { readonly telegram: Telegram; readonly shape: Shape } | null = null;

  of(telegram: Telegram): Shape {
    const last = this.#last;
    const shape = last !== null && areAlike(last.telegram, telegram) ? last.shape : this.#find(telegram);
    this.#last = { telegram, shape };
    return shape;
  }

  #find(telegram: Telegram): Shape {
    const signature = signatureOf(telegram);
    let shape = this.#known.get(signature);
    if (shape === undefined) {
      shape = describe(signature, telegram.registers);
      if (this.#known.size >= SHAPES) {
        const oldest = this.#known.keys().next();
        if (!oldest.done) this.#known.delete(oldest.value);
      }
      this.#known.set(signature, shape);
    }
    return shape;
  }
}

/** Whether two telegrams have the same signature, without writing it out. */
function areAlike(a: Telegram, b: Telegram): boolean {
  if (a.layout !== b.layout || a.registers.length !== b.registers.length) return false;
  if ((a.clocks?.length ?? 0) !== (b.clocks?.length ?? 0) || (a.meterId === null) !== (b.meterId === null))
    return false;
  return a.registers.every((one, index) => {
    const other = b.registers[index];
    if (other === undefined || one.obis !== other.obis) return false;
    if (typeof one.value === "string" || typeof other.value === "string")
      return typeof one.value === typeof other.value;
    return one.scaler === other.scaler && one.unit === other.unit;
  });
}

/** The list as one text: layout, clocks and number it has, then code, scaler, unit and kind of each register. */
function signatureOf(telegram: Telegram): string {
  let text = `${telegram.layout}|${telegram.clocks?.length ?? 0} clocks|${telegram.meterId === null ? "no" : "a"} number`;
  for (const { obis, scaler, unit, value } of telegram.registers) {
    text += typeof value === "string" ? `|${obis} text` : `|${obis} ${scaler} ${unit}`;
  }
  return text;
}

/**
 * Whether one list looks like a damaged copy of the other. A second list of the same meter (Norway, Slovenia) has at
 * least three registers more or fewer, or other ones altogether; no damage that leaves a telegram well formed does that.
 */
export function isNearlyAlike(signature: string, other: string): boolean {
  const [, ...a] = signature.split("|");
  const [, ...b] = other.split("|");
  const missing = a.filter((part) => !b.includes(part)).length;
  const extra = b.filter((part) => !a.includes(part)).length;
  if (missing + extra >= 3 && (missing === 0 || extra === 0)) return false;
  return extra < b.length / 2 && missing < a.length / 2;
}

/** The number of a register; not exact beyond 2^53, which is enough to compare. `NaN` for a text. */
export function numberOf(register: Register | undefined): number {
  if (register === undefined || typeof register.value === "string") return Number.NaN;
  const { coefficient, exponent } = register.value;
  return exponent < 0 ? Number(coefficient) / 10 ** -exponent : Number(coefficient) * 10 ** exponent;
}

function describe(signature: string, registers: readonly Register[]): Shape {
  const counters: CounterPlace[] = [];
  const gauges: GaugePlace[] = [];
  const names: number[] = [];
  let wrongUnit: string | null = null;
  registers.forEach((register, index) => {
    const { obis, unit } = register;
    if (typeof register.value === "string") {
      if (IDENTITY.test(obis)) names.push(index);
      return;
    }
    const code = CODE.exec(obis);
    if (code === null || code[1] !== "1") return;
    const [c, d] = [Number(code[3]), Number(code[4])];
    const phase = c >= 21 && c < 81 ? Math.floor((c - 1) / 20) : 0;
    const flow = c - 20 * phase;
    const allowed = unitsOf(flow, d);
    if (allowed === null) return;
    if (unit !== null && !allowed.includes(unit)) {
      wrongUnit ??= `${obis} is measured in ${allowed.find((name) => name) ?? "no unit"}, the telegram says ${unit}`;
      return;
    }
    const factor = unit?.startsWith("k") ? 1000 : unit?.startsWith("m") ? 0.001 : 1;
    if (d === 8) {
      counters.push({
        index,
        obis,
        factor,
        step: factor * 10 ** (register.scaler ?? register.value.exponent),
        by: flow === 1 ? "import" : flow === 2 ? "export" : flow >= 3 && flow <= 10 ? "apparent" : "unknown",
        signed: flow === 16,
      });
    } else if (d === 7) {
      const kind = FLOW[flow] === undefined ? SINGLE[flow]?.kind : "power";
      if (kind !== undefined) gauges.push({ index, obis, kind, factor, phase });
    }
  });
  const total = (c: number): GaugePlace | null =>
    gauges.find((gauge) => gauge.kind === "power" && new RegExp(`:${c}\\.7\\.0\\*`).test(gauge.obis)) ?? null;
  return {
    signature,
    counters,
    gauges,
    submeters: submetersOf(registers),
    powerImport: total(1),
    powerExport: total(2),
    powerNet: total(16),
    phases: phasesOf(gauges),
    names,
    wrongUnit,
  };
}

function submetersOf(registers: readonly Register[]): SubmeterPlace[] {
  const numbers = new Map<string, number>();
  registers.forEach(({ obis, value }, index) => {
    const channel = SUBMETER_NUMBER.exec(obis)?.[1];
    if (channel !== undefined && typeof value === "string" && !numbers.has(channel)) numbers.set(channel, index);
  });
  return registers.flatMap(({ obis, unit }, index) => {
    const match = SUBMETER.exec(obis);
    if (match === null || (unit !== null && MOMENTARY.test(unit))) return [];
    const number = numbers.get(match[1] ?? match[2] ?? "") ?? null;
    return [{ index, obis, number, mostPerHour: MOST_PER_HOUR[unit ?? ""] ?? Number.POSITIVE_INFINITY }];
  });
}

function phasesOf(gauges: readonly GaugePlace[]): Shape["phases"] {
  const phases: { voltage: GaugePlace; current: GaugePlace }[] = [];
  for (const voltage of gauges) {
    if (voltage.kind !== "voltage") continue;
    const current = gauges.find(({ kind, phase }) => kind === "current" && phase === voltage.phase);
    if (current === undefined) return [];
    phases.push({ voltage, current });
  }
  return phases;
}

/** `null`: nothing is known about such a code. */
function unitsOf(flow: number, d: number): readonly (string | null)[] | null {
  if (d === 8) return FLOW[flow]?.energy ?? null;
  if (d === 7) return FLOW[flow]?.power ?? SINGLE[flow]?.units ?? null;
  return null;
}
