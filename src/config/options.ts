/**
 * THE table of options: every option once, with type, default, limits, words in English and German and a mark on
 * secrets. From it come the `Config` type, the checks, the JSON Schema, the names of environment variables, the example
 * file, the reference in the documentation and the add-on's options (see describe.ts). A new option is a row here, then
 * `npm run docs`.
 *
 * zod/mini instead of zod: the same checks for 2.5 MB less resident memory.
 */
import * as z from "zod/mini";
import { isKey, normalizeKey } from "./hex-key.ts";

/** What is said about an option besides its type. */
export interface About {
  /** Label of the field in the add-on's form. */
  readonly title: { readonly en: string; readonly de: string };
  /** What it means, in a sentence or two. */
  readonly help: { readonly en: string; readonly de: string };
  /** Never logged, served or printed. */
  readonly secret?: true;
  /** What is allowed, where the type alone does not say it: completes "allowed: …". */
  readonly allowed?: string;
  /** A value for the example file. */
  readonly example?: string;
  /** What holds without a value, where that is no constant. */
  readonly unset?: string;
  /** Not shown in the add-on: the Supervisor or the image decides about it. */
  readonly addon?: false;
}

/** Everything that is said about options and sections, by schema. */
export const ABOUT = z.registry<About>();

function option<Schema extends z.ZodMiniType>(schema: Schema, about: About): Schema {
  ABOUT.add(schema, about);
  return schema;
}

const text = (longest = 256) => z.string().check(z.minLength(1), z.maxLength(longest));
const whole = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most));
const hexKey = () => z.string().check(z.overwrite(normalizeKey), z.refine(isKey));

const PORT =
  /^(?:tcp:\/\/(?:\[[0-9a-fA-F:.]+\]|[^\s/:[\]]+):\d{1,5}\/?|file:.+|simulator:.*|(?!\w+:\/\/|file:$|tcp:).+)$/;
const SERVER = /^(?:mqtts?|wss?):\/\/[^\s/]+(?:\/\S*)?$/;
/** A topic to publish to (MQTT 5, 4.7): no wildcard, no NUL, no empty level at its ends, nothing of the broker's own ($). */
const TOPIC = /^(?![$/])[^+#\0]*[^+#\0/]$/;
const TOPIC_ALLOWED = "an MQTT topic without +, # and without / at its ends";

/** Whether host and port of an address can be ones (`mqtt://host:99999` cannot). */
function isAddress(text: string): boolean {
  try {
    return new URL(text).hostname !== "" && new URL(text).port !== "0";
  } catch {
    return false;
  }
}

export const meterSchema = z.strictObject({
  port: option(
    z.string().check(
      z.minLength(1),
      z.maxLength(1024),
      z.regex(PORT),
      z.refine((port) => !port.startsWith("tcp://") || isAddress(port)),
    ),
    {
      title: { en: "Port", de: "Anschluss" },
      help: {
        en: "Where the bytes of the meter come from: a serial device (best /dev/serial/by-id/…), tcp://host:port (ser2net, ESP bridges), file:capture, or simulator: for a meter of our own.",
        de: "Woher die Bytes des Zählers kommen: ein serielles Gerät (am besten /dev/serial/by-id/…), tcp://host:port (ser2net, ESP-Brücken), file:Mitschnitt, oder simulator: für einen eigenen gespielten Zähler.",
      },
      allowed: "a serial device such as /dev/ttyUSB0, tcp://host:port, file:capture or simulator:",
      example: "/dev/ttyUSB0",
    },
  ),
  key: option(z.optional(hexKey()), {
    title: { en: "Encryption key", de: "Schlüssel" },
    help: {
      en: "The key (GUEK) that the grid operator hands out: 32 hex digits, blanks and colons between them allowed. Without it only telegrams that are not encrypted can be read.",
      de: "Der Schlüssel (GUEK), den der Netzbetreiber ausgibt: 32 Hexadezimalziffern, Leerzeichen und Doppelpunkte dazwischen sind erlaubt. Ohne ihn sind nur unverschlüsselte Telegramme lesbar.",
    },
    secret: true,
    allowed: "32 hex digits, as the grid operator hands them out; blanks and colons between them allowed",
    example: "36C66639E48A8CA4D6BC8B282A793BBB",
  }),
  authentication_key: option(z.optional(hexKey()), {
    title: { en: "Authentication key", de: "Authentifizierungsschlüssel" },
    help: {
      en: "The authentication key (GAK), only if the grid operator gave one; telegrams are then verified.",
      de: "Der Authentifizierungsschlüssel (GAK), nur wenn der Netzbetreiber einen ausgibt; Telegramme werden damit geprüft.",
    },
    secret: true,
    allowed: "32 hex digits, as the grid operator hands them out; blanks and colons between them allowed",
    example: "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
  }),
  name: option(z.optional(text(64)), {
    title: { en: "Name", de: "Name" },
    help: { en: "Name of the device in Home Assistant.", de: "Name des Geräts in Home Assistant." },
    example: "Kaifa MA309",
    unset: "manufacturer and model, as far as the telegram tells",
  }),
  id: option(z.optional(z.string().check(z.regex(/^(?!bridge$)[A-Za-z0-9_-]{1,64}$/))), {
    title: { en: "Identifier", de: "Kennung" },
    help: {
      en: "The meter's part of MQTT topics and unique ids.",
      de: "Der Teil der MQTT-Topics und eindeutigen Kennungen, der für den Zähler steht.",
    },
    allowed: "1 to 64 letters, digits, _ and - (and not the word bridge)",
    example: "house",
    unset: "the meter's own number",
  }),
  baud_rate: option(z._default(whole(300, 921_600), 2400), {
    title: { en: "Baud rate", de: "Baudrate" },
    help: {
      en: "Speed of the serial line: 2400 for M-Bus, 9600 for most infrared heads, 115200 for P1.",
      de: "Geschwindigkeit der seriellen Leitung: 2400 bei M-Bus, 9600 bei den meisten Infrarotköpfen, 115200 bei P1.",
    },
  }),
  data_bits: option(z._default(whole(5, 8), 8), {
    title: { en: "Data bits", de: "Datenbits" },
    help: { en: "Data bits of the serial line.", de: "Datenbits der seriellen Leitung." },
  }),
  parity: option(z._default(z.enum(["auto", "none", "even", "odd"]), "auto"), {
    title: { en: "Parity", de: "Parität" },
    help: {
      en: "Parity of the serial line; auto tries even, then none, until telegrams come.",
      de: "Parität der seriellen Leitung; auto versucht even, dann none, bis Telegramme kommen.",
    },
  }),
  stop_bits: option(z._default(whole(1, 2), 1), {
    title: { en: "Stop bits", de: "Stoppbits" },
    help: { en: "Stop bits of the serial line.", de: "Stoppbits der seriellen Leitung." },
  }),
});

const mqttSchema = z.strictObject({
  enabled: option(z._default(z.boolean(), true), {
    title: { en: "MQTT", de: "MQTT" },
    help: {
      en: "Whether to publish to MQTT at all; false for those who only want the Solarview file or the status page.",
      de: "Ob überhaupt an MQTT gesendet wird; false, wenn nur die Solarview-Datei oder die Statusseite gewünscht ist.",
    },
  }),
  server: option(z.optional(z.string().check(z.regex(SERVER), z.refine(isAddress))), {
    title: { en: "Broker", de: "Broker" },
    help: {
      en: "Address of the MQTT broker: mqtt://, mqtts:// (TLS), ws:// or wss://, host and port.",
      de: "Adresse des MQTT-Brokers: mqtt://, mqtts:// (TLS), ws:// oder wss://, Rechner und Port.",
    },
    allowed: "mqtt://host:port, mqtts://…, ws://… or wss://…",
    example: "mqtt://localhost:1883",
    unset: "mqtt://localhost:1883; in the Home Assistant add-on the broker that the Supervisor names",
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
      en: "Name of this connection; two programs with the same one throw each other out.",
      de: "Name dieser Verbindung; zwei Programme mit demselben werfen einander hinaus.",
    },
    example: "kaifa2mqtt-cellar",
    unset: "made once and kept in the data folder",
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
      en: "Seconds after which a silent connection is checked.",
      de: "Sekunden, nach denen eine stille Verbindung geprüft wird.",
    },
  }),
  ca: option(z.optional(text(100_000)), {
    title: { en: "CA certificate", de: "CA-Zertifikat" },
    help: {
      en: "File with the certificate (PEM) that signed the broker's, or the PEM text itself; for TLS.",
      de: "Datei mit dem Zertifikat (PEM), das das des Brokers unterschrieben hat, oder der PEM-Text selbst; für TLS.",
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

const homeAssistantSchema = z.strictObject({
  enabled: option(z._default(z.boolean(), true), {
    title: { en: "Discovery", de: "Erkennung" },
    help: {
      en: "Whether the meter appears in Home Assistant by itself (MQTT discovery).",
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
      en: "Where Home Assistant says that it has started.",
      de: "Wo Home Assistant sagt, dass es gestartet ist.",
    },
    allowed: TOPIC_ALLOWED,
  }),
  language: option(z._default(z.enum(["en", "de"]), "en"), {
    title: { en: "Language", de: "Sprache" },
    help: { en: "Language of the entities' names.", de: "Sprache der Namen der Entitäten." },
  }),
});

const publishSchema = z.strictObject({
  interval: option(z._default(z.number().check(z.minimum(0), z.maximum(86_400)), 0), {
    title: { en: "Interval", de: "Abstand" },
    help: {
      en: "Seconds between publications, of the newest values; 0 publishes every telegram.",
      de: "Sekunden zwischen zwei Veröffentlichungen, jeweils der neuesten Werte; 0 veröffentlicht jedes Telegramm.",
    },
  }),
  power: option(z._default(z.enum(["newest", "mean", "minimum", "maximum"]), "newest"), {
    title: { en: "Power in between", de: "Leistung dazwischen" },
    help: {
      en: "What is published of power when an interval leaves telegrams out: the newest value, or mean, minimum or maximum since the last publication, so that no peak is lost.",
      de: "Was von der Leistung veröffentlicht wird, wenn ein Abstand Telegramme auslässt: der neueste Wert, oder Mittel, Minimum oder Maximum seit der letzten Veröffentlichung, damit keine Spitze verloren geht.",
    },
  }),
});

const solarviewSchema = z.strictObject({
  file: option(z.optional(text(1024)), {
    title: { en: "File", de: "Datei" },
    help: {
      en: "The file that Solarview reads; replaced after each accepted reading.",
      de: "Die Datei, die Solarview liest; sie wird nach jeder angenommenen Ablesung ersetzt.",
    },
    example: "/solarview/kaifa.txt",
    unset: "no file is written",
  }),
});

const logSchema = z.strictObject({
  level: option(z._default(z.enum(["error", "warn", "info", "debug"]), "info"), {
    title: { en: "Level", de: "Stufe" },
    help: {
      en: "How much is told: info is the story of a healthy run in a few lines, debug tells each telegram.",
      de: "Wie viel erzählt wird: info sind wenige Zeilen am Tag, debug erzählt jedes Telegramm.",
    },
  }),
  format: option(z._default(z.enum(["text", "json"]), "text"), {
    title: { en: "Format", de: "Format" },
    help: {
      en: "text for people, json (an object a line) for programs that collect logs.",
      de: "text für Menschen, json (ein Objekt je Zeile) für Programme, die Protokolle sammeln.",
    },
  }),
  file: option(z.optional(text(1024)), {
    title: { en: "File", de: "Datei" },
    help: {
      en: "A log file besides the console; at 2 MB it becomes FILE.1 and a new one is begun.",
      de: "Eine Protokolldatei zusätzlich zur Konsole; bei 2 MB wird sie zu DATEI.1 und eine neue begonnen.",
    },
    example: "/var/log/kaifa2mqtt/kaifa2mqtt.log",
    unset: "console only",
  }),
});

const httpSchema = z.strictObject({
  enabled: option(z._default(z.boolean(), false), {
    title: { en: "Status page", de: "Statusseite" },
    help: {
      en: "Serves the status page, /health and /metrics. In the Home Assistant add-on it is always on.",
      de: "Bietet die Statusseite, /health und /metrics an. Im Home-Assistant-Add-on immer eingeschaltet.",
    },
    addon: false,
  }),
  host: option(z._default(text(), "127.0.0.1"), {
    title: { en: "Address", de: "Adresse" },
    help: {
      en: "Address to listen on: 127.0.0.1 for this computer only, 0.0.0.0 for the network (what the image and the add-on set, where the port must still be published).",
      de: "Adresse, auf der gelauscht wird: 127.0.0.1 nur für diesen Rechner, 0.0.0.0 für das Netz (so im Container und im Add-on, wo der Port noch freigegeben werden muss).",
    },
    unset: "127.0.0.1; 0.0.0.0 in the container and the add-on",
    addon: false,
  }),
  port: option(z._default(whole(1, 65_535), 8099), {
    title: { en: "Port", de: "Port" },
    help: { en: "TCP port of the status page.", de: "TCP-Port der Statusseite." },
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

const plausibilitySchema = z.strictObject({
  max_power: option(z._default(whole(1_000, 10_000_000), 100_000), {
    title: { en: "Largest power", de: "Größte Leistung" },
    help: {
      en: "Watts that can flow through this meter at most. No energy register may rise faster. 100 kW is above what a directly connected meter carries (3 × 100 A at 230 V make 69 kW); raise it for meters behind current transformers.",
      de: "Watt, die höchstens durch diesen Zähler fließen können. Kein Energieregister darf schneller steigen. 100 kW liegen über dem, was ein direkt angeschlossener Zähler führt (3 × 100 A bei 230 V sind 69 kW); bei Wandlerzählern erhöhen.",
    },
  }),
  min_voltage: option(z._default(whole(0, 1_000), 80), {
    title: { en: "Lowest voltage", de: "Kleinste Spannung" },
    help: {
      en: "Volts of a phase that is connected; 0 (not connected) is always allowed. 230 V nets have 207 to 253 V; sags are let through.",
      de: "Volt einer angeschlossenen Phase; 0 (nicht angeschlossen) ist immer erlaubt. 230-V-Netze haben 207 bis 253 V; Einbrüche werden durchgelassen.",
    },
  }),
  max_voltage: option(z._default(whole(100, 1_000_000), 300), {
    title: { en: "Highest voltage", de: "Größte Spannung" },
    help: {
      en: "Volts of a phase; raise it for meters behind voltage transformers.",
      de: "Volt einer Phase; bei Zählern hinter Spannungswandlern erhöhen.",
    },
  }),
});

export const configSchema = z.strictObject({
  meters: option(z.array(meterSchema).check(z.minLength(1), z.maxLength(1000)), {
    title: { en: "Meters", de: "Zähler" },
    help: {
      en: "The meter (`meter:`), or a list of meters (`meters:`) for several in one process.",
      de: "Der Zähler (`meter:`), oder eine Liste von Zählern (`meters:`) für mehrere in einem Prozess.",
    },
  }),
  mqtt: option(z.prefault(mqttSchema, {}), {
    title: { en: "MQTT", de: "MQTT" },
    help: {
      en: "The broker that the readings go to.",
      de: "Der Broker, an den die Ablesungen gehen.",
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
      en: "Limits beyond which a telegram is taken for corrupt and dropped.",
      de: "Grenzen, jenseits derer ein Telegramm als verfälscht gilt und verworfen wird.",
    },
  }),
  data_dir: option(z.optional(text(1024)), {
    title: { en: "Data folder", de: "Datenordner" },
    help: {
      en: "Where is kept what must be remembered over a restart.",
      de: "Wo aufbewahrt wird, was einen Neustart überdauern muss.",
    },
    example: "/var/lib/kaifa2mqtt",
    unset:
      "$STATE_DIRECTORY, /data in the container and the add-on, else $XDG_STATE_HOME/kaifa2mqtt (~/.local/state/kaifa2mqtt)",
    addon: false,
  }),
});

/** The whole configuration; `data_dir` is always set (load.ts). */
export type Config = z.output<typeof configSchema> & { data_dir: string };
export type MeterConfig = Config["meters"][number];
export type MqttConfig = Config["mqtt"];
export type HomeAssistantConfig = Config["homeassistant"];
export type LogConfig = Config["log"];
export type HttpConfig = Config["http"];
export type PlausibilityConfig = Config["plausibility"];
