/** The energy registers of a reading, in whole Wh. */
import type { Reading } from "../meter/events.ts";
import type { Registers } from "./point.ts";

const KEY = /^energy_(import|export)(?:_t(\d{1,2}))?$/;

/**
 * Import, export and their tariffs, as far as the reading contains them. If a meter sends tariffs but no total (Dutch P1),
 * the total is their sum.
 */
export function registersOf({ values }: Reading): Registers {
  const registers: Record<string, number> = {};
  const sums: Record<string, number> = {};
  for (const { key, text, unit, numeric } of values) {
    const match = numeric && unit === "kWh" ? KEY.exec(key) : null;
    const wattHours = match === null ? null : toWattHours(text);
    if (match === null || wattHours === null) continue;
    registers[key] = wattHours;
    const total = `energy_${match[1]}`;
    if (match[2] !== undefined) sums[total] = (sums[total] ?? 0) + wattHours;
  }
  for (const [total, sum] of Object.entries(sums)) registers[total] ??= sum;
  return registers;
}

/** `12.937` → 12937; digits below one Wh are truncated. `null` for a text that is not a register. */
function toWattHours(kilowattHours: string): number | null {
  const match = /^(\d{1,12})(?:\.(\d+))?$/.exec(kilowattHours);
  if (match === null) return null;
  return Number(match[1]) * 1000 + Number((match[2] ?? "").padEnd(3, "0").slice(0, 3));
}
