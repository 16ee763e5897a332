/**
 * Outputs for other machines: common options, dependencies and status. An output is a sink that serves the readings of one
 * meter in a machine protocol.
 */
import type { LedgerState } from "../../ledger/ledger-state.ts";
import type { ComponentLog } from "../../log/component-log.ts";
import type { MeterInfo } from "../../meter/events.ts";
import type { Clock } from "../../process/clock.ts";
import type { Sink } from "../sink.ts";

export type OutputName = "p1" | "homewizard" | "sunspec" | "shelly";

/** Options that every output has. */
export interface OutputOptions {
  /** `HOST:PORT` or `[IPv6]:PORT`. */
  readonly listen?: string | undefined;
  /** Id of the meter; needed with several meters. */
  readonly meter?: string | undefined;
  /**
   * Power of each phase if the meter doesn't send it: `sent` omits it (or gives the total on the first phase if the
   * protocol requires a number); `computed` derives it from U·I when the totals prove the sign.
   */
  readonly phase_power?: "sent" | "computed" | undefined;
}

/** Dependencies of an output. */
export interface OutputParts {
  /** Observed period of the meter, milliseconds; `null` until two telegrams have arrived. */
  readonly periodMs: (meterId: string | null) => number | null;
  readonly version: string;
  readonly log: ComponentLog;
  /** For tests. */
  readonly clock?: Clock;
}

/** For `bridge/info`, the status page and `/metrics`. */
export interface OutputStatus {
  readonly output: OutputName;
  /** Id of the meter; `null` until its first reading. */
  readonly meter: string | null;
  /** Its listen address (`127.0.0.1:2000`) or device (`/dev/ttyUSB1`); several are joined by commas. */
  readonly address: string;
  /** Whether the port is open; `false` while another program uses it. */
  readonly listening: boolean;
  /** Open connections; for HTTP, addresses with a request within the last minute. */
  readonly clients: number;
  /** Age of the newest reading, milliseconds; `null` before the first. */
  readonly ageMs: number | null;
  /** Whether that age is within the limit: only then are instantaneous values served. */
  readonly fresh: boolean;
}

export interface Output extends Sink {
  readonly name: OutputName;
  /** Quarter hours and monthly peak, for protocols that have fields for them; follows the reading that changed them. */
  acceptLedger?(meter: MeterInfo, state: LedgerState): void;
  status(): OutputStatus;
}
