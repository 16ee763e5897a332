/**
 * Checks of one telegram by itself: its parts contradict each other, or a value is impossible. Pure functions; judge.ts
 * decides what follows. Reasons and limits: docs/acceptance.md.
 */
import type { Register, Telegram } from "../codec/telegram.ts";
import { type Check, type CheckFailure, contradiction, type Limits } from "./check-failure.ts";
import { type GaugeKind, numberOf } from "./list-shape.ts";
import type { Sample } from "./sample.ts";

const FREQUENCY = { least: 40, most: 70 } as const;

/** The first check that this telegram fails by itself; `waived` names those that this meter always fails. */
export function checkConsistency(sample: Sample, limits: Limits, waived: readonly string[]): CheckFailure | null {
  return failures(sample, limits).find(({ check, waiver = check }) => !waived.includes(waiver)) ?? null;
}

/** Every check that this telegram fails by itself. */
export function failures(sample: Sample, limits: Limits): CheckFailure[] {
  const found: CheckFailure[] = [];
  for (const check of ALONE) check(sample, found, limits);
  return found;
}

/** Adds what it finds. */
type AloneCheck = (sample: Sample, found: CheckFailure[], limits: Limits) => void;

/** Every check of a single telegram (telegrams.md, 6.1), in the order in which they are reported. */
export const ALONE: readonly AloneCheck[] = [unit, clockCopies, weekday, meterNumber, range, current, flow, direction];

function unit({ shape }: Sample, found: CheckFailure[]): void {
  if (shape.wrongUnit !== null) found.push(contradiction("unit", shape.wrongUnit));
}

/** Layouts of meters that sum up their phases (Kaifa, Sagemcom): both clocks are the same, and only one direction is above 0. */
const isAustrian = ({ layout, transport }: Telegram): boolean =>
  transport !== "hdlc" && (layout === "flat" || layout === "nested");

/** Header and body carry the same 12 bytes; the short list of Salzburg has the same local time with another deviation. */
function clockCopies({ telegram, shape }: Sample, found: CheckFailure[]): void {
  const [first, ...others] = telegram.clocks ?? [];
  if (first === undefined || !isAustrian(telegram)) return;
  const compared = shape.counters.length + shape.gauges.length < 6 ? 16 : 24;
  for (const other of others) {
    if (other.slice(0, compared) !== first.slice(0, compared)) {
      found.push(contradiction("clock-copies", `the clock of the header, ${first}, is not that of the body, ${other}`));
    }
  }
}

function weekday({ telegram }: Sample, found: CheckFailure[]): void {
  for (const clock of telegram.clocks ?? []) {
    const byte = (at: number): number => Number.parseInt(clock.slice(2 * at, 2 * at + 2), 16);
    const [year, month, day, given] = [byte(0) * 256 + byte(1), byte(2), byte(3), byte(4)];
    if (year === 0xffff || month > 12 || day > 31 || given === 0xff) continue;
    const is = new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;
    if (is !== given)
      found.push(contradiction("weekday", `${year}-${month}-${day} is weekday ${is}, the clock says ${given}`));
  }
}

/** System titles from which the end of the number on the meter follows, and how many bytes of them it is made of. */
const TITLES: readonly (readonly [title: string, bytes: number])[] = [
  ["4B464D1020", 3],
  ["4B464D6550", 3],
  ["5341475905", 4],
];

/** Chapter 3: the last bytes of the system title, in decimal, have the last six digits of the number on the meter. */
function meterNumber({ telegram: { systemTitle, meterId } }: Sample, found: CheckFailure[]): void {
  const rule = TITLES.find(([title]) => systemTitle?.startsWith(title));
  if (rule === undefined || systemTitle === null || meterId === null || !/\d{6}$/.test(meterId)) return;
  const digits = String(Number.parseInt(systemTitle.slice(-2 * rule[1]), 16)).padStart(6, "0");
  if (digits.slice(-6) !== meterId.slice(-6)) {
    found.push(
      contradiction(
        "meter-number",
        `meter number ${meterId} does not fit system title ${systemTitle} (…${digits.slice(-6)})`,
      ),
    );
  }
}

/** Impossible values, whatever the meter sent before. A value without a unit has no known size. */
function range({ telegram, shape }: Sample, found: CheckFailure[], limits: Limits): void {
  for (const { index, obis, signed, factor } of shape.counters) {
    const value = numberOf(telegram.registers[index]) * factor;
    if (!signed && value < 0) found.push(contradiction("range", `${obis} is negative: ${value}`, `range ${obis}`));
  }
  for (const place of shape.gauges) {
    const register = telegram.registers[place.index];
    const value = numberOf(register) * place.factor;
    const wrong = impossible(place.kind, value, register, limits);
    if (wrong === null) continue;
    const [check, allowed] = wrong;
    found.push(contradiction(check, `${place.obis} is ${value}, expected ${allowed}`, `${check} ${place.obis}`));
  }
}

/** Why a momentary value is impossible: the check, and what is allowed. */
function impossible(
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
      if (!(value < FREQUENCY.least || value > FREQUENCY.most)) return null;
      return ["range", `${FREQUENCY.least} to ${FREQUENCY.most} Hz`];
  }
}

/** A power needs voltage and current; 5 % and 30 W for rounding and for samples that are not of the same instant. */
function current({ telegram, shape, powers, voltAmperes }: Sample, found: CheckFailure[]): void {
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

function flow({ telegram, shape }: Sample, found: CheckFailure[]): void {
  for (const place of [shape.powerImport, shape.powerExport]) {
    if (place === null) continue;
    const value = numberOf(telegram.registers[place.index]);
    if (value < 0) found.push(contradiction("power", `${place.obis} is negative: ${value}`, `power ${place.obis}`));
  }
}

function direction({ telegram, shape, powers }: Sample, found: CheckFailure[]): void {
  if (!isAustrian(telegram) || shape.powerImport === null || shape.powerExport === null) return;
  if (powers !== null && powers.import > 0 && powers.export > 0) {
    found.push(contradiction("power-direction", `import (${powers.import} W) and export (${powers.export} W) at once`));
  }
}
