/**
 * Checks of a telegram against the baseline of its meter. Pure functions; decision.ts acts on the result. Reasons and
 * limits: docs/acceptance.md.
 */
import type { Telegram } from "../codec/telegram.ts";
import { type Baseline, elapsed } from "./baseline.ts";
import { type CheckFailure, contradiction } from "./check-failure.ts";
import { type CounterField, isDamagedCopy, numberOf, type Shape } from "./list-shape.ts";
import type { Sample } from "./sample.ts";

/** Tolerance added to elapsed times: clocks have a resolution of a second, and telegrams may arrive a second late. */
const SLACK_MS = 2_000;
/** How far the meter's clock may run ahead of the elapsed time before it counts as set. */
const CLOCK_TOLERANCE_MS = 60_000;
/** Powers are samples: over a longer interval they do not limit the energy that flowed between them. */
const SAMPLED_MS = 60_000;
/** W: a register without a power in the list that recently rose more slowly is not expected to rise. */
const DORMANT_W = 5;
/** W: a rise beyond this that the powers do not show needs confirmation by a second telegram. */
const LIKELY_W = 15_000;
/** After so many confirmed rises that the powers do not explain, this meter's powers are no longer compared. */
const MAX_UNEXPLAINED = 3;
/** A fall by at most `maxPower` over this time may follow a slightly too high value (docs/acceptance.md). */
const SLIP_MS = 10_000;
/** Longest pause after which a single telegram is accepted: the larger of a time and a number of the meter's periods. */
const GAP_MS = 60_000;
const GAP_PERIODS = 3;

/** Whether this is the last telegram again: no news, no harm. */
export function isRepetition(base: Baseline, telegram: Telegram): boolean {
  return (
    telegram.systemTitle === base.systemTitle &&
    (telegram.invocationCounter ?? base.counter) === base.counter &&
    base.content.isThatOf(telegram)
  );
}

/** Longest pause after which a matching telegram is accepted without a second, milliseconds. */
export const gapOf = (base: Baseline): number => Math.max(GAP_MS, GAP_PERIODS * (base.periodMs ?? 0));

/** Largest fall of a register, Wh, that counts as a slip: the meter catches up by itself. */
export const slipOf = (base: Baseline): number => (base.maxPower * SLIP_MS) / 3_600_000;

/**
 * The most serious check that this telegram fails against the baseline; `null` if it passes all.
 * @param time of arrival, milliseconds, as in `base`
 * @param proven by CRC or tag: only what integrity cannot prove is checked (another meter, a replay, a reset)
 */
export function compare(base: Baseline, sample: Sample, time: number, proven: boolean): CheckFailure | null {
  const { telegram, shape } = sample;
  const failure = otherMeter(base, telegram, shape) ?? replayed(base, telegram);
  if (failure !== null) return failure;
  const list = proven ? null : otherList(base, shape);
  if (list?.grade === "contradiction") return list;
  const energy = checkEnergies(base, sample, time, proven);
  if (proven || energy?.grade === "contradiction") return energy;
  return list ?? energy ?? clockJump(base, sample, time) ?? longGap(base, sample, time);
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

function replayed(base: Baseline, { invocationCounter }: Telegram): CheckFailure | null {
  if (base.counter === null || invocationCounter === null || invocationCounter > base.counter) return null;
  return contradiction(
    "counter",
    `invocation counter ${invocationCounter} after ${base.counter}: an old telegram sent again`,
  );
}

function otherList(base: Baseline, shape: Shape): CheckFailure | null {
  if (base.signatures.includes(shape.signature)) return null;
  const damaged = base.signatures.find((known) => isDamagedCopy(known, shape.signature));
  if (damaged === undefined) {
    return { check: "structure", reason: "a list that this meter has not sent before", grade: "doubt" };
  }
  const parts = damaged.split("|");
  const now = shape.signature.split("|");
  const at = now.findIndex((part, index) => part !== parts[index]);
  return contradiction("structure", `the list has "${now[at]}" where it had "${parts[at]}"`);
}

function checkEnergies(base: Baseline, sample: Sample, time: number, proven: boolean): CheckFailure | null {
  const { telegram, shape, clock } = sample;
  const zero = onlyZeros(base, sample);
  if (zero !== null) return zero;
  let fall: CheckFailure | null = null;
  let doubt: CheckFailure | null = null;
  for (const counter of shape.counters) {
    const known = base.registers[counter.obis];
    if (known === undefined) continue;
    const value = numberOf(telegram.registers[counter.index]) * counter.factor;
    const rise = value - known.value;
    const passed = elapsed(known, time, clock);
    if (rise < 0 && !counter.signed) {
      const slip = -rise <= slipOf(base) && value >= known.prior;
      if (fall === null || !slip) {
        const reason = `${counter.obis} fell from ${known.value} to ${value}`;
        fall = contradiction(slip ? "energy-slip" : "energy-fall", reason);
      }
    } else if (!proven || known.value === 0) {
      // A checksum proves the bytes, not that a meter that is starting up has restored its registers: a return is
      // checked even in proven telegrams.
      const limit = (powerLimitOf(base) * (passed + SLACK_MS)) / 3_600_000 + counter.step;
      if (Math.abs(rise) > limit) {
        const within = `within ${Math.round(passed / 1000)} s`;
        const reason = `${counter.obis} went from ${known.value} to ${value} ${within}, at most ${Math.floor(limit)} more is possible`;
        return contradiction(known.value === 0 ? "energy-return" : "energy-rise", reason);
      }
      if (!proven) doubt ??= burst(base, sample, counter, rise, passed, known.rate);
    }
  }
  return fall ?? doubt;
}

/**
 * Fails if every energy of this telegram is exactly 0, and at least one was not before or none is known. A meter that is
 * starting up sends that, and so does one that is really new.
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

/** Power limit, W: the configured one, or more if the meter itself reported more. */
const powerLimitOf = (base: Baseline): number => Math.max(base.maxPower, 1.2 * base.import, 1.2 * base.export);

/**
 * Fails if an energy rose by more than twice what the powers before and after explain; a reactive energy without a power
 * in the telegram, by more than Σ U·I or four times its recent rate.
 */
function burst(
  base: Baseline,
  { powers }: Sample,
  counter: CounterField,
  rise: number,
  passed: number,
  rate: number,
): CheckFailure | null {
  if (rise <= 0 || passed > SAMPLED_MS || !base.hasPower || base.unexplained >= MAX_UNEXPLAINED) return null;
  if (counter.power === "unknown") return null;
  const sampled = Math.max(base[counter.power], powers?.[counter.power] ?? 0);
  const power = counter.power === "apparent" ? Math.min(sampled, rate < DORMANT_W ? 0 : 2 * rate) : sampled;
  const limit = (2 * power * (passed + SLACK_MS / 2)) / 3_600_000 + (power > 0 ? counter.step : 0);
  if (rise <= limit) return null;
  const likely = rise <= (LIKELY_W * (passed + SLACK_MS)) / 3_600_000 + counter.step;
  const reason = `${counter.obis} rose by ${rise} within ${Math.round(passed / 1000)} s at ${Math.round(power)} W or less`;
  return { check: "energy-burst", reason, grade: "doubt", unlikely: !likely };
}

function clockJump(base: Baseline, { clock }: Sample, time: number): CheckFailure | null {
  if (clock === null || base.clock === null) return null;
  if (clock < base.clock) {
    const back = Math.round((base.clock - clock) / 1000);
    return { check: "clock", reason: `the meter's clock went back by ${back} s`, grade: "doubt" };
  }
  if (base.clockOffset === null) return null;
  const ahead = clock - time - base.clockOffset;
  if (ahead <= CLOCK_TOLERANCE_MS + Math.max(0, time - base.at) / 1000) return null;
  const reason = `the meter's clock went forward by ${Math.round(ahead / 1000)} s more than has passed`;
  return { check: "clock", reason, grade: "doubt" };
}

/**
 * After a long pause so much energy may have flowed that nearly any value would be plausible: a second telegram must
 * confirm it. The meter's clock distinguishes such a pause from a mere delay.
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
