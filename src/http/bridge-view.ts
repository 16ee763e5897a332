/** The bridge as the status page sees it: read-only, no secrets. Implemented by `bridge.ts`. */
import type { BackfillStatus } from "../backfill/backfill-status.ts";
import type { MeterStatus } from "../meter/events.ts";
import type { OutputStatus } from "../sinks/output/output.ts";

/** The broker as the page shows it. */
export interface BrokerStatus {
  /** URL without user and password. */
  readonly server: string;
  readonly connected: boolean;
  /** Messages sent since the start. */
  readonly published: number;
  /** Why it is not connected, a sentence without secrets; `null` while connected. */
  readonly error: string | null;
  /** The same in German; absent if there is only English. */
  readonly errorDe?: string | null;
  /** What is wrong although it is connected: refused publications, another bridge announcing the same meter. */
  readonly problems?: readonly { readonly en: string; readonly de: string }[];
}

export interface Health {
  readonly healthy: boolean;
  /** One sentence per problem; empty when healthy. */
  readonly reasons: readonly string[];
}

export interface BridgeView {
  readonly version: string;
  /** Milliseconds of the wall clock. */
  readonly startedAt: number;
  meters(): readonly MeterStatus[];
  /** `null` if no broker is configured. */
  broker(): BrokerStatus | null;
  health(): Health;
  /** Outputs for other machines, in the order of the configuration. */
  outputs?(): readonly OutputStatus[];
  /** What the automatic backfill has done; `null` if it is off. */
  backfill?(): BackfillStatus | null;
}
