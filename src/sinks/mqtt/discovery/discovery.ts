/**
 * Entities → Home Assistant discovery messages, in either form (`homeassistant.discovery`): one retained message per
 * entity, or one per device with all its entities as components (Home Assistant 2024.11 and newer). Both produce the
 * same unique ids, and the component ids are chosen so that Home Assistant can migrate from one form to the other.
 * Pure.
 */
import type { MeterInfo } from "../../../meter/events.ts";
import { bridgeDevice, NODE_PREFIX, topics } from "../topics.ts";
import { bridgeEntities } from "./bridge-entities.ts";
import type { Entity, EntityOptions } from "./entity.ts";
import type { Component } from "./retained-discovery.ts";
import { slugify } from "./slug.ts";

export interface DiscoveryOptions extends EntityOptions {
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  /** Version of the bridge. */
  readonly version: string;
  /** Identifies the bridge. */
  readonly instance: string;
  /** Support URL. */
  readonly supportUrl?: string | undefined;
  /** URL of the status page; only if it is certain. */
  readonly configurationUrl?: string | undefined;
}

export interface DiscoveryMessage {
  readonly topic: string;
  /** JSON */
  readonly payload: string;
}

/** A device with its entities, independent of the form in which it is announced. */
export interface DiscoveryDevice {
  /** Id of the meter or bridge, as used in unique ids and topics. */
  readonly id: string;
  readonly name: string;
  /** The `device` block. */
  readonly device: Readonly<Record<string, unknown>>;
  /** The entities' second availability topic, in addition to the bridge's. */
  readonly availabilityTopic: string | null;
  readonly entities: readonly Entity[];
}

/**
 * Makes Home Assistant release a topic's entities, so that another topic can take them over with ids, names and
 * history.
 */
export const MIGRATE = JSON.stringify({ migrate_discovery: true });

export function meterDevice(
  meter: MeterInfo,
  entities: readonly Entity[],
  { base, version, instance, configurationUrl }: DiscoveryOptions,
): DiscoveryDevice {
  const device = {
    identifiers: [`${NODE_PREFIX}${meter.id}`],
    name: meter.name,
    ...(meter.manufacturer === null ? {} : { manufacturer: meter.manufacturer }),
    ...(meter.model === null ? {} : { model: meter.model }),
    ...(meter.serialNumber === null ? {} : { serial_number: meter.serialNumber }),
    // Home Assistant labels this as firmware, so name the program: it must not look like the meter's firmware version.
    sw_version: `kaifa2mqtt ${version}`,
    via_device: `${NODE_PREFIX}${bridgeDevice(instance)}`,
    ...(configurationUrl === undefined ? {} : { configuration_url: configurationUrl }),
  };
  return { id: meter.id, name: meter.name, device, availabilityTopic: topics.availability(base, meter.id), entities };
}

export function bridgeAsDevice(options: DiscoveryOptions): DiscoveryDevice {
  const { version, instance, configurationUrl } = options;
  const id = bridgeDevice(instance);
  const name = "kaifa2mqtt bridge";
  const device = {
    identifiers: [`${NODE_PREFIX}${id}`],
    name,
    manufacturer: "kaifa2mqtt",
    model: options.language === "de" ? "Brücke vom Stromzähler zu MQTT" : "Bridge from smart meters to MQTT",
    sw_version: version,
    ...(configurationUrl === undefined ? {} : { configuration_url: configurationUrl }),
  };
  return { id, name, device, availabilityTopic: null, entities: bridgeEntities(options) };
}

/** One message per entity, in order. */
export function entityMessages(device: DiscoveryDevice, options: DiscoveryOptions): DiscoveryMessage[] {
  return device.entities.map((entity) => ({
    topic: topics.discovery(options.prefix, entity.platform, device.id, entity.key),
    payload: JSON.stringify({
      ...fieldsOf(entity, device),
      ...availabilityOf(entity.available, device, options.base),
      device: device.device,
      origin: originOf(options),
    }),
  }));
}

/**
 * One message for the device.
 * @param others components in addition to those of `device`, by key: announced by an earlier run and possibly still to
 *   come, or, with only the platform, removed
 */
export function deviceMessage(
  device: DiscoveryDevice,
  options: DiscoveryOptions,
  others: ReadonlyMap<string, Component> = new Map(),
): DiscoveryMessage {
  const usual = device.availabilityTopic === null ? "bridge" : "meter";
  const own = device.entities.map((entity) => [
    entity.key,
    {
      platform: entity.platform,
      ...fieldsOf(entity, device),
      ...(entity.available === usual ? {} : availabilityOf(entity.available, device, options.base)),
    },
  ]);
  return {
    topic: topics.deviceDiscovery(options.prefix, device.id),
    payload: JSON.stringify({
      device: device.device,
      origin: originOf(options),
      ...availabilityOf(usual, device, options.base),
      components: Object.fromEntries([...others, ...own]),
    }),
  };
}

function fieldsOf({ key, platform, name, fields }: Entity, device: DiscoveryDevice): Record<string, unknown> {
  const objectId = slugify(`${device.name} ${key}`);
  return {
    name,
    unique_id: `${NODE_PREFIX}${device.id}_${key}`,
    default_entity_id: `${platform}.${objectId}`,
    // Home Assistant before 2025.10
    object_id: objectId,
    ...fields,
  };
}

function availabilityOf(
  available: Entity["available"],
  { availabilityTopic }: DiscoveryDevice,
  base: string,
): Record<string, unknown> {
  const bridge = topics.bridgeState(base);
  // Always "online": the topics stay in the message because they identify our messages.
  const always = { value_template: "online" };
  if (availabilityTopic === null) {
    return { availability: [{ topic: bridge, ...(available === "always" ? always : {}) }], availability_mode: "all" };
  }
  const meter = { topic: availabilityTopic, ...(available === "meter" ? {} : always) };
  return { availability: [{ topic: bridge }, meter], availability_mode: "all" };
}

function originOf({ version, supportUrl }: DiscoveryOptions): Record<string, unknown> {
  return { name: "kaifa2mqtt", sw_version: version, ...(supportUrl === undefined ? {} : { support_url: supportUrl }) };
}
