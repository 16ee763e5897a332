/**
 * Discovery messages that we (this program, whichever run of it) have retained on the broker and that no longer apply:
 * another meter, another id, another base topic, a value that the meter no longer sends, discovery switched off. They are
 * found by reading what is retained at the start.
 *
 * A message is ours if it lies under a base topic of ours, the present one or one that `data_dir` remembers, and names our
 * instance (`via_device`, the device of the bridge). Messages of version 1.0.0 name none: they are ours unless another
 * instance claims that base topic in its `bridge/info`. Everything else is left alone, and a meter that another bridge
 * announces is not announced a second time.
 */
import type { ComponentLog } from "../../log/component-log.ts";
import { isPlainTopic } from "./publication-history.ts";
import { bridgeDevice, type DiscoveryAddress, NODE_PREFIX, ONLINE, parseDiscovery, topics } from "./topics.ts";

/** More of our entities than this are on no broker; what is beyond is not looked at. */
const MAX_ENTRIES = 5000;
const MAX_PAYLOAD_BYTES = 64 * 1024;
/** Discovery messages of other bridges that are noted. */
const MAX_FOREIGN = 1000;
const STATE_SUFFIX = "/bridge/state";

export interface StaleDiscoveryOptions {
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  /** Base topics of ours, the present one first. */
  readonly bases: readonly string[];
  /** Discovery prefixes of ours, the present one first. */
  readonly prefixes: readonly string[];
  /** `homeassistant.enabled` */
  readonly enabled: boolean;
  readonly instance: string;
  readonly log: ComponentLog;
}

/** A meter of ours that has sent a complete reading, or the bridge itself. */
export interface SeenDevice {
  /** As in discovery topics: the meter's id, or that of the bridge. */
  readonly id: string;
  /** Its discovery topics as published now. */
  readonly announced: { has(topic: string): boolean };
  /** Keys of its entities. */
  readonly keys: { has(key: string): boolean };
  /** Whether a topic holds one of its present values. */
  readonly sends: (topic: string) => boolean;
  /** Whether everything that it sends has been seen. */
  readonly complete: boolean;
}

/** What no longer applies. */
export interface Dead {
  /** To be emptied. */
  readonly topics: readonly string[];
  /** To be taken out of the discovery message of a device, by its id. */
  readonly components: ReadonlyMap<string, readonly string[]>;
}

/** The part of one entity in the discovery message of a device. */
export type Component = Readonly<Record<string, unknown>> & { readonly platform: string };

/** A retained discovery message of ours. */
interface Entry {
  readonly device: string;
  readonly stateTopics: readonly string[];
  /** Base topic under which it was published. */
  readonly base: string;
  /** Bridge that published it; `null`: version 1.0.0 did not say. */
  readonly instance: string | null;
  /** Key of the entity, `null` for the message of a device. */
  readonly key: string | null;
  /** By key; empty in the message of one entity. */
  readonly components: ReadonlyMap<string, Component>;
}

export class StaleDiscovery {
  readonly #options: StaleDiscoveryOptions;
  readonly #entries = new Map<string, Entry>();
  /** Retained below a meter, where that was asked for (`publish.topics`). */
  readonly #states = new Set<string>();
  /** Retained under a base topic of before. */
  readonly #oldStates = new Set<string>();
  /** By base topic of ours: the instance in its `bridge/info`. */
  readonly #claims = new Map<string, string>();
  /** Discovery messages of other bridges, by topic. */
  readonly #foreign = new Map<string, { readonly device: string; readonly base: string }>();
  #foundOnline = false;
  #shared = false;

  constructor(options: StaleDiscoveryOptions) {
    this.#options = options;
  }

  /** Notes a message that was retained before we came; what is not ours is ignored. */
  note(topic: string, payload: Buffer): void {
    const { base, bases, prefix, prefixes } = this.#options;
    if (payload.length === 0 || payload.length > MAX_PAYLOAD_BYTES) return;
    if (topic === topics.bridgeState(base)) {
      this.#foundOnline = payload.toString("latin1") === ONLINE;
      return;
    }
    const message = parseObject(payload);
    if (message === null) return;
    const informed = bases.find((name) => topic === topics.bridgeInfo(name));
    if (informed !== undefined) {
      if (typeof message.instance === "string") this.#claims.set(informed, message.instance);
      return;
    }
    const address = addressOf(prefixes, topic);
    if (address === null || !isObject(message.origin) || message.origin.name !== "kaifa2mqtt") return;
    const entry = entryOf(address, message);
    if (entry === null) return;
    if (bases.includes(entry.base) && (entry.base === base || !this.#isOthers(entry))) {
      if (this.#entries.size < MAX_ENTRIES) this.#entries.set(topic, entry);
    } else if (parseDiscovery(prefix, topic) !== null && this.#foreign.size < MAX_FOREIGN) {
      this.#foreign.set(topic, { device: entry.device, base: entry.base });
    }
  }

  /** Base topic of another bridge that announces this device; `null`: it is ours to announce. */
  announcedElsewhere(device: string): string | null {
    if (this.#foundOnline) this.#lookForOthers();
    const entries = [...this.#entries.values()].filter((entry) => entry.device === device);
    // What we have announced before stays ours.
    if (entries.some((entry) => this.#isOurs(entry))) return null;
    for (const entry of this.#foreign.values()) if (entry.device === device) return entry.base;
    // Under our base topic a bridge that is gone is one whose data folder was lost: its place is ours.
    const other = entries.find(({ base }) => base !== this.#options.base || this.#shared);
    return other === undefined ? null : other.base;
  }

  /** Whether another bridge has retained a message there. */
  isForeign(topic: string): boolean {
    return this.#foreign.has(topic);
  }

  #isOthers({ instance }: Entry): boolean {
    return instance !== null && instance !== this.#options.instance;
  }

  /** Whether it may be cleared. */
  #isOurs(entry: Entry): boolean {
    const { base, instance } = this.#options;
    if (entry.instance !== null) return entry.instance === instance;
    if (entry.base === base) return !this.#shared;
    const claim = this.#claims.get(entry.base);
    return claim === undefined || claim === instance;
  }

  /** Notes a topic under a base topic of before under which something was retained. */
  noteOldState(topic: string): void {
    if (this.#oldStates.size < MAX_ENTRIES) this.#oldStates.add(topic);
  }

  /** What we have left under base topics of before, each named once: only where `bridge/info` there is our own. */
  takeOldStates(): string[] {
    const { base, bases, instance } = this.#options;
    const found = [...this.#oldStates].filter((topic) => {
      if (topic === base || topic.startsWith(`${base}/`)) return false;
      return bases.some((old) => old !== base && topic.startsWith(`${old}/`) && this.#claims.get(old) === instance);
    });
    this.#oldStates.clear();
    return found;
  }

  /** Notes a topic below a meter under which something was retained before we came. */
  noteState(topic: string): void {
    if (this.#states.size < MAX_ENTRIES) this.#states.add(topic);
  }

  /**
   * Topics on which an earlier run has announced entities of a device in the other form: from there they have to be
   * migrated. Each is named once.
   * @param keys entities that are about to be announced
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

  /** What an earlier run has announced in the message of a device, under the present base topic. */
  components(device: string): ReadonlyMap<string, Component> {
    const entry = this.#entries.get(topics.deviceDiscovery(this.#options.prefix, device));
    return entry?.base === this.#options.base ? entry.components : new Map();
  }

  /** Nothing is left to be decided upon. */
  get empty(): boolean {
    return this.#entries.size === 0 && this.#states.size === 0 && this.#oldStates.size === 0 && !this.#foundOnline;
  }

  /** Meters that an earlier run of this bridge has announced. */
  meters(): ReadonlySet<string> {
    if (this.#foundOnline) this.#lookForOthers();
    const here = [...this.#entries.values()].filter(({ base }) => base === this.#options.base);
    const meters = here.map(({ device }) => device).filter((device) => !device.startsWith(bridgeDevice("")));
    return new Set(this.#shared ? [] : meters);
  }

  /**
   * What is to be taken away now. Each is named once.
   * @param seen devices of ours, of the meters those that have sent a complete reading
   * @param allIds ids of all configured meters and of the bridge; `null` as long as a meter has not told who it is, since
   *   it may be the one whose entities look dead
   * @param isDue whether a meter that is not among `allIds` is to be cleared already
   */
  due(
    seen: readonly SeenDevice[],
    allIds: ReadonlySet<string> | null,
    isDue: (device: string) => boolean = () => true,
  ): Dead {
    if (this.#foundOnline) this.#lookForOthers();
    const { base, enabled } = this.#options;
    const found = new Set<string>();
    const components = new Map<string, readonly string[]>();
    const add = (...names: string[]): void => {
      for (const name of names) found.add(name);
    };
    for (const [topic, entry] of this.#entries) {
      const device = seen.find(({ id }) => id === entry.device);
      const here = entry.base === base;
      if (!this.#isOurs(entry)) continue;
      if (device?.complete) {
        if (!device.announced.has(topic)) add(topic);
        else {
          const gone = [...entry.components.keys()].filter((key) => !device.keys.has(key));
          if (gone.length > 0) components.set(entry.device, gone);
        }
        add(...statesOf(entry, !here).filter((name) => !device.sends(name)));
      } else if (!enabled) {
        add(topic);
      } else if (allIds !== null && !allIds.has(entry.device) && isDue(entry.device)) {
        add(topic, ...statesOf(entry, true));
      } else {
        continue;
      }
      this.#entries.delete(topic);
    }
    for (const topic of this.#states) {
      const device = seen.find(({ id }) => topic === `${base}/${id}` || topic.startsWith(`${base}/${id}/`));
      if (!device?.complete) continue;
      if (!device.sends(topic)) add(topic);
      this.#states.delete(topic);
    }
    return { topics: [...found], components };
  }

  #lookForOthers(): void {
    const { base, instance, log } = this.#options;
    this.#foundOnline = false;
    const claim = this.#claims.get(base);
    if (claim === undefined || claim === instance) return;
    this.#shared = true;
    log.warn(
      `another kaifa2mqtt is at work under the base topic ${base}: give each its own mqtt.base_topic, since the entities of both become unavailable when one of them stops`,
    );
  }
}

/** `null` for a message that is not ours. */
function entryOf({ device, key }: DiscoveryAddress, message: Record<string, unknown>): Entry | null {
  const bridgeTopic = stateTopicOfBridge(message.availability);
  if (bridgeTopic === null) return null;
  const base = bridgeTopic.slice(0, -STATE_SUFFIX.length);
  const instance = instanceOf(device, message.device);
  if (key !== null) {
    if (message.unique_id !== `${NODE_PREFIX}${device}_${key}`) return null;
    return { device, key, base, instance, stateTopics: stateTopicOf(message), components: new Map() };
  }
  if (!isObject(message.components)) return null;
  const components = new Map<string, Component>();
  for (const [name, part] of Object.entries(message.components)) {
    if (!isObject(part) || typeof part.platform !== "string") return null;
    // Only its platform: it has been taken away.
    if (part.unique_id === undefined) continue;
    if (part.unique_id !== `${NODE_PREFIX}${device}_${name}`) return null;
    components.set(name, { ...part, platform: part.platform });
  }
  return { device, key, base, instance, stateTopics: [...components.values()].flatMap(stateTopicOf), components };
}

/** The bridge that announces a device: it names itself in `via_device`, or is the device. */
function instanceOf(device: string, block: unknown): string | null {
  const own = bridgeDevice("");
  if (device.startsWith(own)) return device.slice(own.length);
  const via = isObject(block) ? block.via_device : undefined;
  const start = `${NODE_PREFIX}${own}`;
  return typeof via === "string" && via.startsWith(start) ? via.slice(start.length) : null;
}

function addressOf(prefixes: readonly string[], topic: string): DiscoveryAddress | null {
  for (const prefix of prefixes) {
    const address = parseDiscovery(prefix, topic);
    if (address !== null) return address;
  }
  return null;
}

function stateTopicOf({ state_topic: topic }: Readonly<Record<string, unknown>>): string[] {
  return typeof topic === "string" ? [topic] : [];
}

/** What an entity has retained under the base topic that it names, and its meter with it where that is gone from there. */
function statesOf({ base, device, stateTopics }: Entry, withMeter: boolean): string[] {
  if (device.startsWith(bridgeDevice(""))) return [];
  const states = stateTopics.filter((topic) => topic.startsWith(`${base}/${device}/`) && isPlainTopic(topic));
  if (!withMeter) return states;
  return [...states, topics.reading(base, device), topics.availability(base, device), topics.bridgeMeter(base, device)];
}

/** `<base>/bridge/state` among the availability topics of a discovery message. */
function stateTopicOfBridge(availability: unknown): string | null {
  if (!Array.isArray(availability)) return null;
  for (const entry of availability) {
    if (isObject(entry) && typeof entry.topic === "string" && entry.topic.endsWith(STATE_SUFFIX)) return entry.topic;
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** What comes from the broker may be anything. */
function parseObject(payload: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(payload.toString("utf8"));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
