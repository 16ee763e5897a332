/**
 * What other programs call our options: zigbee2mqtt, Mosquitto, kaifareader, smartmeter_austria, amsreader (AMS2MQTT), ser2net
 * and Home Assistant's own forms. Maps their names to ours by meaning, for "did you mean".
 */
import { suggest } from "./suggest.ts";

type Names = readonly string[];

/** Option (as in the documentation) → its names in other programs, without `-`, `_` and section prefix. */
const BY_SECTION: Readonly<Record<string, Readonly<Record<string, Names>>>> = {
  meter: {
    "meter.port": [
      ...["device", "dev", "serial", "serialport", "comport", "com", "tty", "usb", "path", "interface", "source"],
      ...["address", "host", "hostname", "ip", "url", "uri", "connection", "devicepath"],
    ],
    "meter.key": [
      ...[
        "keyhexstring",
        "keyhex",
        "hexkey",
        "encryptionkey",
        "enckey",
        "decryptionkey",
        "aeskey",
        "dlmskey",
        "cipherkey",
      ],
      ...["guek", "gek", "ek", "unicastkey", "secret", "password", "blockcipherkey", "globalunicastkey"],
    ],
    "meter.authentication_key": ["authkey", "gak", "ak", "aad", "authenticationkeyhex"],
    "meter.baud_rate": ["baudrate", "baud", "baudspeed", "speed", "bitrate", "meterbaud"],
    "meter.data_bits": ["bytesize", "databits", "bits"],
    "meter.stop_bits": ["stopbits", "stop"],
    "meter.name": ["friendlyname", "title", "label", "description", "model"],
    "meter.id": ["identifier", "meterid", "number", "meternumber", "serialnumber", "unit"],
  },
  mqtt: {
    "mqtt.server": [
      ...[
        "host",
        "hostname",
        "broker",
        "brokerhost",
        "brokerurl",
        "address",
        "url",
        "uri",
        "ip",
        "serverhost",
        "brokerip",
      ],
      ...["port", "brokerport", "serverport", "connection", "servers", "brokers", "protocol", "ssl", "tls", "usetls"],
    ],
    "mqtt.user": ["username", "login", "usr", "account", "brokeruser"],
    "mqtt.password": ["pass", "passwd", "pwd", "pw", "secret", "passphrase", "brokerpassword"],
    "mqtt.client_id": ["client", "clientname", "clientidentifier", "identity"],
    "mqtt.base_topic": [
      "topic",
      "prefix",
      "topicprefix",
      "roottopic",
      "publishtopic",
      "maintopic",
      "root",
      "basetopic",
    ],
    "mqtt.version": ["protocolversion", "mqttversion", "protocolid"],
    "mqtt.keepalive": ["keepaliveinterval", "keepalivesecs", "keepaliveperiod"],
    "mqtt.ca": ["cafile", "capath", "cacert", "cacertificate", "certificateauthority", "trustedca"],
    "mqtt.cert": ["certfile", "clientcert", "certificate", "crt", "clientcertificate"],
    "mqtt.key": ["keyfile", "clientkey", "privatekey", "certkey"],
    "mqtt.reject_unauthorized": [
      "insecure",
      "tlsinsecure",
      "verify",
      "verifytls",
      "rejectunauthorised",
      "checkcertificate",
    ],
    "publish.topics": ["output", "payloadformat", "payload"],
    "publish.interval": ["interval", "publishinterval"],
  },
  homeassistant: {
    "homeassistant.enabled": ["enable", "active", "haenabled", "autodiscovery", "discoveryenabled"],
    "homeassistant.discovery_topic": ["discoveryprefix", "prefix", "topic", "autodiscoveryprefix"],
    "homeassistant.status_topic": ["birthtopic", "status", "legacystatustopic"],
    "homeassistant.language": ["lang", "locale"],
    "homeassistant.token": ["accesstoken", "longlivedtoken", "apikey"],
    "homeassistant.url": ["host", "address"],
  },
  publish: {
    "publish.interval": ["period", "every", "seconds", "throttle", "debounce", "updateinterval", "scaninterval"],
    "publish.topics": ["output", "format", "payload"],
  },
  solarview: { "solarview.file": ["path", "fileabspath", "exportfileabspath", "filename"] },
  log: {
    "log.level": ["loglevel", "verbosity", "logging", "verbose", "debug"],
    "log.file": ["logfile", "logdirectory", "directory", "path", "filename", "logdest"],
    "log.format": ["logoutput", "output", "logformat", "logconsolejson"],
  },
  http: {
    "http.enabled": ["enable", "active"],
    "http.host": ["address", "bind", "bindaddress", "listen", "ip"],
    "http.token": ["authtoken", "password", "secret", "auth"],
  },
};

/** Sections and name prefixes in other programs: `serial.port`, `mqtt_host`, `frontend.auth_token`. */
const SECTIONS: Readonly<Record<string, string>> = {
  meter: "meter",
  meters: "meter",
  serial: "meter",
  smartmeter: "meter",
  reader: "meter",
  mqtt: "mqtt",
  broker: "mqtt",
  exportmqtt: "mqtt",
  homeassistant: "homeassistant",
  hass: "homeassistant",
  ha: "homeassistant",
  publish: "publish",
  solarview: "solarview",
  log: "log",
  logging: "log",
  logger: "log",
  advanced: "log",
  http: "http",
  frontend: "http",
  web: "http",
  webserver: "http",
  page: "http",
};

/** Names at the top level that belong in a section and would otherwise be ambiguous. */
const AT_THE_TOP: Readonly<Record<string, string>> = {
  port: "meter.port",
  host: "mqtt.server",
  hostname: "mqtt.server",
  address: "mqtt.server",
  url: "mqtt.server",
  user: "mqtt.user",
  password: "mqtt.password",
  topic: "mqtt.base_topic",
  prefix: "mqtt.base_topic",
  interval: "publish.interval",
  level: "log.level",
  serial: "meter.port",
};

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/**
 * The option that a name means, as in the documentation (`mqtt.server`); `null` if no other program uses that name.
 * @param section of ours that it was found in (`meter`, `mqtt`, …); empty: top level
 */
export function optionMeantBy(name: string, section: string): string | null {
  const wanted = plain(name);
  const own = SECTIONS[plain(section)];
  if (own !== undefined) return within(wanted, own) ?? within(without(wanted, own), own) ?? anywhere(wanted);
  const top = Object.hasOwn(AT_THE_TOP, wanted) ? AT_THE_TOP[wanted] : undefined;
  if (top !== undefined) return top;
  for (const [prefix, of] of Object.entries(SECTIONS)) {
    const rest = wanted.startsWith(prefix) ? wanted.slice(prefix.length) : "";
    const found = rest === "" ? null : (within(rest, of) ?? exact(rest, of));
    if (found !== null) return found;
  }
  return anywhere(wanted);
}

/** The section of ours that a section of another program's file corresponds to (`serial`, `frontend`); `null` if none does. */
export function sectionMeantBy(name: string): string | null {
  const found = Object.hasOwn(SECTIONS, plain(name)) ? SECTIONS[plain(name)] : undefined;
  return found === undefined || found === name ? null : found;
}

const without = (name: string, section: string): string =>
  name.startsWith(section) ? name.slice(section.length) : name;

function within(name: string, section: string): string | null {
  for (const [option, names] of Object.entries(BY_SECTION[section] ?? {})) if (names.includes(name)) return option;
  return null;
}

/** `mqtt_server` at the top level: our own name with its section as a prefix. */
function exact(name: string, section: string): string | null {
  return Object.keys(BY_SECTION[section] ?? {}).find((option) => plain(option) === section + name) ?? null;
}

/** Names that are unambiguous in any section; others (`path`, `host`, `address`) mean nothing without theirs. */
function anywhere(name: string): string | null {
  const found = new Set(Object.keys(BY_SECTION).map((section) => within(name, section)));
  found.delete(null);
  const [only] = found;
  if (found.size === 1 && only !== undefined) return only;
  const near = found.size === 0 && name.length > 5 ? suggest(name, [...EVERY_NAME.keys()]) : null;
  return near === null ? null : (EVERY_NAME.get(near) ?? null);
}

const EVERY_NAME = new Map(
  Object.values(BY_SECTION).flatMap((options) =>
    Object.entries(options).flatMap(([option, names]) =>
      names.filter((each) => each.length > 5).map((each) => [each, option] as const),
    ),
  ),
);
