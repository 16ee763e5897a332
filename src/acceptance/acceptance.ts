/**
 * Decides whether a decoded telegram may be published: consistency, plausibility against what the same meter sent before,
 * first contact. All of it is here; no I/O, no clock of its own. The rules and their reasons: docs/acceptance.md.
 *
 *     judge ─ fits what is known ──────────────> accepted, and what contradicted it is rejected
 *           ─ fits, but unusual (doubt) ───────> held: the next telegram decides, or HOLD_MS without one accept it
 *           ─ contradicts what is known ───────> held: rejected when the meter goes on as known, or after HOLD_MS;
 *                                                when several agree among themselves, they win
 *           ─ nothing is known (first contact) > provisional; accepted when a second agrees, or none comes for HOLD_MS
 */
import { CaptureJudge } from "./capture-judge.ts";
import { Judge } from "./judge.ts";
import type { Acceptance, AcceptanceLog, AcceptanceOptions } from "./verdict.ts";

/** The section `plausibility` of the configuration as options. */
export function limitsOf(section: {
  readonly max_power: number;
  readonly min_voltage: number;
  readonly max_voltage: number;
}): Pick<AcceptanceOptions, "maxPower" | "minVoltage" | "maxVoltage"> {
  return { maxPower: section.max_power, minVoltage: section.min_voltage, maxVoltage: section.max_voltage };
}

/** @param memory what `memory()` gave before a restart; anything else counts as nothing */
export function createAcceptance(options: AcceptanceOptions = {}, memory?: unknown, log?: AcceptanceLog): Acceptance {
  return options.timing === "meter" ? new CaptureJudge(options, memory, log) : new Judge(options, memory, log);
}
