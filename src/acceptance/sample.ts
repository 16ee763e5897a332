/** A telegram with the values that the checks use repeatedly, computed once: its shape, clock and powers. */
import type { Register, Telegram } from "../codec/telegram.ts";
import { numberOf, type Shape } from "./list-shape.ts";

/** W, W and VA. */
export interface Powers {
  readonly import: number;
  readonly export: number;
  /** At least as large as the others; infinite if the list sets no bound. */
  readonly apparent: number;
}

export interface Sample {
  readonly telegram: Telegram;
  readonly shape: Shape;
  /** Milliseconds since 1970, see `clockOf`. */
  readonly clock: number | null;
  /** `null` for a list without power. */
  readonly powers: Powers | null;
  /** Σ U·I of the phases, VA; `null` if a phase lacks voltage or current. */
  readonly voltAmperes: number | null;
}

export function sampleOf(telegram: Telegram, shape: Shape): Sample {
  const voltAmperes = voltAmperesOf(telegram, shape);
  return { telegram, shape, clock: clockOf(telegram), powers: powersOf(telegram, shape, voltAmperes), voltAmperes };
}

const UTC_OFFSET = /(?:Z|[+-]\d\d:\d\d)$/;

/** The meter's time, milliseconds since 1970, as UTC if it sends no offset; `null` if it sends no time. */
export function clockOf(telegram: Telegram): number | null {
  if (telegram.meterTime === null) return null;
  const time = Date.parse(UTC_OFFSET.test(telegram.meterTime) ? telegram.meterTime : `${telegram.meterTime}Z`);
  return Number.isNaN(time) ? null : time;
}

/** Σ U·I of the phases, VA; `null` if a phase lacks voltage or current. */
function voltAmperesOf(telegram: Telegram, shape: Shape): number | null {
  let sum = 0;
  for (const { voltage, current } of shape.phases) {
    const volts = numberOf(telegram.registers[voltage.index]) * voltage.factor;
    const register = telegram.registers[current.index];
    sum += volts * (numberOf(register) + roundingOf(register)) * current.factor;
  }
  return shape.phases.length === 0 || Number.isNaN(sum) ? null : sum;
}

/** Rounding error of a current in whole amperes or tenths; hundredths are fine enough to ignore it. */
function roundingOf(register: Register | undefined): number {
  if (register === undefined || typeof register.value === "string" || register.value.exponent < -1) return 0;
  return 10 ** register.value.exponent;
}

/** `null` for a list without power. Powers missing from the list are bounded by those it contains. */
function powersOf(telegram: Telegram, shape: Shape, voltAmperes: number | null): Powers | null {
  const { powerImport, powerExport, powerNet } = shape;
  if (powerImport === null && powerNet === null) return null;
  const powerOf = (gauge: { index: number; factor: number } | null): number =>
    gauge === null ? 0 : numberOf(telegram.registers[gauge.index]) * gauge.factor;
  const net = powerOf(powerNet);
  const imported = powerImport === null ? Math.max(0, net) : powerOf(powerImport);
  const exported = powerExport === null ? Math.max(0, -net) : powerOf(powerExport);
  return {
    import: imported,
    export: exported,
    apparent: Math.max(imported, exported, voltAmperes ?? Number.POSITIVE_INFINITY),
  };
}
