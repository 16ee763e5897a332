/**
 * When what earlier runs have retained is read and taken away; what that is, stale-discovery.ts decides. It is read on the
 * first connect, in the first half minute, and acted upon as soon as the meters have told who they are and what they send.
 */

import type { ComponentLog } from "../../log/component-log.ts";
import type { MeterStatus } from "../../meter/events.ts";
import type { Message } from "./message.ts";
import type { MeterState } from "./meter-state.ts";
import type { PublicationHistory } from "./publication-history.ts";
import { type Component, type SeenDevice, StaleDiscovery } from "./stale-discovery.ts";
import { bridgeDevice, OFFLINE, parseDiscovery, topics } from "./topics.ts";

/** For so long after the first connect the retained discovery messages are read. */
const READ_MS = 30_000;
/** What is retained has been read when nothing more has come for so long. */
const QUIET_MS = 300;
/** From the change of a discovery message until what stood behind it is emptied. */
const OLD_TOPICS_MS = 3000;
/** Meters that send several lists have sent each of them after this time (hourly lists: Norway). */
const ALL_LISTS_MS = 65 * 60_000;

export interface RetainedCleanupParts {
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  /** `homeassistant.enabled` */
  readonly enabled: boolean;
  readonly instance: string;
  readonly log: ComponentLog;
  /** Those that have been heard, by id. */
  readonly meters: ReadonlyMap<string, MeterState>;
  readonly history: PublicationHistory;
  /** All configured ones; `info` is `null` as long as one has not said who it is. */
  readonly statuses: () => readonly Pick<MeterStatus, "info" | "label">[];
  /** Topics and keys under which a device is announced now, by its id. */
  readonly announced: (device: string) => Pick<SeenDevice, "announced" | "keys">;
  /** These entities of a device are gone. */
  readonly onGone: (device: string, keys: readonly string[]) => void;
  /** Whether messages can be sent now. */
  readonly ready: () => boolean;
  readonly publish: (message: Message) => void;
  /** What is retained has been read for the first time: now it is known what has to be migrated. */
  readonly onSettled: () => void;
  /** What is retained need not be read any longer. */
  readonly onRead: () => void;
}

export class RetainedCleanup {
  readonly #parts: RetainedCleanupParts;
  readonly #stale: StaleDiscovery;
  readonly #startedAt = performance.now();
  /** What was retained before us is still coming. */
  #reading = false;
  #settled = false;
  #readTimer: NodeJS.Timeout | null = null;
  #quietTimer: NodeJS.Timeout | null = null;
  #emptyTimer: NodeJS.Timeout | null = null;
  /** Meters of an earlier run that were said to be offline. */
  readonly #presumedGone = new Set<string>();
  /** Retained under topics that are no longer used; to be emptied. */
  readonly #oldTopics = new Set<string>();

  constructor(parts: RetainedCleanupParts) {
    this.#parts = parts;
    const { base, prefix, enabled, instance, log, history } = parts;
    const { bases, prefixes } = history;
    this.#stale = new StaleDiscovery({ base, prefix, bases, prefixes, enabled, instance, log });
  }

  /** The subscriptions are about to be made for the first time. */
  begin(): void {
    this.#reading = true;
    this.#readTimer = setTimeout(() => {
      this.#reading = false;
      this.#parts.onRead();
      this.look();
    }, READ_MS);
  }

  /** The broker has answered the subscriptions; what is retained comes now, if it has not yet. */
  subscribed(): void {
    if (!this.#settled && this.#quietTimer === null) this.#waitForQuiet();
  }

  /** Whether what earlier runs have announced is known. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Topics from which entities of a device are to be migrated (stale-discovery.ts). They are emptied when Home Assistant has let go of them. */
  takeOtherForm(device: string, form: "device" | "entity", keys: { has(key: string): boolean }): string[] {
    const found = this.#stale.takeOtherForm(device, form, keys);
    this.#emptyLater(found);
    return found;
  }

  /** What an earlier run has announced in the message of a device, by key. */
  components(device: string): ReadonlyMap<string, Component> {
    return this.#stale.components(device);
  }

  /** Base topic of another bridge that announces this device; `null`: it is ours to announce. */
  announcedElsewhere(device: string): string | null {
    return this.#stale.announcedElsewhere(device);
  }

  /** Whether another bridge has retained a message there. */
  isForeign(topic: string): boolean {
    return this.#stale.isForeign(topic);
  }

  /** Where earlier runs have retained what may no longer apply. */
  topics(): string[] {
    const { bases, prefixes, meters } = this.#parts.history;
    const old = bases
      .slice(1)
      .flatMap((base) => [
        `${base}/bridge/state`,
        ...meters.flatMap((id) => [
          topics.reading(base, id),
          `${topics.reading(base, id)}/+`,
          topics.bridgeMeter(base, id),
        ]),
      ]);
    return [...bases.map(topics.bridgeInfo), ...prefixes.flatMap(topics.allDiscovery), ...old];
  }

  /** Takes in a message that was retained before us. */
  note(topic: string, payload: Buffer): void {
    if (!this.#reading) return;
    if (payload.length > 0 && this.#isUnderOldBase(topic)) this.#stale.noteOldState(topic);
    if (this.#isBelowMeter(topic)) {
      if (payload.length > 0) this.#stale.noteState(topic);
    } else this.#stale.note(topic, payload);
    this.#waitForQuiet();
  }

  #isBelowMeter(topic: string): boolean {
    const { base } = this.#parts;
    if (!topic.startsWith(`${base}/`) || topic.startsWith(`${base}/bridge/`)) return false;
    return this.#parts.history.prefixes.every((prefix) => parseDiscovery(prefix, topic) === null);
  }

  #isUnderOldBase(topic: string): boolean {
    const { bases, prefixes } = this.#parts.history;
    if (prefixes.some((prefix) => parseDiscovery(prefix, topic) !== null)) return false;
    return bases.slice(1).some((base) => topic.startsWith(`${base}/`));
  }

  #waitForQuiet(): void {
    if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      this.#quietTimer = null;
      if (!this.#settled) {
        this.#settled = true;
        this.#parts.onSettled();
      }
      this.look();
    }, QUIET_MS);
  }

  /** Takes away what no longer applies, as far as that is known by now. To be called when a meter has told something new. */
  look(): void {
    const { base, instance, publish, onGone, log, ready, meters, statuses, history } = this.#parts;
    const present = statuses().flatMap(({ info, label }) => (info === null ? [] : [{ id: info.id, port: label }]));
    const allKnown = present.length === statuses().length;
    if (allKnown) history.update(present);
    if (this.#stale.empty || this.#quietTimer !== null || !ready()) return;
    for (const id of this.#stale.meters()) {
      // A run that was killed could not say that its meters are gone; as long as they are not heard of, they are.
      if (meters.has(id) || this.#presumedGone.has(id)) continue;
      this.#presumedGone.add(id);
      publish({ topic: topics.availability(base, id), payload: OFFLINE });
    }
    const ids = new Set([...meters.keys(), ...present.map(({ id }) => id), bridgeDevice(instance)]);
    const gone = new Set<string>();
    const isDue = (device: string): boolean => {
      if (!device.startsWith(bridgeDevice("")) && !gone.has(device) && !history.isDue(device, present)) return false;
      gone.add(device);
      return true;
    };
    const dead = this.#stale.due(this.#seen(), allKnown ? ids : null, isDue);
    for (const id of gone) history.forget(id);
    if (allKnown && present.every(({ id }) => meters.has(id))) this.#emptyLater(this.#stale.takeOldStates());
    for (const [device, keys] of dead.components) onGone(device, keys);
    if (dead.topics.length === 0) return;
    log.debug(() => `emptied, since nothing uses them any more: ${dead.topics.join(", ")}`);
    const discovery = dead.topics.filter((topic) =>
      history.prefixes.some((prefix) => parseDiscovery(prefix, topic) !== null),
    );
    for (const topic of discovery) publish({ topic, payload: "" });
    this.#emptyLater(dead.topics.filter((topic) => !discovery.includes(topic)));
  }

  /** Home Assistant must have let go of them first: it complains about an empty message. */
  #emptyLater(found: readonly string[]): void {
    if (found.length === 0) return;
    for (const topic of found) this.#oldTopics.add(topic);
    this.#emptyTimer ??= setTimeout(() => {
      this.#emptyTimer = null;
      this.#emptyOldTopics();
    }, OLD_TOPICS_MS);
  }

  stop(): void {
    for (const timer of [this.#readTimer, this.#quietTimer, this.#emptyTimer]) if (timer !== null) clearTimeout(timer);
    this.#emptyOldTopics();
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
      // Not announced yet: everything would look dead.
      if (meter.json === null || (enabled && !known.keys.has("status"))) continue;
      const own = topics.reading(base, id);
      const sends = (topic: string): boolean =>
        topic === topics.availability(base, id) ||
        (topic === own || topic.startsWith(`${own}/`) ? meter.publishesOn(topic.slice(own.length + 1)) : false);
      seen.push({ id, ...known, complete: meter.sendsOneList || allLists, sends });
    }
    const bridge = bridgeDevice(instance);
    const known = announced(bridge);
    if (known.keys.has("connectivity")) seen.push({ id: bridge, ...known, complete: true, sends: () => true });
    return seen;
  }
}
