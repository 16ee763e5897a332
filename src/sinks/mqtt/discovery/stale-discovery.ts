/**
 * Decides which of our retained messages (discovery-ownership.ts) are obsolete: a different meter, id or base topic, a
 * value that the meter no longer sends, or discovery switched off.
 */

import type { WarnOnce } from "../../../process/warn-once.ts";
import { bridgeDevice, topics } from "../topics.ts";
import type { DiscoveryOwnership } from "./discovery-ownership.ts";
import {
  type Component,
  parseObject,
  parseRetainedDiscovery,
  type RetainedDiscovery,
  retainedStatesOf,
} from "./retained-discovery.ts";

/** Discovery messages, states, and states of earlier base topics: so many of each are remembered. */
const MAX_ENTRIES = 5000;
/** Larger discovery messages are not parsed; a meter with 60 values takes 48 KB. */
const MAX_PAYLOAD_BYTES = 64 * 1024;

export interface StaleDiscoveryOptions {
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  /** Our base topics, the current one first; may grow. */
  readonly bases: readonly string[];
  /** Our discovery prefixes, the current one first. */
  readonly prefixes: readonly string[];
  /** `homeassistant.enabled` */
  readonly enabled: boolean;
  readonly ownership: DiscoveryOwnership;
  readonly warnOnce: WarnOnce;
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
  /** By device, then by topic. */
  readonly #entries = new Map<string, Map<string, RetainedDiscovery>>();
  #count = 0;
  /** Retained below a meter of our base topic. */
  readonly #states = new Set<string>();
  /** Retained under an earlier base topic. */
  readonly #oldStates = new Set<string>();

  constructor(options: StaleDiscoveryOptions) {
    this.#options = options;
  }

  /** Records a discovery message that was retained before we connected; ignores messages that no bridge published. */
  note(topic: string, payload: Buffer): void {
    const { prefixes, ownership, warnOnce } = this.#options;
    if (payload.length > MAX_PAYLOAD_BYTES) {
      warnOnce(
        "bytes",
        `${topic} has ${payload.length} bytes; more than ${MAX_PAYLOAD_BYTES} are not read, so obsolete entities in it stay in Home Assistant. Remove them with kaifa2mqtt forget ID`,
      );
      return;
    }
    const message = parseObject(payload);
    const entry = message === null ? null : parseRetainedDiscovery(prefixes, topic, message);
    if (entry === null) return;
    if (!ownership.mayBeOurs(entry)) ownership.noteForeign(topic, entry);
    else if (this.#hasRoom(this.#count, this.#has(topic, entry), "discovery messages")) this.#add(topic, entry);
  }

  /** Records messages that turned out to be ours. */
  adopt(entries: ReadonlyMap<string, RetainedDiscovery>): void {
    for (const [topic, entry] of entries) this.#add(topic, entry);
  }

  /** Messages of a device that may be ours. */
  entriesOf(device: string): RetainedDiscovery[] {
    return [...(this.#entries.get(device)?.values() ?? [])];
  }

  /** Records a retained topic under an earlier base topic. */
  noteOldState(topic: string): void {
    const known = this.#oldStates;
    if (this.#hasRoom(known.size, known.has(topic), "values under earlier base topics")) known.add(topic);
  }

  /** Our leftovers under earlier base topics, each returned once: only if the `bridge/info` there is ours. */
  takeOldStates(): string[] {
    const { base, bases, ownership } = this.#options;
    const found = [...this.#oldStates].filter((topic) => {
      if (topic === base || topic.startsWith(`${base}/`)) return false;
      return bases.some((old) => old !== base && topic.startsWith(`${old}/`) && ownership.claims(old));
    });
    this.#oldStates.clear();
    return found;
  }

  /** Records a topic of a meter below our base topic that was retained before we connected. */
  noteState(topic: string): void {
    const known = this.#states;
    if (this.#hasRoom(known.size, known.has(topic), "values that are no longer published")) known.add(topic);
  }

  *#all(): Generator<[topic: string, RetainedDiscovery]> {
    for (const entries of this.#entries.values()) yield* entries;
  }

  #has(topic: string, { device }: RetainedDiscovery): boolean {
    return this.#entries.get(device)?.has(topic) === true;
  }

  #add(topic: string, entry: RetainedDiscovery): void {
    if (!this.#has(topic, entry)) this.#count++;
    const known = this.#entries.get(entry.device);
    if (known === undefined) this.#entries.set(entry.device, new Map([[topic, entry]]));
    else known.set(topic, entry);
  }

  #delete(topic: string, device: string): void {
    const known = this.#entries.get(device);
    if (known?.delete(topic) !== true) return;
    this.#count--;
    if (known.size === 0) this.#entries.delete(device);
  }

  #hasRoom(size: number, isKnown: boolean, what: string): boolean {
    if (size < MAX_ENTRIES || isKnown) return true;
    this.#options.warnOnce(
      what,
      `the broker retains more than ${MAX_ENTRIES} ${what}: of the others, those that are obsolete stay there. Remove them with kaifa2mqtt forget ID, or delete them yourself`,
    );
    return false;
  }

  /**
   * Topics on which an earlier run announced a device's entities in the other form, so they must be migrated. Each is
   * returned once.
   * @param keys entities about to be announced
   */
  takeOtherForm(device: string, form: "device" | "entity", keys: { has(key: string): boolean }): string[] {
    const found: string[] = [];
    for (const [topic, entry] of this.#entries.get(device) ?? []) {
      if ((form === "device") === (entry.key === null)) continue;
      if (!this.#options.ownership.isOurs(entry)) continue;
      if (entry.key === null || keys.has(entry.key)) found.push(topic);
    }
    for (const topic of found) this.#delete(topic, device);
    return found;
  }

  /** Components that an earlier run announced in a device's message, under the current base topic. */
  components(device: string): ReadonlyMap<string, Component> {
    const entry = this.#entries.get(device)?.get(topics.deviceDiscovery(this.#options.prefix, device));
    return entry?.base === this.#options.base ? entry.components : new Map();
  }

  /** Whether there is nothing left to decide. */
  get empty(): boolean {
    const { undecided } = this.#options.ownership;
    return this.#entries.size === 0 && this.#states.size === 0 && this.#oldStates.size === 0 && !undecided;
  }

  /** Meters that an earlier run of this bridge announced. */
  meters(): ReadonlySet<string> {
    const { base, ownership } = this.#options;
    ownership.checkForSharedBase();
    const meters = new Set<string>();
    if (ownership.shared) return meters;
    for (const [device, entries] of this.#entries) {
      const isHere = [...entries.values()].some((entry) => entry.base === base);
      if (isHere && !device.startsWith(bridgeDevice(""))) meters.add(device);
    }
    return meters;
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
    const { base, enabled, ownership } = this.#options;
    ownership.checkForSharedBase();
    const found = new Set<string>();
    const components = new Map<string, readonly string[]>();
    const add = (...names: string[]): void => {
      for (const name of names) found.add(name);
    };
    const byId = new Map(seen.map((device) => [device.id, device]));
    for (const [topic, entry] of this.#all()) {
      const device = byId.get(entry.device);
      const here = entry.base === base;
      if (!ownership.isOurs(entry)) continue;
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
      this.#delete(topic, entry.device);
    }
    for (const topic of this.#states) {
      const id = meterOf(topic, base);
      const device = byId.get(id);
      if (device?.complete) {
        if (!device.sends(topic)) add(topic);
      } else if (!ownership.shared && allIds !== null && !allIds.has(id) && isKnown(id) && isDue(id)) {
        add(topic);
      } else {
        continue;
      }
      this.#states.delete(topic);
    }
    return { topics: [...found], components };
  }
}

/** The meter to which a topic from `noteState` belongs. */
function meterOf(topic: string, base: string): string {
  const segments = topic.slice(base.length + 1).split("/");
  return (segments[0] === "bridge" ? segments[2] : segments[0]) ?? "";
}
