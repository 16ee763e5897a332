/**
 * Decides which retained messages are ours, and which of those are obsolete: a different meter, id or base topic, a
 * value that the meter no longer sends, or discovery switched off.
 *
 * A discovery message is ours if it is under one of our base topics, the current one or one recorded in `data_dir`, and
 * names our instance (`via_device`, the bridge's device). Messages from version 1.0.0 name no instance: they are ours
 * unless another instance claims that base topic in its `bridge/info`. Everything else is left alone.
 *
 * Another bridge announces a meter if its `bridge/info` names the same instance as the discovery message. A message
 * without such a bridge (forged, or left over from a removed bridge) doesn't stop us from announcing the meter.
 */
import type { ComponentLog } from "../../log/component-log.ts";
import {
  type Component,
  parseObject,
  parseRetainedDiscovery,
  type RetainedDiscovery,
  retainedStatesOf,
} from "./retained-discovery.ts";
import { parseRetainedInfo, type RetainedInfo } from "./retained-info.ts";
import { bridgeDevice, ONLINE, parseDiscovery, topics } from "./topics.ts";

/** No broker has more of our entities than this; the rest is ignored. */
const MAX_ENTRIES = 5000;
const MAX_PAYLOAD_BYTES = 64 * 1024;
/** Maximum number of other bridges' discovery messages to record. */
const MAX_FOREIGN = 1000;
/** Maximum number of other bridges whose `bridge/info` is read. */
const MAX_OTHER_BASES = 16;

export interface StaleDiscoveryOptions {
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  /** Our base topics, the current one first; may grow (`adopted`). */
  readonly bases: readonly string[];
  /** Our discovery prefixes, the current one first. */
  readonly prefixes: readonly string[];
  /** `homeassistant.enabled` */
  readonly enabled: boolean;
  readonly instance: string;
  readonly log: ComponentLog;
}

/** One of our meters that has sent a complete reading, or the bridge itself. */
export interface SeenDevice {
  /** Id of the meter or bridge, as used in discovery topics. */
  readonly id: string;
  /** Its currently published discovery topics. */
  readonly announced: { has(topic: string): boolean };
  /** Keys of its entities. */
  readonly keys: { has(key: string): boolean };
  /** Whether a topic holds one of its current values. */
  readonly sends: (topic: string) => boolean;
  /** Whether everything that it sends has been seen. */
  readonly complete: boolean;
}

/** Obsolete messages and components. */
export interface Dead {
  /** Topics to clear. */
  readonly topics: readonly string[];
  /** Components to remove from a device's discovery message, by device id. */
  readonly components: ReadonlyMap<string, readonly string[]>;
}

export class StaleDiscovery {
  readonly #options: StaleDiscoveryOptions;
  readonly #entries = new Map<string, RetainedDiscovery>();
  /** Retained below a meter of our base topic. */
  readonly #states = new Set<string>();
  /** Retained under an earlier base topic. */
  readonly #oldStates = new Set<string>();
  /** By base topic, ours and others'. */
  readonly #infos = new Map<string, RetainedInfo>();
  /** Discovery messages under other base topics, by topic. */
  readonly #foreign = new Map<string, RetainedDiscovery>();
  /** Devices for which an announcement without a bridge was reported. */
  readonly #reported = new Set<string>();
  #foundOnline = false;
  #shared = false;

  constructor(options: StaleDiscoveryOptions) {
    this.#options = options;
  }

  /** Records a message that was retained before we connected; ignores messages that aren't ours. */
  note(topic: string, payload: Buffer): void {
    const { base, bases, prefix, prefixes } = this.#options;
    if (payload.length === 0) return;
    if (topic === topics.bridgeState(base)) {
      this.#foundOnline = payload.toString("latin1") === ONLINE;
      return;
    }
    // The info of a bridge with many meters is large, but it comes only from topics that we requested.
    const informed = [...bases, ...this.otherBases()].find((name) => topic === topics.bridgeInfo(name));
    if (informed !== undefined) {
      const info = parseRetainedInfo(payload);
      if (info !== null) this.#infos.set(informed, info);
      return;
    }
    const message = payload.length > MAX_PAYLOAD_BYTES ? null : parseObject(payload);
    const entry = message === null ? null : parseRetainedDiscovery(prefixes, topic, message);
    if (entry === null) return;
    if (bases.includes(entry.base) && (entry.base === base || !this.#isOthers(entry))) {
      if (this.#entries.size < MAX_ENTRIES) this.#entries.set(topic, entry);
    } else if (parseDiscovery(prefix, topic) !== null && this.#foreign.size < MAX_FOREIGN) {
      this.#foreign.set(topic, entry);
    }
  }

  /** Other base topics named in our meters' discovery messages: we need to read which bridge uses them. */
  otherBases(): string[] {
    const named = [...this.#foreign.values()].map(({ base }) => base);
    return [...new Set(named)].slice(0, MAX_OTHER_BASES);
  }

  /** Those of `otherBases` that our own instance claims in `bridge/info`: used before base topics were recorded. */
  ownOtherBases(): string[] {
    return this.otherBases().filter((base) => this.#infos.get(base)?.instance === this.#options.instance);
  }

  /** Call this after adding the base topic to `bases`. */
  adopted(base: string): void {
    for (const [topic, entry] of this.#foreign) {
      if (entry.base !== base || this.#isOthers(entry)) continue;
      this.#foreign.delete(topic);
      this.#entries.set(topic, entry);
    }
  }

  /** Meters and ports that an earlier run of this installation lists in `bridge/info`. */
  ownMeters(): Map<string, string> {
    const { bases, instance } = this.#options;
    const infos = bases.flatMap((base) => this.#infos.get(base) ?? []);
    return new Map(infos.filter((info) => info.instance === instance).flatMap(({ meters }) => [...meters]));
  }

  /** Base topic of another bridge that announces this device; `null`: we announce it. */
  announcedElsewhere(device: string): string | null {
    if (this.#foundOnline) this.#checkForSharedBase();
    const entries = [...this.#entries.values()].filter((entry) => entry.device === device);
    // Devices that we announced before stay ours.
    if (entries.some((entry) => this.#isOurs(entry))) return null;
    for (const [topic, entry] of this.#foreign) {
      if (entry.device !== device) continue;
      if (this.#hasBridge(entry)) return entry.base;
      this.#reportUnclaimed(topic, entry);
    }
    // If the other bridge under our base topic is gone, it was this installation before its data folder was lost: we
    // take over.
    const other = entries.find(({ base }) => base !== this.#options.base || this.#shared);
    return other === undefined ? null : other.base;
  }

  /** Whether another bridge has retained a message there. */
  isForeign(topic: string): boolean {
    const entry = this.#foreign.get(topic);
    return entry !== undefined && this.#hasBridge(entry);
  }

  /** Whether `bridge/info` confirms the bridge that a discovery message names. */
  #hasBridge({ base, instance }: RetainedDiscovery): boolean {
    const info = this.#infos.get(base);
    if (info === undefined || info.instance === this.#options.instance) return false;
    return instance === null || instance === info.instance;
  }

  #reportUnclaimed(topic: string, { device, base }: RetainedDiscovery): void {
    if (this.#reported.has(device)) return;
    this.#reported.add(device);
    this.#options.log.warn(
      `${topic} announces the meter ${device} for the base topic ${base}, where no such bridge is known (${topics.bridgeInfo(base)} does not name it): this bridge announces the meter. If Home Assistant shows entities twice or wrong ones, delete that message on the broker`,
    );
  }

  #isOthers({ instance }: RetainedDiscovery): boolean {
    return instance !== null && instance !== this.#options.instance;
  }

  /** Whether we may clear it. */
  #isOurs(entry: RetainedDiscovery): boolean {
    const { base, instance } = this.#options;
    if (entry.instance !== null) return entry.instance === instance;
    if (entry.base === base) return !this.#shared;
    const claim = this.#infos.get(entry.base)?.instance;
    return claim === undefined || claim === instance;
  }

  /** Records a retained topic under an earlier base topic. */
  noteOldState(topic: string): void {
    if (this.#oldStates.size < MAX_ENTRIES) this.#oldStates.add(topic);
  }

  /** Our leftovers under earlier base topics, each returned once: only if the `bridge/info` there is ours. */
  takeOldStates(): string[] {
    const { base, bases, instance } = this.#options;
    const found = [...this.#oldStates].filter((topic) => {
      if (topic === base || topic.startsWith(`${base}/`)) return false;
      return bases.some(
        (old) => old !== base && topic.startsWith(`${old}/`) && this.#infos.get(old)?.instance === instance,
      );
    });
    this.#oldStates.clear();
    return found;
  }

  /** Records a topic of a meter below our base topic that was retained before we connected. */
  noteState(topic: string): void {
    if (this.#states.size < MAX_ENTRIES) this.#states.add(topic);
  }

  /**
   * Topics on which an earlier run announced a device's entities in the other form, so they must be migrated. Each is
   * returned once.
   * @param keys entities about to be announced
   */
  takeOtherForm(device: string, form: "device" | "entity", keys: { has(key: string): boolean }): string[] {
    const found: string[] = [];
    for (const [topic, entry] of this.#entries) {
      if (entry.device !== device || (form === "device") === (entry.key === null)) continue;
      if (!this.#isOurs(entry)) continue;
      if (entry.key === null || keys.has(entry.key)) found.push(topic);
    }
    for (const topic of found) this.#entries.delete(topic);
    return found;
  }

  /** Components that an earlier run announced in a device's message, under the current base topic. */
  components(device: string): ReadonlyMap<string, Component> {
    const entry = this.#entries.get(topics.deviceDiscovery(this.#options.prefix, device));
    return entry?.base === this.#options.base ? entry.components : new Map();
  }

  /** Whether there is nothing left to decide. */
  get empty(): boolean {
    return this.#entries.size === 0 && this.#states.size === 0 && this.#oldStates.size === 0 && !this.#foundOnline;
  }

  /** Meters that an earlier run of this bridge announced. */
  meters(): ReadonlySet<string> {
    if (this.#foundOnline) this.#checkForSharedBase();
    const here = [...this.#entries.values()].filter(({ base }) => base === this.#options.base);
    const meters = here.map(({ device }) => device).filter((device) => !device.startsWith(bridgeDevice("")));
    return new Set(this.#shared ? [] : meters);
  }

  /**
   * Messages and components to remove now. Each is returned once.
   * @param seen our devices; of the meters, those that have sent a complete reading
   * @param allIds ids of all configured meters and of the bridge; `null` while a meter hasn't identified itself, since
   *   the entities that look stale may be its own
   * @param isDue whether to clear a meter that isn't in `allIds` now
   * @param isKnown whether this installation has published a meter with that id
   */
  due(
    seen: readonly SeenDevice[],
    allIds: ReadonlySet<string> | null,
    isDue: (device: string) => boolean = () => true,
    isKnown: (device: string) => boolean = () => false,
  ): Dead {
    if (this.#foundOnline) this.#checkForSharedBase();
    const { base, enabled } = this.#options;
    const found = new Set<string>();
    const components = new Map<string, readonly string[]>();
    const add = (...names: string[]): void => {
      for (const name of names) found.add(name);
    };
    const byId = new Map(seen.map((device) => [device.id, device]));
    for (const [topic, entry] of this.#entries) {
      const device = byId.get(entry.device);
      const here = entry.base === base;
      if (!this.#isOurs(entry)) continue;
      if (device?.complete) {
        if (!device.announced.has(topic)) add(topic);
        else {
          const gone = [...entry.components.keys()].filter((key) => !device.keys.has(key));
          if (gone.length > 0) components.set(entry.device, gone);
        }
        add(...retainedStatesOf(entry, !here).filter((name) => !device.sends(name)));
      } else if (!enabled) {
        add(topic);
      } else if (allIds !== null && !allIds.has(entry.device) && isDue(entry.device)) {
        add(topic, ...retainedStatesOf(entry, true));
      } else {
        continue;
      }
      this.#entries.delete(topic);
    }
    for (const topic of this.#states) {
      const id = meterOf(topic, base);
      const device = byId.get(id);
      if (device?.complete) {
        if (!device.sends(topic)) add(topic);
      } else if (!this.#shared && allIds !== null && !allIds.has(id) && isKnown(id) && isDue(id)) {
        add(topic);
      } else {
        continue;
      }
      this.#states.delete(topic);
    }
    return { topics: [...found], components };
  }

  #checkForSharedBase(): void {
    const { base, instance, log } = this.#options;
    this.#foundOnline = false;
    const claim = this.#infos.get(base)?.instance;
    if (claim === undefined || claim === instance) return;
    this.#shared = true;
    log.warn(
      `another kaifa2mqtt uses the base topic ${base}: give each its own mqtt.base_topic, since the entities of both become unavailable when one of them stops`,
    );
  }
}

/** The meter to which a topic from `noteState` belongs. */
function meterOf(topic: string, base: string): string {
  const segments = topic.slice(base.length + 1).split("/");
  return (segments[0] === "bridge" ? segments[2] : segments[0]) ?? "";
}
