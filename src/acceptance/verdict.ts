/** What acceptance decides and what it is asked with: types only, so that the factory knows the judges and not they it. */
import type { Telegram } from "../codec/telegram.ts";
import type { Check } from "./check-failure.ts";

/** What is decided about a telegram; one call may decide about earlier ones that were held back, in their order. */
export type Verdict =
  /** Publish everything in `telegram`. `notice` is for the log: a replaced meter, a register that was reset. */
  | {
      readonly type: "accepted";
      /** The telegram as judged; without the registers in `withheld`, if there are any. */
      readonly telegram: Telegram;
      readonly at: number;
      readonly notice?: string;
      /** Registers (OBIS codes) that are a little below what was published and will catch up: not to be published. */
      readonly withheld?: readonly string[];
    }
  /** First contact: publish what is of the moment (gauges) now; the registers wait for confirmation. */
  | { readonly type: "provisional"; readonly telegram: Telegram; readonly at: number }
  /** Never publish; `implausible` in `decode --accept`. The reason names the check, expected and found. */
  | {
      readonly type: "rejected";
      readonly telegram: Telegram;
      readonly at: number;
      readonly check: Check;
      readonly reason: string;
    };

/** Judges the telegrams of one source in their order; `at` is the time of arrival in milliseconds, monotonic. */
export interface Acceptance {
  judge(telegram: Telegram, at: number): Verdict[];
  /**
   * Bytes have come that could not be decoded: the line is not silent, so what is held waits for one more.
   * Without this call nothing is wrong but the share of wrong values after a start.
   */
  disturbed(at: number): void;
  /** When `expire` must be called to decide about a telegram that is held; `null` if none is. Milliseconds as `at`. */
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
   * several meters are told apart and judged each by itself.
   */
  readonly timing?: "arrival" | "meter" | undefined;
  /** Names the encryption key without revealing it: counters that were remembered under another key do not count. */
  readonly keyId?: string | undefined;
  /** `<meter>` in topics, once it is known: by it the user names a meter that is to be forgotten. */
  readonly id?: (() => string | null) | undefined;
  /** Label of the source: a source at which telegrams were encrypted is never believed plain ones. */
  readonly source?: string | undefined;
  /** Wall clock, milliseconds since 1970: tells how long ago the memory was written. */
  readonly wall?: (() => number) | undefined;
}

export interface AcceptanceLog {
  debug(message: string | (() => string)): void;
}
