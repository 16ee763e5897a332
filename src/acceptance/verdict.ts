/** Input and output of acceptance: types only, so that the factory depends on the judges and not the other way round. */
import type { Telegram } from "../codec/telegram.ts";
import type { Check } from "./check-failure.ts";

/** The decision about a telegram. One call may also decide about earlier ones that were held, in their order. */
export type Verdict =
  /** Publish everything in `telegram`. `notice` is for the log: a replaced meter, a register that was reset. */
  | {
      readonly type: "accepted";
      /** The telegram as judged; without the registers in `withheld`, if there are any. */
      readonly telegram: Telegram;
      readonly at: number;
      readonly notice?: string;
      /** OBIS codes of registers that are left out of `telegram`: below what was published, or of a sub-meter that is away. */
      readonly withheld?: readonly string[];
    }
  /** Publish the momentary values (gauges) now; the registers wait for confirmation. */
  | { readonly type: "provisional"; readonly telegram: Telegram; readonly at: number }
  /** Never publish; `implausible` in `decode --accept`. The reason names the check, expected and found. */
  | {
      readonly type: "rejected";
      readonly telegram: Telegram;
      readonly at: number;
      readonly check: Check;
      readonly reason: string;
    };

/** Judges the telegrams of one source, in order; `at` is the time of arrival in milliseconds, monotonic. */
export interface Acceptance {
  judge(telegram: Telegram, at: number): Verdict[];
  /**
   * Bytes arrived that could not be decoded: the line is not silent, so held telegrams wait longer. Leaving this call out
   * only raises the share of wrong values after a start.
   */
  disturbed(at: number): void;
  /** When `expire` must be called to decide about held telegrams, milliseconds as `at`; `null` if none is held. */
  readonly due: number | null;
  /** `Infinity` at the end of the input: everything is decided then. */
  expire(at: number): Verdict[];
  /** What must be remembered over a restart (a JSON value of bounded size); changes after each accepted telegram. */
  memory(): unknown;
}

export interface AcceptanceOptions {
  /** W that can flow through this meter at most (`plausibility.max_power`). */
  readonly maxPower?: number | undefined;
  /** Volts of a phase that is connected (`plausibility.min_voltage`, `max_voltage`). */
  readonly minVoltage?: number | undefined;
  readonly maxVoltage?: number | undefined;
  /**
   * `arrival`: `at` is when the telegram came. `meter`: the input is a capture; time passes as the meters' clocks say, and
   * each of several meters is judged by itself.
   */
  readonly timing?: "arrival" | "meter" | undefined;
  /** Names the encryption key without revealing it: counters that were remembered under another key do not count. */
  readonly keyId?: string | undefined;
  /** `<meter>` in topics, once it is known: the user names a meter by it when it is to be forgotten. */
  readonly id?: (() => string | null) | undefined;
  /** Label of the source: plain telegrams are refused at a source where telegrams were encrypted. */
  readonly source?: string | undefined;
  /** Wall clock, milliseconds since 1970: how long ago the state was saved. */
  readonly wall?: (() => number) | undefined;
}

export interface AcceptanceLog {
  debug(message: string | (() => string)): void;
}
