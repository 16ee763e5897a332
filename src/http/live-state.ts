/** The state that the page shows, put together from bridge and readings; and who wants to hear of changes. */
import type { MeterEvent, MeterStatus, Reading, ReadingValue } from "../meter/events.ts";
import type { BridgeView, BrokerStatus } from "./bridge-view.ts";
import type { PageMeter, PageState } from "./page-model.ts";
import { stagesOf } from "./stages.ts";

/** Changes within this time are told together. */
const COALESCE_MS = 100;
/** Ages and counters are told again after this time, and a proxy that closes quiet connections is kept from it. */
const HEARTBEAT_MS = 10_000;

/** A value that has not come for so long is no longer shown: some meters send a part of their lists once an hour. */
const KEEP_MS = 2 * 3_600_000;

/** The newest of each value of a meter, whichever telegram brought it. */
interface Current {
  readonly values: Map<string, { readonly value: ReadingValue; readonly at: number }>;
  meterTime: string | null;
}

export class LiveState {
  readonly #view: BridgeView;
  readonly #keyTest: boolean;
  readonly #current = new Map<string, Current>();
  readonly #listeners = new Set<() => void>();
  #pending: NodeJS.Timeout | null = null;
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(view: BridgeView, keyTest: boolean) {
    this.#view = view;
    this.#keyTest = keyTest;
  }

  accept(event: MeterEvent): void {
    if (event.type === "reading") this.#merge(event.reading);
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

  /** The newest values of all meters, for the metrics. */
  *current(): Iterable<{ readonly meter: string; readonly values: readonly ReadingValue[] }> {
    for (const [meter, { values }] of this.#current) {
      yield { meter, values: [...values.values()].map(({ value }) => value) };
    }
  }

  #merge({ meter, meterTime, receivedAt, values }: Reading): void {
    const current = this.#current.get(meter.id) ?? { values: new Map(), meterTime: null };
    this.#current.set(meter.id, current);
    current.meterTime = meterTime;
    for (const value of values) current.values.set(value.key, { value, at: receivedAt });
    for (const [key, { at }] of current.values) if (receivedAt - at > KEEP_MS) current.values.delete(key);
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
      outputs: this.#view.outputs?.() ?? [],
    };
  }

  #meter(status: MeterStatus, broker: BrokerStatus | null): PageMeter {
    const { counters, info } = status;
    const current = info === null ? undefined : this.#current.get(info.id);
    return {
      index: status.index,
      id: info?.id ?? null,
      name: info?.name ?? null,
      manufacturer: info?.manufacturer ?? null,
      model: info?.model ?? null,
      port: status.label,
      online: status.online,
      lastTelegramAt: status.lastTelegramAt,
      meterTime: current?.meterTime ?? null,
      periodMs: status.periodMs,
      accepted: counters.accepted,
      rejected: counters.rejected,
      rejectedBy: counters.rejectedBy,
      skippedBytes: counters.skippedBytes,
      connections: counters.connections,
      diagnosis: status.diagnosis,
      stages: stagesOf(status, broker),
      values: [...(current?.values.values() ?? [])].map(({ value }) => {
        const { obis, key, text, numeric, unit, quantity } = value;
        return { obis, key, text, numeric, unit, name: quantity?.name ?? null };
      }),
    };
  }
}
