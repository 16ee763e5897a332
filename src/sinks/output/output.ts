/**
 * Outputs for other machines: common options, dependencies and status. An output is a sink that serves the readings of one
 * meter in a protocol that other machines speak.
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
   * Power of each phase where the meter doesn't send it: `sent` leaves it out (or gives the total on the first phase where
   * the protocol requires a number); `computed` derives it from U·I whenever the totals prove the sign.
   */
  readonly phase_power?: "sent" | "computed" | undefined;
}

/** What the bridge passes to an output. */
export interface OutputParts {
  /** Observed period of the meter, milliseconds; `null` until two telegrams have come. */
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
  /** Where it listens (`127.0.0.1:2000`) or writes to (`/dev/ttyUSB1`); two are joined by a comma. */
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
