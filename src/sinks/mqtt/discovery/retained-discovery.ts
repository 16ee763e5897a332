/**
 * A retained discovery message published by this program, from any bridge and run: what it announces, under which base
 * topic, and which bridge it names. Payloads come from the broker and may be anything.
 */

import { bridgeDevice, type DiscoveryAddress, NODE_PREFIX, parseDiscovery, topics } from "../topics.ts";
import { isPlainTopic } from "./publication-history.ts";

const STATE_SUFFIX = "/bridge/state";

/** One entity's part of a device's discovery message. */
export type Component = Readonly<Record<string, unknown>> & { readonly platform: string };

export interface RetainedDiscovery {
  /** Id of the meter or bridge. */
  readonly device: string;
  readonly stateTopics: readonly string[];
  /** Base topic under which it was published. */
  readonly base: string;
  /** Bridge that published it; `null`: version 1.0.0 didn't include it. */
  readonly instance: string | null;
  /** Key of the entity, `null` for a device's message. */
  readonly key: string | null;
  /** By key; empty in a single entity's message. */
  readonly components: ReadonlyMap<string, Component>;
}

/** @returns `null` for a message that this program didn't publish */
export function parseRetainedDiscovery(
  prefixes: readonly string[],
  topic: string,
  message: Readonly<Record<string, unknown>>,
): RetainedDiscovery | null {
  const address = addressOf(prefixes, topic);
  if (address === null || !isObject(message.origin) || message.origin.name !== "kaifa2mqtt") return null;
  const { device, key } = address;
  const bridgeTopic = stateTopicOfBridge(message.availability);
  if (bridgeTopic === null) return null;
  const base = bridgeTopic.slice(0, -STATE_SUFFIX.length);
  if (base === "" || !isPlainTopic(base)) return null;
  const instance = instanceOf(device, message.device);
  if (key !== null) {
    if (message.unique_id !== `${NODE_PREFIX}${device}_${key}`) return null;
    return { device, key, base, instance, stateTopics: stateTopicOf(message), components: new Map() };
  }
  if (!isObject(message.components)) return null;
  const components = new Map<string, Component>();
  for (const [name, part] of Object.entries(message.components)) {
    if (!isObject(part) || typeof part.platform !== "string") return null;
    // Only a platform: the component was removed.
    if (part.unique_id === undefined) continue;
    if (part.unique_id !== `${NODE_PREFIX}${device}_${name}`) return null;
    components.set(name, { ...part, platform: part.platform });
  }
  return { device, key, base, instance, stateTopics: [...components.values()].flatMap(stateTopicOf), components };
}

/**
 * Topics that an entity has retained under the base topic that it names. @param withMeter also those about its whole
 * meter
 */
export function retainedStatesOf({ base, device, stateTopics }: RetainedDiscovery, withMeter: boolean): string[] {
  if (device.startsWith(bridgeDevice(""))) return [];
  const states = stateTopics.filter((topic) => topic.startsWith(`${base}/${device}/`) && isPlainTopic(topic));
  if (!withMeter) return states;
  return [...states, topics.reading(base, device), topics.availability(base, device), topics.bridgeMeter(base, device)];
}

/** Parses a JSON object; `null` for anything else. */
export function parseObject(payload: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(payload.toString("utf8"));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The bridge that announces a device: named in `via_device`, or the device itself. */
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

/** `<base>/bridge/state` among the availability topics of a discovery message. */
function stateTopicOfBridge(availability: unknown): string | null {
  if (!Array.isArray(availability)) return null;
  for (const entry of availability) {
    if (isObject(entry) && typeof entry.topic === "string" && entry.topic.endsWith(STATE_SUFFIX)) return entry.topic;
  }
  return null;
}
