/**
 * Registers that are left out of a reading because a value that was a little too high slipped in before: a counter must
 * not fall (docs/acceptance.md, "When a wrong value slips in").
 */
import type { Baseline } from "./baseline.ts";
import type { Shape } from "./list-shape.ts";
import { slipOf } from "./plausibility.ts";

/** A register below the published value is not withheld for longer, milliseconds. */
const WITHHOLD_MS = 24 * 3_600_000;

/**
 * @param base what is known after this telegram
 * @param time of its arrival, milliseconds
 * @returns OBIS codes of the registers to leave out, and what is known then: one that was left out for long enough counts
 *   from its present value on
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
