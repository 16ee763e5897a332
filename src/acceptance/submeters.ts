/**
 * Registers of sub-meters (gas, water, heat) that an electricity meter forwards. Each is judged separately: an
 * unreachable sub-meter does not discredit the telegram, so only its register is withheld.
 *
 * A sub-meter is read every five minutes to every hour and may be unreachable for days (radio, an empty battery). The
 * meter then repeats the last value, sends 0, or omits the register. Therefore 0 from a sub-meter that has counted is
 * never published while its number is the same; one that was really reset is published once it counts again
 * (docs/acceptance.md, "Sub-meters").
 */
import * as z from "zod/mini";
import { hasQuorum, type Quorum } from "./agreement.ts";
import { numberOf, type SubmeterField } from "./list-shape.ts";
import type { Sample } from "./sample.ts";

/** Sub-meter registers published and remembered; P1 has four channels. */
const REGISTERS = 32;
/** Registers waiting for a quorum; the oldest is evicted. */
const CANDIDATES = 32;
/** Tolerance added to elapsed times: a reading may be an hour old when it arrives. */
const SLACK_MS = 3_600_000;
/** A value that does not continue from the last one: it fell, rose too fast, or the sub-meter has another number. */
const CHANGE: Quorum = { telegrams: 10, ms: 600_000 };
/** The first value in telegrams that neither CRC nor tag prove. */
const FIRST_UNPROVEN: Quorum = { telegrams: 2, ms: 0 };
/** The first value in proven telegrams. */
const FIRST_PROVEN: Quorum = { telegrams: 1, ms: 0 };
/** A first value of 0: the sub-meter may be unreachable or really new. */
const FIRST_ZERO: Quorum = { telegrams: 10, ms: 24 * 3_600_000 };

/** P1 text for a sub-meter that has not been read: an invalid time, followed by a placeholder value. */
const NO_READING = /^\(\d{12}[SW]?\)/;

const text = z.string().check(z.maxLength(256));
const memorySchema = z.record(text, z.object({ value: z.number(), number: z.nullable(text), changed: z.number() }));

/** The last published value, in the unit of the register. */
interface Known {
  readonly value: number;
  /** The sub-meter's number, if the list contains it. */
  readonly number: string | null;
  /** When this value was first seen, milliseconds. */
  readonly changedAt: number;
}

/** A run of values that do not continue from the published one but agree with each other. */
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

  /** @param stored what `memory` returned before a restart; anything else is ignored */
  constructor(stored: unknown) {
    const parsed = memorySchema.safeParse(stored);
    this.#stored = parsed.success ? parsed.data : {};
  }

  /**
   * Judges the registers of an accepted telegram.
   * @param time of arrival, milliseconds
   * @returns OBIS codes of the registers to withhold
   */
  judge(sample: Sample, time: number, proven: boolean): string[] {
    const { shape, telegram } = sample;
    return shape.submeters.flatMap((field) => {
      const register = telegram.registers[field.index];
      if (typeof register?.value === "string") return NO_READING.test(register.value) ? [field.obis] : [];
      const value = numberOf(register);
      const number = field.numberIndex === null ? null : telegram.registers[field.numberIndex]?.value;
      const accepted = this.#accepts(field, value, typeof number === "string" ? number : null, time, proven);
      return accepted ? [] : [field.obis];
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

  #accepts(field: SubmeterField, value: number, number: string | null, time: number, proven: boolean): boolean {
    const { obis } = field;
    const known = this.#knownOf(obis, time);
    const sameDevice = known === null || known.number === null || number === null || known.number === number;
    if (known !== null && sameDevice && continues(known.value, value, time - known.changedAt, field)) {
      this.#candidates.delete(obis);
      if (value !== known.value || known.number === null) {
        this.#known.set(obis, { value, number: number ?? known.number, changedAt: time });
      }
      return true;
    }
    if (known === null && this.#known.size >= REGISTERS) return false;
    const candidate = this.#nextCandidate(field, value, number, time);
    this.#candidates.set(obis, candidate);
    if (this.#candidates.size > CANDIDATES) this.#candidates.delete(this.#candidates.keys().next().value as string);
    // 0 from a sub-meter that has counted: it is unreachable.
    if (value === 0 && known !== null && sameDevice) return false;
    const firstValue = value === 0 ? FIRST_ZERO : proven ? FIRST_PROVEN : FIRST_UNPROVEN;
    if (!hasQuorum(candidate, known === null ? firstValue : CHANGE, time)) return false;
    this.#candidates.delete(obis);
    this.#known.set(obis, { value, number, changedAt: time });
    return true;
  }

  #nextCandidate(field: SubmeterField, value: number, number: string | null, time: number): Candidate {
    const before = this.#candidates.get(field.obis);
    const agrees =
      before !== undefined &&
      before.number === number &&
      // A value never confirms a preceding 0, however small: 0 is what the meter sends while the sub-meter is
      // unreachable.
      (before.last === 0) === (value === 0) &&
      continues(before.last, value, time - before.lastAt, field);
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

/** Whether a register can have risen from one value to the other in this time. */
function continues(before: number, value: number, passedMs: number, { maxPerHour }: SubmeterField): boolean {
  const rise = value - before;
  if (!(rise >= 0)) return false;
  if (before > 0) return rise <= (maxPerHour * (Math.max(0, passedMs) + SLACK_MS)) / 3_600_000;
  // From 0 it may start to count, but not jump back to its old value, however long the sub-meter was unreachable.
  return rise === 0 || rise <= (Number.isFinite(maxPerHour) ? (maxPerHour * SLACK_MS) / 3_600_000 : 0);
}
