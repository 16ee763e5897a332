/**
 * Decides whether a decoded telegram may be published: internal consistency, plausibility against the meter's baseline,
 * first contact. All of it lives in this folder; no I/O, no clock of its own. Rules and their reasons:
 * docs/acceptance.md.
 *
 *     judge ─ matches the baseline ───────> accepted; held telegrams that contradict it are rejected
 *           ─ matches, but unusual (doubt) > held: the next telegram decides; accepted if none comes within HOLD_MS
 *           ─ contradicts the baseline ───> held: rejected when the next telegram matches the baseline, or after HOLD_MS;
 *                                           when a quorum agrees, the held telegrams replace the baseline
 *           ─ no baseline (first contact) > provisional; accepted when a second agrees, or none comes within HOLD_MS
 */
import { CaptureJudge } from "./capture-judge.ts";
import { Judge } from "./judge.ts";
import type { Acceptance, AcceptanceLog, AcceptanceOptions } from "./verdict.ts";

/** Options from the section `plausibility` of the configuration. */
export function limitsOf(section: {
  readonly max_power: number;
  readonly min_voltage: number;
  readonly max_voltage: number;
}): Pick<AcceptanceOptions, "maxPower" | "minVoltage" | "maxVoltage"> {
  return { maxPower: section.max_power, minVoltage: section.min_voltage, maxVoltage: section.max_voltage };
}

/** @param memory what `memory()` returned before a restart; anything else is ignored */
export function createAcceptance(options: AcceptanceOptions = {}, memory?: unknown, log?: AcceptanceLog): Acceptance {
  return options.timing === "meter" ? new CaptureJudge(options, memory, log) : new Judge(options, memory, log);
}
