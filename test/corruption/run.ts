/** Sends a meter's telegrams over a bad line into decoder and acceptance, and compares what is published with the truth. */

import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import type { Verdict } from "../../src/acceptance/verdict.ts";
import { createDecoder, decodeTelegrams } from "../../src/codec/decoder.ts";
import type { Telegram } from "../../src/codec/telegram.ts";
import { seededRandom } from "../../src/sources/load-profile.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { DAMAGES, type DamageName } from "./damage.ts";

const KEY = Buffer.from("000102030405060708090A0B0C0D0E0F", "hex");
const START = Date.UTC(2026, 9, 24, 12, 0, 0); // the night after, clocks are put back
const PERIOD_MS = 5_000;
const COUNTER = /:\d+\.8\.\d+\*/;

/** Stopped; killed, with state up to five minutes old; killed, without state (what was published is then unknown). */
const RESTARTS = ["stop", "kill", "lost memory"] as const;

export interface Options {
  readonly layout: string;
  readonly telegrams: number;
  readonly seed: number;
  /** Share of the telegrams that are damaged. */
  readonly share: number;
  readonly damages: readonly DamageName[];
  /** Number of telegrams between restarts. */
  readonly restartEvery?: number;
  /** Whether there are gaps between telegrams, as on real lines. */
  readonly silence: boolean;
}

export interface Report {
  readonly sent: number;
  readonly damaged: number;
  /** Invocation counters of intact telegrams that were not accepted, and why. */
  readonly lost: string[];
  /** Violations by published registers, as sentences. */
  readonly violations: string[];
  /** Published readings, and those with a value that the meter did not send. */
  readonly published: number;
  readonly wrongReadings: number;
  readonly wrongEnergies: number;
  /** Maximum error of a published energy, Wh. */
  readonly worstEnergy: number;
  /** Readings with a withheld register, because a wrong one had been published before. */
  readonly withheld: number;
  /** Damaged telegrams that decoded to other values, by outcome. */
  readonly wrongDecoded: number;
  readonly caughtBy: Record<string, number>;
  /** Wrong gauges by OBIS code. */
  readonly wrongBy: Record<string, number>;
  /** Telegrams whose gauges were published before confirmation, and those with a wrong one. */
  readonly provisional: number;
  readonly wrongProvisional: number;
  /** Accepted telegrams that were held first. */
  readonly late: number;
}

type Change = { -readonly [Key in keyof Report]: Report[Key] };

export function runLine(options: Options): Report {
  const random = seededRandom(options.seed);
  const meter = new SimulatedMeter({ layout: options.layout, key: KEY, start: START, seed: options.seed });
  const other = new SimulatedMeter({ layout: options.layout, key: KEY, start: START, seed: options.seed + 1 });
  const decoder = createDecoder({ key: KEY });
  const report: Change = {
    sent: 0,
    damaged: 0,
    lost: [],
    violations: [],
    published: 0,
    wrongReadings: 0,
    wrongEnergies: 0,
    worstEnergy: 0,
    withheld: 0,
    wrongDecoded: 0,
    caughtBy: {},
    wrongBy: {},
    provisional: 0,
    wrongProvisional: 0,
    late: 0,
  };
  const truth = new Map<number, Telegram>();
  const waiting = new Set<number>();
  const decided = new Set<number>();
  const refused = new Map<number, string>();
  const highest = new Map<string, { value: number; at: number }>();
  let acceptance = createAcceptance({ wall: () => START + now });
  let now = 0;
  let written: unknown;
  let kind: (typeof RESTARTS)[number] | undefined;

  const note = (verdicts: readonly Verdict[]): void => {
    for (const verdict of verdicts) {
      const { telegram, at } = verdict;
      if (verdict.type !== "provisional") decided.add(numberOf(telegram));
      // If the telegram is numbered by its clock and the clock is wrong, its values identify it.
      const sent =
        truth.get(numberOf(telegram)) ??
        [...truth.values()].find((one) => differences(one, telegram).every((what) => what === "time"));
      const wrong = sent === undefined ? ["everything"] : differences(sent, telegram);
      if (verdict.type === "provisional") {
        report.provisional++;
        if (wrong.some((obis) => !COUNTER.test(obis))) report.wrongProvisional++;
        continue;
      }
      if (wrong.length > 0) report.wrongDecoded++;
      if (verdict.type === "rejected") {
        const counter = numberOf(telegram);
        if (waiting.has(counter)) refused.set(counter, `${verdict.check}: ${verdict.reason}`);
        if (wrong.length > 0) report.caughtBy[verdict.check] = (report.caughtBy[verdict.check] ?? 0) + 1;
        continue;
      }
      waiting.delete(numberOf(telegram));
      report.published++;
      if (at < now) report.late++;
      if (verdict.withheld !== undefined) report.withheld++;
      if (wrong.length > 0) report.wrongReadings++;
      for (const obis of wrong) report.wrongBy[obis] = (report.wrongBy[obis] ?? 0) + 1;
      if (wrong.some((obis) => COUNTER.test(obis))) report.wrongEnergies++;
      for (const { obis } of telegram.registers.filter((register) => COUNTER.test(register.obis))) {
        const value = read(telegram, obis);
        const before = highest.get(obis);
        const off = Math.abs(value - (sent === undefined ? Number.NaN : read(sent, obis)));
        report.worstEnergy = Math.max(report.worstEnergy, off);
        if (before !== undefined && value < before.value) {
          report.violations.push(`${numberOf(telegram)} ${kind}: ${obis} fell from ${before.value} to ${value}`);
        }
        // 100 kW, the configured limit; 5 s for late telegrams.
        const most = before === undefined ? Number.NaN : (100_000 * (at - before.at + PERIOD_MS)) / 3_600_000 + 1;
        if (before !== undefined && value - before.value > most) {
          report.violations.push(`${numberOf(telegram)}: ${obis} jumped from ${before.value} to ${value}`);
        }
        highest.set(obis, { value, at });
      }
    }
  };

  const hear = (events: ReturnType<typeof decoder.feed>): void => {
    for (const event of events) {
      if (event.type === "telegram") note(acceptance.judge(event.telegram, now));
      else acceptance.disturbed(now);
    }
  };

  let bytes = meter.telegram(START);
  for (let index = 0; index < options.telegrams; index++) {
    const next = meter.telegram(START + (index + 1) * PERIOD_MS);
    const foreign = other.telegram(START + index * PERIOD_MS);
    const sent = decodeTelegrams(bytes, { key: KEY })[0];
    if (sent?.type !== "telegram") throw new Error("the simulated meter sends something that does not decode");
    const counter = numberOf(sent.telegram);
    truth.set(counter, sent.telegram);
    if (truth.size > 200) truth.delete(truth.keys().next().value ?? -1);
    report.sent++;
    // The first and last few are intact, so that every telegram is decided at the end.
    const damage = index > 3 && index < options.telegrams - 8 && random() < options.share;
    const name = options.damages[Math.floor(random() * options.damages.length)] ?? "one bit";
    if (damage) report.damaged++;
    else waiting.add(counter);
    const onLine = damage ? DAMAGES[name]({ bytes, next, foreign }, random) : bytes;
    const begun = index * PERIOD_MS;
    const { due } = acceptance;
    now = begun + 1_300 + Math.floor(random() * 200);
    if (due !== null && due <= now) note(acceptance.expire(due));
    for (let from = 0; from < onLine.length; ) {
      const length = 1 + Math.floor(random() * 300);
      hear(decoder.feed(onLine.subarray(from, from + length)));
      from += length;
    }
    if (options.silence) hear(decoder.silence());
    if (index % 60 === 0) written = acceptance.memory();
    if (options.restartEvery !== undefined && index % options.restartEvery === options.restartEvery - 1) {
      kind = RESTARTS[Math.floor(index / options.restartEvery) % RESTARTS.length];
      const memory = kind === "stop" ? acceptance.memory() : kind === "kill" ? written : undefined;
      if (kind === "lost memory") highest.clear();
      // Held telegrams are lost with the process.
      for (let held = counter - 5; held <= counter; held++) if (!decided.has(held)) waiting.delete(held);
      acceptance = createAcceptance({ wall: () => START + now }, JSON.parse(JSON.stringify(memory ?? null)));
    }
    bytes = next;
  }
  hear(decoder.end());
  note(acceptance.expire(Number.POSITIVE_INFINITY));
  for (const counter of waiting) report.lost.push(`${counter}: ${refused.get(counter) ?? "not decoded"}`);
  return report;
}

/**
 * The number of a telegram: its invocation counter, or without one (AMIS) the number of periods since the start by its
 * clock, including both hours of the night in which clocks go back.
 */
function numberOf(telegram: Telegram): number {
  if (telegram.invocationCounter !== null) return telegram.invocationCounter;
  const summer = ((telegram.clockStatus ?? 0) & 0x80) !== 0;
  const wall = Date.parse(`${telegram.meterTime?.slice(0, 19)}Z`);
  return (wall - (summer ? 2 : 1) * 3_600_000 - START) / PERIOD_MS;
}

const read = (telegram: Telegram, obis: string): number => {
  const value = telegram.registers.find((register) => register.obis === obis)?.value;
  return value === undefined || typeof value === "string"
    ? Number.NaN
    : Number(value.coefficient) * 10 ** value.exponent;
};

/** OBIS codes of values other than those sent; omitted ones are not wrong. `time` for the clock. */
function differences(sent: Telegram, found: Telegram): string[] {
  const wrong: string[] = [];
  if (sent.meterTime !== found.meterTime) wrong.push("time");
  if (sent.meterId !== found.meterId) wrong.push("meter");
  for (const register of found.registers) {
    const same = sent.registers.find(({ obis }) => obis === register.obis);
    const equal =
      same !== undefined &&
      same.unit === register.unit &&
      (typeof register.value === "string"
        ? register.value === same.value
        : read(found, register.obis) === read(sent, register.obis));
    if (!equal) wrong.push(register.obis);
  }
  return wrong;
}
