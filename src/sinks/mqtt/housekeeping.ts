/**
 * When what earlier runs have retained is read and taken away; what that is, leftovers.ts decides. It is read on the
 * first connect, in the first half minute, and acted upon as soon as the meters have told who they are and what they send.
 */

import type { ComponentLog } from "../../log/component-log.ts";
import type { MeterInfo } from "../../meter/events.ts";
import { Leftovers, type SeenMeter } from "./leftovers.ts";
import type { Message } from "./message.ts";
import type { MeterState } from "./meter-state.ts";
import { LEDGER, OFFLINE, topics } from "./topics.ts";

/** For so long after the first connect the retained discovery messages are read. */
const READ_MS = 30_000;
/** What is retained has been read when nothing more has come for so long. */
const QUIET_MS = 300;
/** From the change of a discovery message until what stood behind it is emptied. */
const OLD_VALUES_MS = 3000;
/** Meters that send several lists have sent each of them after this time (hourly lists: Norway). */
const ALL_LISTS_MS = 65 * 60_000;

export interface HousekeepingParts {
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
  /** All configured ones; `null` as long as one has not told who it is. */
  readonly infos: () => readonly (MeterInfo | null)[];
  /** Whether messages can be sent now. */
  readonly ready: () => boolean;
  readonly publish: (message: Message) => void;
  /** What is retained need not be read any longer. */
  readonly onRead: () => void;
}

export class Housekeeping {
  readonly #parts: HousekeepingParts;
  readonly #leftovers: Leftovers;
  readonly #startedAt = performance.now();
  /** What was retained before us is still coming. */
  #reading = false;
  #readTimer: NodeJS.Timeout | null = null;
  #quietTimer: NodeJS.Timeout | null = null;
  #emptyTimer: NodeJS.Timeout | null = null;
  /** Meters of an earlier run that were said to be offline. */
  readonly #presumedGone = new Set<string>();
  /** Retained under topics that are no longer used; to be emptied. */
  readonly #oldValues = new Set<string>();

  constructor(parts: HousekeepingParts) {
    this.#parts = parts;
    this.#leftovers = new Leftovers(parts);
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

  /** Takes in a message that was retained before us. */
  note(topic: string, payload: Buffer): void {
    if (!this.#reading) return;
    this.#leftovers.note(topic, payload);
    if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      this.#quietTimer = null;
      this.look();
    }, QUIET_MS);
  }

  /** Takes away what no longer applies, as far as that is known by now. To be called when a meter has told something new. */
  look(): void {
    const { base, prefix, publish, log, ready, meters, infos } = this.#parts;
    if (this.#leftovers.empty || this.#quietTimer !== null || !ready()) return;
    for (const id of this.#leftovers.meters()) {
      // A run that was killed could not say that its meters are gone; as long as they are not heard of, they are.
      if (meters.has(id) || this.#presumedGone.has(id)) continue;
      this.#presumedGone.add(id);
      publish({ topic: topics.availability(base, id), payload: OFFLINE });
    }
    const known = infos();
    const ids = new Set([...meters.keys(), ...known.flatMap((info) => (info === null ? [] : [info.id]))]);
    const dead = this.#leftovers.due(this.#seen(), known.includes(null) ? null : ids);
    if (dead.length === 0) return;
    log.debug(() => `emptied, since nothing stands behind them any more: ${dead.join(", ")}`);
    const discovery = topics.discoveryStart(prefix);
    for (const topic of dead) {
      if (topic.startsWith(discovery)) publish({ topic, payload: "" });
      else this.#oldValues.add(topic);
    }
    // Home Assistant must have let go of them first: it complains about an empty message.
    this.#emptyTimer ??= setTimeout(() => {
      this.#emptyTimer = null;
      this.#emptyOldValues();
    }, OLD_VALUES_MS);
  }

  stop(): void {
    for (const timer of [this.#readTimer, this.#quietTimer, this.#emptyTimer]) if (timer !== null) clearTimeout(timer);
    this.#emptyOldValues();
  }

  #emptyOldValues(): void {
    for (const topic of this.#oldValues) this.#parts.publish({ topic, payload: "" });
    this.#oldValues.clear();
  }

  #seen(): SeenMeter[] {
    const { base, enabled, meters } = this.#parts;
    const allLists = performance.now() - this.#startedAt > ALL_LISTS_MS;
    const seen: SeenMeter[] = [];
    for (const { info, json, announced, values, ledger, sendsOneList } of meters.values()) {
      // Not announced yet: everything would look dead.
      if (json === null || (announced.size === 0 && enabled)) continue;
      const start = `${topics.reading(base, info.id)}/`;
      const sends = (topic: string): boolean => {
        const segment = topic.startsWith(start) ? topic.slice(start.length) : "";
        return values.has(segment) || (segment === LEDGER && ledger !== null);
      };
      seen.push({ id: info.id, announced, complete: sendsOneList || allLists, sends });
    }
    return seen;
  }
}
