/**
 * Quantities → Home Assistant discovery messages: one retained message for each entity (product.md, "Home Assistant").
 * Device and state class follow from the rows of `meter/quantities.ts`. Pure; the golden files in
 * `test/fixtures/discovery` make every change visible, since unique ids and topics are a promise.
 */
import type { MeterInfo, ReadingValue } from "../../meter/events.ts";
import { ledgerEntities } from "./ledger-topic.ts";
import { slugify } from "./slug.ts";
import { topics } from "./topics.ts";

export interface DiscoveryOptions {
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  readonly language: "en" | "de";
  /** Version of the bridge. */
  readonly version: string;
  /** Names of the tariff windows; without it there are no entities of the ledger. */
  readonly windows?: readonly string[] | undefined;
}

export interface DiscoveryMessage {
  readonly key: string;
  readonly topic: string;
  /** JSON */
  readonly payload: string;
}

/** What is different from entity to entity; the rest is the same for all of one meter. */
interface Entity {
  readonly key: string;
  readonly name: string;
  readonly stateTopic: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whether it also has something to say while the meter is silent. */
  readonly always?: boolean;
}

/** Diagnostic entities read `bridge/meters/<meter>`, which is refreshed once a minute, not with each telegram. */
const DIAGNOSTICS = [
  {
    key: "status",
    name: { en: "Status", de: "Status" },
    fields: {
      value_template: "{{ value_json.status }}",
      json_attributes_template: "{{ {'code': value_json.code, 'cure': value_json.cure} | tojson }}",
      icon: "mdi:stethoscope",
    },
    attributes: true,
  },
  {
    key: "last_telegram",
    name: { en: "Last telegram", de: "Letztes Telegramm" },
    // Changes with every refresh: would fill the recorder, so whoever wants it enables it.
    fields: {
      value_template: "{{ value_json.last_telegram }}",
      device_class: "timestamp",
      enabled_by_default: false,
    },
  },
  {
    key: "telegrams_accepted",
    name: { en: "Telegrams accepted", de: "Telegramme angenommen" },
    fields: {
      value_template: "{{ value_json.accepted }}",
      state_class: "total_increasing",
      icon: "mdi:email-check-outline",
      enabled_by_default: false,
    },
  },
  {
    key: "telegrams_rejected",
    name: { en: "Telegrams rejected", de: "Telegramme verworfen" },
    fields: {
      value_template: "{{ value_json.rejected }}",
      state_class: "total_increasing",
      icon: "mdi:email-remove-outline",
    },
  },
] as const;

/** All discovery messages of one meter that sends `values`, in their order, the diagnostic ones last. */
export function discoveryMessages(
  meter: MeterInfo,
  values: Iterable<ReadingValue>,
  options: DiscoveryOptions,
): DiscoveryMessage[] {
  const entities: Entity[] = [];
  const keys = new Set<string>();
  for (const value of values) {
    keys.add(value.key);
    const entity = entityOf(value, meter, options);
    if (entity !== null) entities.push(entity);
  }
  if (options.windows !== undefined) {
    const stateTopic = topics.ledger(options.base, meter.id);
    const rows = ledgerEntities(keys, options.windows, options.language);
    entities.push(...rows.map((row) => ({ ...row, stateTopic })));
  }
  const stateTopic = topics.bridgeMeter(options.base, meter.id);
  for (const row of DIAGNOSTICS) {
    const attributes = "attributes" in row ? { json_attributes_topic: stateTopic } : {};
    entities.push({
      key: row.key,
      name: row.name[options.language],
      stateTopic,
      fields: { ...row.fields, ...attributes, entity_category: "diagnostic" },
      always: true,
    });
  }
  return entities.map((entity) => ({
    key: entity.key,
    topic: topics.discovery(options.prefix, meter.id, entity.key),
    payload: JSON.stringify(payloadOf(entity, meter, options)),
  }));
}

/** A value as an entity; `null` for texts that are about the meter itself, as its number: they stand in the device. */
function entityOf(value: ReadingValue, meter: MeterInfo, { base, language }: DiscoveryOptions): Entity | null {
  const { quantity, key } = value;
  const stateTopic = topics.value(base, meter.id, value.topic);
  if (quantity === null) {
    if (!value.numeric) return null;
    // A code that we cannot name: there for whoever knows it, in nobody's way.
    const unit = value.unit === null ? {} : { unit_of_measurement: value.unit };
    const fields = { ...unit, entity_category: "diagnostic", enabled_by_default: false };
    return { key, name: `OBIS ${value.topic}`, stateTopic, fields };
  }
  if (quantity.kind === "text") {
    return { key, name: quantity.name[language], stateTopic, fields: { entity_category: "diagnostic" } };
  }
  const fields = {
    ...(quantity.deviceClass === null ? {} : { device_class: quantity.deviceClass }),
    state_class: quantity.kind === "counter" ? "total_increasing" : "measurement",
    ...(quantity.unit === null ? {} : { unit_of_measurement: quantity.unit }),
    suggested_display_precision: quantity.precision,
    ...(quantity.icon === undefined ? {} : { icon: quantity.icon }),
  };
  return { key, name: quantity.name[language], stateTopic, fields };
}

function payloadOf(entity: Entity, meter: MeterInfo, { base, version }: DiscoveryOptions): Record<string, unknown> {
  const objectId = slugify(`${meter.name} ${entity.key}`);
  const availability = [
    { topic: topics.bridgeState(base) },
    {
      topic: topics.availability(base, meter.id),
      // What tells why the meter is silent must not vanish when it falls silent.
      ...(entity.always ? { value_template: "online" } : {}),
    },
  ];
  return {
    name: entity.name,
    unique_id: `kaifa2mqtt_${meter.id}_${entity.key}`,
    default_entity_id: `sensor.${objectId}`,
    // Home Assistant before 2025.10
    object_id: objectId,
    state_topic: entity.stateTopic,
    ...entity.fields,
    availability,
    availability_mode: "all",
    device: {
      identifiers: [`kaifa2mqtt_${meter.id}`],
      name: meter.name,
      ...(meter.manufacturer === null ? {} : { manufacturer: meter.manufacturer }),
      ...(meter.model === null ? {} : { model: meter.model }),
      ...(meter.serialNumber === null ? {} : { serial_number: meter.serialNumber }),
      sw_version: version,
    },
    origin: { name: "kaifa2mqtt", sw_version: version },
  };
}
