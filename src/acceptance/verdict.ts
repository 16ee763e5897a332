/** Input and output of acceptance. Types only, so that the factory depends on the judges and not the other way round. */
import type { Telegram } from "../codec/telegram.ts";
import type { Check } from "./check-failure.ts";

/** The decision about a telegram. One call may also decide earlier, held telegrams; verdicts come in order of arrival. */
export type Verdict =
  /** Publish everything in `telegram`. `notice` goes to the log: a replaced meter, a register that was reset. */
  | {
      readonly type: "accepted";
      /** The telegram that was judged, without the registers listed in `withheld`. */
      readonly telegram: Telegram;
      readonly at: number;
      readonly notice?: string;
      /** OBIS codes removed from `telegram`: below the published value, or of a sub-meter that is not connected. */
      readonly withheld?: readonly string[];
    }
  /** Publish the instantaneous values (gauges) now; the registers wait for confirmation. */
  | { readonly type: "provisional"; readonly telegram: Telegram; readonly at: number }
  /** Never publish; `implausible` in `decode --accept`. `reason` says what was expected and what was found. */
  | {
      readonly type: "rejected";
      readonly telegram: Telegram;
      readonly at: number;
      readonly check: Check;
      readonly reason: string;
    };

/** Judges the telegrams of one source in order; `at` is the time of arrival in milliseconds, monotonic. */
export interface Acceptance {
  judge(telegram: Telegram, at: number): Verdict[];
  /**
   * Bytes arrived that could not be decoded. The line is not silent, so held telegrams wait longer. Omitting this call
   * only raises the share of wrong values after a start.
   */
  disturbed(at: number): void;
  /** When `expire` must be called to decide held telegrams, milliseconds as `at`; `null` if none is held. */
  readonly due: number | null;
  /** Pass `Infinity` at the end of the input to decide all held telegrams. */
  expire(at: number): Verdict[];
  /** State to keep over a restart (a JSON value of bounded size); changes with each accepted telegram. */
  memory(): unknown;
}

export interface AcceptanceOptions {
  /** Highest power of this meter, W (`plausibility.max_power`). */
  readonly maxPower?: number | undefined;
  /** Voltage range of a connected phase, V (`plausibility.min_voltage`, `max_voltage`). */
  readonly minVoltage?: number | undefined;
  readonly maxVoltage?: number | undefined;
  /**
   * `arrival`: `at` is the time of arrival. `meter`: the input is a capture; time is taken from the meters' clocks, and
   * each meter is judged separately.
   */
  readonly timing?: "arrival" | "meter" | undefined;
  /** Identifies the encryption key without revealing it; counters stored under another key are ignored. */
  readonly keyId?: string | undefined;
  /** `<meter>` in topics, once it is known: the name under which the user can have the meter forgotten. */
  readonly id?: (() => string | null) | undefined;
  /** Label of the source: plain telegrams are refused on a source that has delivered encrypted ones. */
  readonly source?: string | undefined;
  /** Wall clock, milliseconds since 1970; gives the age of the stored state. */
  readonly wall?: (() => number) | undefined;
}

export interface AcceptanceLog {
  debug(message: string | (() => string)): void;
}
