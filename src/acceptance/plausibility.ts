/**
 * Checks of a telegram against what is known of its meter. Pure functions; judge.ts decides what follows. Reasons and limits: docs/acceptance.md.
 */
import type { Telegram } from "../codec/telegram.ts";
import { type Baseline, contentOf, elapsed } from "./baseline.ts";
import { type CheckFailure, contradiction } from "./check-failure.ts";
import { type CounterPlace, isNearlyAlike, numberOf, type Shape } from "./list-shape.ts";
import type { Sample } from "./sample.ts";

/** Times of arrival and clocks are whole seconds or late by a second: so much is added to any time that has passed. */
const SLACK_MS = 2_000;
/** A clock may be ahead of what time has passed by so much before it counts as set. */
const CLOCK_TOLERANCE_MS = 60_000;
/** Powers are samples; over a longer time they say nothing about what flowed between them. */
const SAMPLED_MS = 60_000;
/** W: a register whose power the meter does not tell, and that rose more slowly of late, is not expected to move. */
const DORMANT_W = 5;
/** W: more is not believed of a house whose powers do not show it, unless a second telegram says so. */
const LIKELY_W = 15_000;
/** So often confirmed against the powers, and they are not asked any more: they do not explain this meter's energy. */
const UNEXPLAINED = 3;
/** A fall by less than could have slipped in upward within one period (docs/acceptance.md). */
const SLIP_MS = 10_000;
/** Longest pause after which a single telegram is believed; longer if the meter's period is. */
const GAP_MS = 60_000;
const GAP_PERIODS = 3;

/** The same telegram once more: it says nothing new and does no harm. */
export function isRepetition(base: Baseline, telegram: Telegram): boolean {
  return (
    telegram.systemTitle === base.systemTitle &&
    (telegram.invocationCounter ?? base.counter) === base.counter &&
    contentOf(telegram) === base.content
  );
}

/** How long one telegram that fits is believed without a second, milliseconds. */
export const gapOf = (base: Baseline): number => Math.max(GAP_MS, GAP_PERIODS * (base.periodMs ?? 0));

/** A register that fell by no more than this, Wh, catches up by itself. */
export const slipOf = (base: Baseline): number => (base.maxPower * SLIP_MS) / 3_600_000;

/**
 * The gravest check that this telegram fails against what is known of the meter; `null` if it fits.
 * @param time of arrival, milliseconds, as in `base`
 * @param proven by CRC or tag: then only what integrity cannot prove is asked (another meter, an old telegram, a reset)
 */
export function compare(base: Baseline, sample: Sample, time: number, proven: boolean): CheckFailure | null {
  const { telegram, shape } = sample;
  const refusal = otherMeter(base, telegram, shape) ?? oldTelegram(base, telegram);
  if (refusal !== null) return refusal;
  const list = proven ? null : otherList(base, shape);
  if (list?.grade === "contradiction") return list;
  const energy = energies(base, sample, time, proven);
  if (proven || energy?.grade === "contradiction") return energy;
  return list ?? energy ?? setClock(base, sample, time) ?? longGap(base, sample, time);
}

function otherMeter(base: Baseline, telegram: Telegram, shape: Shape): CheckFailure | null {
  const differs = (what: string, before: string | null | undefined, now: string | null): CheckFailure | null =>
    before == null || now === null || before === now
      ? null
      : contradiction("meter", `${what} was ${before}, is ${now}`);
  if (base.systemTitle !== telegram.systemTitle) {
    return contradiction(
      "meter",
      `system title was ${base.systemTitle ?? "none"}, is ${telegram.systemTitle ?? "none"}`,
    );
  }
  const number = differs("the meter's number", base.meterId, telegram.meterId);
  if (number !== null) return number;
  for (const index of shape.names) {
    const register = telegram.registers[index];
    if (typeof register?.value !== "string") continue;
    const name = differs(register.obis, base.names[register.obis], register.value);
    if (name !== null) return name;
  }
  return null;
}

function oldTelegram(base: Baseline, { invocationCounter }: Telegram): CheckFailure | null {
  if (base.counter === null || invocationCounter === null || invocationCounter > base.counter) return null;
  return contradiction(
    "counter",
    `invocation counter ${invocationCounter} after ${base.counter}: an old telegram once more`,
  );
}

function otherList(base: Baseline, shape: Shape): CheckFailure | null {
  if (base.signatures.includes(shape.signature)) return null;
  const damaged = base.signatures.find((known) => isNearlyAlike(known, shape.signature));
  if (damaged === undefined) {
    return { check: "structure", reason: "a list that this meter has not sent before", grade: "doubt" };
  }
  const parts = damaged.split("|");
  const now = shape.signature.split("|");
  const at = now.findIndex((part, index) => part !== parts[index]);
  return contradiction("structure", `the list has "${now[at]}" where it had "${parts[at]}"`);
}

function energies(base: Baseline, sample: Sample, time: number, proven: boolean): CheckFailure | null {
  const { telegram, shape, clock } = sample;
  const zero = onlyZeros(base, sample);
  if (zero !== null) return zero;
  let fall: CheckFailure | null = null;
  let doubt: CheckFailure | null = null;
  for (const place of shape.counters) {
    const known = base.registers[place.obis];
    if (known === undefined) continue;
    const value = numberOf(telegram.registers[place.index]) * place.factor;
    const rise = value - known.value;
    const passed = elapsed(known, time, clock);
    if (rise < 0 && !place.signed) {
      const slip = -rise <= slipOf(base) && value >= known.prior;
      if (fall === null || !slip) {
        const reason = `${place.obis} fell from ${known.value} to ${value}`;
        fall = contradiction(slip ? "energy-slip" : "energy-fall", reason);
      }
    } else if (!proven || known.value === 0) {
      // A right check sum proves the bytes, not that a meter which starts up had counted them: a return is judged always.
      const limit = (mostPower(base) * (passed + SLACK_MS)) / 3_600_000 + place.step;
      if (Math.abs(rise) > limit) {
        const within = `within ${Math.round(passed / 1000)} s`;
        const reason = `${place.obis} went from ${known.value} to ${value} ${within}, at most ${Math.floor(limit)} more is possible`;
        return contradiction(known.value === 0 ? "energy-return" : "energy-rise", reason);
      }
      if (!proven) doubt ??= burst(base, sample, place, rise, passed, known.rate);
    }
  }
  return fall ?? doubt;
}

/**
 * Every energy of this telegram is exactly 0, and at least one of them was not, or nothing is known of any: a meter that
 * is starting up sends that, and so does one that is really new.
 */
export function onlyZeros(base: Baseline | null, { telegram, shape }: Sample): CheckFailure | null {
  if (shape.counters.length === 0) return null;
  let fell: string | null = null;
  let isNew = true;
  for (const { index, obis } of shape.counters) {
    if (numberOf(telegram.registers[index]) !== 0) return null;
    const known = base?.registers[obis];
    if (known !== undefined) isNew = false;
    if (known !== undefined && known.value !== 0) fell ??= `every register is 0, ${obis} was ${known.value}`;
  }
  if (fell === null && !isNew) return null;
  const reason = fell ?? "every register is 0, and nothing is known of this meter";
  return contradiction("energy-zero", reason);
}

/** W: the limit, or what the meter itself was believed to carry. */
const mostPower = (base: Baseline): number => Math.max(base.maxPower, 1.2 * base.import, 1.2 * base.export);

/**
 * Whether an energy rose by more than twice what the powers before and after it explain. A reactive energy whose power
 * is not in the telegram: by more than Σ U·I, or four times its rate of late.
 */
function burst(
  base: Baseline,
  { powers }: Sample,
  place: CounterPlace,
  rise: number,
  passed: number,
  rate: number,
): CheckFailure | null {
  if (rise <= 0 || passed > SAMPLED_MS || !base.hasPower || base.unexplained >= UNEXPLAINED) return null;
  if (place.by === "unknown") return null;
  const sampled = Math.max(base[place.by], powers?.[place.by] ?? 0);
  const power = place.by === "apparent" ? Math.min(sampled, rate < DORMANT_W ? 0 : 2 * rate) : sampled;
  const limit = (2 * power * (passed + SLACK_MS / 2)) / 3_600_000 + (power > 0 ? place.step : 0);
  if (rise <= limit) return null;
  const likely = rise <= (LIKELY_W * (passed + SLACK_MS)) / 3_600_000 + place.step;
  const reason = `${place.obis} rose by ${rise} within ${Math.round(passed / 1000)} s at ${Math.round(power)} W or less`;
  return { check: "energy-burst", reason, grade: "doubt", unlikely: !likely };
}

function setClock(base: Baseline, { clock }: Sample, time: number): CheckFailure | null {
  if (clock === null || base.clock === null) return null;
  if (clock < base.clock) {
    const back = Math.round((base.clock - clock) / 1000);
    return { check: "clock", reason: `the meter's clock went back by ${back} s`, grade: "doubt" };
  }
  if (base.lead === null) return null;
  const ahead = clock - time - base.lead;
  if (ahead <= CLOCK_TOLERANCE_MS + Math.max(0, time - base.at) / 1000) return null;
  const reason = `the meter's clock went forward by ${Math.round(ahead / 1000)} s more than has passed`;
  return { check: "clock", reason, grade: "doubt" };
}

/**
 * After a long pause much may have flowed, so that nearly any value would fit: a second telegram must confirm it. The
 * meter's clock tells such a pause from telegrams that were only late.
 */
function longGap(base: Baseline, { telegram, shape, clock }: Sample, time: number): CheckFailure | null {
  const passed = clock === null || base.clock === null ? time - base.at : clock - base.clock;
  if (passed <= gapOf(base)) return null;
  const rose = shape.counters.some(({ index, obis, factor }) => {
    const known = base.registers[obis];
    return known !== undefined && numberOf(telegram.registers[index]) * factor > known.value;
  });
  if (!rose) return null;
  return { check: "gap", reason: `the first telegram after ${Math.round(passed / 1000)} s`, grade: "doubt" };
}
