/**
 * Decides which retained topics to read (retained-reader.ts reads them) and when to delete the messages of earlier runs;
 * stale-discovery.ts decides which ones are obsolete.
 *
 * It reads only topics that may hold our messages: `bridge/info`, the availability of all meters under our base topics,
 * and the discovery messages of those and of the current meters. It never requests discovery messages of other devices,
 * of which some brokers have thousands. A meter is announced once its own topics have been read.
 */
import type { ComponentLog } from "../../../log/component-log.ts";
import type { MeterStatus } from "../../../meter/events.ts";
import { type WarnOnce, warnOnce } from "../../../process/warn-once.ts";
import type { Message } from "../message.ts";
import type { MeterState } from "../meter-state.ts";
import { bridgeDevice, OFFLINE, parseDiscovery, topics } from "../topics.ts";
import { DiscoveryOwnership } from "./discovery-ownership.ts";
import type { PresentMeter, PublicationHistory } from "./publication-history.ts";
import type { Component } from "./retained-discovery.ts";
import { RetainedReader, type RetainedReaderParts } from "./retained-reader.ts";
import { type SeenDevice, StaleDiscovery } from "./stale-discovery.ts";

/** Delay between changing a discovery message and clearing the states it referred to. */
const OLD_TOPICS_MS = 3000;
/** Time within which meters with several lists have sent all of them (hourly lists: Norway). */
const ALL_LISTS_MS = 65 * 60_000;
/** Maximum number of meters from earlier runs whose topics are read. */
const MAX_EARLIER_METERS = 5000;

export interface RetainedCleanupParts extends Pick<RetainedReaderParts, "ready" | "subscribe" | "unsubscribe"> {
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  /** `homeassistant.enabled` */
  readonly enabled: boolean;
  readonly instance: string;
  readonly log: ComponentLog;
  /** Meters that have been received, by id. */
  readonly meters: ReadonlyMap<string, MeterState>;
  readonly history: PublicationHistory;
  /** Topics below our meters that are no longer published (`publish.topics`), as filters. */
  readonly unusedStates: readonly string[];
  /** All configured meters; `info` is `null` until the meter has identified itself. */
  readonly statuses: () => readonly Pick<MeterStatus, "info" | "label">[];
  /** Topics and keys under which a device is currently announced, by its id. */
  readonly announced: (device: string) => Pick<SeenDevice, "announced" | "keys">;
  /** Called when these entities of a device are gone. */
  readonly onGone: (device: string, keys: readonly string[]) => void;
  readonly publish: (message: Message) => void;
  /** Called when the retained messages of these devices have been read, so the devices may be announced. */
  readonly onRead: (devices: readonly string[]) => void;
}

/** The configured meters, as far as they have identified themselves. */
interface Configured {
  readonly present: readonly PresentMeter[];
  readonly ids: ReadonlySet<string>;
  /** Whether all have. */
  readonly allKnown: boolean;
}

export class RetainedCleanup {
  readonly #parts: RetainedCleanupParts;
  readonly #ownership: DiscoveryOwnership;
  readonly #stale: StaleDiscovery;
  readonly #reader: RetainedReader;
  readonly #warnOnce: WarnOnce;
  readonly #startedAt = performance.now();
  /** Devices whose discovery messages have been read. */
  readonly #readDevices = new Set<string>();
  /** Devices whose discovery messages need to be read. Bounded by the number of meters, current and earlier. */
  readonly #devices = new Set<string>();
  #configured: Configured = { present: [], ids: new Set(), allKnown: false };
  #emptyTimer: NodeJS.Timeout | null = null;
  /** Meters of an earlier run that were reported as offline. */
  readonly #presumedGone = new Set<string>();
  /** Retained topics that are no longer used and need to be cleared. */
  readonly #oldTopics = new Set<string>();

  constructor(parts: RetainedCleanupParts) {
    this.#parts = parts;
    const { base, prefix, enabled, instance, log, history, ready, subscribe, unsubscribe } = parts;
    const { bases, prefixes } = history;
    this.#warnOnce = warnOnce(log);
    const ownership = new DiscoveryOwnership({ base, prefix, bases, instance, log, warnOnce: this.#warnOnce });
    this.#ownership = ownership;
    this.#stale = new StaleDiscovery({ base, prefix, bases, prefixes, enabled, ownership, warnOnce: this.#warnOnce });
    this.#reader = new RetainedReader({
      ready,
      subscribe,
      unsubscribe,
      wanted: () => this.#wanted(),
      onRead: () => this.#onRead(),
      warnOnce: this.#warnOnce,
    });
    for (const device of [bridgeDevice(instance), ...history.meters]) this.#devices.add(device);
  }

  /**
   * A connection was established.
   * @returns filters to subscribe to together with everything else, before publishing anything; then call `subscribed`
   */
  begin(): string[] {
    this.#lookAtMeters();
    return this.#reader.begin();
  }

  /** The broker has answered the subscriptions. */
  subscribed(): void {
    this.#reader.subscribed();
  }

  /** Whether the existing announcements of a device, ours and others', have been read. */
  isRead(device: string): boolean {
    return this.#readDevices.has(device);
  }

  /** Whether there is nothing to do until a meter is received for the first time. */
  get idle(): boolean {
    return this.#stale.empty && !this.#reader.reading;
  }

  /**
   * Topics whose entities of a device must be migrated. They are cleared after Home Assistant has released the
   * entities.
   */
  takeOtherForm(device: string, form: "device" | "entity", keys: { has(key: string): boolean }): string[] {
    const found = this.#stale.takeOtherForm(device, form, keys);
    this.#emptyLater(found);
    return found;
  }

  /** Components that an earlier run announced in a device's message, by key. */
  components(device: string): ReadonlyMap<string, Component> {
    return this.#stale.components(device);
  }

  /** Base topic of another bridge that announces this device; `null`: we announce it. */
  announcedElsewhere(device: string): string | null {
    return this.#ownership.announcedElsewhere(device, this.#stale.entriesOf(device));
  }

  /** Whether another bridge has retained a message there. */
  isForeign(topic: string): boolean {
    return this.#ownership.isForeign(topic);
  }

  /** Processes a message that was retained before we connected. */
  note(topic: string, payload: Buffer): void {
    if (!this.#reader.reading) return;
    const { base, history } = this.#parts;
    if (payload.length > 0) {
      if (this.#isUnderOldBase(topic)) this.#stale.noteOldState(topic);
      const meter = this.#meterOfAvailability(topic);
      if (meter !== null) this.#noteEarlier(meter);
      if (!this.#isState(topic, base)) {
        if (!this.#ownership.noteBridge(topic, payload)) this.#stale.note(topic, payload);
      } else if (meter === null || (history.knows(meter) && !this.#isPresent(meter))) {
        // Availability isn't a leftover of `publish.topics`.
        this.#stale.noteState(topic);
      }
    }
    this.#reader.arrived();
  }

  /** Records a meter that an earlier run has published. */
  #noteEarlier(meter: string): void {
    if (this.#devices.has(meter)) return;
    if (this.#devices.size < MAX_EARLIER_METERS) this.#devices.add(meter);
    else {
      this.#warnOnce(
        "meters",
        `the broker retains the availability of more than ${MAX_EARLIER_METERS} meters: of the others, those that are no longer configured are not cleaned up. Remove them with kaifa2mqtt forget ID`,
      );
    }
  }

  /** Clears obsolete messages, as far as known. Call this when a meter has sent something new. */
  run(): void {
    const { base, instance, publish, onGone, log, ready, meters, history } = this.#parts;
    this.#lookAtMeters();
    const { present, allKnown } = this.#configured;
    if (allKnown) history.update(present);
    for (const { id } of present) this.#devices.add(id);
    if (!ready()) return;
    this.#reader.readMore();
    if (this.#stale.empty || this.#reader.reading) return;
    for (const id of this.#stale.meters()) {
      // A killed run couldn't report its meters as offline; treat them as offline until they are received.
      if (meters.has(id) || this.#presumedGone.has(id)) continue;
      this.#presumedGone.add(id);
      publish({ topic: topics.availability(base, id), payload: OFFLINE });
    }
    const ids = new Set([...meters.keys(), ...this.#configured.ids, bridgeDevice(instance)]);
    const gone = new Set<string>();
    const isDue = (device: string): boolean => {
      if (!device.startsWith(bridgeDevice("")) && !gone.has(device) && !history.isDue(device, present)) return false;
      gone.add(device);
      return true;
    };
    const dead = this.#stale.due(this.#seen(), allKnown ? ids : null, isDue, (id) => history.knows(id));
    for (const id of gone) history.forget(id);
    if (allKnown && present.every(({ id }) => meters.has(id))) this.#emptyLater(this.#stale.takeOldStates());
    for (const [device, keys] of dead.components) onGone(device, keys);
    if (dead.topics.length === 0) return;
    log.debug(() => `emptied, since nothing uses them any more: ${dead.topics.join(", ")}`);
    const discovery = dead.topics.filter((topic) => this.#isDiscovery(topic));
    for (const topic of discovery) publish({ topic, payload: "" });
    this.#emptyLater(dead.topics.filter((topic) => !discovery.includes(topic)));
  }

  stop(): void {
    this.#reader.stop();
    if (this.#emptyTimer !== null) clearTimeout(this.#emptyTimer);
    this.#emptyOldTopics();
  }

  /** Filters to read. */
  #wanted(): string[] {
    const { base, history, unusedStates } = this.#parts;
    const { bases, prefixes, meters } = history;
    const others = this.#ownership.otherBases();
    return [
      ...[...bases, ...others].map(topics.bridgeInfo),
      ...bases.map(topics.allAvailability),
      ...unusedStates,
      ...[...this.#devices]
        .filter((device) => !this.#readDevices.has(device))
        .flatMap((device) => prefixes.flatMap((prefix) => topics.deviceMessages(prefix, device))),
      ...bases.slice(1).flatMap((old) => [topics.bridgeState(old), ...meters.flatMap((id) => statesOf(old, id))]),
      ...this.#goneMeters().flatMap((id) => statesOf(base, id)),
    ];
  }

  /**
   * Meters that this installation has published and that are no longer configured; empty until all meters have
   * identified themselves.
   */
  #goneMeters(): string[] {
    const { ids, allKnown } = this.#configured;
    return ids.size === 0 || !allKnown ? [] : this.#parts.history.meters.filter((id) => !this.#isPresent(id));
  }

  #onRead(): void {
    const { history, onRead } = this.#parts;
    this.#lookAtMeters();
    history.addMeters(this.#ownership.ownMeters());
    for (const id of history.meters) this.#devices.add(id);
    // Only on the first run: later we have our own record of base topics and no longer trust retained messages.
    if (history.isNew) {
      for (const base of this.#ownership.ownOtherBases()) {
        history.addBase(base);
        if (!history.bases.includes(base)) continue;
        this.#stale.adopt(this.#ownership.takeAdopted(base));
        this.#stale.noteOldState(topics.bridgeInfo(base));
      }
    }
    this.#reader.readMore();
    onRead(this.#takeReadDevices());
    this.run();
  }

  /** Devices that have been read completely, including the `bridge/info` of other bridges that announce them. */
  #takeReadDevices(): string[] {
    const isRead = (filter: string): boolean => this.#reader.hasRead(filter);
    if (!this.#ownership.otherBases().map(topics.bridgeInfo).every(isRead)) return [];
    const { prefixes } = this.#parts.history;
    const found = [...this.#devices].filter(
      (device) =>
        !this.#readDevices.has(device) &&
        prefixes.every((prefix) => topics.deviceMessages(prefix, device).every(isRead)),
    );
    for (const device of found) this.#readDevices.add(device);
    return found;
  }

  /** Not for each message: the status of thousands of meters takes milliseconds. */
  #lookAtMeters(): void {
    const statuses = this.#parts.statuses();
    const present: PresentMeter[] = [];
    for (const { info, label } of statuses) if (info !== null) present.push({ id: info.id, port: label });
    const ids = new Set(present.map(({ id }) => id));
    this.#configured = { present, ids, allKnown: present.length === statuses.length };
  }

  #isPresent(id: string): boolean {
    return this.#parts.meters.has(id) || this.#configured.ids.has(id);
  }

  #isDiscovery(topic: string): boolean {
    return this.#parts.history.prefixes.some((prefix) => parseDiscovery(prefix, topic) !== null);
  }

  /** Whether the topic is below a meter of this base topic, or about one. */
  #isState(topic: string, base: string): boolean {
    if (!topic.startsWith(`${base}/`) || this.#isDiscovery(topic)) return false;
    return !topic.startsWith(`${base}/bridge/`) || topic.startsWith(`${base}/bridge/meters/`);
  }

  #isUnderOldBase(topic: string): boolean {
    if (this.#isDiscovery(topic)) return false;
    return this.#parts.history.bases.slice(1).some((base) => topic.startsWith(`${base}/`));
  }

  #meterOfAvailability(topic: string): string | null {
    for (const base of this.#parts.history.bases) {
      const id = topic.startsWith(`${base}/`) ? topic.slice(base.length + 1).split("/")[0] : undefined;
      if (id !== undefined && topic === topics.availability(base, id)) return id;
    }
    return null;
  }

  /** Home Assistant must release the entities first: it logs an error for an empty message. */
  #emptyLater(found: readonly string[]): void {
    if (found.length === 0) return;
    for (const topic of found) this.#oldTopics.add(topic);
    this.#emptyTimer ??= setTimeout(() => {
      this.#emptyTimer = null;
      this.#emptyOldTopics();
    }, OLD_TOPICS_MS);
  }

  #emptyOldTopics(): void {
    for (const topic of this.#oldTopics) this.#parts.publish({ topic, payload: "" });
    this.#oldTopics.clear();
  }

  #seen(): SeenDevice[] {
    const { base, enabled, instance, meters, announced } = this.#parts;
    const allLists = performance.now() - this.#startedAt > ALL_LISTS_MS;
    const seen: SeenDevice[] = [];
    for (const meter of meters.values()) {
      const { id } = meter.info;
      const known = announced(id);
      // Not announced yet: everything would look stale.
      if (meter.json === null || (enabled && !known.keys.has("status"))) continue;
      const own = topics.reading(base, id);
      const sends = (topic: string): boolean =>
        topic === topics.availability(base, id) ||
        topic === topics.bridgeMeter(base, id) ||
        (topic === own || topic.startsWith(`${own}/`) ? meter.publishesOn(topic.slice(own.length + 1)) : false);
      seen.push({ id, ...known, complete: meter.sendsOneList || allLists, sends });
    }
    const bridge = bridgeDevice(instance);
    const known = announced(bridge);
    if (known.keys.has("connectivity")) seen.push({ id: bridge, ...known, complete: true, sends: () => true });
    return seen;
  }
}

/** All topics that a meter has retained below a base topic, as filters. */
function statesOf(base: string, id: string): string[] {
  return [topics.reading(base, id), `${topics.reading(base, id)}/+`, topics.bridgeMeter(base, id)];
}
