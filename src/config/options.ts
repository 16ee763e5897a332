/**
 * THE table of options: each option once, with its type, default, limits, English and German texts, and whether it is
 * secret; one file per section in options/. The `Config` type, validation, the JSON Schema, the names of environment
 * variables, the example file, the reference documentation and the app's form are derived from it (describe.ts). To add
 * an option, add a row there and run `npm run docs`.
 *
 * zod/mini instead of zod: the same checks with 2.5 MB less resident memory.
 */
import * as z from "zod/mini";
import { MAX_METERS } from "../catalogue/meter-limits.ts";
import { homeAssistantSchema } from "./options/homeassistant.ts";
import { TIME_ZONE_ALLOWED, tariffWindowSchema, timeZoneSchema } from "./options/ledger.ts";
import { listSchema } from "./options/lists.ts";
import { meterSchema } from "./options/meter.ts";
import { mqttSchema } from "./options/mqtt.ts";
import { option, text } from "./options/option.ts";
import { outputsSchema } from "./options/outputs.ts";
import { plausibilitySchema } from "./options/plausibility.ts";
import { httpSchema, logSchema } from "./options/process.ts";
import { publishSchema, solarviewSchema } from "./options/publish.ts";

export const configSchema = z.strictObject({
  meters: option(z.array(meterSchema).check(z.minLength(1), z.maxLength(MAX_METERS)), {
    title: { en: "Meters", de: "Zähler" },
    help: {
      en: "The meter (`meter:`), or a list of meters (`meters:`) for several in one process.",
      de: "Der Zähler (`meter:`), oder eine Liste von Zählern (`meters:`) für mehrere in einem Prozess.",
    },
  }),
  mqtt: option(z.prefault(mqttSchema, {}), {
    title: { en: "MQTT", de: "MQTT" },
    help: {
      en: "The broker to publish readings to.",
      de: "Der Broker, an den Ablesungen veröffentlicht werden.",
    },
  }),
  homeassistant: option(z.prefault(homeAssistantSchema, {}), {
    title: { en: "Home Assistant", de: "Home Assistant" },
    help: { en: "Discovery by Home Assistant.", de: "Erkennung durch Home Assistant." },
  }),
  publish: option(z.prefault(publishSchema, {}), {
    title: { en: "Publishing", de: "Veröffentlichen" },
    help: { en: "How often readings are published.", de: "Wie oft Ablesungen veröffentlicht werden." },
  }),
  solarview: option(z.prefault(solarviewSchema, {}), {
    title: { en: "Solarview", de: "Solarview" },
    help: { en: "The file for Solarview.", de: "Die Datei für Solarview." },
  }),
  log: option(z.prefault(logSchema, {}), {
    title: { en: "Log", de: "Protokoll" },
    help: { en: "What is logged, and where.", de: "Was protokolliert wird, und wohin." },
  }),
  http: option(z.prefault(httpSchema, {}), {
    title: { en: "Status page", de: "Statusseite" },
    help: { en: "Status page, /health and /metrics.", de: "Statusseite, /health und /metrics." },
    addon: false,
  }),
  plausibility: option(z.prefault(plausibilitySchema, {}), {
    title: { en: "Plausibility", de: "Plausibilität" },
    help: {
      en: "Limits beyond which a telegram counts as corrupt and is dropped.",
      de: "Grenzen, bei deren Überschreitung ein Telegramm als verfälscht gilt und verworfen wird.",
    },
  }),
  tariff_windows: option(z.prefault(z.array(tariffWindowSchema).check(z.maxLength(32)), []), {
    title: { en: "Tariff windows", de: "Tariffenster" },
    help: {
      en: "Times of day whose energy is counted separately in the ledger of quarter hours.",
      de: "Tageszeiten, deren Energie in den aufgezeichneten Viertelstunden getrennt gezählt wird.",
    },
    exampleLines: [
      '- { name: summer, months: [4, 5, 6, 7, 8, 9], weekdays: [mon, tue, wed, thu, fri, sat, sun], from: "10:00", to: "16:00", time_zone: Europe/Vienna }',
    ],
  }),
  time_zone: option(timeZoneSchema, {
    title: { en: "Time zone", de: "Zeitzone" },
    help: {
      en: "For ledger and tariff windows, if the meter sends no UTC offset.",
      de: "Für aufgezeichnete Viertelstunden und Tariffenster, wenn der Zähler keinen UTC-Versatz sendet.",
    },
    allowed: TIME_ZONE_ALLOWED,
    example: "Europe/Vienna",
    unset: "that of the system",
  }),
  outputs: option(z.prefault(outputsSchema, {}), {
    title: { en: "Outputs", de: "Ausgänge" },
    help: {
      en: "Emulated meters for other machines; off unless an address is set.",
      de: "Nachgebildete Zähler für andere Geräte; aus, solange keine Adresse gesetzt ist.",
    },
  }),
  lists: option(z.prefault(z.array(listSchema).check(z.maxLength(64)), []), {
    title: { en: "Lists", de: "Listen" },
    help: {
      en: "Positional lists that are not built in; `kaifa2mqtt decode` writes a template.",
      de: "Positionslisten, die nicht eingebaut sind; `kaifa2mqtt decode` schreibt eine Vorlage.",
    },
    exampleLines: [
      "- name: my-list",
      "  elements:",
      "    - { text: KFM_001 }",
      "    - { role: meter_id }",
      "    - { obis: 1.7.0, unit: W, scaler: 0, type: u32 }",
      "    - skip",
    ],
    addon: false,
  }),
  data_dir: option(z.optional(text(1024)), {
    title: { en: "Data folder", de: "Datenordner" },
    help: {
      en: "Folder for persistent state.",
      de: "Ordner für Daten, die einen Neustart überdauern.",
    },
    example: "/var/lib/kaifa2mqtt",
    unset:
      "$STATE_DIRECTORY, /data in the container and the app, else $XDG_STATE_HOME/kaifa2mqtt (~/.local/state/kaifa2mqtt)",
    addon: false,
  }),
});

/** The whole configuration; `data_dir` is always set (load.ts). */
export type Config = z.output<typeof configSchema> & { data_dir: string };
export type MeterConfig = Config["meters"][number];
export type MqttConfig = Config["mqtt"];
export type HomeAssistantConfig = Config["homeassistant"];
export type PublishConfig = Config["publish"];
export type LogConfig = Config["log"];
export type HttpConfig = Config["http"];
export type PlausibilityConfig = Config["plausibility"];
export type OutputsConfig = Config["outputs"];
export type TariffWindowConfig = Config["tariff_windows"][number];
export type ListConfig = Config["lists"][number];
