/**
 * Decides which OBIS codes of a meter are published. Each code creates a retained topic and an entity, which stay even if
 * the code never appears again. A code that was not in the first complete reading is therefore debounced, and the number
 * of codes is capped, so that damaged or forged telegrams do not litter the broker with topics.
 */
import type { Reading, ReadingValue } from "./events.ts";

/** Debounce: a code new to a known meter is published when it is received for the third time. */
const SIGHTINGS = 3;
/** Most codes per meter; the longest list observed has 60. */
export const MAX_CODES = 300;
/** Most new codes counted at a time; the oldest is evicted. */
const MAX_CANDIDATES = 300;
/** Most meters remembered per port. */
const MAX_METERS = 8;

/** Codes of one meter. */
interface Known {
  /** Published topics; the value says whether the topic was announced as numeric. */
  readonly topics: Map<string, boolean>;
  /** How often a new code was received, by topic; most meters never send one. */
  candidates: Map<string, number> | null;
  /** Whether a complete reading was received; its codes are taken as what the meter sends. */
  established: boolean;
  full: boolean;
}

export class KnownCodes {
  readonly #warn: (message: string) => void;
  readonly #meters = new Map<string, Known>();

  /** @param warn called once for a meter with too many codes */
  constructor(warn: (message: string) => void = () => undefined) {
    this.#warn = warn;
  }

  /** The reading without the values that are not (yet) published. */
  admit(reading: Reading): Reading {
    const known = this.#of(reading.meter.id);
    // Almost always all of them: a new array only if one is left out.
    let admitted: ReadingValue[] | null = null;
    let index = 0;
    for (const value of reading.values) {
      if (!this.#admits(known, value, reading.meter.id)) admitted ??= reading.values.slice(0, index);
      else admitted?.push(value);
      index++;
    }
    if (reading.complete) known.established = true;
    return admitted === null ? reading : { ...reading, values: admitted };
  }

  #admits(known: Known, value: ReadingValue, meter: string): boolean {
    const { topic, numeric } = value;
    const before = known.topics.get(topic);
    // A topic announced as numeric, perhaps with a unit, must not get a text.
    if (before !== undefined) return numeric || !before;
    if (known.topics.size >= MAX_CODES) {
      if (!known.full) this.#warn(`meter ${meter} sends more than ${MAX_CODES} codes; further ones are not published`);
      known.full = true;
      return false;
    }
    if (known.established && !isCommon(value) && !this.#confirmed(known, topic)) return false;
    known.topics.set(topic, numeric);
    return true;
  }

  /** Counts a new code. @returns whether it was received often enough to publish */
  #confirmed(known: Known, topic: string): boolean {
    known.candidates ??= new Map();
    const { candidates } = known;
    const count = (candidates.get(topic) ?? 0) + 1;
    candidates.delete(topic);
    if (count >= SIGHTINGS) return true;
    candidates.set(topic, count);
    if (candidates.size > MAX_CANDIDATES) candidates.delete(candidates.keys().next().value as string);
    return false;
  }

  #of(meter: string): Known {
    const known = this.#meters.get(meter) ?? {
      topics: new Map(),
      candidates: null,
      established: false,
      full: false,
    };
    if (!this.#meters.has(meter)) {
      this.#meters.set(meter, known);
      if (this.#meters.size > MAX_METERS) this.#meters.delete(this.#meters.keys().next().value as string);
    }
    return known;
  }
}

/**
 * A known quantity on channel 0 or 1 (Kamstrup and Kaifa in Norway count from 1). These are published at once: there are
 * few of them, and meters with several lists send some of them only once an hour.
 */
function isCommon({ quantity, obis }: ReadingValue): boolean {
  return quantity !== null && /^(?:1-[01]|0-0):/.test(obis);
}
