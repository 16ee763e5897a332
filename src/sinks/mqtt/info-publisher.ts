/**
 * Publishes `bridge/info` and the data of the diagnostic entities: soon after a change, and once a minute. With many meters
 * both are spread over time.
 */
import type { MeterInfo, MeterStatus } from "../../meter/events.ts";
import { type BridgeState, bridgeInfo, meterInfoPayload, statusOf } from "./bridge-info.ts";
import type { Message } from "./message.ts";
import { MeterEvents } from "./meter-event.ts";
import type { PacedQueue } from "./paced-queue.ts";
import { topics } from "./topics.ts";

/** Delay after a change. */
const DELAY_MS = 1000;
/** With thousands of meters `bridge/info` takes megabytes, so it is delayed by this much per meter. */
const DELAY_PER_METER_MS = 10;
/** The minute's data of all meters is spread over this time; that of meters whose state has changed over less. */
const ALL_METERS_MS = 30_000;
const CHANGED_METERS_MS = 5_000;

export interface InfoPublisherParts {
  /** `mqtt.base_topic` */
  readonly base: string;
  readonly bridge: BridgeState;
  readonly instance: string;
  readonly language: "en" | "de";
  /** All meters that have identified themselves, by id. */
  readonly meters: ReadonlyMap<string, unknown>;
  /** The broker's name for `bridge/info`. */
  readonly broker: () => string;
  /** Connected, and the broker has answered our subscriptions. */
  readonly ready: () => boolean;
  /** The broker reads more slowly than we write. */
  readonly congested: () => boolean;
  readonly publish: (message: Message) => void;
  readonly publishInfo: (message: Message) => void;
  /** Starts a named timer, unless it is already running. */
  readonly schedule: (name: string, ms: number, act: () => void) => void;
  readonly paced: (overMs: number, act: (id: string) => void) => PacedQueue;
}

export class InfoPublisher {
  readonly #parts: InfoPublisherParts;
  readonly #events = new MeterEvents();
  /** Meters whose state has changed in the last second, by id. */
  readonly #changed = new Set<string>();
  readonly #changedMeters: PacedQueue;
  readonly #allMeters: PacedQueue;

  constructor(parts: InfoPublisherParts) {
    this.#parts = parts;
    const send = (id: string): void => this.sendMeter(id);
    this.#changedMeters = parts.paced(CHANGED_METERS_MS, send);
    this.#allMeters = parts.paced(ALL_METERS_MS, send);
  }

  /** Publishes `bridge/info` now, and the data of all meters over the next half minute. */
  sendAll(): void {
    this.#sendBridge();
    this.#allMeters.add(this.#parts.meters.keys());
  }

  /** Something has changed: publishes `bridge/info` and this meter's data soon. */
  soon(info: MeterInfo | null): void {
    const { schedule, meters } = this.#parts;
    if (info !== null) this.#changed.add(info.id);
    schedule("meter-info", DELAY_MS, () => {
      this.#changedMeters.add(this.#changed);
      this.#changed.clear();
    });
    schedule("info", Math.max(DELAY_MS, meters.size * DELAY_PER_METER_MS), () => this.#sendBridge());
  }

  /** Publishes the data of a meter's diagnostic entities. */
  sendMeter(id: string): void {
    const { base, bridge, language, publish, ready } = this.#parts;
    const status: MeterStatus | undefined = statusOf(bridge, id);
    if (!status?.info || !ready()) return;
    publish({ topic: topics.bridgeMeter(base, status.info.id), payload: meterInfoPayload(status, language) });
    for (const { meter, payload } of this.#events.update(status)) {
      publish({ topic: topics.event(base, meter), payload, retain: false });
    }
  }

  /** Discards pending work. */
  clear(): void {
    this.#changedMeters.clear();
    this.#allMeters.clear();
  }

  #sendBridge(): void {
    const { base, bridge, instance, language, broker, ready, congested, publishInfo } = this.#parts;
    if (!ready() || congested()) return;
    const payload = bridgeInfo(bridge, { instance, broker: broker(), language });
    publishInfo({ topic: topics.bridgeInfo(base), payload, qos: 1 });
  }
}
