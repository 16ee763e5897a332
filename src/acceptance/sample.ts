/** A telegram with what plausibility asks of it again and again, worked out once: where its values stand, its clock, its powers. */
import type { Register, Telegram } from "../codec/telegram.ts";
import { numberOf, type Shape } from "./list-shape.ts";

/** W, W and VA. */
export interface Powers {
  readonly import: number;
  readonly export: number;
  /** At least as large as the others; infinite where the list does not bound it. */
  readonly apparent: number;
}

export interface Sample {
  readonly telegram: Telegram;
  readonly shape: Shape;
  /** Milliseconds since 1970, see `clockOf`. */
  readonly clock: number | null;
  /** `null` for a list without power. */
  readonly powers: Powers | null;
  /** Σ U·I of the phases, VA; `null` if the list lacks one of them. */
  readonly voltAmperes: number | null;
}

export function sampleOf(telegram: Telegram, shape: Shape): Sample {
  const voltAmperes = voltAmperesOf(telegram, shape);
  return { telegram, shape, clock: clockOf(telegram), powers: powersOf(telegram, shape, voltAmperes), voltAmperes };
}

/** Milliseconds since 1970, local time taken as UTC if the meter gives no offset; `null` if it gives none at all. */
export function clockOf(telegram: Telegram): number | null {
  if (telegram.meterTime === null) return null;
  const time = Date.parse(
    /(?:Z|[+-]\d\d:\d\d)$/.test(telegram.meterTime) ? telegram.meterTime : `${telegram.meterTime}Z`,
  );
  return Number.isNaN(time) ? null : time;
}

/** Σ U·I of the phases, VA; `null` if the list lacks one of them. */
function voltAmperesOf(telegram: Telegram, shape: Shape): number | null {
  let sum = 0;
  for (const { voltage, current } of shape.phases) {
    const volts = numberOf(telegram.registers[voltage.index]) * voltage.factor;
    const register = telegram.registers[current.index];
    sum += volts * (numberOf(register) + coarseness(register)) * current.factor;
  }
  return shape.phases.length === 0 || Number.isNaN(sum) ? null : sum;
}

/** What whole amperes and tenths may leave out; hundredths are too fine to matter. */
function coarseness(register: Register | undefined): number {
  if (register === undefined || typeof register.value === "string" || register.value.exponent < -1) return 0;
  return 10 ** register.value.exponent;
}

/** W, W and VA; `null` for a list without power. What the list does not tell is bounded by what it does. */
function powersOf(telegram: Telegram, shape: Shape, voltAmperes: number | null): Powers | null {
  const { powerImport, powerExport, powerNet } = shape;
  if (powerImport === null && powerNet === null) return null;
  const take = (place: { index: number; factor: number } | null): number =>
    place === null ? 0 : numberOf(telegram.registers[place.index]) * place.factor;
  const net = take(powerNet);
  const drawn = powerImport === null ? Math.max(0, net) : take(powerImport);
  const fed = powerExport === null ? Math.max(0, -net) : take(powerExport);
  return {
    import: drawn,
    export: fed,
    apparent: Math.max(drawn, fed, voltAmperes ?? Number.POSITIVE_INFINITY),
  };
}
