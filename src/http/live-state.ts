/** The state that the page shows, built from bridge and readings, and its subscribers. */
import { METER_LIMITS } from "../catalogue/meter-limits.ts";
import type { MeterEvent, MeterStatus, Reading, ReadingValue } from "../meter/events.ts";
import type { BridgeView, BrokerStatus } from "./bridge-view.ts";
import { API_VERSION, type PageBroker, type PageMeter, type PageState } from "./page-model.ts";
import { stagesOf } from "./stages.ts";

/** Changes within this time are coalesced. */
const COALESCE_MS = 100;
/** The state is sent at least this often: counters change, and proxies close idle connections. */
const HEARTBEAT_MS = 10_000;

/** A value is dropped after this long without an update: some meters send part of their lists once an hour. */
const KEEP_MS = 2 * 3_600_000;
/** Maximum number of values kept and served per meter; the largest known list has fewer than 60. */
const MAX_VALUES = 160;
/** Maximum number of meters whose values are kept, in case the meter number on a line keeps changing. */
const MAX_METERS = METER_LIMITS.statusPage;
/** Maximum length of a served text, characters. */
const MAX_TEXT = 200;
/** A value stays current for this many of its own intervals, like a meter (meter/period.ts). */
const INTERVALS = 3;

interface CurrentValue {
  readonly value: ReadingValue;
  readonly at: number;
  /** Time since the value before it, milliseconds; 0 for the first. */
  readonly intervalMs: number;
}

/** The latest values of a meter, from whichever telegram carried them. */
interface Current {
  readonly values: Map<string, CurrentValue>;
  meterTime: string | null;
  /** Values beyond the limit. */
  omitted: number;
}

/** What the configuration says of a meter. */
export interface ConfiguredMeter {
  readonly name?: string | undefined;
  readonly id?: string | undefined;
}

export class LiveState {
  readonly #view: BridgeView;
  readonly #keyTest: boolean;
  readonly #configured: readonly ConfiguredMeter[];
  readonly #current = new Map<string, Current>();
  readonly #listeners = new Set<() => void>();
  #pending: NodeJS.Timeout | null = null;
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(view: BridgeView, keyTest: boolean, configured: readonly ConfiguredMeter[] = []) {
    this.#view = view;
    this.#keyTest = keyTest;
    this.#configured = configured;
  }

  accept(event: MeterEvent): void {
    if (event.type === "reading") this.#merge(event.reading);
    this.changed();
  }

  /** Call when anything that the page shows may have changed; subscribers are notified once per burst of changes. */
  changed(): void {
    if (this.#listeners.size === 0 || this.#pending !== null) return;
    this.#pending = setTimeout(() => {
      this.#pending = null;
      for (const listener of this.#listeners) listener();
    }, COALESCE_MS);
  }

  /** @returns a function that unsubscribes */
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

  /** The latest values of all meters, for the metrics. */
  *current(): Iterable<{ readonly meter: string; readonly values: readonly ReadingValue[] }> {
    for (const [meter, { values }] of this.#current) {
      yield { meter, values: [...values.values()].map(({ value }) => value) };
    }
  }

  #merge({ meter, meterTime, receivedAt, values }: Reading): void {
    const current = this.#current.get(meter.id) ?? { values: new Map(), meterTime: null, omitted: 0 };
    // Move it to the end, so that the meter silent for longest is dropped first.
    this.#current.delete(meter.id);
    this.#current.set(meter.id, current);
    const oldest = this.#current.keys().next();
    if (this.#current.size > MAX_METERS && !oldest.done) this.#current.delete(oldest.value);
    for (const [key, { at }] of current.values) if (receivedAt - at > KEEP_MS) current.values.delete(key);
    current.meterTime = meterTime;
    current.omitted = 0;
    for (const value of values) {
      const before = current.values.get(value.key);
      if (before === undefined && current.values.size >= MAX_VALUES) current.omitted++;
      else {
        const intervalMs = before === undefined ? 0 : Math.max(0, receivedAt - before.at);
        current.values.set(value.key, { value, at: receivedAt, intervalMs });
      }
    }
  }

  snapshot(now: number, loggedIn: boolean): PageState {
    const broker = this.#view.broker();
    return {
      api: API_VERSION,
      version: this.#view.version,
      startedAt: this.#view.startedAt,
      now,
      keyTest: this.#keyTest,
      loggedIn,
      broker: broker === null ? null : pageBroker(broker),
      meters: this.#view.meters().map((status) => this.#meter(status, broker)),
      outputs: this.#view.outputs?.() ?? [],
      backfill: this.#view.backfill?.() ?? null,
    };
  }

  #meter(status: MeterStatus, broker: BrokerStatus | null): PageMeter {
    const { counters, info, limitMs } = status;
    const current = info === null ? undefined : this.#current.get(info.id);
    const configured = this.#configured[status.index];
    return {
      index: status.index,
      id: info?.id ?? configured?.id ?? null,
      name: info?.name ?? configured?.name ?? null,
      manufacturer: info?.manufacturer ?? null,
      model: info?.model ?? null,
      port: status.label,
      online: status.online,
      lastTelegramAt: status.lastTelegramAt,
      meterTime: current?.meterTime ?? null,
      periodMs: status.periodMs,
      limitMs,
      accepted: counters.accepted,
      rejected: counters.rejected,
      rejectedBy: counters.rejectedBy,
      skippedBytes: counters.skippedBytes,
      connections: counters.connections,
      diagnosis: status.diagnosis,
      stages: stagesOf(status, broker),
      values: [...(current?.values.values() ?? [])].map(({ value, at, intervalMs }) => {
        const { obis, key, text, numeric, unit, quantity } = value;
        const shown = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
        const valueLimitMs = Math.max(limitMs, Math.min(INTERVALS * intervalMs, KEEP_MS));
        return { obis, key, text: shown, numeric, unit, name: quantity?.name ?? null, at, limitMs: valueLimitMs };
      }),
      omittedValues: current?.omitted ?? 0,
    };
  }
}

/** Maximum number of broker problems served. */
const MAX_PROBLEMS = 20;

function pageBroker({ server, connected, error, errorDe, problems = [] }: BrokerStatus): PageBroker {
  return {
    server,
    connected,
    error: error === null ? null : { en: error, de: errorDe ?? error },
    problems: problems.slice(0, MAX_PROBLEMS),
  };
}
