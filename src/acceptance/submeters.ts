/**
 * Registers of sub-meters (gas, water, heat) that an electricity meter passes on. They are judged one by one: a sub-meter
 * that is away says nothing against the telegram that carries its register, so only this register is left out.
 *
 * A sub-meter is read once in five minutes to an hour, and may be away for days (radio, an empty battery). The meter then
 * repeats the last value, sends 0, or none. So 0 of a sub-meter that has counted is never published while its number is
 * the same; one that was really reset is published as soon as it counts again (docs/acceptance.md, "Sub-meters").
 */
import * as z from "zod/mini";
import { type Evidence, isEnough } from "./agreement.ts";
import { numberOf, type SubmeterPlace } from "./list-shape.ts";
import type { Sample } from "./sample.ts";

/** Registers of sub-meters that are published and remembered; P1 has four channels. */
const REGISTERS = 32;
/** Most that are under observation before they are published; the oldest make room. */
const CANDIDATES = 32;
/** A reading may be an hour old when it arrives: so much is added to any time that has passed. */
const SLACK_MS = 3_600_000;
/** A value that does not go on from the last one: it fell, rose by more than can flow, or the sub-meter has another number. */
const CHANGE: Evidence = { telegrams: 10, ms: 600_000 };
/** The first value, where neither CRC nor tag prove the telegram. */
const FIRST: Evidence = { telegrams: 2, ms: 0 };
/** The first value if it is 0: the sub-meter may be away, or really new. */
const FIRST_ZERO: Evidence = { telegrams: 10, ms: 24 * 3_600_000 };

/** What P1 gives for a sub-meter that has not been read: a time that does not exist, and what stands behind it. */
const NO_READING = /^\(\d{12}[SW]?\)/;

const text = z.string().check(z.maxLength(256));
const memorySchema = z.record(text, z.object({ value: z.number(), number: z.nullable(text), changed: z.number() }));

/** The last published value, in the unit of the register. */
interface Known {
  readonly value: number;
  /** The sub-meter's number. */
  readonly number: string | null;
  /** When it was first seen, milliseconds as `time`. */
  readonly changedAt: number;
}

/** Values that contradict what is known and agree among themselves. */
interface Candidate {
  readonly last: number;
  readonly lastAt: number;
  readonly number: string | null;
  readonly telegrams: number;
  readonly since: number;
}

export class Submeters {
  readonly #known = new Map<string, Known>();
  readonly #candidates = new Map<string, Candidate>();
  readonly #stored: z.infer<typeof memorySchema>;

  /** @param stored what `memory` gave before a restart; anything else counts as nothing */
  constructor(stored: unknown) {
    const parsed = memorySchema.safeParse(stored);
    this.#stored = parsed.success ? parsed.data : {};
  }

  /**
   * Judges the registers of an accepted telegram.
   * @param time of arrival, milliseconds, as everywhere in acceptance
   * @returns OBIS codes of those that are not to be published
   */
  judge(sample: Sample, time: number, proven: boolean): string[] {
    const { shape, telegram } = sample;
    return shape.submeters.flatMap((place) => {
      const register = telegram.registers[place.index];
      if (typeof register?.value === "string") return NO_READING.test(register.value) ? [place.obis] : [];
      const value = numberOf(register);
      const text = place.number === null ? null : telegram.registers[place.number]?.value;
      return this.#admits(place, value, typeof text === "string" ? text : null, time, proven) ? [] : [place.obis];
    });
  }

  /** A JSON value of bounded size. @param time now, as in `judge` */
  memory(time: number): z.infer<typeof memorySchema> {
    const known = [...this.#known].map(([obis, { value, number, changedAt }]) => [
      obis,
      { value, number, changed: time - changedAt },
    ]);
    return { ...this.#stored, ...Object.fromEntries(known) };
  }

  #admits(place: SubmeterPlace, value: number, number: string | null, time: number, proven: boolean): boolean {
    const { obis } = place;
    const known = this.#knownOf(obis, time);
    const sameDevice = known === null || known.number === null || number === null || known.number === number;
    if (known !== null && sameDevice && goesOn(known.value, value, time - known.changedAt, place)) {
      this.#candidates.delete(obis);
      if (value !== known.value || known.number === null) {
        this.#known.set(obis, { value, number: number ?? known.number, changedAt: time });
      }
      return true;
    }
    if (known === null && this.#known.size >= REGISTERS) return false;
    const candidate = this.#nextCandidate(place, value, number, time);
    this.#candidates.set(obis, candidate);
    if (this.#candidates.size > CANDIDATES) this.#candidates.delete(this.#candidates.keys().next().value as string);
    // 0 of a sub-meter that has counted: it is away.
    if (value === 0 && known !== null && sameDevice) return false;
    const first = value === 0 ? FIRST_ZERO : proven ? { telegrams: 1, ms: 0 } : FIRST;
    if (!isEnough(candidate, known === null ? first : CHANGE, time)) return false;
    this.#candidates.delete(obis);
    this.#known.set(obis, { value, number, changedAt: time });
    return true;
  }

  #nextCandidate(place: SubmeterPlace, value: number, number: string | null, time: number): Candidate {
    const before = this.#candidates.get(place.obis);
    const agrees =
      before !== undefined &&
      before.number === number &&
      // A value says nothing for a 0 before it, however small it is: that is what is read while the sub-meter is away.
      (before.last === 0) === (value === 0) &&
      goesOn(before.last, value, time - before.lastAt, place);
    if (!agrees) return { last: value, lastAt: time, number, telegrams: 1, since: time };
    return { ...before, last: value, lastAt: time, telegrams: before.telegrams + 1 };
  }

  #knownOf(obis: string, time: number): Known | null {
    const known = this.#known.get(obis);
    if (known !== undefined) return known;
    if (!Object.hasOwn(this.#stored, obis)) return null;
    const stored = this.#stored[obis];
    if (stored === undefined) return null;
    const restored = { value: stored.value, number: stored.number, changedAt: time - Math.max(0, stored.changed) };
    this.#known.set(obis, restored);
    return restored;
  }
}

/** Whether a register can have gone from one value to the other in this time. */
function goesOn(before: number, value: number, passedMs: number, { mostPerHour }: SubmeterPlace): boolean {
  const rise = value - before;
  if (!(rise >= 0)) return false;
  if (before > 0) return rise <= (mostPerHour * (Math.max(0, passedMs) + SLACK_MS)) / 3_600_000;
  // It may begin to count, but not jump to what it was before it went away, however long ago that was.
  return rise === 0 || rise <= (Number.isFinite(mostPerHour) ? (mostPerHour * SLACK_MS) / 3_600_000 : 0);
}
