/** Options of the broker: `mqtt:`. */
import * as z from "zod/mini";
import { isAddress, option, TOPIC, TOPIC_ALLOWED, text, whole } from "./option.ts";

const SERVER = /^(?:mqtts?|wss?):\/\/[^\s/]+(?:\/\S*)?$/;

export const mqttSchema = z.strictObject({
  enabled: option(z._default(z.boolean(), true), {
    title: { en: "MQTT", de: "MQTT" },
    help: {
      en: "Whether to publish to MQTT; false if you only want the Solarview file or the status page.",
      de: "Ob überhaupt an MQTT gesendet wird; false, wenn nur die Solarview-Datei oder die Statusseite gewünscht ist.",
    },
  }),
  server: option(z.optional(z.array(z.string().check(z.regex(SERVER), z.refine(isAddress))).check(z.maxLength(8))), {
    title: { en: "Broker", de: "Broker" },
    help: {
      en: "Address of the MQTT broker: mqtt://, mqtts:// (TLS), ws:// or wss://, host and port. A list names several in order of preference: the next one is used while those before it are down.",
      de: "Adresse des MQTT-Brokers: mqtt://, mqtts:// (TLS), ws:// oder wss://, Rechner und Port. Eine Liste nennt mehrere in der gewünschten Reihenfolge: der nächste wird verwendet, solange die davor nicht erreichbar sind.",
    },
    allowed: "mqtt://host:port, mqtts://…, ws://… or wss://…",
    example: "mqtt://localhost:1883",
    unset: "mqtt://localhost:1883; in the Home Assistant app the broker that the Supervisor names",
  }),
  user: option(z.optional(text()), {
    title: { en: "User", de: "Benutzer" },
    help: { en: "User name at the broker.", de: "Benutzername beim Broker." },
    example: "kaifa2mqtt",
  }),
  password: option(z.optional(text(1024)), {
    title: { en: "Password", de: "Passwort" },
    help: { en: "Password at the broker.", de: "Passwort beim Broker." },
    secret: true,
    example: "!secret mqtt_password",
  }),
  client_id: option(z.optional(text(128)), {
    title: { en: "Client id", de: "Client-Id" },
    help: {
      en: "Name of this connection; two programs with the same one disconnect each other.",
      de: "Name dieser Verbindung; zwei Programme mit demselben trennen einander die Verbindung.",
    },
    example: "kaifa2mqtt-cellar",
    unset: "generated once and stored in the data folder",
  }),
  base_topic: option(z._default(z.string().check(z.maxLength(256), z.regex(TOPIC)), "kaifa2mqtt"), {
    title: { en: "Base topic", de: "Basis-Topic" },
    help: { en: "The first part of all topics.", de: "Der erste Teil aller Topics." },
    allowed: TOPIC_ALLOWED,
  }),
  version: option(z._default(whole(4, 5), 4), {
    title: { en: "MQTT version", de: "MQTT-Version" },
    help: { en: "4 is MQTT 3.1.1, 5 is MQTT 5.", de: "4 ist MQTT 3.1.1, 5 ist MQTT 5." },
    allowed: "4 (MQTT 3.1.1) or 5",
  }),
  keepalive: option(z._default(whole(1, 3600), 60), {
    title: { en: "Keep-alive", de: "Keep-Alive" },
    help: {
      en: "Seconds after which an idle connection is checked.",
      de: "Sekunden, nach denen eine stille Verbindung geprüft wird.",
    },
  }),
  ca: option(z.optional(text(100_000)), {
    title: { en: "CA certificate", de: "CA-Zertifikat" },
    help: {
      en: "File with the certificate (PEM) that signed the broker's, or the PEM text itself; for TLS.",
      de: "Datei mit dem Zertifikat (PEM), mit dem das des Brokers signiert ist, oder der PEM-Text selbst; für TLS.",
    },
    example: "/ssl/ca.crt",
    unset: "the certificate authorities that Node knows",
  }),
  cert: option(z.optional(text(100_000)), {
    title: { en: "Client certificate", de: "Client-Zertifikat" },
    help: {
      en: "File with our own certificate (PEM), or the PEM text itself, if the broker asks for one.",
      de: "Datei mit dem eigenen Zertifikat (PEM), oder der PEM-Text selbst, falls der Broker eines verlangt.",
    },
    example: "/ssl/client.crt",
  }),
  key: option(z.optional(text(100_000)), {
    title: { en: "Client key", de: "Client-Schlüssel" },
    help: {
      en: "File with the private key (PEM) of the client certificate, or the PEM text itself.",
      de: "Datei mit dem privaten Schlüssel (PEM) des Client-Zertifikats, oder der PEM-Text selbst.",
    },
    secret: true,
    example: "/ssl/client.key",
  }),
  reject_unauthorized: option(z._default(z.boolean(), true), {
    title: { en: "Verify the broker", de: "Broker prüfen" },
    help: {
      en: "Whether a broker whose certificate cannot be verified is refused. Leave it on; give the CA certificate instead.",
      de: "Ob ein Broker abgelehnt wird, dessen Zertifikat nicht geprüft werden kann. Eingeschaltet lassen und lieber das CA-Zertifikat angeben.",
    },
  }),
  legacy_base_topic: option(z.optional(z.string().check(z.maxLength(256), z.regex(TOPIC))), {
    title: { en: "Base topic of kaifareader", de: "Basis-Topic von kaifareader" },
    help: {
      en: "Also publish the predecessor's topics RealEnergyIn_S and RealEnergyOut_S (kWh) below this topic.",
      de: "Zusätzlich die Topics des Vorgängers, RealEnergyIn_S und RealEnergyOut_S (kWh), unter diesem Topic senden.",
    },
    allowed: TOPIC_ALLOWED,
    example: "kaifareader",
  }),
});
