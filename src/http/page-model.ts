/** The JSON exchanged between server and page; described for others in docs/openapi.yaml. */
import type { AnnotatedBytes } from "../codec/inspect/annotate.ts";

export interface Bilingual {
  readonly en: string;
  readonly de: string;
}

/** `off`: not configured; `wait`: nothing has arrived yet; `bad`: this is where it fails. */
export type Light = "ok" | "wait" | "bad" | "off";

export type StageName = "adapter" | "line" | "frames" | "decryption" | "acceptance" | "broker";

/** One stage of the path from the adapter to the broker. */
export interface Stage {
  readonly name: StageName;
  readonly light: Light;
  /** Count of successes since startup: times opened (adapter), bytes (line), telegrams, or messages (broker). */
  readonly passed: number;
  /** Count of failures at this stage. */
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
  /** When it arrived, milliseconds of the server's wall clock. */
  readonly at: number;
  /** Maximum age of a current value, milliseconds. */
  readonly limitMs: number;
}

export interface PageMeter {
  readonly index: number;
  /** `null` until a telegram identifies the meter, unless it is configured. */
  readonly id: string | null;
  /** The configured name until a telegram has arrived. */
  readonly name: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly port: string;
  readonly online: boolean;
  /** Milliseconds of the server's wall clock. */
  readonly lastTelegramAt: number | null;
  readonly meterTime: string | null;
  readonly periodMs: number | null;
  /** A meter without an accepted telegram for longer than this is silent, milliseconds. */
  readonly limitMs: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly skippedBytes: number;
  readonly connections: number;
  readonly diagnosis: { readonly code: string; readonly text: Bilingual; readonly cure: Bilingual };
  readonly stages: readonly Stage[];
  readonly values: readonly PageValue[];
  /** Number of values beyond the limit, which are not served. */
  readonly omittedValues: number;
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
  /** Whether instantaneous values are served. */
  readonly fresh: boolean;
}

/** Version of this interface: incremented when something is removed or changes its meaning, not for additions. */
export const API_VERSION = 1;

export interface PageState {
  readonly api: typeof API_VERSION;
  readonly version: string;
  readonly startedAt: number;
  /** The server's wall clock, so that ages are right in a browser whose clock is wrong. */
  readonly now: number;
  /** Whether keys can be tested here: under Home Assistant, with a token, or on the loopback address. */
  readonly keyTest: boolean;
  /** Whether the request carried a session or token, so that the page offers to log out. */
  readonly loggedIn: boolean;
  readonly broker: PageBroker | null;
  readonly meters: readonly PageMeter[];
  readonly outputs: readonly PageOutput[];
  /** Which hours Home Assistant's statistics missed, and which were filled; `null` if `homeassistant.backfill` is off. */
  readonly backfill: PageBackfill | null;
}

/** Hours, each of which counts once; times in milliseconds since 1970. */
export interface PageHours {
  readonly hours: number;
  readonly from: number;
  readonly to: number;
}

export interface PageBackfill {
  /** `null` before the first comparison. */
  readonly comparedAt: number | null;
  /** Why the statistics cannot be compared. */
  readonly error: string | null;
  readonly missed: PageHours | null;
  readonly filled: PageHours | null;
  /** One entry for each reason; `pending` ones are filled by a later comparison. */
  readonly left: readonly (PageHours & { readonly reason: Bilingual; readonly pending: boolean })[];
}

export interface PageBroker {
  readonly server: string;
  readonly connected: boolean;
  readonly error: Bilingual | null;
  /** What is wrong although it is connected. */
  readonly problems: readonly Bilingual[];
}

/** Mean net power (W, import positive) in slots of equal length; `null` without data. */
export interface PowerSeries {
  /** Start of the first slot, milliseconds of the wall clock. */
  readonly start: number;
  readonly stepMs: number;
  readonly watts: readonly (number | null)[];
}

/** Meter readings (kWh) at the start and end of each hour that has any. */
export interface EnergyHour {
  /** Start of the hour, milliseconds of the wall clock. */
  readonly start: number;
  readonly import: readonly [first: number, last: number] | null;
  readonly export: readonly [first: number, last: number] | null;
}

/** The ranges of the ledger card: the quarters of a day, the days of a month, the months of a year. */
export type LedgerRange = "day" | "month" | "year";

/** One quarter, day or month, or an interval that cannot be divided into them. */
export interface LedgerRow {
  /** Local time of the meter with its offset, `2026-03-29T03:00:00+02:00`. */
  readonly start: string;
  readonly end: string;
  /** Wh; `null` if the meter does not send it, negative if a register fell. */
  readonly importWh: number | null;
  readonly exportWh: number | null;
  /** Empty for a whole step; see docs/ledger.md. */
  readonly mark: "" | "gap" | "reset";
  /** Names of the tariff windows that contain it; only for the quarters of a day. */
  readonly windows: readonly string[];
}

/** A part of the ledger; times in milliseconds since 1970. */
export interface LedgerView {
  readonly startAt: number;
  readonly endAt: number;
  /** Rows that begin in the range, oldest first. */
  readonly rows: readonly LedgerRow[];
  /** The complete quarter with the highest import in the range, and its mean power; `null` if nothing was imported. */
  readonly peak: { readonly start: string; readonly watts: number } | null;
}

/** One recent telegram, intact or faulty. */
export interface TelegramSummary {
  readonly id: number;
  readonly at: number;
  readonly bytes: number;
  readonly transport: string | null;
  /** As in `decode --json`; `null` for a telegram that could not be read. */
  readonly security: string | null;
  readonly systemTitle: string | null;
  /** `ok`, or the error code. */
  readonly outcome: string;
  /** Why it was rejected. The German text is `null` if there is only English. */
  readonly message: { readonly en: string; readonly de: string | null } | null;
}

export interface TelegramDetail extends TelegramSummary {
  readonly parts: readonly AnnotatedBytes[];
}

/** The configuration in force, as `kaifa2mqtt check` prints it. */
export interface PageSettings {
  /** The file that was read, `null` without one. */
  readonly file: string | null;
  readonly values: readonly { readonly path: string; readonly value: string; readonly origin: string }[];
}

/** Result of trying a key on the latest telegrams. */
export interface KeyTestResult {
  /** `none`: no encrypted telegram has arrived yet; `plain`: the meter does not encrypt; `invalid`: not 32 hex digits. */
  readonly result: "fits" | "wrong" | "authentication-wrong" | "none" | "invalid" | "plain";
}
