/** A check that failed, and the limits that can be configured. */

/** What a meter may send, as configured (`plausibility`). */
export interface Limits {
  /** W */
  readonly maxPower: number;
  /** Volts of a phase that is connected; 0 is always allowed. */
  readonly minVoltage: number;
  readonly maxVoltage: number;
}

/** 3 × 100 A; 230 V nets need 207…253 V (EN 50160), sags and 110 V nets are let through. */
export const DEFAULT_LIMITS: Limits = { maxPower: 100_000, minVoltage: 80, maxVoltage: 300 };
/** A check that failed. */
export interface CheckFailure {
  readonly check: Check;
  readonly reason: string;
  /** A doubt fits what is known, but is unusual: the next telegram decides. */
  readonly grade: "contradiction" | "doubt";
  /** A doubt that is rejected when no other telegram confirms it. */
  readonly unlikely?: boolean;
  /** What is remembered if every telegram of this meter fails the check. */
  readonly waiver?: string;
}

export type Check =
  /** One telegram by itself. */
  | "unit"
  | "clock-copies"
  | "weekday"
  | "meter-number"
  | "range"
  | "voltage"
  | "power"
  | "power-current"
  | "power-direction"
  /** Against what is known of the meter. */
  | "meter"
  | "counter"
  /** A plain telegram of a meter that was seen encrypted. */
  | "encryption"
  | "structure"
  | "energy-rise"
  | "energy-fall"
  | "energy-slip"
  /** Every register is exactly 0, and was not. */
  | "energy-zero"
  /** A register was 0 and is back at more than can have flowed. */
  | "energy-return"
  | "energy-burst"
  | "clock"
  | "gap"
  /** No second telegram has confirmed the first. */
  | "unconfirmed";

/** A contradiction. */
export const contradiction = (check: Check, reason: string, waiver: string = check): CheckFailure => ({
  check,
  reason,
  waiver,
  grade: "contradiction",
});
