/** Hints: an unknown name suggests the option that was meant, and an exceeded limit is named. */
import { describe, expect, it } from "vitest";
import { ConfigFolder, faultsOf, loadYaml } from "../helpers/config-folder.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

const hintOf = async (text: string) => {
  const faults = await faultsOf(text);
  return /did you mean `([^`]*)`/.exec(faults.find(({ found }) => found.includes("unknown name"))?.found ?? "")?.[1];
};

describe("an unknown name", () => {
  it.each([
    // by meaning, in its section
    ["mqtt", "host", "mqtt.server: mqtt://host:port"],
    ["mqtt", "broker", "mqtt.server: mqtt://host:port"],
    ["mqtt", "port", "mqtt.server: mqtt://host:port"],
    ["mqtt", "username", "mqtt.user"],
    ["mqtt", "pass", "mqtt.password"],
    ["mqtt", "topic", "mqtt.base_topic"],
    ["mqtt", "mqtt_host", "mqtt.server: mqtt://host:port"],
    ["mqtt", "discovery", undefined],
    ["meter", "device", "meter.port"],
    ["meter", "serial", "meter.port"],
    ["meter", "key_hex_string", "meter.key"],
    ["meter", "encryption_key", "meter.key"],
    ["meter", "gak", "meter.authentication_key"],
    ["meter", "baudrate", "meter.baud_rate"],
    // zigbee2mqtt
    ["homeassistant", "discovery_prefix", "homeassistant.discovery_topic"],
    // Mosquitto
    ["mqtt", "cafile", "mqtt.ca"],
    ["mqtt", "keyfile", "mqtt.key"],
    ["mqtt", "keepalive_interval", "mqtt.keepalive"],
    // amsreader
    ["mqtt", "clientid", "mqtt.client_id"],
    ["meter", "authenticationKey", "meter.authentication_key"],
    ["meter", "meter_baud", "meter.baud_rate"],
    // by its letters
    ["meter", "partiy", "parity"],
    ["mqtt", "sever", "server"],
    ["http", "prot", "port"],
    // elsewhere
    ["homeassistant", "base_topic", "mqtt.base_topic"],
    ["meter", "server", "mqtt.server: mqtt://host:port"],
  ])("%s.%s", async (section, name, option) => {
    const meter = section === "meter" ? "" : "meter: {port: /dev/a}\n";
    const port = section === "meter" ? "port: /dev/a, " : "";
    const found = await hintOf(`${meter}${section}: {${port}${name}: 1}\n`);
    if (option === undefined) expect(found).not.toMatch(/^http/);
    else expect(found).toBe(option);
  });

  it.each([
    ["key: 1", "meter.key"],
    ["port: 1", "meter.port"],
    ["host: 1", "mqtt.server: mqtt://host:port"],
    ["mqtt_host: 1", "mqtt.server: mqtt://host:port"],
    ["mqtt_user: 1", "mqtt.user"],
    ["mqtt_server: 1", "mqtt.server: mqtt://host:port"],
    ["username: 1", "mqtt.user"],
    ["broker: 1", "mqtt.server: mqtt://host:port"],
    ["log_level: 1", "log.level"],
    ["serial: {port: /dev/b}", "meter"],
    ["frontend: {port: 1}", "http"],
    ["key_hex: 1", "meter.key"],
    ["encryptionKey: 1", "meter.key"],
  ])("at the top: %s", async (line, option) => {
    expect(await hintOf(`meter: {port: /dev/a}\n${line}\n`)).toBe(option);
  });

  it.each([
    ["KAIFA2MQTT_MQTT_HOST", "KAIFA2MQTT_MQTT_SERVER"],
    ["KAIFA2MQTT_MQTT_USERNAME", "KAIFA2MQTT_MQTT_USER"],
    ["KAIFA2MQTT_METER_DEVICE", "KAIFA2MQTT_METER_PORT"],
    ["KAIFA2MQTT_KEY", "KAIFA2MQTT_METER_KEY"],
    ["KAIFA2MQTT_MQTT_PASWORD", "KAIFA2MQTT_MQTT_PASSWORD"],
    ["KAIFA2MQTT_METERS_1_DEVICE", "KAIFA2MQTT_METER_PORT"],
  ])("as a variable: %s", async (name, meant) => {
    const { warnings } = await loadYaml(`meter: {port: /dev/a, key: ${KEY}}\n`, { [name]: "1" });
    expect(warnings.join("\n")).toContain(`did you mean ${meant}?`);
  });
});

describe("an unencoded character in the password of an address", () => {
  it.each([
    ["/", "%2F"],
    ["#", "%23"],
    ["?", "%3F"],
  ])("%s ends the address too early: a fault that names it", async (sign, encoded) => {
    const [fault, ...more] = await faultsOf(
      `meter: {port: /dev/a}\nmqtt: {server: 'mqtt://u:12${sign}hunter2@host:1883'}\n`,
    );
    expect(more).toEqual([]);
    expect(fault).toMatchObject({ path: "mqtt.server", line: 2, found: expect.stringContaining(`\`${sign}\``) });
    expect(fault?.allowed).toContain(encoded);
    expect(fault?.allowed).toContain("mqtt.password");
  });

  it.each([
    ["@", "%40"],
    [":", "%3A"],
  ])("%s is accepted with a warning", async (sign, encoded) => {
    const { config, warnings } = await loadYaml(
      `meter: {port: /dev/a, key: ${KEY}}\nmqtt: {server: 'mqtt://u:12${sign}hunter2@host:1883'}\n`,
    );
    expect(config.mqtt).toMatchObject({ server: ["mqtt://host:1883"], user: "u", password: `12${sign}hunter2` });
    expect(warnings).toEqual([expect.stringContaining(encoded)]);
  });
});

describe("the limits of the configuration", () => {
  const meters = (count: number) =>
    `meters:\n${Array.from({ length: count }, (_, i) => `  - port: tcp://10.0.${i >> 8}.${i & 255}:20108\n    id: m${i}\n    key: ${KEY}\n    name: Meter number ${i}\n`).join("")}`;

  it("5,000 meters are possible", async () => {
    expect((await loadYaml(meters(5_000))).config.meters.length).toBe(5_000);
  });

  it("too many values: reports the limit, without consequential faults", async () => {
    const faults = await faultsOf(
      `a: &a [${"x, ".repeat(500)}x]\nb: [${"*a, ".repeat(500)}*a]\nmeter: {port: /dev/a}\n`,
    );
    expect(faults.map(({ found }) => found).join("\n")).toContain("more than 200000 values");
    expect(faults.map(({ found }) => found).join("\n")).not.toContain("nothing");
  });

  it("too many faults: says how many are not shown", async () => {
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml", `meters:\n${"  - {key: 1}\n".repeat(300)}`);
    const error = await folder.load().catch((caught: unknown) => caught as Error);
    expect((error as Error).message).toMatch(/^The configuration has 600 faults:/);
    expect((error as Error).message).toMatch(/ {2}and 400 more$/);
  });
});

it("a tab is reported once", async () => {
  expect(await faultsOf("meter:\n\tport: /dev/a\n\tkey: x\nmqtt:\n\tserver: y\n")).toMatchObject([
    { line: 2, found: "a tab in the indentation" },
  ]);
});
