/**
 * Consistency checks of a single telegram: parts that contradict each other, impossible values. Pure functions;
 * decision.ts acts on the result. Reasons and limits: docs/acceptance.md.
 */
import type { Register, Telegram } from "../codec/telegram.ts";
import { type Check, type CheckFailure, contradiction, type Limits } from "./check-failure.ts";
import { type GaugeField, type GaugeKind, numberOf } from "./list-shape.ts";
import type { Sample } from "./sample.ts";

/** Hz. */
const FREQUENCY = { min: 40, max: 70 } as const;

/** The first consistency check that this telegram fails. @param waived checks that this meter always fails */
export function checkConsistency(sample: Sample, limits: Limits, waived: readonly string[]): CheckFailure | null {
  const found = failures(sample, limits);
  if (found.length === 0) return null;
  return found.find(({ check, waiver = check }) => !waived.includes(waiver)) ?? null;
}

/** Every consistency check that this telegram fails. */
export function failures(sample: Sample, limits: Limits): CheckFailure[] {
  const found: CheckFailure[] = [];
  for (const check of CHECKS) check(sample, found, limits);
  return found;
}

/** Appends its failures to `found`. */
type ConsistencyCheck = (sample: Sample, found: CheckFailure[], limits: Limits) => void;

/** All checks of a single telegram (telegrams.md, 6.1), in reporting order. */
const CHECKS: readonly ConsistencyCheck[] = [
  unit,
  clockCopies,
  weekday,
  meterNumber,
  range,
  powerWithinCurrent,
  powerSign,
  powerDirection,
];

function unit({ shape }: Sample, found: CheckFailure[]): void {
  if (shape.wrongUnit !== null) found.push(contradiction("unit", shape.wrongUnit));
}

/** Layouts of meters that add up their phases (Kaifa, Sagemcom): equal clocks, and only one direction above 0. */
const isAustrian = ({ layout, transport }: Telegram): boolean =>
  transport !== "hdlc" && (layout === "flat" || layout === "nested");

/** Header and body carry the same 12 bytes; in the short list of Salzburg only the local time is equal, not the deviation. */
function clockCopies({ telegram, shape }: Sample, found: CheckFailure[]): void {
  const first = telegram.clocks?.[0];
  if (first === undefined || !isAustrian(telegram)) return;
  const comparedDigits = shape.counters.length + shape.gauges.length < 6 ? 16 : 24;
  for (const other of telegram.clocks ?? []) {
    if (other !== first && other.slice(0, comparedDigits) !== first.slice(0, comparedDigits)) {
      found.push(contradiction("clock-copies", `the clock of the header, ${first}, is not that of the body, ${other}`));
    }
  }
}

function weekday({ telegram }: Sample, found: CheckFailure[]): void {
  let checked: string | null = null;
  for (const clock of telegram.clocks ?? []) {
    if (clock === checked) continue;
    checked = clock;
    // Year (2 bytes), month, day, weekday.
    const date = Number.parseInt(clock.slice(0, 10), 16);
    const year = Math.floor(date / 2 ** 24);
    const month = (date >> 16) & 0xff;
    const day = (date >> 8) & 0xff;
    const sent = date & 0xff;
    if (year === 0xffff || month > 12 || day > 31 || sent === 0xff) continue;
    const actual = weekdayOf(year, month, day);
    if (actual !== sent)
      found.push(contradiction("weekday", `${year}-${month}-${day} is weekday ${actual}, the clock says ${sent}`));
  }
}

/** 1 for Monday to 7 for Sunday. */
function weekdayOf(year: number, month: number, day: number): number {
  const days = Date.UTC(year, month - 1, day) / 86_400_000;
  // Day 0, 1970-01-01, was a Thursday; before it the remainder is negative.
  return ((((days + 3) % 7) + 7) % 7) + 1;
}

/** System title prefixes whose last bytes encode the end of the number on the meter, and how many bytes do. */
const TITLES_WITH_NUMBER = [
  { title: "4B464D1020", bytes: 3 },
  { title: "4B464D6550", bytes: 3 },
  { title: "5341475905", bytes: 4 },
] as const;

const SIX_DIGITS_AT_END = /\d{6}$/;

/** telegrams.md, 3: the last bytes of the system title, in decimal, end in the last six digits of the meter number. */
function meterNumber({ telegram: { systemTitle, meterId } }: Sample, found: CheckFailure[]): void {
  if (systemTitle === null || meterId === null) return;
  for (const { title, bytes } of TITLES_WITH_NUMBER) {
    if (!systemTitle.startsWith(title)) continue;
    const digits = String(Number.parseInt(systemTitle.slice(-2 * bytes), 16) % 1_000_000).padStart(6, "0");
    if (meterId.endsWith(digits) || !SIX_DIGITS_AT_END.test(meterId)) return;
    const reason = `meter number ${meterId} does not fit system title ${systemTitle} (…${digits})`;
    found.push(contradiction("meter-number", reason));
  }
}

/** Values that are impossible for any meter. A value without a unit is not checked. */
function range({ telegram, shape }: Sample, found: CheckFailure[], limits: Limits): void {
  for (const { index, obis, signed, factor } of shape.counters) {
    const value = numberOf(telegram.registers[index]) * factor;
    if (!signed && value < 0) found.push(contradiction("range", `${obis} is negative: ${value}`, `range ${obis}`));
  }
  for (const gauge of shape.gauges) {
    const register = telegram.registers[gauge.index];
    const value = numberOf(register) * gauge.factor;
    const violation = outOfRange(gauge.kind, value, register, limits);
    if (violation === null) continue;
    const [check, allowed] = violation;
    found.push(contradiction(check, `${gauge.obis} is ${value}, expected ${allowed}`, `${check} ${gauge.obis}`));
  }
}

/** The check that an instantaneous value fails, and the allowed range; `null` if it is possible. */
function outOfRange(
  kind: GaugeKind,
  value: number,
  register: Register | undefined,
  { maxPower, minVoltage, maxVoltage }: Limits,
): readonly [check: Check, allowed: string] | null {
  if (kind === "factor") return register?.scaler != null && Math.abs(value) > 1 ? ["range", "-1 to 1"] : null;
  if (register?.unit == null) return null;
  switch (kind) {
    case "voltage":
      if (value === 0 || !(value < minVoltage || value > maxVoltage)) return null;
      return ["voltage", `0 or ${minVoltage} to ${maxVoltage} V`];
    case "current":
      return Math.abs(value) * 230 > maxPower ? ["range", `at most ${Math.floor(maxPower / 230)} A`] : null;
    case "power":
      return Math.abs(value) > maxPower ? ["power", `at most ${maxPower} W`] : null;
    case "frequency":
      if (!(value < FREQUENCY.min || value > FREQUENCY.max)) return null;
      return ["range", `${FREQUENCY.min} to ${FREQUENCY.max} Hz`];
  }
}

/** Power must not exceed Σ U·I; margin of 5 % and 30 W for rounding and for samples taken at different instants. */
function powerWithinCurrent({ telegram, shape, powers, voltAmperes }: Sample, found: CheckFailure[]): void {
  if (voltAmperes === null || powers === null || shape.powerImport === null) return;
  if (telegram.registers[shape.powerImport.index]?.unit == null) return;
  const net = Math.abs(powers.import - powers.export);
  const limit = Math.abs(voltAmperes) * 1.05 + 30;
  if (net > limit) {
    found.push(
      contradiction("power-current", `the power is ${net} W, voltages and currents allow ${Math.floor(limit)} W`),
    );
  }
}

function powerSign({ telegram, shape }: Sample, found: CheckFailure[]): void {
  notNegative(telegram, shape.powerImport, found);
  notNegative(telegram, shape.powerExport, found);
}

function notNegative({ registers }: Telegram, gauge: GaugeField | null, found: CheckFailure[]): void {
  if (gauge === null) return;
  const value = numberOf(registers[gauge.index]);
  if (value < 0) found.push(contradiction("power", `${gauge.obis} is negative: ${value}`, `power ${gauge.obis}`));
}

function powerDirection({ telegram, shape, powers }: Sample, found: CheckFailure[]): void {
  if (!isAustrian(telegram) || shape.powerImport === null || shape.powerExport === null) return;
  if (powers !== null && powers.import > 0 && powers.export > 0) {
    found.push(contradiction("power-direction", `import (${powers.import} W) and export (${powers.export} W) at once`));
  }
}
