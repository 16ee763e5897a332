/** Options of the process itself: `log:`, `http:`. */
import * as z from "zod/mini";
import { option, text, whole } from "./option.ts";

export const logSchema = z.strictObject({
  level: option(z._default(z.enum(["error", "warn", "info", "debug"]), "info"), {
    title: { en: "Level", de: "Stufe" },
    help: {
      en: "How much is logged: info gives a healthy run in a few lines, debug every telegram.",
      de: "Wie viel protokolliert wird: info sind wenige Zeilen am Tag, debug jedes Telegramm.",
    },
  }),
  format: option(z._default(z.enum(["text", "json"]), "text"), {
    title: { en: "Format", de: "Format" },
    help: {
      en: "text for people, json (one object per line) for log collectors.",
      de: "text für Menschen, json (ein Objekt je Zeile) für Programme, die Protokolle sammeln.",
    },
  }),
  file: option(z.optional(text(1024)), {
    title: { en: "File", de: "Datei" },
    help: {
      en: "A log file in addition to the console; at 2 MB it is rotated to FILE.1.",
      de: "Eine Protokolldatei zusätzlich zur Konsole; bei 2 MB wird sie zu DATEI.1 und eine neue begonnen.",
    },
    example: "/var/log/kaifa2mqtt/kaifa2mqtt.log",
    unset: "console only",
  }),
});

export const httpSchema = z.strictObject({
  enabled: option(z._default(z.boolean(), false), {
    title: { en: "Status page", de: "Statusseite" },
    help: {
      en: "Serves the status page, /health and /metrics. In the Home Assistant app it is always on.",
      de: "Bietet die Statusseite, /health und /metrics an. In der Home-Assistant-App immer eingeschaltet.",
    },
    addon: false,
  }),
  host: option(z._default(text(), "127.0.0.1"), {
    title: { en: "Address", de: "Adresse" },
    help: {
      en: "Address to listen on: 127.0.0.1 for this computer only, 0.0.0.0 for the network (what the image and the app set, where the port must still be published).",
      de: "Adresse der Statusseite: 127.0.0.1 nur für diesen Rechner, 0.0.0.0 für das Netz (so im Container und in der App, wo der Port noch freigegeben werden muss).",
    },
    unset: "127.0.0.1; 0.0.0.0 in the container and the app",
    addon: false,
  }),
  port: option(z._default(whole(1, 65_535), 8099), {
    title: { en: "Port", de: "Port" },
    help: { en: "TCP port of the status page.", de: "TCP-Port der Statusseite." },
    addon: false,
  }),
  url: option(z.optional(z.string().check(z.maxLength(1024), z.regex(/^https?:\/\/[^\s/]+(?:\/\S*)?$/))), {
    title: { en: "Address for browsers", de: "Adresse für Browser" },
    help: {
      en: "Where browsers reach the status page, for the link on the device page in Home Assistant; without it, there is a link only if the page listens on a single network address.",
      de: "Unter welcher Adresse Browser die Statusseite erreichen, für den Link auf der Geräteseite in Home Assistant; ohne sie gibt es den Link nur, wenn die Seite an eine einzelne Adresse im Netz gebunden ist.",
    },
    allowed: "http://host:8099 or https://…",
    example: "http://192.168.1.5:8099",
    unset: "only if it is known for certain",
    addon: false,
  }),
  token: option(z.optional(text(1024)), {
    title: { en: "Token", de: "Zugangswort" },
    help: {
      en: "If set, the page asks for it; programs send it as Authorization: Bearer TOKEN.",
      de: "Wenn gesetzt, fragt die Seite danach; Programme senden es als Authorization: Bearer ZUGANGSWORT.",
    },
    secret: true,
    example: "!secret http_token",
    unset: "no token is asked for",
    addon: false,
  }),
});
