/** What a meter is made of: everything that it uses is handed to it. */

import type { Acceptance } from "../acceptance/verdict.ts";
import type { Decoder } from "../codec/decoder-event.ts";
import type { Telegram } from "../codec/telegram.ts";
import type { Observer } from "../diagnosis/observer.ts";
import type { ComponentLog } from "../log/component-log.ts";
import type { Clock } from "../process/clock.ts";
import type { Source } from "../sources/source.ts";
import type { MeterEvent, Reading } from "./events.ts";
import type { LineChoice } from "./parity-search.ts";

/** What a meter is made of. */
export interface MeterParts {
  /** Position in the configuration, from 0. */
  readonly index: number;
  readonly source: Source;
  readonly line: LineChoice;
  readonly decoder: Decoder;
  readonly acceptance: Acceptance;
  readonly observer: Observer;
  /** `complete: false`: only what is of the moment (see acceptance.ts). `null`: it does not say whose it is. */
  readonly toReading: (telegram: Telegram, complete: boolean, receivedAt: number) => Reading | null;
  /** Neither waits nor throws. */
  readonly emit: (event: MeterEvent) => void;
  readonly log: ComponentLog;
  readonly clock?: Clock;
}
