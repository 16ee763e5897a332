/**
 * The predecessor's configuration, kaifareader's `meter.json` (the keys that its README and its template name, in the
 * older form with `export_format` and in the newer one with `file_export_enabled` and `mqtt_enabled`). The predecessor
 * evaluated values like `serial.PARITY_NONE`; here they are looked up.
 */
import { echo, echoName } from "../log/redact.ts";
import type { ConfigFault } from "./config-error.ts";
import { emptyMap, isUnset, put, type RawMap, type RawScalar } from "./raw.ts";

export interface Imported {
  readonly root: RawMap;
  readonly faults: ConfigFault[];
  /** What has changed for the user, one sentence each. */
  readonly notes: string[];
}

/** Names used only by the predecessor: any of them identifies its file. */
const ITS_NAMES = new Set([
  "loglevel",
  "logfile",
  "baudrate",
  "stopbits",
  "bytesize",
  "key_hex_string",
  "supplier",
  "export_format",
  "export_file_abspath",
  "export_mqtt_server",
  "export_mqtt_port",
  "export_mqtt_user",
  "export_mqtt_password",
  "export_mqtt_basetopic",
  "file_export_enabled",
  "file_export_abspath",
  "mqtt_enabled",
  "mqtt_server",
  "mqtt_port",
  "mqtt_user",
  "mqtt_password",
  "mqtt_basetopic",
]);
/** Further names it uses. */
const SHARED_NAMES = new Set(["port", "parity", "interval"]);

/** Python's logging levels, by name and by number. */
const LEVELS: Readonly<Record<string, string>> = {
  NOTSET: "debug",
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
  WARN: "warn",
  ERROR: "error",
  CRITICAL: "error",
  FATAL: "error",
  "0": "debug",
  "10": "debug",
  "20": "info",
  "30": "warn",
  "40": "error",
  "50": "error",
};
/** pyserial's constants; their values are accepted, too. */
const PARITIES: Readonly<Record<string, string>> = {
  PARITY_NONE: "none",
  PARITY_EVEN: "even",
  PARITY_ODD: "odd",
  N: "none",
  E: "even",
  O: "odd",
};
const STOP_BITS: Readonly<Record<string, string>> = { STOPBITS_ONE: "1", STOPBITS_TWO: "2", "1": "1", "2": "2" };
const BYTE_SIZES: Readonly<Record<string, string>> = {
  FIVEBITS: "5",
  SIXBITS: "6",
  SEVENBITS: "7",
  EIGHTBITS: "8",
  "5": "5",
  "6": "6",
  "7": "7",
  "8": "8",
};

/** Whether this is a `meter.json`: it has one of its own names at the top and none of our sections. */
export function isMeterJson(root: RawMap): boolean {
  const names = [...root.entries.keys()];
  return names.some((name) => ITS_NAMES.has(name)) && !names.some((name) => name === "meter" || name === "meters");
}

export function importMeterJson(source: RawMap): Imported {
  const root = emptyMap("", source.origin);
  const faults: ConfigFault[] = [];
  const notes: string[] = [];

  const get = (...names: string[]): RawScalar | null => {
    for (const name of names) {
      const node = source.entries.get(name);
      if (node?.kind === "scalar" && !isUnset(node)) return node;
    }
    return null;
  };
  const copy = (node: RawScalar | null, path: (string | number)[], text = node?.text ?? "") => {
    if (node !== null) put(root, path, { ...node, text });
  };
  const translate = (name: string, path: (string | number)[], table: Readonly<Record<string, string>>) => {
    const node = get(name);
    if (node === null) return;
    const constant = node.text.replace(/^.*\./, "").trim().toUpperCase();
    const text = Object.hasOwn(table, constant) ? table[constant] : undefined;
    if (text !== undefined) return copy(node, path, text);
    const prefix = name === "loglevel" ? "logging." : "serial.";
    const allowed = Object.keys(table)
      .filter((key) => key.length > 1 && !/^\d+$/.test(key))
      .map((key) => prefix + key)
      .join(", ");
    faults.push({
      file: node.origin.file,
      line: node.origin.line,
      path: node.path,
      found: echoConstant(node.text),
      allowed,
    });
  };

  copy(get("port"), ["meters", 0, "port"]);
  copy(get("key_hex_string"), ["meters", 0, "key"]);
  copy(get("baudrate"), ["meters", 0, "baud_rate"]);
  translate("bytesize", ["meters", 0, "data_bits"], BYTE_SIZES);
  translate("parity", ["meters", 0, "parity"], PARITIES);
  translate("stopbits", ["meters", 0, "stop_bits"], STOP_BITS);
  translate("loglevel", ["log", "level"], LEVELS);
  copy(get("logfile"), ["log", "file"]);

  const format = get("export_format");
  const wants = (name: string, formatName: string) =>
    /^true$/i.test(get(name)?.text ?? "") || format?.text.toUpperCase() === formatName;
  if (format !== null && !["SOLARVIEW", "MQTT"].includes(format.text.toUpperCase())) {
    const found = echoConstant(format.text);
    faults.push({
      file: format.origin.file,
      line: format.origin.line,
      path: format.path,
      found,
      allowed: "SOLARVIEW, MQTT",
    });
  }
  const toFile = wants("file_export_enabled", "SOLARVIEW");
  const toBroker = wants("mqtt_enabled", "MQTT");
  if (toFile) {
    const file = get("export_file_abspath", "file_export_abspath");
    copy(file, ["solarview", "file"]);
    if (file === null) {
      const origin = format?.origin ?? source.origin;
      const allowed = "the path of the file for Solarview";
      faults.push({ file: origin.file, line: origin.line, path: "export_file_abspath", found: "nothing", allowed });
    }
  }
  if (toBroker) {
    const server = get("export_mqtt_server", "mqtt_server");
    const host = server?.text.trim() ?? "localhost";
    const portNode = get("export_mqtt_port", "mqtt_port");
    const port = portNode?.text.trim() ?? "1883";
    if (portNode !== null && !/^\d{1,5}$/.test(port)) {
      const { origin, path } = portNode;
      const found = echoConstant(port);
      faults.push({ file: origin.file, line: origin.line, path, found, allowed: "a whole number from 1 to 65535" });
    }
    const address = host.includes("://") ? host : `mqtt://${host.includes(":") ? `[${host}]` : host}:${port}`;
    const origin = { kind: "scalar", text: address, origin: source.origin, path: "export_mqtt_server" } as const;
    copy(server ?? origin, ["mqtt", "server"], address);
    copy(get("export_mqtt_user", "mqtt_user"), ["mqtt", "user"]);
    copy(get("export_mqtt_password", "mqtt_password"), ["mqtt", "password"]);
    const topic = get("export_mqtt_basetopic", "mqtt_basetopic");
    copy(
      topic ?? { ...origin, path: "export_mqtt_basetopic" },
      ["mqtt", "legacy_base_topic"],
      topic?.text ?? "kaifareader",
    );
  } else if (toFile) {
    copy({ kind: "scalar", text: "false", origin: format?.origin ?? source.origin, path: "export_format" }, [
      "mqtt",
      "enabled",
    ]);
    notes.push(
      "Only the Solarview file is written, as before; name an MQTT broker in mqtt.server, without mqtt.enabled: false, to publish there as well.",
    );
  }

  const supplier = get("supplier");
  if (supplier !== null) notes.push("supplier is no longer needed: the format is recognised from the bytes.");
  const interval = get("interval");
  if (interval !== null) {
    notes.push(
      "interval was the read timeout and is no longer needed: each telegram is published at its last byte (publish.interval limits the rate).",
    );
  }
  const dropped = [...source.entries.keys()].filter((name) => !ITS_NAMES.has(name) && !SHARED_NAMES.has(name));
  const influx = dropped.filter((name) => name.startsWith("influxdb_"));
  if (/^true$/i.test(get("influxdb_enabled")?.text ?? "")) {
    notes.push("InfluxDB output is not supported; Home Assistant or Telegraf can forward the MQTT values.");
  }
  const unknown = dropped.filter((name) => !influx.includes(name));
  if (unknown.length > 0)
    notes.push(`Unknown and ignored: ${unknown.map((name) => echoName(name).replaceAll("`", "")).join(", ")}.`);
  return { root, faults, notes };
}

/** One of the predecessor's constants for a message; anything else is masked, since it may be a key or password. */
function echoConstant(text: string): string {
  const plain = /^(?:(?:serial|logging)\.)?[A-Z_]{1,30}$/i.test(text.trim()) || /^\d{1,6}(?:\.\d)?$/.test(text.trim());
  return plain ? echo(text) : `a text of ${text.trim().length} characters`;
}
