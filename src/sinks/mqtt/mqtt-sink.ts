/**
 * Decides what to send when. The connection (connection.ts) comes and goes; this file keeps the latest state of each
 * meter and sends all of it on every connect: `online`, the latest readings, availability, discovery, `bridge/info`.
 * Readings are paced in reading-publisher.ts; announcements.ts decides what is announced to Home Assistant. Farewell
 * messages use QoS 1, so that we know they arrived before we disconnect.
 */
import type { HomeAssistantConfig, MqttConfig } from "../../config/options.ts";
import type { LedgerState } from "../../ledger/ledger-state.ts";
import type { ComponentLog } from "../../log/component-log.ts";
import type { MeterEvent, MeterInfo, Reading } from "../../meter/events.ts";
import type { Sink } from "../sink.ts";
import { type BridgeState, statusOf } from "./bridge-info.ts";
import { type Command, CommandTopics } from "./commands.ts";
import type { Broker } from "./connection/client-options.ts";
import { Connection } from "./connection/connection.ts";
import type { Outcome } from "./connection/inflight-window.ts";
import { type PublicationKind, PublishRefusals } from "./connection/publish-refusals.ts";
import type { Phrase } from "./connection/reason-codes.ts";
import { WriteCheck } from "./connection/write-check.ts";
import { Announcements } from "./discovery/announcements.ts";
import { InfoPublisher } from "./info-publisher.ts";
import { ledgerPayload } from "./ledger-topic.ts";
import type { Message } from "./message.ts";
import { MeterState, type TopicChoice } from "./meter-state.ts";
import { PacedQueue, RESEND_MS } from "./paced-queue.ts";
import type { PowerChoice } from "./power-aggregation.ts";
import { ReadingPublisher } from "./reading-publisher.ts";
import { OFFLINE, ONLINE, topics } from "./topics.ts";

/** Interval for `bridge/info` and the diagnostic entities' data, which are also sent soon after a change. */
const INFO_INTERVAL_MS = 60_000;
/** Minimum interval between full resends, however often Home Assistant announces its start. */
const RESEND_PAUSE_MS = 5_000;
/** Maximum size of a packet from the broker: a base, plus a share per meter (`bridge/info` lists all of them). */
const MAX_PACKET_BYTES = 1024 * 1024;
const MAX_PACKET_BYTES_PER_METER = 4096;

export interface MqttSinkOptions {
  readonly mqtt: MqttConfig;
  /** Finds a broker if the configuration names none. */
  readonly findBroker?: (signal: AbortSignal) => Promise<Broker | null>;
  readonly homeassistant: HomeAssistantConfig;
  /** Number of configured meters. */
  readonly meterCount?: number;
  /** Milliseconds between publications of one meter; 0: every telegram. */
  readonly publishIntervalMs: number;
  /** How power values are combined between publications. */
  readonly publishPower?: PowerChoice;
  /** `publish.topics` */
  readonly publishTopics?: TopicChoice;
  /** Names of the tariff windows; if missing, the sink has no ledger. */
  readonly windows?: readonly string[];
  /** Permanent id of this installation; the default client id is derived from it. */
  readonly instance: string;
  /** `data_dir`, which stores what was published; without it, a removed meter is cleared immediately. */
  readonly dataDir?: string | undefined;
  readonly bridge: BridgeState;
  /** Support URL for Home Assistant. */
  readonly supportUrl?: string;
  /** URL of the status page; only if it is certain. */
  readonly configurationUrl?: string;
  /** Handles commands; if missing, there are none. @param meter position in the configuration */
  readonly onCommand?: (meter: number, command: Command) => void;
  /** Called after each connection to the broker, and when Home Assistant announces that it has started. */
  readonly onReturn?: () => void;
  readonly log: ComponentLog;
}

export class MqttSink implements Sink {
  readonly name = "mqtt";
  readonly #options: MqttSinkOptions;
  readonly #connection: Connection;
  readonly #base: string;
  readonly #meters = new Map<string, MeterState>();
  readonly #announcements: Announcements;
  readonly #commands: CommandTopics;
  #published = 0;
  /** Counts connections: results from an earlier one are ignored. */
  #connections = 0;
  /** The broker has answered our subscriptions on this connection. */
  #subscribed = false;
  #resentAt = Number.NEGATIVE_INFINITY;
  #stopped = false;
  readonly #refusals: PublishRefusals;
  readonly #readings: ReadingPublisher;
  readonly #writeCheck: WriteCheck;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #states: PacedQueue;
  readonly #info: InfoPublisher;

  constructor(options: MqttSinkOptions) {
    const { mqtt, homeassistant, instance, log } = options;
    this.#options = options;
    this.#base = mqtt.base_topic;
    this.#connection = new Connection({
      config: mqtt,
      findBroker: options.findBroker ?? (async () => null),
      clientId: mqtt.client_id ?? `kaifa2mqtt_${instance}`,
      will: { topic: topics.bridgeState(this.#base), payload: OFFLINE },
      maxPacketBytes: MAX_PACKET_BYTES + (options.meterCount ?? 1) * MAX_PACKET_BYTES_PER_METER,
      log,
      onConnect: () => this.#onConnect(),
      onDrain: () => this.#sendWaiting(),
      onMessage: (topic, payload, retained) => this.#onMessage(topic, payload, retained),
    });
    this.#refusals = new PublishRefusals(log, () => this.#connection.label);
    this.#writeCheck = new WriteCheck(this.#connection, log);
    const { bridge, windows, publishTopics, dataDir, supportUrl, configurationUrl } = options;
    this.#announcements = new Announcements({
      base: this.#base,
      homeassistant,
      publishTopics,
      windows,
      instance,
      dataDir,
      bridge,
      supportUrl,
      configurationUrl,
      log,
      meters: this.#meters,
      connection: this.#connection,
      ready: () => this.#ready,
      publish: (message) => this.#publish(message),
      publishDiscovery: (id, message, done) =>
        this.#publishOf("discovery", id, message, (outcome) => {
          if (message.retain !== false) this.#writeCheck.published("discovery", message);
          done(outcome);
        }),
      pause: (id) => this.#refusals.pause("discovery", id),
      schedule: (name, ms, act) => this.#schedule(name, ms, act),
    });
    this.#states = this.#paced(RESEND_MS, (meter) => this.#sendState(meter));
    this.#info = new InfoPublisher({
      base: this.#base,
      bridge,
      instance,
      language: homeassistant.language,
      meters: this.#meters,
      broker: () => this.#connection.label,
      ready: () => this.#ready,
      congested: () => this.#connection.congested,
      publish: (message) => this.#publish(message),
      publishInfo: (message) => {
        this.#publishOf("bridge", "", message);
        this.#announcements.notifyDuplicates();
      },
      schedule: (name, ms, act) => this.#schedule(name, ms, act),
      paced: (overMs, act) => this.#paced(overMs, ({ info }) => act(info.id)),
    });
    this.#commands = new CommandTopics(this.#base);
    this.#readings = new ReadingPublisher({
      base: this.#base,
      legacyBase: mqtt.legacy_base_topic,
      intervalMs: options.publishIntervalMs,
      connection: this.#connection,
      publish: (message, done) => this.#publish(message, done),
      publishValues: (messages) => {
        if (!this.#connection.connected) return;
        this.#published += messages.length;
        this.#connection.publishReading(messages);
      },
      pause: (id) => this.#refusals.pause("readings", id),
      onOutcome: (id, message, outcome) => {
        this.#note("readings", id, message.topic, outcome);
        this.#writeCheck.published("readings", message);
      },
    });
  }

  /** The broker's status for the status page and `health`; `server` has no user or password. */
  status(): {
    server: string;
    connected: boolean;
    published: number;
    error: string | null;
    errorDe: string | null;
    problems: readonly Phrase[];
  } {
    const { label, connected, answering } = this.#connection;
    const refusal = this.#refusals.problem;
    const problem = this.#connection.problem ?? refusal ?? this.#writeCheck.problem;
    return {
      server: label,
      connected: connected && answering && refusal === null,
      published: this.#published,
      error: problem?.en ?? null,
      errorDe: problem?.de ?? null,
      problems: this.#announcements.problems,
    };
  }

  async start(): Promise<void> {
    const interval = setInterval(() => this.#info.sendAll(), INFO_INTERVAL_MS);
    this.#timers.set("info-interval", interval);
    // Not awaited: with the Supervisor this waits until someone installs a broker.
    this.#connection.start().catch((error: unknown) => this.#options.log.error(`no connection: ${String(error)}`));
  }

  accept(event: MeterEvent): void {
    if (this.#stopped) return;
    switch (event.type) {
      case "reading":
        this.#onReading(event.reading);
        break;
      case "availability":
        this.#onAvailability(event.meter, event.online);
        break;
      case "diagnosis":
        this.#info.soon(event.meter);
        break;
    }
  }

  /** A meter's ledger has changed. */
  acceptLedger(info: MeterInfo, state: LedgerState): void {
    if (this.#stopped) return;
    const meter = this.#meter(info);
    meter.ledger = ledgerPayload(state);
    for (const message of meter.ledgerMessages(this.#base)) this.#publish(message);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#clearQueues();
    this.#announcements.stop();
    this.#writeCheck.clear();
    const farewell = this.#readings.stop(this.#meters.values());
    for (const meter of this.#meters.values()) {
      meter.online = false;
      farewell.push({ ...meter.availability(this.#base), qos: 1 });
    }
    farewell.push({ topic: topics.bridgeState(this.#base), payload: OFFLINE, qos: 1 });
    await this.#connection.stop(farewell);
  }

  #onReading(reading: Reading): void {
    const meter = this.#meter(reading.meter);
    const { first, changed } = meter.take(reading);
    this.#readings.send(meter);
    if (!meter.online) this.#onAvailability(reading.meter, true);
    if (first) this.#schedule(`first ${meter.info.id}`, 0, () => this.#introduce(meter));
    else if (changed) this.#announcements.announce(meter);
    if (!this.#announcements.clean) this.#announcements.cleanUpSoon();
  }

  /** Publishes values and status before their entities, so that no entity starts as "unknown". */
  #introduce(meter: MeterState): void {
    this.#info.sendMeter(meter.info.id);
    this.#info.soon(meter.info);
    this.#announcements.announce(meter);
    this.#announcements.cleanUpSoon();
  }

  #onAvailability(info: MeterInfo, online: boolean): void {
    const meter = this.#meter(info);
    meter.online = online;
    this.#publish(meter.availability(this.#base));
    this.#info.soon(info);
  }

  #meter(info: MeterInfo): MeterState {
    let meter = this.#meters.get(info.id);
    if (meter === undefined) {
      // Without an interval no reading is skipped.
      const { publishIntervalMs, publishPower = "newest", publishTopics, mqtt } = this.#options;
      const power = publishIntervalMs > 0 ? publishPower : "newest";
      meter = new MeterState(info, power, publishTopics, mqtt.legacy_base_topic !== undefined);
      this.#meters.set(info.id, meter);
    }
    return meter;
  }

  #note(kind: PublicationKind, id: string, topic: string, outcome: Outcome): void {
    if (outcome === "delivered") this.#refusals.accepted(kind, id);
    else if (outcome !== "lost") this.#refusals.refused(kind, id, topic, outcome.refused);
  }

  #sendWaiting(): void {
    for (const meter of this.#meters.values()) this.#readings.send(meter);
  }

  #onConnect(): void {
    this.#refusals.reconnected();
    this.#writeCheck.clear();
    const subscriptions = [this.#options.homeassistant.status_topic, topics.bridgeState(this.#base)];
    if (this.#options.onCommand !== undefined) subscriptions.push(topics.command(this.#base, "+", "+"));
    subscriptions.push(...this.#announcements.begin());
    const connection = ++this.#connections;
    this.#readings.reconnected();
    this.#subscribed = false;
    this.#clearQueues();
    for (const meter of this.#meters.values()) meter.reconnected();
    this.#states.add(this.#meters.keys());
    // Subscribe before publishing anything: only then do the retained messages come from earlier runs.
    this.#connection.subscribe(subscriptions, () => {
      if (this.#stopped || connection !== this.#connections || !this.#connection.connected) return;
      this.#subscribed = true;
      const online = { topic: topics.bridgeState(this.#base), payload: ONLINE, qos: 1 } as const;
      this.#writeCheck.published("bridge", online);
      this.#publishOf("bridge", "", online);
      this.#info.sendAll();
      this.#announcements.subscribed();
      this.#options.onReturn?.();
    });
  }

  /** Publishes all values of a meter and its availability. */
  #sendState(meter: MeterState): void {
    meter.waiting = meter.latest !== null;
    // Before the latest: all lists may share one topic.
    for (const message of meter.earlierMessages(this.#base)) this.#publish(message);
    this.#readings.send(meter);
    for (const message of meter.ledgerMessages(this.#base)) this.#publish(message);
    this.#publish(meter.availability(this.#base));
  }

  /** Whether the broker has answered our subscriptions, and messages can be sent. */
  get #ready(): boolean {
    return this.#subscribed && this.#connection.connected && !this.#stopped;
  }

  #onMessage(topic: string, payload: Buffer, retained: boolean): void {
    if (this.#stopped) return;
    if (this.#writeCheck.received(topic, payload, retained)) return;
    if (retained) {
      this.#announcements.noteRetained(topic, payload);
      return;
    }
    if (this.#announcements.heard(topic, payload)) return;
    const asked = this.#commands.read(topic, payload, this.#meters.keys());
    if (asked !== null) {
      const status = statusOf(this.#options.bridge, asked.meter);
      if (status !== undefined) this.#options.onCommand?.(status.index, asked.command);
      return;
    }
    const text = payload.subarray(0, 16).toString("latin1");
    if (topic === topics.bridgeState(this.#base) && text === OFFLINE) {
      // Sent by the delayed will of our earlier connection, or by another bridge on this base topic that is stopping.
      this.#publish({ topic, payload: ONLINE });
    } else if (topic === this.#options.homeassistant.status_topic && text === ONLINE) {
      this.#schedule("resend", Math.max(0, this.#resentAt + RESEND_PAUSE_MS - performance.now()), () => this.#resend());
      this.#options.onReturn?.();
    }
  }

  /** Home Assistant has started: sends everything again. */
  #resend(): void {
    this.#resentAt = performance.now();
    this.#options.log.debug("Home Assistant has started: sending everything again");
    this.#states.add(this.#meters.keys());
    this.#announcements.resend();
  }

  #clearQueues(): void {
    for (const queue of [this.#states, this.#announcements, this.#info]) queue.clear();
  }

  #paced(overMs: number, act: (meter: MeterState) => void): PacedQueue {
    return new PacedQueue(overMs, (id) => {
      const meter = this.#meters.get(id);
      if (meter !== undefined && !this.#stopped) act(meter);
    });
  }

  #publish(message: Message, done?: (outcome: Outcome) => void): void {
    if (!this.#connection.connected) {
      done?.("lost");
      return;
    }
    this.#published++;
    this.#connection.publish(message, done);
  }

  /** Publishes, and records a refusal by the broker. @param id of the meter, empty for the bridge */
  #publishOf(kind: PublicationKind, id: string, message: Message, done?: (outcome: Outcome) => void): void {
    this.#publish(message, (outcome) => {
      this.#note(kind, id, message.topic, outcome);
      done?.(outcome);
    });
  }

  /**
   * Starts a named timer. If one with that name is already running, it is kept, unless the delay is 0 or the name
   * starts with "announce": then the new one replaces it.
   */
  #schedule(name: string, ms: number, act: () => void): void {
    if (!name.startsWith("announce") && this.#timers.has(name) && ms > 0) return;
    clearTimeout(this.#timers.get(name));
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      if (!this.#stopped) act();
    }, ms);
    this.#timers.set(name, timer);
  }
}
