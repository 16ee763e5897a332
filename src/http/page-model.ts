/** What travels between the server and the page: JSON shapes, types only. The page imports nothing else of the program. */
import type { AnnotatedBytes } from "../codec/inspect/annotate.ts";

export interface Bilingual {
  readonly en: string;
  readonly de: string;
}

/** `off`: not configured; `wait`: nothing has come so far; `bad`: here it goes wrong. */
export type Light = "ok" | "wait" | "bad" | "off";

export type StageName = "adapter" | "frames" | "decryption" | "acceptance" | "broker";

/** One step of the way from the adapter to the broker. */
export interface Stage {
  readonly name: StageName;
  readonly light: Light;
  /** What got through since the start: bytes (adapter), telegrams, or messages (broker). */
  readonly passed: number;
  /** What got stuck here. */
  readonly failed: number;
}

export interface PageValue {
  readonly obis: string;
  readonly key: string;
  /** Exact decimal digits, or a text. */
  readonly text: string;
  readonly numeric: boolean;
  readonly unit: string | null;
  readonly name: Bilingual | null;
}

export interface PageMeter {
  readonly index: number;
  /** `null` until a telegram told it. */
  readonly id: string | null;
  readonly name: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly port: string;
  readonly online: boolean;
  /** Milliseconds of the server's wall clock. */
  readonly lastTelegramAt: number | null;
  readonly meterTime: string | null;
  readonly periodMs: number | null;
  readonly accepted: number;
  readonly rejected: number;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly skippedBytes: number;
  readonly connections: number;
  readonly diagnosis: { readonly code: string; readonly text: Bilingual; readonly cure: Bilingual };
  readonly stages: readonly Stage[];
  readonly values: readonly PageValue[];
}

/** An output for other machines. */
export interface PageOutput {
  /** `p1`, `homewizard`, `sunspec`, `shelly` */
  readonly output: string;
  readonly address: string;
  readonly listening: boolean;
  /** `null` until its meter's first reading. */
  readonly meter: string | null;
  readonly clients: number;
  readonly ageMs: number | null;
  /** Whether values of the moment are served. */
  readonly fresh: boolean;
}

export interface PageState {
  readonly version: string;
  readonly startedAt: number;
  /** The server's wall clock, so that ages are right in a browser whose clock is wrong. */
  readonly now: number;
  /** Whether the form that tests a key is offered (Home Assistant add-on only). */
  readonly keyTest: boolean;
  /** Whether there is a log-in that can be left. */
  readonly loggedIn: boolean;
  readonly broker: { readonly server: string; readonly connected: boolean; readonly error: string | null } | null;
  readonly meters: readonly PageMeter[];
  readonly outputs: readonly PageOutput[];
}

/** Mean net power (W, import positive) in slots of equal length; `null` where nothing came. */
export interface PowerSeries {
  /** Begin of the first slot, milliseconds of the wall clock. */
  readonly start: number;
  readonly stepMs: number;
  readonly watts: readonly (number | null)[];
}

/** Counters (kWh) at the begin and end of each hour in which something came. */
export interface EnergyHour {
  /** Begin of the hour, milliseconds of the wall clock. */
  readonly start: number;
  readonly import: readonly [first: number, last: number] | null;
  readonly export: readonly [first: number, last: number] | null;
}

/** One telegram or fault that was heard lately. */
export interface TelegramSummary {
  readonly id: number;
  readonly at: number;
  readonly bytes: number;
  readonly transport: string | null;
  /** `ok`, or the code of the error. */
  readonly outcome: string;
  readonly message: string | null;
}

export interface TelegramDetail extends TelegramSummary {
  readonly parts: readonly AnnotatedBytes[];
}

/** Answer to a key that was tried on the telegrams that came last. */
export interface KeyTestResult {
  /** `none`: no ciphered telegram has come yet; `invalid`: not 32 hex digits. */
  readonly result: "fits" | "wrong" | "authentication-wrong" | "none" | "invalid" | "plain";
}
