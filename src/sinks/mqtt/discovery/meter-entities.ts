/**
 * Quantities → entities of a meter. Device class and state class come from the rows in `catalogue/quantities.ts`. Pure;
 * unique ids and topics must stay stable, so the golden files in `test/fixtures/discovery` expose every change.
 */
import type { MeterInfo, ReadingValue } from "../../../meter/events.ts";
import { COMMANDS, PRESS } from "../commands.ts";
import { ledgerEntities } from "../ledger-topic.ts";
import { EVENT_TYPES } from "../meter-event.ts";
import type { TopicChoice } from "../meter-state.ts";
import { topics } from "../topics.ts";
import { DIAGNOSTIC, DISABLED, type Entity, type EntityOptions } from "./entity.ts";

export interface MeterEntityOptions extends EntityOptions {
  /** `publish.topics`: without topics for single values, the entities read the JSON object. */
  readonly topics?: TopicChoice | undefined;
  /** Names of the tariff windows; if missing, there are no ledger entities. */
  readonly windows?: readonly string[] | undefined;
}

/** Diagnostic entities read `bridge/meters/<meter>`, which is updated once a minute, not with each telegram. */
const DIAGNOSTICS = [
  {
    key: "status",
    platform: "sensor",
    name: { en: "Status", de: "Status" },
    // One or two words: a full sentence would leave no room for the label on the device page.
    fields: {
      value_template: "{{ value_json.state }}",
      json_attributes_template:
        "{{ {'code': value_json.code, 'text': value_json.status, 'cure': value_json.cure} | tojson }}",
      icon: "mdi:stethoscope",
    },
    attributes: true,
  },
  {
    key: "last_telegram",
    platform: "sensor",
    name: { en: "Last telegram", de: "Letztes Telegramm" },
    // Changes with every update and would fill the recorder: disabled by default.
    fields: { value_template: "{{ value_json.last_telegram }}", device_class: "timestamp", ...DISABLED },
  },
  {
    key: "telegrams_accepted",
    platform: "sensor",
    name: { en: "Telegrams accepted", de: "Telegramme angenommen" },
    fields: {
      value_template: "{{ value_json.accepted }}",
      state_class: "total_increasing",
      icon: "mdi:email-check-outline",
      ...DISABLED,
    },
  },
  {
    key: "telegrams_rejected",
    platform: "sensor",
    name: { en: "Telegrams rejected", de: "Telegramme verworfen" },
    fields: {
      value_template: "{{ value_json.rejected }}",
      state_class: "total_increasing",
      icon: "mdi:email-remove-outline",
    },
  },
  {
    key: "problem",
    platform: "binary_sensor",
    name: { en: "Problem", de: "Problem" },
    fields: { value_template: "{{ 'ON' if value_json.problem else 'OFF' }}", device_class: "problem" },
  },
  {
    key: "connectivity",
    platform: "binary_sensor",
    name: { en: "Telegrams arrive", de: "Telegramme kommen an" },
    fields: { value_template: "{{ 'ON' if value_json.online else 'OFF' }}", device_class: "connectivity" },
  },
] as const;

/** All entities of a meter that sends `values`, in order, with those about its state last. */
export function meterEntities(
  meter: MeterInfo,
  values: Iterable<ReadingValue>,
  options: MeterEntityOptions,
): readonly Entity[] {
  const { base, language } = options;
  const entities: Entity[] = [];
  const keys = new Set<string>();
  for (const value of values) {
    keys.add(value.key);
    const entity = entityOf(value, meter, options);
    if (entity !== null) entities.push(entity);
  }
  if (options.windows !== undefined) {
    for (const { key, name, fields } of ledgerEntities(keys, options.windows, language)) {
      const from = { state_topic: topics.ledger(base, meter.id) };
      entities.push({ key, platform: "sensor", name, fields: { ...from, ...fields }, available: "meter" });
    }
  }
  const stateTopic = topics.bridgeMeter(base, meter.id);
  for (const row of DIAGNOSTICS) {
    const attributes = "attributes" in row ? { json_attributes_topic: stateTopic } : {};
    entities.push({
      key: row.key,
      platform: row.platform,
      name: row.name[language],
      fields: { state_topic: stateTopic, ...row.fields, ...attributes, ...DIAGNOSTIC },
      // The reason for a meter's silence must stay available while it is silent.
      available: "bridge",
    });
  }
  for (const { key, command, name, fields } of COMMANDS) {
    const pressed = { command_topic: topics.command(base, meter.id, command), payload_press: PRESS };
    entities.push({
      key,
      platform: "button",
      name: name[language],
      fields: { ...pressed, ...fields, ...DIAGNOSTIC, ...DISABLED },
      available: "bridge",
    });
  }
  entities.push({
    key: "event",
    platform: "event",
    name: language === "de" ? "Ereignis" : "Event",
    fields: {
      state_topic: topics.event(base, meter.id),
      event_types: EVENT_TYPES,
      icon: "mdi:alert-circle-outline",
      ...DIAGNOSTIC,
      ...DISABLED,
    },
    available: "bridge",
  });
  return entities;
}

/** A value as an entity; `null` for texts about the meter itself, such as its number, which are part of the device. */
function entityOf(value: ReadingValue, meter: MeterInfo, options: MeterEntityOptions): Entity | null {
  const { quantity, key } = value;
  if (quantity === null && !value.numeric) return null;
  const name = quantity === null ? `OBIS ${value.topic}` : quantity.name[options.language];
  const classes = quantity === null ? unnamed(value.unit) : classesOf(quantity);
  return {
    key,
    platform: "sensor",
    name,
    fields: { ...sourceOf(value, meter, options), ...classes },
    available: "meter",
  };
}

/** A code without a name becomes a hidden diagnostic entity. */
function unnamed(unit: string | null): Entity["fields"] {
  return { ...(unit === null ? {} : { unit_of_measurement: unit }), ...DIAGNOSTIC, ...DISABLED };
}

function classesOf(quantity: NonNullable<ReadingValue["quantity"]>): Entity["fields"] {
  if (quantity.kind === "text") return DIAGNOSTIC;
  return {
    ...(quantity.deviceClass === null ? {} : { device_class: quantity.deviceClass }),
    state_class: quantity.kind === "counter" ? "total_increasing" : "measurement",
    ...(quantity.unit === null ? {} : { unit_of_measurement: quantity.unit }),
    suggested_display_precision: quantity.precision,
    ...(quantity.icon === undefined ? {} : { icon: quantity.icon }),
  };
}

/**
 * The source of the state. A meter may send several lists in turn, so a key may be missing from a JSON object; the
 * state then stays unchanged. Home Assistant ignores an empty string only where it expects a number.
 */
function sourceOf(value: ReadingValue, meter: MeterInfo, options: MeterEntityOptions): Entity["fields"] {
  const { base } = options;
  if (options.topics !== "json") return { state_topic: topics.value(base, meter.id, value.topic) };
  const { quantity, unit, key } = value;
  const isNumber = quantity === null ? unit !== null : quantity.kind !== "text";
  const otherwise = isNumber ? "''" : "this.state";
  return {
    state_topic: topics.reading(base, meter.id),
    value_template: `{{ value_json.get('${key}', ${otherwise}) }}`,
  };
}
