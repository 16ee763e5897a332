/**
 * What is published of power where `publish.interval` leaves telegrams out: the newest value as it is, or (people ask
 * for it, since a peak between two publications would else be lost) mean, smallest or largest since the last publication.
 */
import type { Reading, ReadingValue } from "../../meter/events.ts";

/** `publish.power` */
export type PowerChoice = "newest" | "mean" | "minimum" | "maximum";

/** Of one key since the last publication. Bounded: one for each quantity of power that the meter sends. */
interface Collected {
  count: number;
  sum: number;
  least: ReadingValue;
  most: ReadingValue;
  /** Digits after the point, the most that were met. */
  decimals: number;
}

export class PowerAggregation {
  readonly #choice: PowerChoice;
  readonly #collected = new Map<string, Collected>();

  constructor(choice: PowerChoice) {
    this.#choice = choice;
  }

  /** The reading with its powers replaced by what is to be published of them up to now. */
  add(reading: Reading): Reading {
    if (this.#choice === "newest") return reading;
    return { ...reading, values: reading.values.map((value) => this.#replace(value)) };
  }

  /** It has been published: what comes now is collected anew. */
  clear(): void {
    // A table that is emptied is made anew, and those before it live as long as V8 lets the first one live.
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
        // No more digits than the meter sends; "-0" is no power.
        return {
          ...value,
          text: (collected.sum / collected.count).toFixed(collected.decimals).replace(/^-(?=[0.]*$)/, ""),
        };
    }
  }
}
