/**
 * Simulated meter: measures a load profile, then encodes, encrypts and frames telegrams as the grid operator's meters do.
 * It uses the codec's own encoders, so it does not validate the decoders; only real captures do.
 */
import { LoadProfile, type Measurement, seededRandom } from "./load-profile.ts";
import { findLayout, type Layout } from "./simulator-layouts.ts";

/** Example key published in Netz NÖ's interface description. It gives no confidentiality. */
export const DEMO_KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

export interface SimulatedMeterOptions {
  /** See `LAYOUTS`; default `netz-noe`. */
  readonly layout?: string | undefined;
  readonly key?: Uint8Array | undefined;
  /** If set, telegrams contain a GCM authentication tag. */
  readonly authenticationKey?: Uint8Array | undefined;
  /** Equal seeds produce equal days; also determines the meter's serial number. Default 1. */
  readonly seed?: number | undefined;
  /** Time of the first telegram, in milliseconds since 1970. */
  readonly start: number;
}

export class SimulatedMeter {
  readonly layout: Layout;
  readonly #options: SimulatedMeterOptions;
  readonly #loadProfile: LoadProfile;
  readonly #key: Uint8Array;
  readonly #serial: number;
  #counter: number;

  /** @throws RangeError for an unknown layout */
  constructor(options: SimulatedMeterOptions) {
    const seed = options.seed ?? 1;
    this.#options = options;
    this.layout = findLayout(options.layout ?? "netz-noe");
    this.#key = options.key ?? Buffer.from(DEMO_KEY, "hex");
    this.#loadProfile = new LoadProfile(seededRandom(seed), options.start);
    this.#serial = 200_000 + ((seed * 7919) % 700_000);
    // 32 bits, in tenths of a second: never decreases after a restart, even at ten telegrams per second.
    this.#counter = 1000 + Math.floor((options.start / 100) % 4_000_000_000);
  }

  /** All bytes of the telegram for the given time. */
  telegram(time: number): Uint8Array {
    return this.encode(this.#loadProfile.measure(time));
  }

  /** The telegram for a given measurement. */
  encode(measured: Measurement): Uint8Array {
    this.#counter += 1;
    return this.layout.encode(measured, {
      key: this.#key,
      authenticationKey: this.#options.authenticationKey,
      counter: this.#counter,
      serial: this.#serial,
      clock: encodeClock(measured.time, this.layout.clockStatus),
    });
  }
}

const HOUR_MS = 3_600_000;

/** 12-byte date-time (Blue Book, 4.1.6.1) in Central European local time. */
function encodeClock(time: number, status: number): Uint8Array {
  const summer = isSummerTime(time);
  const local = new Date(time + (summer ? 2 : 1) * HOUR_MS);
  const year = local.getUTCFullYear();
  const [days, hours, minutes] = [local.getUTCDate(), local.getUTCHours(), local.getUTCMinutes()];
  const head = [year >> 8, year & 0xff, local.getUTCMonth() + 1, days, local.getUTCDay() || 7];
  const deviation = summer ? -120 : -60; // minutes from local time to UTC
  const tail = [0, (deviation >> 8) & 0xff, deviation & 0xff, status | (summer ? 0x80 : 0)];
  return Uint8Array.from([...head, hours, minutes, local.getUTCSeconds(), ...tail]);
}

/** Last Sunday in March to last Sunday in October, both at 01:00 UTC (directive 2000/84/EC). */
function isSummerTime(time: number): boolean {
  const year = new Date(time).getUTCFullYear();
  const lastSunday = (month: number): number => {
    const last = new Date(Date.UTC(year, month + 1, 0, 1));
    return last.getTime() - last.getUTCDay() * 24 * HOUR_MS;
  };
  return time >= lastSunday(2) && time < lastSunday(9);
}
