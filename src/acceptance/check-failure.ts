/** A failed check, and the configurable limits. */

/** Limits of the meter's values, as configured (`plausibility`). */
export interface Limits {
  /** W */
  readonly maxPower: number;
  /** Volts of a connected phase; 0 is always allowed. */
  readonly minVoltage: number;
  readonly maxVoltage: number;
}

/** 3 × 100 A. Grids at 230 V run at 207 to 253 V (EN 50160); sags and 110 V grids pass, too. */
export const DEFAULT_LIMITS: Limits = { maxPower: 100_000, minVoltage: 80, maxVoltage: 300 };

export interface CheckFailure {
  readonly check: Check;
  readonly reason: string;
  /** A doubt is unusual but does not contradict the baseline: the next telegram decides. */
  readonly grade: "contradiction" | "doubt";
  /** A doubt that is rejected unless another telegram confirms it. */
  readonly unlikely?: boolean;
  /** Key under which the check is waived if every telegram of this meter fails it. */
  readonly waiver?: string;
}

export type Check =
  /** Consistency of a single telegram. */
  | "unit"
  | "clock-copies"
  | "weekday"
  | "meter-number"
  | "range"
  | "voltage"
  | "power"
  | "power-current"
  | "power-direction"
  /** Against the meter's baseline. */
  | "meter"
  | "counter"
  /** A plain telegram from a meter that has sent encrypted ones. */
  | "encryption"
  | "structure"
  | "energy-rise"
  | "energy-fall"
  | "energy-slip"
  /** Every register is exactly 0 and was not before. */
  | "energy-zero"
  /** A register was 0 and is back at more than can have flowed. */
  | "energy-return"
  | "energy-burst"
  | "clock"
  | "gap"
  /** First telegram that no second one has confirmed. */
  | "unconfirmed";

/** A failure of grade `contradiction`. */
export const contradiction = (check: Check, reason: string, waiver: string = check): CheckFailure => ({
  check,
  reason,
  waiver,
  grade: "contradiction",
});
