/**
 * Decides whose a retained discovery message is, and which bridge announces a meter.
 *
 * A discovery message is ours if it is under one of our base topics, the current one or one recorded in `data_dir`, and
 * names our instance (`via_device`, the bridge's device). Messages from version 1.0.0 name no instance: they are ours
 * unless another instance claims that base topic in its `bridge/info`. Everything else is left alone.
 *
 * Another bridge announces a meter if its `bridge/info` names the same instance as the discovery message. A message
 * without such a bridge (forged, or left over from a removed bridge) doesn't stop us from announcing the meter.
 */
import type { ComponentLog } from "../../../log/component-log.ts";
import type { WarnOnce } from "../../../process/warn-once.ts";
import { ONLINE, parseDiscovery, topics } from "../topics.ts";
import type { RetainedDiscovery } from "./retained-discovery.ts";
import { parseRetainedInfo, type RetainedInfo } from "./retained-info.ts";

/** Maximum number of other bridges' discovery messages to record. */
const MAX_FOREIGN = 1000;
/** Maximum number of other bridges whose `bridge/info` is read. */
const MAX_OTHER_BASES = 16;

export interface DiscoveryOwnershipOptions {
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  /** Our base topics, the current one first; may grow (`takeAdopted`). */
  readonly bases: readonly string[];
  readonly instance: string;
  readonly log: ComponentLog;
  readonly warnOnce: WarnOnce;
}

export class DiscoveryOwnership {
  readonly #options: DiscoveryOwnershipOptions;
  /** By base topic, ours and others'. */
  readonly #infos = new Map<string, RetainedInfo>();
  /** Discovery messages under other base topics, by topic. */
  readonly #foreign = new Map<string, RetainedDiscovery>();
  /** Devices for which an announcement without a bridge was reported. */
  readonly #reported = new Set<string>();
  #foundOnline = false;
  #shared = false;

  constructor(options: DiscoveryOwnershipOptions) {
    this.#options = options;
  }

  /** Records a retained `bridge/state` or `bridge/info`. @returns whether it was one */
  noteBridge(topic: string, payload: Buffer): boolean {
    const { base, bases } = this.#options;
    if (topic === topics.bridgeState(base)) {
      this.#foundOnline = payload.toString("latin1") === ONLINE;
      return true;
    }
    // The info of a bridge with many meters is large, but it comes only from topics that we requested.
    const informed = [...bases, ...this.otherBases()].find((name) => topic === topics.bridgeInfo(name));
    if (informed === undefined) return false;
    const info = parseRetainedInfo(payload);
    if (info !== null) this.#infos.set(informed, info);
    return true;
  }

  /** Whether a message may be ours: under a base topic of ours, and no other bridge's if that is an earlier one. */
  mayBeOurs(entry: RetainedDiscovery): boolean {
    const { base, bases } = this.#options;
    return bases.includes(entry.base) && (entry.base === base || !this.#isOthers(entry));
  }

  /** Records a message that can't be ours. */
  noteForeign(topic: string, entry: RetainedDiscovery): void {
    if (parseDiscovery(this.#options.prefix, topic) === null) return;
    if (this.#foreign.size < MAX_FOREIGN || this.#foreign.has(topic)) this.#foreign.set(topic, entry);
    else this.#warnTooMany(`${MAX_FOREIGN} discovery messages`);
  }

  /** Other base topics named in our meters' discovery messages: we need to read which bridge uses them. */
  otherBases(): string[] {
    const named = [...new Set([...this.#foreign.values()].map(({ base }) => base))];
    if (named.length > MAX_OTHER_BASES) this.#warnTooMany(`${MAX_OTHER_BASES} base topics`);
    return named.slice(0, MAX_OTHER_BASES);
  }

  /** Those of `otherBases` that our own instance claims in `bridge/info`: used before base topics were recorded. */
  ownOtherBases(): string[] {
    return this.otherBases().filter((base) => this.claims(base));
  }

  /** Whether the `bridge/info` under a base topic names our instance. */
  claims(base: string): boolean {
    return this.#infos.get(base)?.instance === this.#options.instance;
  }

  /** Messages that turn out to be ours, by topic, each returned once. Call this after adding the base topic to `bases`. */
  takeAdopted(base: string): Map<string, RetainedDiscovery> {
    const adopted = [...this.#foreign].filter(([, entry]) => entry.base === base && !this.#isOthers(entry));
    for (const [topic] of adopted) this.#foreign.delete(topic);
    return new Map(adopted);
  }

  /** Meters and ports that an earlier run of this installation lists in `bridge/info`. */
  ownMeters(): Map<string, string> {
    const { bases, instance } = this.#options;
    const infos = bases.flatMap((base) => this.#infos.get(base) ?? []);
    return new Map(infos.filter((info) => info.instance === instance).flatMap(({ meters }) => [...meters]));
  }

  /**
   * Base topic of another bridge that announces this device; `null`: we announce it.
   * @param entries its messages that may be ours
   */
  announcedElsewhere(device: string, entries: readonly RetainedDiscovery[]): string | null {
    this.checkForSharedBase();
    // Devices that we announced before stay ours.
    if (entries.some((entry) => this.isOurs(entry))) return null;
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

  /** Whether we may clear a message that may be ours. */
  isOurs(entry: RetainedDiscovery): boolean {
    const { base, instance } = this.#options;
    if (entry.instance !== null) return entry.instance === instance;
    if (entry.base === base) return !this.#shared;
    const claim = this.#infos.get(entry.base)?.instance;
    return claim === undefined || claim === instance;
  }

  /** Whether a bridge was online under our base topic, and it isn't known yet which one (`checkForSharedBase`). */
  get undecided(): boolean {
    return this.#foundOnline;
  }

  /** Whether another bridge uses our base topic. */
  get shared(): boolean {
    return this.#shared;
  }

  /** Decides `shared`. Call this only when the retained messages have been read. */
  checkForSharedBase(): void {
    if (!this.#foundOnline) return;
    const { base, instance, log } = this.#options;
    this.#foundOnline = false;
    const claim = this.#infos.get(base)?.instance;
    if (claim === undefined || claim === instance) return;
    this.#shared = true;
    log.warn(
      `another kaifa2mqtt uses the base topic ${base}: give each its own mqtt.base_topic, since the entities of both become unavailable when one of them stops`,
    );
  }

  #warnTooMany(what: string): void {
    this.#options.warnOnce(
      what,
      `other bridges announce meters of this bridge under more than ${what}: the rest is not read, so Home Assistant may show meters twice. Configure each meter in one bridge only`,
    );
  }

  #isOthers({ instance }: RetainedDiscovery): boolean {
    return instance !== null && instance !== this.#options.instance;
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
}
