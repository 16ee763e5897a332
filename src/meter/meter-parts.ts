/** Dependencies of a meter; all are injected. */

import type { Acceptance } from "../acceptance/verdict.ts";
import type { Decoder } from "../codec/decoder-event.ts";
import type { Telegram } from "../codec/telegram.ts";
import type { Observer } from "../diagnosis/observer.ts";
import type { ComponentLog } from "../log/component-log.ts";
import type { Clock } from "../process/clock.ts";
import type { Source } from "../sources/source.ts";
import type { MeterEvent, Reading } from "./events.ts";
import type { LineChoice } from "./parity-search.ts";

/** Dependencies of a meter. */
export interface MeterParts {
  /** Position in the configuration, from 0. */
  readonly index: number;
  readonly source: Source;
  readonly line: LineChoice;
  readonly decoder: Decoder;
  readonly acceptance: Acceptance;
  readonly observer: Observer;
  /** `complete: false`: instantaneous values only (see acceptance.ts). @returns `null` if the meter is unknown */
  readonly toReading: (telegram: Telegram, complete: boolean, receivedAt: number) => Reading | null;
  /** Must neither block nor throw. */
  readonly emit: (event: MeterEvent) => void;
  readonly log: ComponentLog;
  readonly clock?: Clock;
}
