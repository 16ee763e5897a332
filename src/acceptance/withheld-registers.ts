/**
 * Registers that are withheld from a reading because a slightly too high value was published before: a published counter
 * must never fall (docs/acceptance.md, "When a wrong value slips in").
 */
import type { Baseline } from "./baseline.ts";
import type { Shape } from "./list-shape.ts";
import { slipOf } from "./plausibility.ts";

/** Longest time that a register below its published value is withheld, milliseconds. */
const WITHHOLD_MS = 24 * 3_600_000;

/**
 * @param base the baseline including this telegram
 * @param time of its arrival, milliseconds
 * @returns OBIS codes to withhold, and the updated baseline: a register withheld for too long continues from its present
 * value
 */
export function withheldOf(base: Baseline, shape: Shape, time: number): { withheld: string[]; base: Baseline } {
  const withheld: string[] = [];
  let { registers } = base;
  for (const { obis } of shape.counters) {
    const known = base.registers[obis];
    if (known === undefined || known.belowSince === null) continue;
    const below = known.published - known.value;
    if (below <= slipOf(base) && time - known.belowSince < WITHHOLD_MS) withheld.push(obis);
    else registers = { ...registers, [obis]: { ...known, published: known.value, belowSince: null } };
  }
  return { withheld, base: registers === base.registers ? base : { ...base, registers } };
}
