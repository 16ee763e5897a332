/** The bridge as its own device: whether it is running, its version, its broker, and any problems. Pure. */

import { OFFLINE, ONLINE, topics } from "../topics.ts";
import { DIAGNOSTIC, type Entity, type EntityOptions } from "./entity.ts";

/** All entities read `bridge/state` and `bridge/info`. */
export function bridgeEntities({ base, language, backfill = false }: EntityOptions): readonly Entity[] {
  const info = topics.bridgeInfo(base);
  const text = (en: string, de: string): string => (language === "de" ? de : en);
  return [
    {
      key: "connectivity",
      platform: "binary_sensor",
      name: text("Running", "In Betrieb"),
      fields: {
        state_topic: topics.bridgeState(base),
        payload_on: ONLINE,
        payload_off: OFFLINE,
        device_class: "connectivity",
        ...DIAGNOSTIC,
      },
      available: "always",
    },
    {
      key: "problem",
      platform: "binary_sensor",
      name: text("Problem", "Problem"),
      fields: {
        state_topic: info,
        value_template: "{{ 'ON' if value_json.problems else 'OFF' }}",
        json_attributes_topic: info,
        json_attributes_template: "{{ {'problems': value_json.problems} | tojson }}",
        device_class: "problem",
        ...DIAGNOSTIC,
      },
      available: "bridge",
    },
    {
      key: "version",
      platform: "sensor",
      name: text("Version", "Version"),
      fields: { state_topic: info, value_template: "{{ value_json.version }}", icon: "mdi:tag-outline", ...DIAGNOSTIC },
      available: "bridge",
    },
    {
      key: "broker",
      platform: "sensor",
      name: text("Broker", "Broker"),
      fields: {
        state_topic: info,
        value_template: "{{ value_json.broker }}",
        icon: "mdi:server-network",
        ...DIAGNOSTIC,
      },
      available: "bridge",
    },
    ...(backfill ? [backfillEntity(info, text("Hours filled in the statistics", "Nachgetragene Stunden"))] : []),
  ];
}

/** Hours filled since startup; its attributes are the missed hours and those that couldn't be filled. */
function backfillEntity(info: string, name: string): Entity {
  return {
    key: "backfill",
    platform: "sensor",
    name,
    fields: {
      state_topic: info,
      value_template: "{{ value_json.backfill.filled.hours if value_json.backfill is defined else 0 }}",
      json_attributes_topic: info,
      json_attributes_template: "{{ (value_json.backfill if value_json.backfill is defined else {}) | tojson }}",
      unit_of_measurement: "h",
      icon: "mdi:database-plus-outline",
      ...DIAGNOSTIC,
    },
    available: "bridge",
  };
}
