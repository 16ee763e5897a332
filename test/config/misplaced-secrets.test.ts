/**
 * A key or a login in the wrong place of the configuration: no message repeats it, and nothing that would be logged,
 * published or served contains it.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { command as check } from "../../src/commands/check.ts";
import { command as migrate } from "../../src/commands/migrate.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { environmentName, OPTIONS } from "../../src/config/option-list.ts";
import { withoutLogin } from "../../src/sinks/mqtt/connection/client-options.ts";
import { runCommand } from "../helpers/command-context.ts";
import { ConfigFolder } from "../helpers/config-folder.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const PAIRS = KEY.match(/../g) ?? [];

/** Spellings of a key. */
const KEYS = [
  KEY,
  KEY.toLowerCase(),
  PAIRS.join(" "),
  PAIRS.join(":"),
  PAIRS.join("-"),
  (KEY.match(/.{4}/g) ?? []).join("_"),
  (KEY.match(/.{8}/g) ?? []).join(" "),
  KEY.slice(1),
  `0x${KEY}`,
  Buffer.from(KEY).toString("hex"),
];
const LOGINS = [
  "mqtt://u:hunter2@host",
  "mqtt://u:12/hunter2@host",
  "mqtt://u:12#hunter2@host:1883",
  "mqtt://u:a@hunter2@host",
  "mqtt:/u:hunter2@host",
  "u:hunter2@host",
  "tcp://u:hunter2@host:20108",
  "u%3Ahunter2%40host",
  "file:u:hunter2@host",
];

/** Asserts that the text contains neither 16 digits of the key, in any grouping, nor the password. */
function expectNoSecret(text: string, where: string): void {
  const digits = text.replace(/0x|[^0-9a-f]/gi, "").toUpperCase();
  const pieces = [KEY, Buffer.from(KEY).toString("hex")].flatMap((key) =>
    Array.from({ length: key.length - 15 }, (_, at) => key.slice(at, at + 16).toUpperCase()),
  );
  for (const piece of pieces) expect(digits.includes(piece), `${where}\n${text}`).toBe(false);
  expect(text, where).not.toMatch(/hunter2/);
}

const folder = new ConfigFolder();

/** All output of `check` and `migrate`, and all that a bridge with this configuration would log, publish and serve. */
async function everythingSaid(env: Record<string, string>, file = "kaifa2mqtt.yaml"): Promise<string> {
  const said: string[] = [];
  for (const options of [{}, { json: true }]) {
    try {
      const { stdout, stderr } = await runCommand(check, {
        cwd: folder.path,
        env,
        options: { ...options, config: file },
      });
      said.push(stdout, stderr);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      said.push(error.message, JSON.stringify(error.faults));
    }
  }
  try {
    const { config, origins, warnings, hidden } = await folder.load(env, file);
    // Only the broker sees these.
    const { user: _u, password: _p, key: _k, ...rest } = config.mqtt;
    const mqtt = { ...rest, server: config.mqtt.server?.map(withoutLogin) };
    const meters = config.meters.map(({ key: _key, authentication_key: _auth, ...meter }) => meter);
    const { token: _token, ...http } = config.http;
    said.push(JSON.stringify({ ...config, mqtt, meters, http, warnings }));
    said.push(JSON.stringify([[...origins], [...hidden]]));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
  return said.join("\n");
}

async function migrated(file: string): Promise<string> {
  try {
    const { stdout, stderr } = await runCommand(migrate, { cwd: folder.path, args: [file] });
    // The only place where the key belongs: the new configuration.
    return `${stdout.replace(/^ {2}(?:key|user|password): .*$/gm, "")}${stderr}`;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const yaml = (text: string) => folder.write("kaifa2mqtt.yaml", text);
const quoted = (text: string) => JSON.stringify(text);

describe("leaked by version 1.0.0", () => {
  it.each([
    ["the path of a _FILE", "meter: {port: /dev/a}\n", { KAIFA2MQTT_METER_KEY_FILE: KEY }],
    ["the password as the path of a _FILE", "meter: {port: /dev/a}\n", { KAIFA2MQTT_MQTT_PASSWORD_FILE: "hunter2" }],
    ["the name of !secret", `meter: {port: /dev/a, key: !secret ${KEY}}\n`, {}],
    ["beneath port, without a colon", `meter:\n  port: /dev/ttyUSB0\n    ${KEY}\n`, {}],
    ["with blanks, under another option", `meter: {port: /dev/a, parity: ${PAIRS.join(" ")}}\n`, {}],
    ["with dashes, under another option", `meter: {port: /dev/a, baud_rate: ${PAIRS.join("-")}}\n`, {}],
    ["as the name of an option", `meter: {port: /dev/a, ${PAIRS.join(" ")}: x}\n`, {}],
    ["as the name of an option, twice", `meter: {port: /dev/a, ${KEY}: {a: 1, a: 2}}\n`, {}],
    ["mqtt://u:12/hunter2@host", "meter: {port: /dev/a}\nmqtt: {server: 'mqtt://u:12/hunter2@host'}\n", {}],
    ["u:hunter2@host", "meter: {port: /dev/a}\nmqtt: {server: 'u:hunter2@host'}\n", {}],
    ["mqtt:/u:hunter2@host", "meter: {port: /dev/a}\nmqtt: {server: 'mqtt:/u:hunter2@host'}\n", {}],
  ])("%s", async (where, text, env) => {
    yaml(text);
    const said = await everythingSaid(env as Record<string, string>);
    expectNoSecret(said, where);
    expect(said).toContain("allowed: ");
  });

  it("the predecessor's file with its fields swapped", async () => {
    const swapped = { loglevel: KEY, port: KEY, key_hex_string: "/dev/ttyUSB0", parity: PAIRS.join(" ") };
    folder.write("meter.json", JSON.stringify({ ...swapped, mqtt_enabled: true, mqtt_port: "hunter2", [KEY]: 1 }));
    expectNoSecret(await everythingSaid({}, "meter.json"), "check");
    expectNoSecret(await migrated("meter.json"), "migrate");
  });
});

describe("a key or a login anywhere in the configuration is never repeated", () => {
  const secret = fc.constantFrom(...KEYS, ...LOGINS);
  const paths = OPTIONS.filter((row) => row.about.secret !== true && row.path.join(".") !== "mqtt.user");
  const RUNS = { seed: 20261125, numRuns: 300 };

  it("as the value of any option in the file", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), secret, fc.boolean(), async (row, planted, asBlock) => {
        const name = row.path.at(-1) ?? "";
        const value = asBlock ? `\n      ${quoted(planted)}` : ` ${quoted(planted)}`;
        const port = name === "port" && row.path[0] === "meters" ? "" : "  port: /dev/a\n";
        const text =
          row.path[0] === "meters"
            ? `meter:\n${port}  ${name}:${value}\n`
            : row.path.length === 1
              ? `meter: {port: /dev/a}\n${name}:${value}\n`
              : `meter: {port: /dev/a}\n${row.path[0]}:\n  ${name}:${value}\n`;
        yaml(text);
        // A login in the address is allowed: it is moved out of it.
        expectNoSecret(await everythingSaid({}), text);
      }),
      RUNS,
    );
  });

  it("as a section, a list item, a name, a comment, an anchor, a tag or the rest of a line", async () => {
    const forms: ((planted: string) => string)[] = [
      (planted) => `${quoted(planted)}: x\nmeter: {port: /dev/a}\n`,
      (planted) => `meter: {port: /dev/a, ${quoted(planted)}: x}\n`,
      (planted) => `meter: {port: /dev/a, ${quoted(planted)}: {a: 1, a: 1}, ${quoted(planted)}: 2}\n`,
      (planted) => `meter: {port: /dev/a, key: !secret ${quoted(planted)}}\n`,
      (planted) => `meter: {port: /dev/a, name: !secret ${quoted(planted)}}\n`,
      (planted) => `meter: ${quoted(planted)}\n`,
      (planted) => `meter: [${quoted(planted)}]\n`,
      (planted) => `meters: [${quoted(planted)}, {port: ${quoted(planted)}}, {port: ${quoted(planted)}}]\n`,
      (planted) => `${planted}\n`,
      (planted) => `- ${planted}\n`,
      (planted) => `meter:\n  port: /dev/a\n  ${planted}\n`,
      (planted) => `meter:\n  port: /dev/a\n    ${planted}\n`,
      (planted) => `meter:\n  port: /dev/a\n${planted}\n`,
      (planted) => `meter:\n\t${planted}\n`,
      (planted) => `meter: {port: /dev/a, key: *${planted}}\n`,
      (planted) => `meter: {port: /dev/a, key: !${planted}}\n`,
      (planted) => `meter: {port: /dev/a, key: [${quoted(planted)}]}\n`,
      (planted) => `meter: {port: /dev/a, key: ${quoted(`${planted}Z`)}}\n`,
      (planted) => `mqtt: {server: {${quoted(planted)}: 1}}\nmeter: {port: /dev/a}\n`,
      (planted) => `meter: {port: ${quoted(`/dev/ttyUSB0 ${planted}`)}}\n`,
      (planted) => `meter: {port: ${quoted(`simulator:?layout=${planted}`)}}\n`,
      (planted) => `meter: {port: ${quoted(`tcp://${planted}:1`)}}\n`,
      (planted) => `meter: {port: /dev/a}\nmqtt: {server: ${quoted(`mqtt://${planted}`)}}\n`,
      (planted) => `meter: {port: /dev/a}\nmqtt: {server: ${quoted(`wss://host/a?token=${planted}`)}}\n`,
      (planted) => `meter: {port: /dev/a}\nmqtt: {ca: ${quoted(`-----BEGIN PRIVATE KEY-----\n${planted}`)}}\n`,
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...forms), secret, async (form, planted) => {
        const text = form(planted);
        yaml(text);
        expectNoSecret(await everythingSaid({}), text);
      }),
      { ...RUNS, numRuns: 500 },
    );
  });

  it("as the value, the file or the name of a variable", async () => {
    yaml("meter: {port: /dev/a}\n");
    const variable = fc.oneof(
      fc.constantFrom(...paths).map((row) => (planted: string) => ({ [environmentName(row)]: planted })),
      fc.constantFrom(...OPTIONS).map((row) => (planted: string) => ({ [`${environmentName(row)}_FILE`]: planted })),
      fc.constant((planted: string) => ({ [`KAIFA2MQTT_METER_KEY_${planted}`]: "x" })),
      fc.constant((planted: string) => ({ [`KAIFA2MQTT_${planted}`]: planted })),
    );
    await fc.assert(
      fc.asyncProperty(variable, secret, async (make, planted) => {
        const env = make(planted);
        expectNoSecret(await everythingSaid(env), JSON.stringify(env));
      }),
      RUNS,
    );
  });

  it("in any two fields of the predecessor's file, also for migrate", async () => {
    const names = [
      "port",
      "loglevel",
      "logfile",
      "parity",
      "baudrate",
      "stopbits",
      "bytesize",
      "supplier",
      "interval",
      "export_format",
      "export_file_abspath",
      "export_mqtt_server",
      "export_mqtt_port",
      "export_mqtt_basetopic",
      "mqtt_enabled",
      KEY,
      "u:hunter2@host",
    ];
    const base = { port: "/dev/a", key_hex_string: "00112233", export_format: "MQTT", export_mqtt_server: "broker" };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), secret, fc.constantFrom(...names), async (one, planted, other) => {
        const text = JSON.stringify({ ...base, key_hex_string: "00".repeat(16), [one]: planted, [other]: planted });
        folder.write("meter.json", text);
        expectNoSecret(await everythingSaid({}, "meter.json"), text);
        expectNoSecret(await migrated("meter.json"), text);
      }),
      RUNS,
    );
  });

  it("as the name of the file", async () => {
    for (const planted of [...KEYS, ...LOGINS]) {
      expectNoSecret(await everythingSaid({}, planted), planted);
      expectNoSecret(await migrated(planted), planted);
    }
  });
});

describe("values that are not secrets are still shown", () => {
  it.each([
    ["meter: {port: /dev/a, parity: both}\n", "found `both`"],
    ["meter: {port: tcp://192.168.178.123:99999}\n", "found `tcp://192.168.178.123:99999`"],
    ["meter: {port: /dev/a}\nmqtt: {server: 192.168.178.123:20108}\n", "found `192.168.178.123:20108`"],
    ["meter: {port: /dev/a}\nmqtt: {version: 3.1.1}\n", "found `3.1.1`"],
    ["meter: {port: /dev/a}\nmqtt: {base_topic: 'home/+/x'}\n", "found `home/+/x`"],
  ])("%j", async (text, words) => {
    yaml(text);
    expect(await everythingSaid({})).toContain(words);
  });

  it("a device link with a long serial number, a metering point, a system title, a UUID as client id", async () => {
    const link = "/dev/serial/by-id/usb-Silicon_Labs_CP2102N_8a1f3bd0c2b7ec11b2a5c69a7d5d2b4e-if00-port0";
    const id = "AT0030000000000000000000012345678";
    yaml(
      `meters:\n  - {port: ${link}, id: ${id}}\n  - {port: /dev/b, id: 4B464D6750000009}\nmqtt: {client_id: 550e8400-e29b-41d4-a716-446655440000}\n`,
    );
    const { config } = await folder.load();
    expect(config.meters[0]).toMatchObject({ port: link, id });
    expect(await everythingSaid({})).toContain(link);
  });
});
