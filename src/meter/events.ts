/** Events that a meter sends to the sinks, and its status. */

import type { Quantity } from "../catalogue/quantities.ts";
import type { Telegram } from "../codec/telegram.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";

/** Identity of a meter, as far as its telegrams reveal it. */
export interface MeterInfo {
  /** `<meter>` in topics and unique ids, reduced to `[A-Za-z0-9_-]`. */
  readonly id: string;
  /** Device name in Home Assistant. */
  readonly name: string;
  readonly manufacturer: string | null;
  readonly model: string | null;
  /** The meter number in the telegram. */
  readonly serialNumber: string | null;
  readonly systemTitle: string | null;
}

/** One value, ready to publish: in its display unit, with exactly the digits that the meter sent. */
export interface ReadingValue {
  /** `1-0:1.8.0*255` */
  readonly obis: string;
  /** Topic segment: `1.8.0`, or `A-B:C.D.E` if A-B is not 1-0. */
  readonly topic: string;
  /** `energy_import`, or `obis_…`. */
  readonly key: string;
  /** Decimal text (`12.937`) or text. */
  readonly text: string;
  readonly numeric: boolean;
  readonly unit: string | null;
  /** `null` for a code that the table of quantities lacks. */
  readonly quantity: Quantity | null;
}

export interface Reading {
  readonly meter: MeterInfo;
  /** The meter's own timestamp, ISO 8601; `null` if it sent none. */
  readonly meterTime: string | null;
  /** When the last byte arrived, wall clock milliseconds. */
  readonly receivedAt: number;
  /**
   * `false` for the first telegram of a meter without a baseline: it holds instantaneous values only; the registers
   * wait until another telegram confirms them (see acceptance.ts).
   */
  readonly complete: boolean;
  readonly values: readonly ReadingValue[];
  readonly telegram: Telegram;
}

/** Counters of one meter since the program started; `rejectedBy` is keyed by error code. */
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
  /** Offline: no telegram accepted for three periods (at least 30 s). Online: telegrams are accepted again. */
  | { readonly type: "availability"; readonly meter: MeterInfo; readonly online: boolean }
  /** The diagnosis has changed. `label` names the source; `meter` is `null` until a telegram identifies the meter. */
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
  /** Observed push period in milliseconds; `null` until two telegrams have arrived. */
  readonly periodMs: number | null;
  /** Offline limit in milliseconds: the meter counts as silent after this long without an accepted telegram. */
  readonly limitMs: number;
  readonly counters: MeterCounters;
  readonly diagnosis: Diagnosis;
}
