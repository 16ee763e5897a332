/** What a meter reports to the sinks. */

import type { Quantity } from "../catalogue/quantities.ts";
import type { Telegram } from "../codec/telegram.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";

/** Which meter it is, as far as its telegrams say. */
export interface MeterInfo {
  /** `<meter>` in topics and unique ids, reduced to `[A-Za-z0-9_-]`. */
  readonly id: string;
  /** Device name in Home Assistant. */
  readonly name: string;
  readonly manufacturer: string | null;
  readonly model: string | null;
  /** The number that the telegram carries. */
  readonly serialNumber: string | null;
  readonly systemTitle: string | null;
}

/** One value, ready to be published: in the unit that people read, digits neither lost nor invented. */
export interface ReadingValue {
  /** `1-0:1.8.0*255` */
  readonly obis: string;
  /** Topic segment: `1.8.0`, or `A-B:C.D.E` where A-B is not 1-0. */
  readonly topic: string;
  /** `energy_import`, or `obis_…`. */
  readonly key: string;
  /** Decimal text (`12.937`) or text. */
  readonly text: string;
  readonly numeric: boolean;
  readonly unit: string | null;
  /** `null` for a code without a row in the table. */
  readonly quantity: Quantity | null;
}

export interface Reading {
  readonly meter: MeterInfo;
  /** ISO 8601 of the meter, or `null`. */
  readonly meterTime: string | null;
  /** When the last byte had come, milliseconds of the wall clock. */
  readonly receivedAt: number;
  /**
   * `false` for the very first telegram of a meter of which nothing is remembered: only instantaneous values are in it,
   * and its registers wait for a telegram that confirms them (see acceptance.ts).
   */
  readonly complete: boolean;
  readonly values: readonly ReadingValue[];
  readonly telegram: Telegram;
}

/** Counters of one meter since the start; `rejected` by error code. */
export interface MeterCounters {
  readonly bytes: number;
  readonly telegrams: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly skippedBytes: number;
  /** How often the source was opened. */
  readonly connections: number;
}

export type MeterEvent =
  | { readonly type: "reading"; readonly reading: Reading }
  /** No accepted telegram for three periods (30 s at least), or telegrams again. */
  | { readonly type: "availability"; readonly meter: MeterInfo; readonly online: boolean }
  /** The diagnosis has changed. `label` names the source; `meter` is null until a telegram says which meter it is. */
  | {
      readonly type: "diagnosis";
      readonly label: string;
      readonly meter: MeterInfo | null;
      readonly diagnosis: Diagnosis;
    };

/** The state of one configured meter for `bridge/info`, `/health`, `/metrics`, the page and `doctor`. */
export interface MeterStatus {
  /** Position in the configuration, from 0. */
  readonly index: number;
  readonly label: string;
  readonly info: MeterInfo | null;
  readonly online: boolean;
  readonly connected: boolean;
  readonly lastTelegramAt: number | null;
  /** Observed period between telegrams in milliseconds, `null` until two have come. */
  readonly periodMs: number | null;
  /** Without an accepted telegram for this long the meter counts as silent, milliseconds. */
  readonly limitMs: number;
  readonly counters: MeterCounters;
  readonly diagnosis: Diagnosis;
}
