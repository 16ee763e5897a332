/**
 * Judges the telegrams of one meter in order. Stages: replay guard, consistency of the telegram (consistency.ts),
 * plausibility against the baseline (plausibility.ts), decision (decision.ts). Overview: acceptance.ts.
 */
import type { Telegram } from "../codec/telegram.ts";
import type { Entry } from "./agreement.ts";
import type { CheckFailure } from "./check-failure.ts";
import { checkConsistency } from "./consistency.ts";
import { Decision } from "./decision.ts";
import { HeldTelegrams, reject } from "./held-telegrams.ts";
import { Shapes } from "./list-shape.ts";
import { MeterRecord } from "./meter-record.ts";
import { isRepetition } from "./plausibility.ts";
import { sampleOf } from "./sample.ts";
import type { Acceptance, AcceptanceLog, AcceptanceOptions, Verdict } from "./verdict.ts";

/** Assumed time between two telegrams of a capture without clock, milliseconds. */
const UNKNOWN_PERIOD_MS = 900_000;

export class Judge implements Acceptance {
  readonly #shapes = new Shapes();
  readonly #useMeterClock: boolean;
  readonly #held: HeldTelegrams;
  readonly #state: MeterRecord;
  readonly #decision: Decision;
  /** Time of the last telegram of a capture, milliseconds. */
  #lastTime = 0;

  constructor(options: AcceptanceOptions, memory: unknown, log: AcceptanceLog | undefined) {
    this.#useMeterClock = options.timing === "meter";
    this.#held = new HeldTelegrams(log);
    this.#state = new MeterRecord(options, memory);
    this.#decision = new Decision(this.#held, this.#state);
  }

  get due(): number | null {
    return this.#held.due;
  }

  memory(): unknown {
    return this.#state.memory();
  }

  judge(telegram: Telegram, at: number): Verdict[] {
    const sample = sampleOf(telegram, this.#shapes.of(telegram));
    const time = this.#useMeterClock ? this.#captureTimeOf(sample.clock) : at;
    this.#state.restore(telegram, time);
    const proven = telegram.proof === "crc" || telegram.proof === "tag";
    const inconsistency = proven ? null : checkConsistency(sample, this.#state.limits, this.#state.base?.waived ?? []);
    const entry: Entry = {
      sample,
      at,
      time,
      proven,
      inconsistency,
      failure: null,
      verdict: null,
      run: null,
      fastRun: null,
    };
    const refusal = this.#refusalOf(telegram);
    if (refusal !== null) {
      entry.failure = refusal;
      reject(entry);
      return this.#held.enqueue(entry);
    }
    const provisional = this.#decision.decide(entry);
    const verdicts = this.#held.enqueue(entry);
    if (provisional !== null) verdicts.push(provisional);
    return verdicts;
  }

  disturbed(at: number): void {
    this.#held.postpone(at, this.#state.base);
  }

  expire(at: number): Verdict[] {
    const endOfInput = at === Number.POSITIVE_INFINITY;
    if (!endOfInput && (this.#held.due === null || at < this.#held.due)) return [];
    this.#held.due = null;
    this.#decision.decideHeld(endOfInput);
    return this.#held.drain();
  }

  /** In a capture time is taken from the meter's clock; without one, a fixed period is assumed. */
  #captureTimeOf(clock: number | null): number {
    this.#lastTime = clock ?? this.#lastTime + UNKNOWN_PERIOD_MS;
    return this.#lastTime;
  }

  /** Replays and downgrades are refused whatever agrees; except the last telegram again, if nothing is authenticated. */
  #refusalOf(telegram: Telegram): CheckFailure | null {
    const refusal = this.#state.guard.check(telegram);
    const { base } = this.#state;
    if (refusal?.check !== "counter" || telegram.proof === "tag" || base === null) return refusal;
    return isRepetition(base, telegram) ? null : refusal;
  }
}
