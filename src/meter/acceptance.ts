/**
 * The decision whether a decoded telegram may be published: strictness, plausibility against what the same meter said
 * before, first contact. One place, no I/O, no clock of its own.
 */
import type { Telegram } from "../codec/telegram.ts";

/** What is decided about a telegram; one call may decide about earlier ones that were held back, in their order. */
export type Verdict =
  /** Publish everything. `notice` is for the log: a replaced meter, a register that was reset. */
  | { readonly type: "accepted"; readonly telegram: Telegram; readonly at: number; readonly notice?: string }
  /** First contact: publish what is of the moment (gauges) now; the registers wait for confirmation. */
  | { readonly type: "provisional"; readonly telegram: Telegram; readonly at: number }
  /** Never publish; `implausible` in `decode --accept`. The reason names the check, expected and found. */
  | {
      readonly type: "rejected";
      readonly telegram: Telegram;
      readonly at: number;
      readonly check: string;
      readonly reason: string;
    };

/** Judges the telegrams of one source in their order; `at` is the time of arrival in milliseconds, monotonic. */
export interface Acceptance {
  judge(telegram: Telegram, at: number): Verdict[];
  /** When `expire` must be called to decide about a telegram that is held; `null` if none is. Milliseconds as `at`. */
  readonly due: number | null;
  expire(at: number): Verdict[];
  /** What must be remembered over a restart (a JSON value of bounded size); changes after each accepted telegram. */
  memory(): unknown;
}
