/**
 * Discovery messages that we (this program, whichever run of it) have retained on the broker and that no longer apply:
 * another meter, another id, another base topic, a value that the meter no longer sends, discovery switched off. They are
 * found by reading what is retained at the start. What another bridge has published is left alone: it has another base
 * topic, or, if it shares ours, another instance in a `bridge/info` that stands beside `online`.
 */
import type { ComponentLog } from "../../log/component-log.ts";
import { NODE_PREFIX, ONLINE, parseDiscovery, topics } from "./topics.ts";

/** More of our entities than this are on no broker; what is beyond is not looked at. */
const MAX_ENTRIES = 5000;
const MAX_PAYLOAD_BYTES = 64 * 1024;
const STATE_SUFFIX = "/bridge/state";

export interface LeftoversOptions {
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  /** `homeassistant.enabled` */
  readonly enabled: boolean;
  readonly instance: string;
  readonly log: ComponentLog;
}

/** A meter of ours that has sent a complete reading. */
export interface SeenMeter {
  readonly id: string;
  /** Its discovery topics as published now. */
  readonly announced: { has(topic: string): boolean };
  /** Whether a topic holds one of its present values. */
  readonly sends: (topic: string) => boolean;
  /** Whether everything that it sends has been seen. */
  readonly complete: boolean;
}

/** A retained discovery message of ours. */
interface Entry {
  readonly meter: string;
  readonly stateTopic: string;
  /** Base topic under which it was published. */
  readonly base: string;
}

export class Leftovers {
  readonly #options: LeftoversOptions;
  readonly #entries = new Map<string, Entry>();
  #foundOnline = false;
  #foundInstance: string | null = null;
  #shared = false;

  constructor(options: LeftoversOptions) {
    this.#options = options;
  }

  /** Notes a message that was retained before we came; what is not ours is ignored. */
  note(topic: string, payload: Buffer): void {
    const { base, prefix } = this.#options;
    if (payload.length === 0 || payload.length > MAX_PAYLOAD_BYTES) return;
    if (topic === topics.bridgeState(base)) {
      this.#foundOnline = payload.toString("latin1") === ONLINE;
      return;
    }
    const message = parseObject(payload);
    if (message === null) return;
    if (topic === topics.bridgeInfo(base)) {
      if (typeof message.instance === "string") this.#foundInstance = message.instance;
      return;
    }
    const address = parseDiscovery(prefix, topic);
    if (address === null || this.#entries.size >= MAX_ENTRIES || !isObject(message.origin)) return;
    if (message.origin.name !== "kaifa2mqtt") return;
    if (message.unique_id !== `${NODE_PREFIX}${address.meter}_${address.key}`) return;
    const bridgeTopic = stateTopicOfBridge(message.availability);
    if (bridgeTopic === null) return;
    const stateTopic = typeof message.state_topic === "string" ? message.state_topic : "";
    this.#entries.set(topic, { meter: address.meter, stateTopic, base: bridgeTopic.slice(0, -STATE_SUFFIX.length) });
  }

  /** Nothing is left to be decided upon. */
  get empty(): boolean {
    return this.#entries.size === 0 && !this.#foundOnline;
  }

  /** Meters that an earlier run of this bridge has announced. */
  meters(): ReadonlySet<string> {
    if (this.#foundOnline) this.#lookForOthers();
    const here = [...this.#entries.values()].filter(({ base }) => base === this.#options.base);
    return new Set(this.#shared ? [] : here.map(({ meter }) => meter));
  }

  /**
   * The topics that are to be emptied now. Each is named once.
   * @param seen meters of ours that have sent a complete reading
   * @param allIds ids of all configured meters; `null` as long as one of them has not told who it is, since it may be
   *   the one whose entities look dead
   */
  due(seen: readonly SeenMeter[], allIds: ReadonlySet<string> | null): string[] {
    if (this.#foundOnline) this.#lookForOthers();
    const { base, enabled } = this.#options;
    const found = new Set<string>();
    const add = (...names: string[]): void => {
      for (const name of names) found.add(name);
    };
    for (const [topic, entry] of this.#entries) {
      const meter = seen.find(({ id }) => id === entry.meter);
      const here = entry.base === base;
      if (meter?.complete) {
        if (!meter.announced.has(topic)) add(topic);
        add(...statesOf(entry, !here).filter((name) => !meter.sends(name)));
      } else if (here && !this.#shared && !enabled) {
        add(topic);
      } else if (here && !this.#shared && allIds !== null && !allIds.has(entry.meter)) {
        add(topic, ...statesOf(entry, true));
      } else if (allIds === null || allIds.has(entry.meter)) {
        continue;
      }
      this.#entries.delete(topic);
    }
    return [...found];
  }

  #lookForOthers(): void {
    const { base, instance, log } = this.#options;
    this.#foundOnline = false;
    if (this.#foundInstance === null || this.#foundInstance === instance) return;
    this.#shared = true;
    log.warn(
      `another kaifa2mqtt is at work under the base topic ${base}: give each its own mqtt.base_topic, since the entities of both become unavailable when one of them stops`,
    );
  }
}

/** What an entity has retained under the base topic that it names, and its meter with it where that is gone from there. */
function statesOf({ base, meter, stateTopic }: Entry, withMeter: boolean): string[] {
  const states = stateTopic.startsWith(`${base}/${meter}/`) ? [stateTopic] : [];
  if (!withMeter) return states;
  return [...states, topics.reading(base, meter), topics.availability(base, meter), topics.bridgeMeter(base, meter)];
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
