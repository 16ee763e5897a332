/**
 * Decides which meters are announced to Home Assistant, and when: once the messages of earlier runs have been read
 * (retained-cleanup.ts), unless another bridge announces the meter (duplicate-bridges.ts), and spread over time after a
 * connect. announcer.ts sends the messages.
 */
import type { HomeAssistantConfig } from "../../../config/options.ts";
import type { ComponentLog } from "../../../log/component-log.ts";
import type { BridgeState } from "../bridge-info.ts";
import type { Connection } from "../connection/connection.ts";
import type { Outcome } from "../connection/inflight-window.ts";
import type { Phrase } from "../connection/reason-codes.ts";
import type { Message } from "../message.ts";
import type { MeterState, TopicChoice } from "../meter-state.ts";
import { PacedQueue, RESEND_MS } from "../paced-queue.ts";
import { topics } from "../topics.ts";
import { Announcer } from "./announcer.ts";
import { DuplicateBridges } from "./duplicate-bridges.ts";
import { PublicationHistory } from "./publication-history.ts";
import { RetainedCleanup } from "./retained-cleanup.ts";

/** Delay between a reading and the check for obsolete messages. */
const CLEANUP_DELAY_MS = 100;
/** The same with many meters: all of them are looked at. */
const CLEANUP_DELAY_PER_METER_MS = 0.2;
/** No further meter is announced while more messages wait: those of thousands of new meters would take 200 MB. */
const MAX_WAITING = 300;
/** When it is tried again, milliseconds. */
const RETRY_MS = 50;

export interface AnnouncementsParts {
  /** `mqtt.base_topic` */
  readonly base: string;
  readonly homeassistant: HomeAssistantConfig;
  /** `publish.topics` */
  readonly publishTopics?: TopicChoice | undefined;
  /** Names of the tariff windows; if missing, there is no ledger. */
  readonly windows?: readonly string[] | undefined;
  readonly instance: string;
  /** `data_dir`; if missing, a removed meter is cleared immediately. */
  readonly dataDir?: string | undefined;
  readonly bridge: BridgeState;
  /** Support URL for Home Assistant. */
  readonly supportUrl?: string | undefined;
  /** URL of the status page. */
  readonly configurationUrl?: string | undefined;
  readonly log: ComponentLog;
  /** Meters that have been received, by id. */
  readonly meters: ReadonlyMap<string, MeterState>;
  readonly connection: Pick<Connection, "fits" | "subscribe" | "unsubscribe" | "waiting">;
  /** Whether messages can be sent now. */
  readonly ready: () => boolean;
  readonly publish: (message: Message) => void;
  /** @param id of the meter or bridge */
  readonly publishDiscovery: (id: string, message: Message, done: (outcome: Outcome) => void) => void;
  /** Milliseconds until the next attempt is allowed after a refusal; 0: now. @param id of the meter or bridge */
  readonly pause: (id: string) => number;
  /** Starts a named timer. */
  readonly schedule: (name: string, ms: number, act: () => void) => void;
}

export class Announcements {
  readonly #parts: AnnouncementsParts;
  readonly #cleanup: RetainedCleanup;
  readonly #announcer: Announcer;
  readonly #duplicates: DuplicateBridges;
  /** After a connection, all meters: over some seconds. */
  readonly #waiting: PacedQueue;
  /** Meters for which there was no room: announced as soon as the broker has acknowledged enough of the others. */
  readonly #next: PacedQueue;

  constructor(parts: AnnouncementsParts) {
    this.#parts = parts;
    const { base, homeassistant, publishTopics, instance, bridge, log, meters, connection, ready, schedule } = parts;
    const { enabled, discovery_topic: prefix, discovery: form, language, backfill } = homeassistant;
    const { windows, supportUrl, configurationUrl } = parts;
    this.#duplicates = new DuplicateBridges(base, log);
    this.#cleanup = new RetainedCleanup({
      history: new PublicationHistory({ dataDir: parts.dataDir ?? null, base, prefix, log }),
      base,
      prefix,
      enabled,
      instance,
      log,
      meters,
      announced: (device) => this.#announcer.announced(device),
      onGone: (device, keys) => this.#announcer.takeAway(device, keys, () => this.#announceAll()),
      statuses: () => bridge.meters(),
      ready,
      publish: parts.publish,
      unusedStates: unusedStates(base, publishTopics),
      subscribe: (filters, done) => connection.subscribe(filters, done),
      unsubscribe: (filters) => connection.unsubscribe(filters),
      onRead: (devices) => this.#announceRead(devices),
    });
    this.#announcer = new Announcer({
      form,
      options: {
        base,
        prefix,
        language,
        backfill,
        version: bridge.version,
        instance,
        topics: publishTopics,
        windows,
        supportUrl,
        configurationUrl,
      },
      earlier: this.#cleanup,
      fits: (message) => connection.fits(message),
      log,
      publish: parts.publishDiscovery,
      pause: parts.pause,
      later: (id, ms, act) => schedule(`announce ${id}`, ms, () => (this.#mayAnnounce ? act() : undefined)),
    });
    this.#waiting = new PacedQueue(RESEND_MS, (id) => this.#announceRead([id]));
    this.#next = new PacedQueue(
      RETRY_MS,
      (id) => this.#announceRead([id]),
      () => this.#isBusy,
    );
  }

  /** Meters that another bridge announces, too. */
  get problems(): readonly Phrase[] {
    return this.#duplicates.problems;
  }

  /**
   * A connection was established.
   * @returns filters to subscribe to together with everything else, before publishing anything; then call `subscribed`
   */
  begin(): string[] {
    this.#announcer.forget();
    const filters = this.#cleanup.begin();
    return this.#parts.homeassistant.enabled ? [...filters, ...topics.rivals()] : filters;
  }

  /** The broker has answered the subscriptions. */
  subscribed(): void {
    this.#cleanup.subscribed();
    this.#announceAll();
  }

  /** Forgets what is waiting to be sent. */
  clear(): void {
    this.#waiting.clear();
    this.#next.clear();
  }

  /** Home Assistant has started: sends everything again. */
  resend(): void {
    this.#announcer.forget();
    this.#announceAll();
  }

  /** Sends a meter's new or changed discovery messages. */
  announce(meter: MeterState): void {
    const { id } = meter.info;
    if (!this.#mayAnnounce || meter.json === null || !this.#cleanup.isRead(id)) return;
    if (this.#isBusy) {
      this.#next.add([id]);
      return;
    }
    const elsewhere = this.#cleanup.announcedElsewhere(id);
    if (elsewhere === null) this.#announcer.announce(meter);
    else if (this.#duplicates.found(id, elsewhere)) this.notifyDuplicates();
  }

  /** Notifies other bridges that announce our meters, on our own topics. */
  notifyDuplicates(): void {
    for (const message of this.#duplicates.messages()) this.#parts.publish(message);
  }

  /** Processes a message that was retained before we connected. */
  noteRetained(topic: string, payload: Buffer): void {
    if (!this.#announcer.isOurs(topic, payload)) this.#cleanup.note(topic, payload);
  }

  /** Handles the notification of another bridge. @returns whether it was one */
  heard(topic: string, payload: Buffer): boolean {
    return this.#duplicates.heard(topic, payload, this.#parts.meters);
  }

  /** Whether no message of an earlier run is left to be cleared until a meter is received for the first time. */
  get clean(): boolean {
    return this.#cleanup.idle;
  }

  /** Clears obsolete messages. */
  cleanUpSoon(): void {
    const delay = Math.max(CLEANUP_DELAY_MS, this.#parts.meters.size * CLEANUP_DELAY_PER_METER_MS);
    this.#parts.schedule("cleanup", delay, () => this.#cleanup.run());
  }

  stop(): void {
    this.#cleanup.stop();
  }

  get #isBusy(): boolean {
    return this.#parts.connection.waiting > MAX_WAITING;
  }

  get #mayAnnounce(): boolean {
    return this.#parts.homeassistant.enabled && this.#parts.ready();
  }

  /** Announces meters whose retained messages have been read. */
  #announceRead(devices: readonly string[]): void {
    for (const id of devices) {
      const meter = this.#parts.meters.get(id);
      if (meter !== undefined) this.announce(meter);
    }
  }

  #announceAll(): void {
    this.#waiting.add(this.#parts.meters.keys());
  }
}

/** Our meters' topics that `publish.topics` excludes, as filters. */
function unusedStates(base: string, publishTopics: TopicChoice = "all"): string[] {
  const [readings = "", values = ""] = topics.allMeters(base);
  return { all: [], values: [readings], json: [values] }[publishTopics];
}
