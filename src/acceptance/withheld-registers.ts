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
 * A register that has been withheld for too long continues from its present value.
 * @param base the baseline including this telegram
 * @param time of its arrival, milliseconds
 * @returns OBIS codes to withhold
 */
export function withholdRegisters(base: Baseline, shape: Shape, time: number): string[] {
  const withheld: string[] = [];
  for (const { obis } of shape.counters) {
    const known = base.registers[obis];
    if (known === undefined || known.belowSince === null) continue;
    const below = known.published - known.value;
    if (below <= slipOf(base) && time - known.belowSince < WITHHOLD_MS) {
      withheld.push(obis);
    } else {
      known.published = known.value;
      known.belowSince = null;
    }
  }
  return withheld;
}
