/**
 * The register map of a SunSpec meter (SunSpec Device Information Model Specification 1.1; models 1, 201, 203, 211, 213):
 *
 *     40000 SunS │ 40002 model 1, 66 registers │ 40070 meter model, 105 or 124 registers │ end model (0xFFFF, 0)
 *
 * A value that the meter doesn't send, or that is too old, is "not implemented", encoded as its type requires. Import is
 * positive.
 */
import type { MeterFeed } from "../output/meter-feed.ts";
import type { OutputOptions } from "../output/output.ts";
import { netPower, PHASES, phaseCount, phasePowers } from "../output/power.ts";

/** Address of the first register. */
export const BASE = 40_000;
const COMMON_LENGTH = 66;
const INTEGER_LENGTH = 105;
const FLOAT_LENGTH = 124;
const MODEL_AT = 2 + 2 + COMMON_LENGTH;

const NO_INT16 = 0x8000;
const NO_SCALE = 0x8000;
const NO_ACC32 = 0;

export interface SunspecShape {
  /** Models 201 and 203, or 211 and 213. */
  readonly model: "integer" | "float";
  readonly unitId: number;
  readonly version: string;
  readonly phasePower: OutputOptions["phase_power"];
}

const CURRENTS = PHASES.map((phase) => `current_${phase}`);
const VOLTAGES = PHASES.map((phase) => `voltage_${phase}`);
const POWERS = ["power_import", "power_export", "power_net"].flatMap((key) => [
  key,
  ...PHASES.map((phase) => `${key}_${phase}`),
]);

type Numbers = readonly (number | null)[];

/** The values in the order of the models: the total (or mean) first, then the phases. */
interface Measured {
  readonly current: Numbers;
  readonly voltage: Numbers;
  readonly frequency: number | null;
  readonly power: Numbers;
  readonly powerFactor: number | null;
  readonly reactive: number | null;
  /** Wh */
  readonly exported: number | null;
  readonly imported: number | null;
  /** Scale factors that keep every digit of currents, voltages, frequency and powers sent by the meter. */
  readonly finest: {
    readonly current: number;
    readonly voltage: number;
    readonly frequency: number;
    readonly power: number;
  };
}

/** All registers, big-endian, from `BASE` on. */
export function sunspecRegisters(feed: MeterFeed, shape: SunspecShape): Buffer {
  const length = shape.model === "integer" ? INTEGER_LENGTH : FLOAT_LENGTH;
  const bytes = Buffer.alloc(2 * (MODEL_AT + 2 + length + 2));
  bytes.write("SunS", 0, "latin1");
  writeCommon(bytes.subarray(4, 2 * MODEL_AT), feed, shape);
  const model = bytes.subarray(2 * MODEL_AT, bytes.length - 4);
  const threePhases = phaseCount(feed) > 1;
  const id = (shape.model === "integer" ? 201 : 211) + (threePhases ? 2 : 0);
  model.writeUInt16BE(id, 0);
  model.writeUInt16BE(length, 2);
  const measured = measure(feed, shape.phasePower);
  if (shape.model === "integer") writeIntegers(model.subarray(4), measured);
  else writeFloats(model.subarray(4), measured);
  bytes.writeUInt16BE(0xffff, bytes.length - 4);
  return bytes;
}

/** Model 1: manufacturer, model, options, version, serial number, device address. */
function writeCommon(bytes: Buffer, { meter }: MeterFeed, { unitId, version }: SunspecShape): void {
  bytes.writeUInt16BE(1, 0);
  bytes.writeUInt16BE(COMMON_LENGTH, 2);
  const text = (value: string, register: number, registers: number): void => {
    // Texts are padded with NUL, unless they fill their field.
    bytes.write(value.replace(/[^\x20-\x7E]/g, "").slice(0, 2 * registers), 4 + 2 * register, "latin1");
  };
  text(meter?.manufacturer ?? "kaifa2mqtt", 0, 16);
  text(meter?.model ?? meter?.name ?? "meter", 16, 16);
  text("kaifa2mqtt", 32, 8);
  text(version, 40, 8);
  text(meter?.serialNumber ?? meter?.id ?? "", 48, 16);
  bytes.writeUInt16BE(unitId, 4 + 2 * 64);
  bytes.writeUInt16BE(NO_INT16, 4 + 2 * 65);
}

function measure(feed: MeterFeed, phasePower: OutputOptions["phase_power"]): Measured {
  const currents = PHASES.map((phase) => feed.number(`current_${phase}`));
  const voltages = PHASES.map((phase) => feed.number(`voltage_${phase}`));
  return {
    current: [sum(currents), ...currents],
    voltage: [mean(voltages), ...voltages],
    frequency: feed.number("frequency"),
    power: [netPower(feed), ...phasePowers(feed, phasePower)],
    powerFactor: feed.number("power_factor"),
    reactive: difference(feed.number("reactive_power_import"), feed.number("reactive_power_export")),
    exported: wattHours(feed, "energy_export"),
    imported: wattHours(feed, "energy_import"),
    finest: {
      current: Math.min(-2, lastDigit(feed, CURRENTS)),
      voltage: Math.min(-1, lastDigit(feed, VOLTAGES)),
      frequency: Math.min(-2, lastDigit(feed, ["frequency"])),
      power: Math.min(-1, lastDigit(feed, POWERS)),
    },
  };
}

/** The register, or the sum of its tariffs if the meter sends only those. */
function wattHours(feed: MeterFeed, key: string): number | null {
  const tariffs = [1, 2, 3, 4, 5, 6, 7, 8].map((tariff) => feed.number(`${key}_t${tariff}`));
  const kilowattHours = feed.number(key) ?? sum(tariffs);
  return kilowattHours === null ? null : kilowattHours * 1000;
}

/** Models 201 and 203: groups of integers with one scale factor each. */
function writeIntegers(model: Buffer, measured: Measured): void {
  const at = (register: number, value: number): void => void model.writeUInt16BE(value & 0xffff, 2 * register);
  /** A group from `register` on, followed by `absent` points that are never implemented and its scale factor. */
  const group = (register: number, values: Numbers, absent: number, finest: number): void => {
    const scale = scaleOf(values, finest);
    const all = [...values, ...Array<null>(absent).fill(null)];
    all.forEach((value, index) => {
      at(register + index, value === null ? NO_INT16 : Math.round(value / 10 ** scale));
    });
    at(register + all.length, values.every((value) => value === null) ? NO_SCALE : scale);
  };
  group(0, measured.current, 0, measured.finest.current);
  group(5, measured.voltage, 4, measured.finest.voltage);
  group(14, [measured.frequency], 0, measured.finest.frequency);
  group(16, measured.power, 0, measured.finest.power);
  group(21, [null], 3, 0);
  group(26, [measured.reactive], 3, -1);
  // Meters send the power factor as -1 … 1; SunSpec uses percent.
  group(31, [measured.powerFactor === null ? null : measured.powerFactor * 100], 3, -1);
  const scale = energyScale([measured.exported, measured.imported]);
  const energy = (register: number, value: number | null): void => {
    model.writeUInt32BE(
      value === null ? NO_ACC32 : Math.floor(Number((value / 10 ** scale).toFixed(3))) % 2 ** 32,
      2 * register,
    );
  };
  energy(36, measured.exported);
  energy(44, measured.imported);
  at(52, scale);
  at(69, NO_SCALE);
  at(102, NO_SCALE);
}

/** Models 211 and 213: float32, NaN for "not implemented". */
function writeFloats(model: Buffer, measured: Measured): void {
  const values: Numbers = [
    ...measured.current,
    ...measured.voltage,
    ...Array<null>(4).fill(null),
    measured.frequency,
    ...measured.power,
    ...Array<null>(4).fill(null),
    measured.reactive,
    ...Array<null>(3).fill(null),
    measured.powerFactor === null ? null : measured.powerFactor * 100,
    ...Array<null>(3).fill(null),
    measured.exported,
    ...Array<null>(3).fill(null),
    measured.imported,
  ];
  const FLOATS = (FLOAT_LENGTH - 2) / 2;
  for (let index = 0; index < FLOATS; index++) model.writeFloatBE(values[index] ?? Number.NaN, 4 * index);
}

/** Power of ten of the last digit that the meter sends for these values: -1 for 230.1. */
function lastDigit(feed: MeterFeed, keys: readonly string[]): number {
  let digits = 0;
  for (const key of keys) {
    const value = feed.value(key);
    if (!value?.numeric) continue;
    const point = value.text.indexOf(".");
    if (point >= 0) digits = Math.max(digits, value.text.length - point - 1);
  }
  return 0 - digits;
}

/** The smallest scale factor, not below `finest`, that fits all values into an int16. */
function scaleOf(values: Numbers, finest: number): number {
  const most = Math.max(...values.map((value) => Math.abs(value ?? 0)));
  let scale = finest;
  while (Math.round(most / 10 ** scale) > 0x7fff) scale++;
  return scale;
}

/** Whole Wh, or coarser if 32 bits are not enough (beyond 4,294,967 kWh). */
function energyScale(values: Numbers): number {
  const most = Math.max(...values.map((value) => value ?? 0));
  let scale = 0;
  while (most / 10 ** scale >= 2 ** 32) scale++;
  return scale;
}

function sum(values: Numbers): number | null {
  const sent = values.filter((value) => value !== null);
  return sent.length === 0 ? null : sent.reduce((total, value) => total + value, 0);
}

/** Mean of the phases that have a voltage. */
function mean(values: Numbers): number | null {
  const live = values.filter((value) => value !== null && value > 0);
  const total = sum(live);
  return total === null ? (values.some((value) => value === 0) ? 0 : null) : total / live.length;
}

function difference(a: number | null, b: number | null): number | null {
  return a === null ? (b === null ? null : 0 - b) : a - (b ?? 0);
}
