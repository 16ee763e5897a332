/** The state that the page shows, put together from bridge and readings; and who wants to hear of changes. */
import type { MeterEvent, MeterStatus, Reading } from "../meter/events.ts";
import type { BridgeView, BrokerStatus } from "./bridge-view.ts";
import type { PageMeter, PageState } from "./page-model.ts";
import { stagesOf } from "./stages.ts";

/** Changes within this time are told together. */
const COALESCE_MS = 100;
/** Ages and counters are told again after this time, and a proxy that closes quiet connections is kept from it. */
const HEARTBEAT_MS = 10_000;

export class LiveState {
  readonly #view: BridgeView;
  readonly #keyTest: boolean;
  readonly #readings = new Map<string, Reading>();
  readonly #listeners = new Set<() => void>();
  #pending: NodeJS.Timeout | null = null;
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(view: BridgeView, keyTest: boolean) {
    this.#view = view;
    this.#keyTest = keyTest;
  }

  accept(event: MeterEvent): void {
    if (event.type === "reading") this.#readings.set(event.reading.meter.id, event.reading);
    this.changed();
  }

  /** Something that the page shows may have changed: told to the listeners soon, many changes at once. */
  changed(): void {
    if (this.#listeners.size === 0 || this.#pending !== null) return;
    this.#pending = setTimeout(() => {
      this.#pending = null;
      for (const listener of this.#listeners) listener();
    }, COALESCE_MS);
  }

  /** @returns how to stop listening */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#heartbeat ??= setInterval(() => this.changed(), HEARTBEAT_MS);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  stop(): void {
    if (this.#pending !== null) clearTimeout(this.#pending);
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#pending = null;
    this.#heartbeat = null;
    this.#listeners.clear();
  }

  /** Newest readings of all meters, for the metrics. */
  readings(): Iterable<Reading> {
    return this.#readings.values();
  }

  snapshot(now: number, loggedIn: boolean): PageState {
    const broker = this.#view.broker();
    return {
      version: this.#view.version,
      startedAt: this.#view.startedAt,
      now,
      keyTest: this.#keyTest,
      loggedIn,
      broker: broker === null ? null : { server: broker.server, connected: broker.connected, error: broker.error },
      meters: this.#view.meters().map((status) => this.#meter(status, broker)),
    };
  }

  #meter(status: MeterStatus, broker: BrokerStatus | null): PageMeter {
    const { counters, info } = status;
    const reading = info === null ? undefined : this.#readings.get(info.id);
    return {
      index: status.index,
      id: info?.id ?? null,
      name: info?.name ?? null,
      manufacturer: info?.manufacturer ?? null,
      model: info?.model ?? null,
      port: status.label,
      online: status.online,
      lastTelegramAt: status.lastTelegramAt,
      meterTime: reading?.meterTime ?? null,
      periodMs: status.periodMs,
      accepted: counters.accepted,
      rejected: counters.rejected,
      rejectedBy: counters.rejectedBy,
      skippedBytes: counters.skippedBytes,
      connections: counters.connections,
      diagnosis: status.diagnosis,
      stages: stagesOf(status, broker),
      values: (reading?.values ?? []).map(({ obis, key, text, numeric, unit, quantity }) => ({
        obis,
        key,
        text,
        numeric,
        unit,
        name: quantity?.name ?? null,
      })),
    };
  }
}
