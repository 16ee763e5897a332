/**
 * Combines power values when `publish.interval` skips telegrams: the latest value, or the mean, minimum or maximum
 * since the last publication. Users asked for these because a peak between two publications would otherwise be lost.
 */
import type { Reading, ReadingValue } from "../../meter/events.ts";

/** `publish.power` */
export type PowerChoice = "newest" | "mean" | "minimum" | "maximum";

/** Data for one key since the last publication. Bounded: one per power quantity that the meter sends. */
interface Collected {
  count: number;
  sum: number;
  least: ReadingValue;
  most: ReadingValue;
  /** Maximum number of decimals seen. */
  decimals: number;
}

export class PowerAggregation {
  readonly #choice: PowerChoice;
  readonly #collected = new Map<string, Collected>();

  constructor(choice: PowerChoice) {
    this.#choice = choice;
  }

  /** The reading with its powers replaced by the combined values so far. */
  add(reading: Reading): Reading {
    if (this.#choice === "newest") return reading;
    return { ...reading, values: reading.values.map((value) => this.#replace(value)) };
  }

  /** Starts a new collection after a publication. */
  clear(): void {
    // Clearing a Map allocates a new table, and V8 keeps the old ones alive as long as the first; so skip empty Maps.
    if (this.#collected.size > 0) this.#collected.clear();
  }

  #replace(value: ReadingValue): ReadingValue {
    if (value.quantity?.deviceClass !== "power" || !value.numeric) return value;
    const number = Number(value.text);
    const decimals = value.text.split(".")[1]?.length ?? 0;
    const before = this.#collected.get(value.key);
    const collected: Collected =
      before === undefined
        ? { count: 1, sum: number, least: value, most: value, decimals }
        : {
            count: before.count + 1,
            sum: before.sum + number,
            least: number < Number(before.least.text) ? value : before.least,
            most: number > Number(before.most.text) ? value : before.most,
            decimals: Math.max(before.decimals, decimals),
          };
    this.#collected.set(value.key, collected);
    switch (this.#choice) {
      case "newest":
        return value;
      case "minimum":
        return collected.least;
      case "maximum":
        return collected.most;
      case "mean":
        // No more decimals than the meter sends; "-0" becomes "0".
        return {
          ...value,
          text: (collected.sum / collected.count).toFixed(collected.decimals).replace(/^-(?=[0.]*$)/, ""),
        };
    }
  }
}
