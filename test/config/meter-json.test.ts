import { describe, expect, it } from "vitest";
import { ConfigFolder } from "../helpers/config-folder.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

/** The predecessor's template from its README. */
const SOLARVIEW = {
  loglevel: "logging.INFO",
  logfile: "/var/log/kaifareader/kaifa.log",
  port: "/dev/ttyUSB0",
  baudrate: 2400,
  parity: "serial.PARITY_NONE",
  stopbits: "serial.STOPBITS_ONE",
  bytesize: "serial.EIGHTBITS",
  key_hex_string: KEY.toLowerCase(),
  interval: 15,
  supplier: "TINETZ",
  export_format: "SOLARVIEW",
  export_file_abspath: "/var/run/kaifareader/kaifa.txt",
};

const MQTT = {
  ...SOLARVIEW,
  export_format: "MQTT",
  export_mqtt_server: "192.168.0.99",
  export_mqtt_port: 1884,
  export_mqtt_user: "me",
  export_mqtt_password: "sesame",
  export_mqtt_basetopic: "kaifa",
};

function folderWith(values: Record<string, unknown>): ConfigFolder {
  const folder = new ConfigFolder();
  folder.write("meter.json", JSON.stringify(values, null, 2));
  return folder;
}

const load = (values: Record<string, unknown>, env = {}) => folderWith(values).load(env, "meter.json");
const faults = (values: Record<string, unknown>) => folderWith(values).faults({}, "meter.json");

describe("meter.json of kaifareader", () => {
  it("with SOLARVIEW writes the file and disables MQTT", async () => {
    const { config, origins } = await load(SOLARVIEW);
    expect(config.meters).toEqual([
      { port: "/dev/ttyUSB0", key: KEY, baud_rate: 2400, data_bits: 8, parity: "none", stop_bits: 1 },
    ]);
    expect(config.solarview.file).toBe("/var/run/kaifareader/kaifa.txt");
    expect(config.log).toEqual({ level: "info", format: "text", file: "/var/log/kaifareader/kaifa.log" });
    expect(config.mqtt.enabled).toBe(false);
    expect(origins.get("meters[0].key")).toEqual({ layer: "file", file: "meter.json", line: 9 });
  });

  it("with SOLARVIEW publishes to MQTT as soon as the environment names a broker", async () => {
    const { config } = await load(SOLARVIEW, { KAIFA2MQTT_MQTT_SERVER: "mqtt://broker" });
    expect(config.mqtt).toMatchObject({ enabled: true, server: ["mqtt://broker"] });
    expect(config.solarview.file).toBe("/var/run/kaifareader/kaifa.txt");
  });

  it("with MQTT publishes to its broker, also under its topics", async () => {
    const { config, secrets } = await load(MQTT);
    expect(config.mqtt).toMatchObject({
      enabled: true,
      server: ["mqtt://192.168.0.99:1884"],
      user: "me",
      password: "sesame",
      base_topic: "kaifa2mqtt",
      legacy_base_topic: "kaifa",
    });
    expect(config.solarview.file).toBeUndefined();
    expect(secrets).toContain("sesame");
  });

  it("with MQTT and few other keys uses the default port and topic", async () => {
    const { config } = await load({
      port: "/dev/a",
      key_hex_string: KEY,
      export_format: "MQTT",
      export_mqtt_server: "::1",
    });
    expect(config.mqtt).toMatchObject({ server: ["mqtt://[::1]:1883"], legacy_base_topic: "kaifareader" });
  });

  it("is also accepted in its newer form", async () => {
    const { config, warnings } = await load({
      loglevel: "logging.DEBUG",
      port: "/dev/ttyUSB0",
      parity: "serial.PARITY_EVEN",
      key_hex_string: KEY,
      file_export_enabled: true,
      file_export_abspath: "/tmp/export.txt",
      mqtt_enabled: true,
      mqtt_server: "broker",
      mqtt_port: 1883,
      mqtt_user: "",
      mqtt_basetopic: "kaifareader",
      influxdb_enabled: true,
      influxdb_url: "http://x",
    });
    expect(config.log.level).toBe("debug");
    expect(config.solarview.file).toBe("/tmp/export.txt");
    expect(config.mqtt).toMatchObject({
      enabled: true,
      server: ["mqtt://broker:1883"],
      legacy_base_topic: "kaifareader",
    });
    expect(config.mqtt.user).toBeUndefined();
    expect(warnings.join(" ")).toContain("InfluxDB");
  });

  it.each([
    ["logging.DEBUG", "debug"],
    ["logging.WARNING", "warn"],
    ["logging.CRITICAL", "error"],
    ["INFO", "info"],
    [10, "debug"],
  ])("loglevel %s is %s", async (loglevel, level) => {
    expect((await load({ ...SOLARVIEW, loglevel })).config.log.level).toBe(level);
  });

  it.each([
    ["serial.PARITY_NONE", "none"],
    ["serial.PARITY_EVEN", "even"],
    ["serial.PARITY_ODD", "odd"],
    ["E", "even"],
  ])("parity %s is %s", async (parity, expected) => {
    expect((await load({ ...SOLARVIEW, parity })).config.meters[0]?.parity).toBe(expected);
  });

  it("lists obsolete and unknown keys", async () => {
    const { warnings } = await load({ ...MQTT, color: "red" });
    const said = warnings.join("\n");
    expect(said).toContain("supplier is no longer needed");
    expect(said).toContain("interval was the read timeout");
    expect(said).toContain("Unknown and ignored: color");
  });

  it("faults name its own keys and its lines, and nothing is evaluated", async () => {
    const found = await faults({
      ...SOLARVIEW,
      key_hex_string: "12",
      parity: "__import__('os').system('true')",
      bytesize: "constructor",
      export_format: "CSV",
    });
    expect(found.map(({ line, path }) => [line, path])).toEqual([
      [6, "parity"],
      [8, "bytesize"],
      [9, "key_hex_string"],
      [12, "export_format"],
    ]);
    expect(found[0]?.allowed).toContain("serial.PARITY_EVEN");
  });

  it("SOLARVIEW without a file is a fault", async () => {
    const { export_file_abspath: _, ...rest } = SOLARVIEW;
    expect(await faults(rest)).toMatchObject([{ path: "export_file_abspath", found: "nothing" }]);
  });

  it("an empty key, as in its template, is reported as missing", async () => {
    const { config, warnings } = await load({ ...SOLARVIEW, key_hex_string: "" });
    expect(config.meters[0]?.key).toBeUndefined();
    expect(warnings.join("\n")).toContain("meter.key is not set");
  });

  it("is recognised by its keys, whatever the file's name", async () => {
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml", JSON.stringify(SOLARVIEW));
    expect((await folder.load()).config.meters[0]?.key).toBe(KEY);
  });
});
