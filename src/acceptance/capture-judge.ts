/** Judges a capture (`decode --accept`). It may contain several meters; each is judged separately. */
import type { Telegram } from "../codec/telegram.ts";
import { Judge } from "./judge.ts";
import { identityOf } from "./meter-record.ts";
import type { Acceptance, AcceptanceLog, AcceptanceOptions, Verdict } from "./verdict.ts";

/** Meters judged at the same time; the oldest is finished when another one appears. */
const METERS = 64;

export class CaptureJudge implements Acceptance {
  readonly #options: AcceptanceOptions;
  readonly #stored: unknown;
  readonly #log: AcceptanceLog | undefined;
  readonly #judges = new Map<string, Judge>();

  constructor(options: AcceptanceOptions, memory: unknown, log: AcceptanceLog | undefined) {
    this.#options = options;
    this.#stored = memory;
    this.#log = log;
  }

  get due(): number | null {
    const due = [...this.#judges.values()].flatMap((judge) => judge.due ?? []);
    return due.length === 0 ? null : Math.min(...due);
  }

  memory(): unknown {
    return Object.assign({}, ...[...this.#judges.values()].map((judge) => judge.memory()));
  }

  judge(telegram: Telegram, at: number): Verdict[] {
    const identity = identityOf(telegram);
    const known = this.#judges.get(identity);
    if (known !== undefined) return known.judge(telegram, at);
    const verdicts: Verdict[] = [];
    if (this.#judges.size >= METERS) {
      const [oldest, judge] = [...this.#judges][0] ?? [];
      verdicts.push(...(judge?.expire(Number.POSITIVE_INFINITY) ?? []));
      if (oldest !== undefined) this.#judges.delete(oldest);
    }
    const judge = new Judge(this.#options, this.#stored, this.#log);
    this.#judges.set(identity, judge);
    return [...verdicts, ...judge.judge(telegram, at)];
  }

  disturbed(): void {
    // A capture has no deadlines.
  }

  expire(at: number): Verdict[] {
    return [...this.#judges.values()].flatMap((judge) => judge.expire(at));
  }
}
