/**
 * Decides when to send discovery messages: after the first accepted telegram, the bridge before its meters; again after
 * each connect; and only those that are new or changed. Entities that an earlier run announced in the other form
 * (`homeassistant.discovery`) are migrated first, so that Home Assistant keeps ids, names and history. If a device's
 * message is larger than the broker allows, the device is announced entity by entity.
 */
import { createHash } from "node:crypto";
import type { HomeAssistantConfig } from "../../../config/options.ts";
import type { ComponentLog } from "../../../log/component-log.ts";
import type { Outcome } from "../connection/inflight-window.ts";
import type { Message } from "../message.ts";
import type { MeterState } from "../meter-state.ts";
import { bridgeDevice, type Platform, parseDiscovery } from "../topics.ts";
import {
  bridgeAsDevice,
  type DiscoveryDevice,
  type DiscoveryMessage,
  type DiscoveryOptions,
  deviceMessage,
  entityMessages,
  MIGRATE,
  meterDevice,
} from "./discovery.ts";
import { type MeterEntityOptions, meterEntities } from "./meter-entities.ts";
import type { RetainedCleanup } from "./retained-cleanup.ts";
import type { Component } from "./retained-discovery.ts";
import type { SeenDevice } from "./stale-discovery.ts";

export interface AnnouncerParts {
  readonly form: HomeAssistantConfig["discovery"];
  readonly options: DiscoveryOptions & MeterEntityOptions;
  readonly earlier: Pick<RetainedCleanup, "takeOtherForm" | "components" | "isForeign">;
  /** Whether the broker accepts a message of that size. */
  readonly fits: (message: Message) => boolean;
  readonly log: ComponentLog;
  /** @param id of the meter or bridge, used to track refusals */
  readonly publish: (id: string, message: Message, done: (outcome: Outcome) => void) => void;
  /** Milliseconds until the next attempt is allowed after a refusal; 0: now. */
  readonly pause: (id: string) => number;
  readonly later: (id: string, ms: number, act: () => void) => void;
}

/** What has been announced for one device. With thousands of meters, topics and payloads themselves would take megabytes. */
interface Announced {
  /** Digest of each payload sent, by `entryOf` its topic. */
  readonly sent: (number | undefined)[];
  keys: ReadonlySet<string>;
  /** Platform of each removed component. */
  gone: ReadonlyMap<string, string>;
}

const NO_KEYS: ReadonlySet<string> = new Set();
const NONE_GONE: ReadonlyMap<string, string> = new Map();

export class Announcer {
  readonly #parts: AnnouncerParts;
  /** By id. Bounded by the number of meters. */
  readonly #devices = new Map<string, Announced>();
  /** See `#entryOf`. Bounded by the entities of our meters: what others publish is only looked up. */
  readonly #entries = new Map<string, number>();
  #lastKeys: ReadonlySet<string> = new Set();
  #sizeReported = false;

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  /** Sends new or changed discovery messages for the bridge and for a meter that has sent a complete reading. */
  announce(meter: MeterState): void {
    const { options } = this.#parts;
    if (!this.#devices.get(bridgeDevice(options.instance))?.sent.length) this.#send(bridgeAsDevice(options));
    this.#send(meterDevice(meter.info, meterEntities(meter.info, meter.values.values(), options), options));
  }

  /** A device's currently announced topics and keys. */
  announced(device: string): Pick<SeenDevice, "announced" | "keys"> {
    const keys = this.#devices.get(device)?.keys ?? NO_KEYS;
    return { announced: { has: (topic) => this.#digestOf(topic) !== undefined }, keys };
  }

  /** Whether this is what we published there since the last `forget`. */
  isOurs(topic: string, payload: Uint8Array): boolean {
    const sent = this.#digestOf(topic);
    return sent !== undefined && sent === digest(payload);
  }

  /** Digest of what we published on a topic since the last `forget`; `undefined` if nothing. */
  #digestOf(topic: string): number | undefined {
    const address = parseDiscovery(this.#parts.options.prefix, topic);
    const entry = address === null ? undefined : this.#entries.get(entryName(address));
    return address === null || entry === undefined ? undefined : this.#devices.get(address.device)?.sent[entry];
  }

  /** The set of these keys, the same one for the next device that has the same. */
  #shared(keys: readonly string[]): ReadonlySet<string> {
    if (keys.length !== this.#lastKeys.size || !keys.every((key) => this.#lastKeys.has(key)))
      this.#lastKeys = new Set(keys);
    return this.#lastKeys;
  }

  /** Number of a topic that we publish, by `entryName`. */
  #entryOf(topic: string): number {
    const entry = entryName(parseDiscovery(this.#parts.options.prefix, topic));
    const known = this.#entries.get(entry);
    if (known === undefined) this.#entries.set(entry, this.#entries.size);
    return known ?? this.#entries.size - 1;
  }

  /** Forces everything to be sent again: after a reconnect, or when Home Assistant has started. */
  forget(): void {
    for (const device of this.#devices.values()) {
      device.sent.length = 0;
      // Until a device is announced again, nothing of it is stale.
      device.keys = NO_KEYS;
    }
  }

  /** Removes entities from a device's message (with single messages, clears their topics). */
  takeAway(device: string, keys: readonly string[], again: () => void): void {
    const announced = this.#devices.get(device);
    if (announced === undefined) return;
    const before = this.#parts.earlier.components(device);
    const gone = new Map(announced.gone);
    for (const key of keys) gone.set(key, before.get(key)?.platform ?? "sensor");
    announced.gone = gone;
    again();
  }

  #send(device: DiscoveryDevice): void {
    const { id } = device;
    const { earlier, publish, pause, later } = this.#parts;
    const wait = pause(id);
    if (wait > 0) {
      later(id, wait, () => this.#send(device));
      return;
    }
    const known = this.#devices.get(id) ?? { sent: [], keys: NO_KEYS, gone: NONE_GONE };
    this.#devices.set(id, known);
    known.keys = this.#shared(device.entities.map(({ key }) => key));
    const { form, messages } = this.#messages(device, known);
    for (const topic of earlier.takeOtherForm(id, form, known.keys)) {
      publish(id, { topic, payload: MIGRATE, qos: 1, retain: false }, () => undefined);
    }
    for (const { topic, payload } of messages) {
      const entry = this.#entryOf(topic);
      const sum = digest(payload);
      if (known.sent[entry] === sum || earlier.isForeign(topic)) continue;
      known.sent[entry] = sum;
      publish(id, { topic, payload, qos: 1 }, (outcome) => {
        if (outcome === "delivered" || known.sent[entry] !== sum) return;
        known.sent[entry] = undefined;
        if (outcome !== "lost") this.#send(device);
      });
    }
  }

  #messages(
    device: DiscoveryDevice,
    known: Announced,
  ): { form: HomeAssistantConfig["discovery"]; messages: readonly DiscoveryMessage[] } {
    const { form, options, fits } = this.#parts;
    if (form === "device") {
      const message = this.#deviceMessage(device, known);
      if (fits({ ...message, qos: 1 })) return { form, messages: [message] };
      this.#reportSize(message.topic);
    }
    return { form: "entity", messages: entityMessages(device, options) };
  }

  #deviceMessage(device: DiscoveryDevice, known: Announced): DiscoveryMessage {
    const { options, earlier } = this.#parts;
    const others = new Map<string, Component>();
    for (const [key, component] of earlier.components(device.id)) others.set(key, component);
    for (const [key, platform] of known.gone) others.set(key, { platform: platform as Platform });
    for (const key of known.keys) others.delete(key);
    return deviceMessage(device, options, others);
  }

  #reportSize(topic: string): void {
    if (this.#sizeReported) return;
    this.#sizeReported = true;
    this.#parts.log.warn(
      `${topic} is larger than the broker allows, as may be those of other devices: their entities are announced one by one (homeassistant.discovery: entity)`,
    );
  }
}

/** `sensor/power_import`, empty for a device's message: the part of a topic that all meters have in common. */
function entryName(address: ReturnType<typeof parseDiscovery>): string {
  return address?.key == null ? "" : `${address.platform}/${address.key}`;
}

/** 30 bits, which tell two versions of a message apart and take no memory of their own in V8. */
function digest(payload: string | Uint8Array): number {
  return createHash("sha1").update(payload).digest().readUInt32BE() >>> 2;
}
