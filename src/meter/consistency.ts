/**
 * What speaks against a telegram by itself: its parts contradict each other, or say what cannot be. Pure questions; what
 * follows from the answers is decided in judge.ts. Reasons and limits: docs/acceptance.md.
 */
import type { Telegram } from "../codec/telegram.ts";
import { apparentPower, powersOf } from "./baseline.ts";
import { against, type Check, type Finding, type Limits } from "./finding.ts";
import { numberOf, type Shape } from "./shape.ts";

const FREQUENCY = { least: 40, most: 70 } as const;

/** What speaks against this telegram by itself; `waived` names what this meter fails by nature. */
export function checkAlone(
  telegram: Telegram,
  shape: Shape,
  limits: Limits,
  waived: readonly string[],
): Finding | null {
  for (const check of ALONE) {
    for (const finding of check(telegram, shape, limits)) {
      if (!waived.includes(finding.waiver ?? finding.check)) return finding;
    }
  }
  return null;
}

/** Every check that this telegram fails by itself. */
export function failures(telegram: Telegram, shape: Shape, limits: Limits): Finding[] {
  return ALONE.flatMap((check) => [...check(telegram, shape, limits)]);
}

type AloneCheck = (telegram: Telegram, shape: Shape, limits: Limits) => Iterable<Finding>;

/** Every check of a single telegram (telegrams.md, 6.1), in the order in which they are told. */
export const ALONE: readonly AloneCheck[] = [unit, clockCopies, weekday, meterNumber, range, current, flow, direction];

function* unit(_telegram: Telegram, shape: Shape): Iterable<Finding> {
  if (shape.wrongUnit !== null) yield against("unit", shape.wrongUnit);
}

/** Layouts that the meter sums up by itself (Kaifa, Sagemcom): both clocks are one, and only one direction is above 0. */
const isAustrian = ({ layout, transport }: Telegram): boolean =>
  transport !== "hdlc" && (layout === "flat" || layout === "nested");

/** Header and body carry the same 12 bytes; the short list of Salzburg has the same local time with another deviation. */
function* clockCopies(telegram: Telegram, shape: Shape): Iterable<Finding> {
  const [first, ...others] = telegram.clocks ?? [];
  if (first === undefined || !isAustrian(telegram)) return;
  const compared = shape.counters.length + shape.gauges.length < 6 ? 16 : 24;
  for (const other of others) {
    if (other.slice(0, compared) !== first.slice(0, compared)) {
      yield against("clock-copies", `the clock of the header, ${first}, is not that of the body, ${other}`);
    }
  }
}

function* weekday(telegram: Telegram): Iterable<Finding> {
  for (const clock of telegram.clocks ?? []) {
    const byte = (at: number): number => Number.parseInt(clock.slice(2 * at, 2 * at + 2), 16);
    const [year, month, day, told] = [byte(0) * 256 + byte(1), byte(2), byte(3), byte(4)];
    if (year === 0xffff || month > 12 || day > 31 || told === 0xff) continue;
    const is = new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;
    if (is !== told) yield against("weekday", `${year}-${month}-${day} is weekday ${is}, the clock says ${told}`);
  }
}

/** System titles from which the end of the number on the meter follows, and how many bytes of them it is made of. */
const TITLES: readonly (readonly [title: string, bytes: number])[] = [
  ["4B464D1020", 3],
  ["4B464D6550", 3],
  ["5341475905", 4],
];

/** Chapter 3: the last bytes of the system title, in decimal, have the last six digits of the number on the meter. */
function* meterNumber({ systemTitle, meterId }: Telegram): Iterable<Finding> {
  const rule = TITLES.find(([title]) => systemTitle?.startsWith(title));
  if (rule === undefined || systemTitle === null || meterId === null || !/\d{6}$/.test(meterId)) return;
  const digits = String(Number.parseInt(systemTitle.slice(-2 * rule[1]), 16)).padStart(6, "0");
  if (digits.slice(-6) !== meterId.slice(-6)) {
    yield against(
      "meter-number",
      `meter number ${meterId} does not fit system title ${systemTitle} (…${digits.slice(-6)})`,
    );
  }
}

/** Values that cannot be, whatever the meter said before. What has no unit has no known size. */
function* range(telegram: Telegram, shape: Shape, limits: Limits): Iterable<Finding> {
  const { maxPower, minVoltage, maxVoltage } = limits;
  for (const { index, obis, signed, factor } of shape.counters) {
    const value = numberOf(telegram.registers[index]) * factor;
    if (!signed && value < 0) yield against("range", `${obis} is negative: ${value}`, `range ${obis}`);
  }
  for (const { index, obis, kind, factor } of shape.gauges) {
    const register = telegram.registers[index];
    const value = numberOf(register) * factor;
    const says = (check: Check, allowed: string): Finding =>
      against(check, `${obis} is ${value}, expected ${allowed}`, `${check} ${obis}`);
    switch (kind) {
      case "voltage":
        if (register?.unit != null && value !== 0 && (value < minVoltage || value > maxVoltage)) {
          yield says("voltage", `0 or ${minVoltage} to ${maxVoltage} V`);
        }
        break;
      case "current":
        if (register?.unit != null && Math.abs(value) * 230 > maxPower) {
          yield says("range", `at most ${Math.floor(maxPower / 230)} A`);
        }
        break;
      case "power":
        if (register?.unit != null && Math.abs(value) > maxPower) yield says("power", `at most ${maxPower} W`);
        break;
      case "frequency":
        if (register?.unit != null && (value < FREQUENCY.least || value > FREQUENCY.most)) {
          yield says("range", `${FREQUENCY.least} to ${FREQUENCY.most} Hz`);
        }
        break;
      case "factor":
        if (register?.scaler != null && Math.abs(value) > 1) yield says("range", "-1 to 1");
        break;
    }
  }
}

/** A power needs voltage and current; 5 % and 30 W for rounding and for samples that are not of the same instant. */
function* current(telegram: Telegram, shape: Shape): Iterable<Finding> {
  const apparent = apparentPower(shape, telegram);
  const powers = powersOf(shape, telegram);
  if (apparent === null || powers === null || shape.powerImport === null) return;
  if (telegram.registers[shape.powerImport.index]?.unit == null) return;
  const net = Math.abs(powers.import - powers.export);
  const limit = Math.abs(apparent) * 1.05 + 30;
  if (net > limit) {
    yield against("power-current", `the power is ${net} W, voltages and currents allow ${Math.floor(limit)} W`);
  }
}

function* flow(telegram: Telegram, shape: Shape): Iterable<Finding> {
  for (const place of [shape.powerImport, shape.powerExport]) {
    if (place === null) continue;
    const value = numberOf(telegram.registers[place.index]);
    if (value < 0) yield against("power", `${place.obis} is negative: ${value}`, `power ${place.obis}`);
  }
}

function* direction(telegram: Telegram, shape: Shape): Iterable<Finding> {
  if (!isAustrian(telegram) || shape.powerImport === null || shape.powerExport === null) return;
  const powers = powersOf(shape, telegram);
  if (powers !== null && powers.import > 0 && powers.export > 0) {
    yield against("power-direction", `import (${powers.import} W) and export (${powers.export} W) at once`);
  }
}
