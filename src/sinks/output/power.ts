/** Total power and power of each phase, in watts, import positive. */
import type { MeterFeed } from "./meter-feed.ts";
import type { OutputOptions } from "./output.ts";

/** Tolerance between power and U·I of a meter, as a share of the total. */
const ACCURACY = 0.01;

export const PHASES = ["l1", "l2", "l3"] as const;
export type Phase = (typeof PHASES)[number];
export type PhaseValues = readonly [number | null, number | null, number | null];

/**
 * Import minus export; just import for a meter that sends no export; `null` if it sends neither, or the values are too
 * old. Some meters send import every two seconds and both directions every ten (Kaifa, Norway, lists 1 and 2): a newer
 * import then counts unless it is 0.
 */
export function netPower(feed: MeterFeed, suffix: "" | `_${Phase}` = ""): number | null {
  const net = feed.number(`power_net${suffix}`);
  const imported = feed.number(`power_import${suffix}`);
  if (net !== null && imported !== null && feed.isNewer(`power_import${suffix}`, `power_net${suffix}`)) {
    return imported > 0 ? imported : Math.min(net, 0);
  }
  if (net !== null) return net;
  const exported = feed.number(`power_export${suffix}`);
  if (imported === null) return exported === null ? null : 0 - exported;
  return exported === null ? imported : milli(imported - exported);
}

/** Imported and exported power; derived from the net power if the meter sends only that. */
export function directedPower(
  feed: MeterFeed,
  suffix: "" | `_${Phase}` = "",
): { imported: number | null; exported: number | null } {
  const imported = feed.number(`power_import${suffix}`);
  const exported = feed.number(`power_export${suffix}`);
  const net = imported === null && exported === null ? feed.number(`power_net${suffix}`) : null;
  return net === null ? { imported, exported } : { imported: Math.max(net, 0), exported: Math.max(0 - net, 0) };
}

/**
 * Power of each phase as sent by the meter; else, with `computed`, derived from voltage and current; else `null`. Phases
 * that the meter doesn't have are `null`.
 */
export function phasePowers(feed: MeterFeed, how: OutputOptions["phase_power"]): PhaseValues {
  const sent = PHASES.map((phase) => netPower(feed, `_${phase}`));
  if (sent.some((power) => power !== null)) return triple(sent);
  return (how === "computed" ? computedPowers(feed) : null) ?? [null, null, null];
}

/**
 * Power of each phase from U·I, scaled so that the sum is the total sent by the meter; `null` unless the totals prove the
 * sign of each phase. Currents are unsigned, so 5 A of export on L1 look like 5 A of import. If phase i had the opposite
 * sign, the total could be at most the apparent power of the others; |P| > S - S_i rules that out. This must hold for
 * every phase that carries a current, with a margin for the meter's error (accuracy class 1: 1 % of the total); a phase
 * below that margin counts as 0 W.
 */
export function computedPowers(feed: MeterFeed): PhaseValues | null {
  const total = netPower(feed);
  if (total === null) return null;
  const apparent = PHASES.map((phase) => {
    const voltage = feed.number(`voltage_${phase}`);
    const current = feed.number(`current_${phase}`);
    return voltage === null || current === null ? null : Math.abs(voltage * current);
  });
  if (apparent.every((power) => power === null)) return null;
  const whole = sumOf(apparent);
  const loaded = apparent.map((power) => (power !== null && power < whole * ACCURACY ? 0 : power));
  const sum = sumOf(loaded);
  if (sum === 0) return total === 0 ? triple(loaded) : null;
  const proved = loaded.every((power) => !power || Math.abs(total) > whole * (1 + ACCURACY) - power);
  return proved ? triple(loaded.map((power) => (power === null ? null : milli((total * power) / sum)))) : null;
}

/** Number of phases whose voltage, current or power the meter sends; at least 1. */
export function phaseCount(feed: MeterFeed): 1 | 2 | 3 {
  const has = (phase: Phase): boolean =>
    ["voltage", "current", "power_import", "power_net"].some(
      (key) =>
        feed.reading?.values.some((value) => value.key === `${key}_${phase}`) ||
        feed.number(`${key}_${phase}`) !== null,
    );
  return has("l3") ? 3 : has("l2") ? 2 : 1;
}

function sumOf(values: readonly (number | null)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function triple(values: readonly (number | null)[]): PhaseValues {
  return [values[0] ?? null, values[1] ?? null, values[2] ?? null];
}

/** Rounds to a thousandth: differences of decimals leave binary noise. */
function milli(value: number): number {
  return Math.round(value * 1000) / 1000;
}
