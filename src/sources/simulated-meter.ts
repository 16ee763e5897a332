/**
 * A meter that produces fresh telegrams: it measures a load profile, encodes, encrypts and frames like the grid operator's
 * meters. It uses the codec's encoders and therefore proves nothing about the decoders: real captures do that.
 */
import { LoadProfile, type Measurement, seededRandom } from "./load-profile.ts";
import { findLayout, type Layout } from "./simulator-layouts.ts";

/** The published example key of Netz NÖ's interface description: anything encrypted with it is public. */
export const DEMO_KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

export interface SimulatedMeterOptions {
  /** See `LAYOUTS`; default `netz-noe`. */
  readonly layout?: string | undefined;
  readonly key?: Uint8Array | undefined;
  /** When given, telegrams carry a GCM tag. */
  readonly authenticationKey?: Uint8Array | undefined;
  /** Equal seeds give equal days; the meter's serial number depends on it, too. Default 1. */
  readonly seed?: number | undefined;
  /** The first telegram's time, milliseconds since 1970. */
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
    // In tenths of seconds: after a restart it never goes back, even if telegrams were sent ten times a second. 32 bits.
    this.#counter = 1000 + Math.floor((options.start / 100) % 4_000_000_000);
  }

  /** The telegram of that moment, all its bytes. */
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

/** 12 bytes (Blue Book, 4.1.6.1) of local time in Central Europe, where these meters stand. */
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

/** From the last Sunday of March to that of October, 01:00 UTC each (directive 2000/84/EC). */
function isSummerTime(time: number): boolean {
  const year = new Date(time).getUTCFullYear();
  const lastSunday = (month: number): number => {
    const last = new Date(Date.UTC(year, month + 1, 0, 1));
    return last.getTime() - last.getUTCDay() * 24 * HOUR_MS;
  };
  return time >= lastSunday(2) && time < lastSunday(9);
}
