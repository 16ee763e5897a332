/** Options of Home Assistant: `homeassistant:`. */
import * as z from "zod/mini";
import { option, TOPIC, TOPIC_ALLOWED, text } from "./option.ts";

export const homeAssistantSchema = z.strictObject({
  enabled: option(z._default(z.boolean(), true), {
    title: { en: "Discovery", de: "Erkennung" },
    help: {
      en: "Whether the meter appears in Home Assistant automatically (MQTT discovery).",
      de: "Ob der Zähler in Home Assistant von selbst erscheint (MQTT-Discovery).",
    },
  }),
  discovery_topic: option(z._default(z.string().check(z.maxLength(256), z.regex(TOPIC)), "homeassistant"), {
    title: { en: "Discovery topic", de: "Discovery-Topic" },
    help: {
      en: "Where Home Assistant looks for discovery messages.",
      de: "Wo Home Assistant nach Discovery-Nachrichten sucht.",
    },
    allowed: TOPIC_ALLOWED,
  }),
  status_topic: option(z._default(z.string().check(z.maxLength(256), z.regex(TOPIC)), "homeassistant/status"), {
    title: { en: "Status topic", de: "Status-Topic" },
    help: {
      en: "Where Home Assistant announces that it has started.",
      de: "Wo Home Assistant meldet, dass es gestartet ist.",
    },
    allowed: TOPIC_ALLOWED,
  }),
  language: option(z._default(z.enum(["en", "de"]), "en"), {
    title: { en: "Language", de: "Sprache" },
    help: { en: "Language of the entities' names.", de: "Sprache der Namen der Entitäten." },
    unsetInApp: {
      en: "Empty: that of Home Assistant (English if it is neither of the two).",
      de: "Leer: die von Home Assistant (Englisch, wenn es keine der beiden ist).",
    },
  }),
  discovery: option(z._default(z.enum(["device", "entity"]), "entity"), {
    title: { en: "Discovery messages", de: "Discovery-Nachrichten" },
    help: {
      en: "device: one message for each meter (Home Assistant 2024.11 and newer). entity: one message for each entity, for older versions, openHAB and ioBroker.",
      de: "device: eine Nachricht für jeden Zähler (ab Home Assistant 2024.11). entity: eine Nachricht für jede Entität, für ältere Versionen, openHAB und ioBroker.",
    },
  }),
  backfill: option(z._default(z.boolean(), false), {
    title: { en: "Fill holes in statistics", de: "Lücken der Statistik füllen" },
    help: {
      en: "Whether to fill hours that Home Assistant missed in its energy statistics, from the ledger of quarter hours.",
      de: "Ob Stunden, die Home Assistant fehlen, nachträglich aus den aufgezeichneten Viertelstunden in seine Energiestatistik geschrieben werden.",
    },
  }),
  url: option(z.optional(z.string().check(z.maxLength(1024), z.regex(/^https?:\/\/[^\s/]+(?:\/\S*)?$/))), {
    title: { en: "Address of Home Assistant", de: "Adresse von Home Assistant" },
    help: {
      en: "URL of Home Assistant, for filling holes in its statistics; not needed in the app.",
      de: "Adresse von Home Assistant, um Lücken seiner Statistik zu füllen; in der App nicht nötig.",
    },
    allowed: "http://host:8123 or https://…",
    example: "http://homeassistant.local:8123",
    unset: "the Supervisor's in the app",
    addon: false,
  }),
  token: option(z.optional(text(1024)), {
    title: { en: "Access token", de: "Zugangstoken" },
    help: {
      en: "A long-lived access token of Home Assistant (profile, Security), for filling holes in its statistics; not needed in the app.",
      de: "Ein langlebiges Zugangstoken von Home Assistant (Profil, Sicherheit), um Lücken seiner Statistik zu füllen; in der App nicht nötig.",
    },
    secret: true,
    example: "!secret homeassistant_token",
    unset: "the Supervisor's in the app",
    addon: false,
  }),
});
