/**
 * Which codes of a meter are published. Each becomes a retained topic and an entity, which stay when the code does not
 * come again: so one that the meter did not send from the start is published only when it has come several times, and
 * the number of codes has a limit. Damaged or forged telegrams then leave no trail of topics.
 */
import type { Reading, ReadingValue } from "./events.ts";

/** A code that is new at a known meter is published when it comes for the third time. */
const SIGHTINGS = 3;
/** Most codes of one meter; the longest list seen has 60. */
const MAX_CODES = 300;
/** Most new codes that are counted at a time; the oldest make room. */
const MAX_CANDIDATES = 300;
/** Most meters behind one port that are remembered. */
const MAX_METERS = 8;

/** What is known of one meter. */
interface Known {
  /** By topic: whether it was announced as a number. */
  readonly topics: Map<string, boolean>;
  /** How often new ones have come, by topic. */
  readonly candidates: Map<string, number>;
  /** Whether a complete reading has come: its codes are what the meter sends. */
  established: boolean;
  full: boolean;
}

export class KnownCodes {
  readonly #warn: (message: string) => void;
  readonly #meters = new Map<string, Known>();

  /** @param warn is called once for a meter that has too many codes */
  constructor(warn: (message: string) => void = () => undefined) {
    this.#warn = warn;
  }

  /** The reading without the values that are not published (yet). */
  admit(reading: Reading): Reading {
    const known = this.#of(reading.meter.id);
    const values = reading.values.filter((value) => this.#admits(known, value, reading.meter.id));
    if (reading.complete) known.established = true;
    return values.length === reading.values.length ? reading : { ...reading, values };
  }

  #admits(known: Known, value: ReadingValue, meter: string): boolean {
    const { topic, numeric } = value;
    const before = known.topics.get(topic);
    // A topic that was announced as a number, perhaps with a unit, takes no text.
    if (before !== undefined) return numeric || !before;
    if (known.topics.size >= MAX_CODES) {
      if (!known.full) this.#warn(`meter ${meter} sends more than ${MAX_CODES} codes; further ones are not published`);
      known.full = true;
      return false;
    }
    if (known.established && !isCommon(value) && !this.#hasCome(known, topic)) return false;
    known.topics.set(topic, numeric);
    return true;
  }

  /** Counts a new code. @returns whether it has come often enough */
  #hasCome({ candidates }: Known, topic: string): boolean {
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
      candidates: new Map(),
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
 * A quantity of the table on channel 0 or 1 (Kamstrup and Kaifa in Norway count from 1). There are few of them, and
 * meters with several lists send some of them once an hour only: they are published at once.
 */
function isCommon({ quantity, obis }: ReadingValue): boolean {
  return quantity !== null && /^(?:1-[01]|0-0):/.test(obis);
}
