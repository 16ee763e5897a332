/**
 * The *shape* of a list: its layout, OBIS codes, scalers and units without the values, and the positions of the values
 * that the checks use. Telegrams of one kind have the same shape, so it is computed once and cached.
 */
import type { Register, Telegram } from "../codec/telegram.ts";
import { decimalToNumber } from "../codec/values/decimal.ts";

/** Cached shapes, of all meters: no known meter sends more than three lists, and meters of one kind send the same. */
const MAX_SHAPES = 64;
/** Codes that identify the device, with the same text in every telegram: 96.1.x, 42.0.0, 0.0.x; not sub-meters (0-1 and up). */
const IDENTITY = /^(?!0-[1-9]).*:(?:96\.1\.\d+|42\.0\.0|0\.0\.\d+)\*/;
/** Register of a sub-meter on M-Bus channel n: 0-n:24.2.x (24.3.0 in DSMR 2 and 3), or by medium, A = 4 to 9: 7-0:3.0.0. */
const SUBMETER = /^(?:(0-[1-9]\d*):24\.[23]\.\d+|([4-9]-\d+):\d+\.\d+\.\d+)\*/;
/** Number of a sub-meter: 0-n:96.1.x. */
const SUBMETER_NUMBER = /^(0-[1-9]\d*):96\.1\.\d+\*/;
/**
 * Largest rise of a sub-meter's register in an hour, by unit; other units have no limit. 100 m³/h is a G65 gas meter or a
 * 100 mm water pipe; 1 MW heats a large building.
 */
const MAX_PER_HOUR: Readonly<Record<string, number>> = {
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
/** Units of instantaneous values: flow, power, temperature, pressure. */
const INSTANTANEOUS = /\/h$|^k?W$|°C|^K$|^bar$|^Pa$/;
const CODE = /^(\d+)-(\d+):(\d+)\.(\d+)\.(\d+)\*/;

/** Allowed units of electrical quantities (A = 1). A missing unit is not an error. */
const ENERGY = ["Wh", "kWh"];
const REACTIVE_ENERGY = ["varh", "kvarh"];
const APPARENT_ENERGY = ["VAh", "kVAh"];
const POWER = ["W", "kW"];
const REACTIVE_POWER = ["var", "kvar"];
const APPARENT_POWER = ["VA", "kVA"];
/** Power and energy by C of the OBIS code, reduced to the total (21, 41, 61 → 1); Blue Book, 7.5.1. */
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
/** Other instantaneous values by C, reduced likewise. `null` as unit: a dimensionless number. */
const GAUGES: Readonly<Record<number, { readonly units: readonly (string | null)[]; readonly kind: GaugeKind }>> = {
  11: { units: ["A", "mA"], kind: "current" },
  12: { units: ["V", "mV"], kind: "voltage" },
  13: { units: [null, ""], kind: "factor" },
  14: { units: ["Hz"], kind: "frequency" },
};

export type GaugeKind = "voltage" | "current" | "power" | "factor" | "frequency";

/** A counter (D = 8). Its value times `factor` is in Wh, varh or VAh. */
export interface CounterField {
  readonly index: number;
  readonly obis: string;
  /** From the telegram's unit to Wh. */
  readonly factor: number;
  /** Resolution of the register, Wh. */
  readonly step: number;
  /** The power that it integrates. */
  readonly power: "import" | "export" | "apparent" | "unknown";
  /** May fall: 16.8.0 is import minus export. */
  readonly signed: boolean;
}

/** A counter of a sub-meter (gas, water, heat), in its own unit. */
export interface SubmeterField {
  readonly index: number;
  readonly obis: string;
  /** Index of the register with the sub-meter's number; `null` if there is none. */
  readonly numberIndex: number | null;
  /** Largest possible rise in an hour. */
  readonly maxPerHour: number;
}

/** An instantaneous value. Its value times `factor` is in V, A, W or Hz. */
export interface GaugeField {
  readonly index: number;
  readonly obis: string;
  readonly kind: GaugeKind;
  readonly factor: number;
  /** 1 to 3; 0 for the total. */
  readonly phase: number;
}

export interface Shape {
  readonly signature: string;
  /** A telegram of this shape. */
  readonly example: Telegram;
  readonly counters: readonly CounterField[];
  /** The same without those whose code comes again further on: the last one enters the baseline. */
  readonly lastCounters: readonly CounterField[];
  readonly gauges: readonly GaugeField[];
  readonly submeters: readonly SubmeterField[];
  /** The gauges 1.7.0, 2.7.0 and 16.7.0. */
  readonly powerImport: GaugeField | null;
  readonly powerExport: GaugeField | null;
  readonly powerNet: GaugeField | null;
  /** Voltage and current of each phase; empty if a phase has only one of them. */
  readonly phases: readonly { readonly voltage: GaugeField; readonly current: GaugeField }[];
  /** Indices of the texts that identify the device. */
  readonly names: readonly number[];
  /** A sentence about a unit that its OBIS code cannot have; `null` if there is none. */
  readonly wrongUnit: string | null;
}

/** The latest shapes by signature. */
const KNOWN = new Map<string, Shape>();

/** The shapes of one meter's telegrams. */
export class Shapes {
  #last: Shape | null = null;

  of(telegram: Telegram): Shape {
    if (this.#last === null || !haveSameShape(this.#last.example, telegram)) this.#last = find(telegram);
    return this.#last;
  }
}

function find(telegram: Telegram): Shape {
  const signature = signatureOf(telegram);
  const shape = KNOWN.get(signature) ?? describe(signature, telegram);
  KNOWN.delete(signature);
  KNOWN.set(signature, shape);
  if (KNOWN.size > MAX_SHAPES) {
    const oldest = KNOWN.keys().next();
    if (!oldest.done) KNOWN.delete(oldest.value);
  }
  return shape;
}

/** Whether two telegrams have the same signature, without building it. */
function haveSameShape(a: Telegram, b: Telegram): boolean {
  if (a.layout !== b.layout || a.registers.length !== b.registers.length) return false;
  if ((a.clocks?.length ?? 0) !== (b.clocks?.length ?? 0) || (a.meterId === null) !== (b.meterId === null))
    return false;
  for (let index = 0; index < a.registers.length; index++) {
    if (!isSameField(a.registers[index], b.registers[index])) return false;
  }
  return true;
}

/** Whether two registers differ in nothing but their values. */
function isSameField(a: Register | undefined, b: Register | undefined): boolean {
  if (a === undefined || b === undefined || a.obis !== b.obis) return false;
  if (typeof a.value === "string" || typeof b.value === "string") return typeof a.value === typeof b.value;
  return a.scaler === b.scaler && a.unit === b.unit;
}

/** The list as one text: layout, number of clocks, whether it has a meter number; code, scaler and unit of each register. */
function signatureOf(telegram: Telegram): string {
  const head = [
    telegram.layout,
    `${telegram.clocks?.length ?? 0} clocks`,
    `${telegram.meterId === null ? "no" : "a"} number`,
  ];
  const registers = telegram.registers.map(({ obis, scaler, unit, value }) =>
    typeof value === "string" ? `${obis} text` : `${obis} ${scaler} ${unit}`,
  );
  return [...head, ...registers].join("|");
}

/**
 * Whether one list looks like a damaged copy of the other. A second list of the same meter (Norway, Slovenia) has at
 * least three registers more or fewer, or mostly different ones; damage that leaves a telegram well formed never does
 * that.
 */
export function isDamagedCopy(signature: string, other: string): boolean {
  const [, ...a] = signature.split("|");
  const [, ...b] = other.split("|");
  const missing = a.filter((part) => !b.includes(part)).length;
  const extra = b.filter((part) => !a.includes(part)).length;
  if (missing + extra >= 3 && (missing === 0 || extra === 0)) return false;
  return extra < b.length / 2 && missing < a.length / 2;
}

/** The numeric value of a register, exact up to 2^53, which is enough for comparisons. `NaN` for a text. */
export function numberOf(register: Register | undefined): number {
  if (register === undefined || typeof register.value === "string") return Number.NaN;
  return decimalToNumber(register.value);
}

function describe(signature: string, example: Telegram): Shape {
  const { registers } = example;
  const counters: CounterField[] = [];
  const gauges: GaugeField[] = [];
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
    const c = Number(code[3]);
    const d = Number(code[4]);
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
        power: flow === 1 ? "import" : flow === 2 ? "export" : flow >= 3 && flow <= 10 ? "apparent" : "unknown",
        signed: flow === 16,
      });
    } else if (d === 7) {
      const kind = FLOW[flow] === undefined ? GAUGES[flow]?.kind : "power";
      if (kind !== undefined) gauges.push({ index, obis, kind, factor, phase });
    }
  });
  const total = (c: number): GaugeField | null =>
    gauges.find((gauge) => gauge.kind === "power" && new RegExp(`:${c}\\.7\\.0\\*`).test(gauge.obis)) ?? null;
  return {
    signature,
    example,
    counters,
    lastCounters: counters.filter((counter) => counters.findLast(({ obis }) => obis === counter.obis) === counter),
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

function submetersOf(registers: readonly Register[]): SubmeterField[] {
  const numbers = new Map<string, number>();
  registers.forEach(({ obis, value }, index) => {
    const channel = SUBMETER_NUMBER.exec(obis)?.[1];
    if (channel !== undefined && typeof value === "string" && !numbers.has(channel)) numbers.set(channel, index);
  });
  return registers.flatMap(({ obis, unit }, index) => {
    const match = SUBMETER.exec(obis);
    if (match === null || (unit !== null && INSTANTANEOUS.test(unit))) return [];
    const numberIndex = numbers.get(match[1] ?? match[2] ?? "") ?? null;
    return [{ index, obis, numberIndex, maxPerHour: MAX_PER_HOUR[unit ?? ""] ?? Number.POSITIVE_INFINITY }];
  });
}

function phasesOf(gauges: readonly GaugeField[]): Shape["phases"] {
  const phases: { voltage: GaugeField; current: GaugeField }[] = [];
  for (const voltage of gauges) {
    if (voltage.kind !== "voltage") continue;
    const current = gauges.find(({ kind, phase }) => kind === "current" && phase === voltage.phase);
    if (current === undefined) return [];
    phases.push({ voltage, current });
  }
  return phases;
}

/** Allowed units; `null` if the code is unknown. */
function unitsOf(flow: number, d: number): readonly (string | null)[] | null {
  if (d === 8) return FLOW[flow]?.energy ?? null;
  if (d === 7) return FLOW[flow]?.power ?? GAUGES[flow]?.units ?? null;
  return null;
}
