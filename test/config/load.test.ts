import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { formatOrigin, NOWHERE } from "../../src/config/raw.ts";
import { ConfigFolder, faultsOf, loadYaml } from "../helpers/config-folder.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const OTHER_KEY = "5AD84121D9D20B364B7A11F3C1B5827F";
const MINIMAL = `meter:\n  port: /dev/ttyUSB0\n  key: ${KEY}\n`;

describe("the search order", () => {
  const places = [
    ["/config/kaifa2mqtt.yaml", "config/kaifa2mqtt.yaml"],
    ["kaifa2mqtt.yaml", "kaifa2mqtt.yaml"],
    ["/etc/kaifa2mqtt/kaifa2mqtt.yaml", "etc/kaifa2mqtt/kaifa2mqtt.yaml"],
  ] as const;

  it("takes the first that exists", async () => {
    const folder = new ConfigFolder();
    for (const [label, path] of [...places].reverse()) {
      folder.write(path, MINIMAL);
      expect((await folder.load()).file).toBe(label);
    }
  });

  it("skips a file that contains only comments, like the Debian package's initial one", async () => {
    const folder = new ConfigFolder();
    folder.write("etc/kaifa2mqtt/kaifa2mqtt.yaml", "# meter:\n\n  # port: /dev/ttyUSB0\n");
    expect((await folder.faults())[0]?.found).toContain(
      "/etc/kaifa2mqtt/kaifa2mqtt.yaml, which contains only comments",
    );
    folder.write("etc/kaifareader/meter.json", JSON.stringify({ port: "/dev/ttyUSB5", key_hex_string: KEY }));
    const { file, config } = await folder.load();
    expect(file).toBe("/etc/kaifareader/meter.json");
    expect(config.meters[0]?.port).toBe("/dev/ttyUSB5");
  });

  it("names the features whose limit is below the number of configured meters", async () => {
    const folder = new ConfigFolder();
    const meters = (count: number) =>
      Array.from({ length: count }, (_, index) => `  - { port: /dev/ttyS${index}, key: ${KEY} }\n`).join("");
    const warningsFor = async (count: number, more = "") => {
      folder.write("kaifa2mqtt.yaml", `meters:\n${meters(count)}${more}`);
      return (await folder.load()).warnings.filter((warning) => warning.includes("docs/scale.md"));
    };
    expect(await warningsFor(16)).toEqual([]);
    expect((await warningsFor(17))[0]).toContain("have a limit: the ledger 16 (");
    expect((await warningsFor(17, "http: { enabled: true }\n"))[0]).toContain("the ledger 16, power plots 16 (");
    expect((await warningsFor(300, "http: { enabled: true }\n"))[0]).toContain(
      "300 meters: all of them are read and published, but some features have a limit: " +
        "the ledger 16, power plots 16, the status page 32, the record of published meters 256",
    );
  });

  it("prefers /data/options.json, but only under the Supervisor", async () => {
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml", MINIMAL);
    folder.write("data/options.json", `{"meter": {"port": "/dev/ttyACM0", "key": "${KEY}"}, "mqtt": {"user": ""}}`);
    expect((await folder.load()).config.meters[0]?.port).toBe("/dev/ttyUSB0");
    const supervised = await folder.load({ SUPERVISOR_TOKEN: "abc" });
    expect(supervised.file).toBe("/data/options.json");
    expect(supervised.config.meters[0]?.port).toBe("/dev/ttyACM0");
    expect(supervised.config.mqtt.user).toBeUndefined();
  });

  it("uses the predecessor's meter.json last", async () => {
    const folder = new ConfigFolder();
    folder.write("etc/kaifareader/meter.json", `{"port": "/dev/ttyUSB1", "key_hex_string": "${KEY}"}`);
    expect((await folder.load()).config.meters[0]).toMatchObject({ port: "/dev/ttyUSB1", key: KEY });
    folder.write("etc/kaifa2mqtt/kaifa2mqtt.yaml", MINIMAL);
    expect((await folder.load()).config.meters[0]?.port).toBe("/dev/ttyUSB0");
  });

  it("prefers --config to KAIFA2MQTT_CONFIG, and that to the search path", async () => {
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml", MINIMAL);
    folder.write("a.yaml", "meter: {port: /dev/a}\n");
    folder.write("b.yaml", "meter: {port: /dev/b}\n");
    expect((await folder.load({ KAIFA2MQTT_CONFIG: "a.yaml" })).config.meters[0]?.port).toBe("/dev/a");
    expect((await folder.load({ KAIFA2MQTT_CONFIG: "a.yaml" }, "b.yaml")).config.meters[0]?.port).toBe("/dev/b");
  });

  it("a named file that does not exist is a fault, whatever else exists", async () => {
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml", MINIMAL);
    expect(await folder.faults({}, "gone.yaml")).toMatchObject([{ file: "gone.yaml", found: "no such file" }]);
  });

  it("a folder instead of the file is explained as Docker's replacement for a missing file", async () => {
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml/x", "");
    const [fault] = await folder.faults();
    expect(fault?.found).toBe("a folder");
    expect(fault?.allowed).toContain("Docker");
  });

  it("without any configuration, the fault lists every searched path", async () => {
    const [fault] = await new ConfigFolder().faults();
    for (const [label] of places) expect(fault?.found).toContain(label);
    expect(fault?.allowed).toContain("KAIFA2MQTT_METER_PORT");
  });
});

describe("layers", () => {
  it("environment overrides file, file overrides default, and each value keeps its origin", async () => {
    const { config, origins } = await loadYaml(`${MINIMAL}mqtt:\n  server: mqtt://file\n  user: someone\n`, {
      KAIFA2MQTT_MQTT_SERVER: "mqtt://environment",
    });
    expect(config.mqtt).toMatchObject({ server: ["mqtt://environment"], user: "someone", keepalive: 60 });
    const from = (path: string) => formatOrigin(origins.get(path) ?? NOWHERE);
    expect(from("mqtt.server")).toBe("KAIFA2MQTT_MQTT_SERVER");
    expect(from("mqtt.user")).toBe("kaifa2mqtt.yaml:6");
    expect(from("meters[0].key")).toBe("kaifa2mqtt.yaml:3");
    expect(from("mqtt.keepalive")).toBe("default");
  });

  it("the environment alone is enough", async () => {
    const env = { KAIFA2MQTT_METER_PORT: "tcp://10.0.0.1:2000", KAIFA2MQTT_METER_KEY: KEY };
    const { config, file } = await new ConfigFolder().load(env);
    expect(file).toBeNull();
    expect(config.meters).toMatchObject([{ port: "tcp://10.0.0.1:2000", key: KEY, baud_rate: 2400, parity: "auto" }]);
    expect(config.mqtt.server).toEqual(["mqtt://localhost:1883"]);
  });

  it("an empty value counts as not set, in a file and in the environment", async () => {
    const { config } = await loadYaml(`${MINIMAL}mqtt:\n  user:\n  password: ""\n  keepalive: ~\nhttp:\n`, {
      KAIFA2MQTT_MQTT_SERVER: "",
    });
    expect(config.mqtt).toMatchObject({ keepalive: 60, server: ["mqtt://localhost:1883"] });
    expect(config.mqtt.user).toBeUndefined();
    expect(config.mqtt.password).toBeUndefined();
  });

  it("under the Supervisor, an unset broker is left to the Supervisor, and the page is on", async () => {
    const { config } = await loadYaml(MINIMAL, { SUPERVISOR_TOKEN: "abc" });
    expect(config.mqtt.server).toBeUndefined();
    expect(config.http).toMatchObject({ enabled: true, host: "0.0.0.0" });
    expect((await loadYaml(MINIMAL)).config.http).toMatchObject({ enabled: false, host: "127.0.0.1" });
    expect((await loadYaml(MINIMAL, { RUN_AS: "node" })).config.http.host).toBe("0.0.0.0");
  });

  it("user and password are extracted from the broker's address", async () => {
    const { config, secrets } = await loadYaml(`${MINIMAL}mqtt: {server: ["mqtts://me:p%40ss@broker:8883"]}\n`);
    expect(config.mqtt).toMatchObject({ server: ["mqtts://broker:8883"], user: "me", password: "p@ss" });
    expect(secrets).toEqual([KEY, "p@ss"]);
  });

  it("a password without a user is reported, because MQTT 3.1.1 forbids it", async () => {
    const said = async (mqtt: string) => (await loadYaml(`${MINIMAL}mqtt: {${mqtt}}\n`)).warnings;
    expect(await said("password: x")).toMatchObject([expect.stringContaining("mqtt.user is not")]);
    expect(await said("password: x, user: y")).toEqual([]);
  });

  it("the data folder comes from systemd, the image, XDG or the user's home", async () => {
    const dataDir = async (env: Record<string, string>) => (await loadYaml(MINIMAL, env)).config.data_dir;
    expect(await dataDir({ STATE_DIRECTORY: "/var/lib/kaifa2mqtt:/other", HOME: "/home/x" })).toBe(
      "/var/lib/kaifa2mqtt",
    );
    expect(await dataDir({ RUN_AS: "node" })).toMatch(/\/data$/);
    expect(await dataDir({ SUPERVISOR_TOKEN: "abc" })).toMatch(/\/data$/);
    expect(await dataDir({ XDG_STATE_HOME: "/state" })).toBe("/state/kaifa2mqtt");
    expect(await dataDir({ HOME: "/home/x" })).toBe("/home/x/.local/state/kaifa2mqtt");
    expect(await dataDir({ KAIFA2MQTT_DATA_DIR: "/here", STATE_DIRECTORY: "/there" })).toBe("/here");
  });
});

describe("meters", () => {
  it("`meter` equals a list of one", async () => {
    const one = await loadYaml(MINIMAL);
    const list = await loadYaml(`meters:\n  - port: /dev/ttyUSB0\n    key: ${KEY}\n`);
    expect(list.config).toEqual({ ...one.config, data_dir: list.config.data_dir });
  });

  it("`meter` together with `meters` is a fault", async () => {
    expect(await faultsOf(`${MINIMAL}meters:\n  - port: /dev/ttyUSB1\n`)).toMatchObject([
      { line: 1, path: "meter", found: "`meter` as well as `meters`" },
    ]);
  });

  it("two meters with the same port or id are a fault that names the other", async () => {
    const faults = await faultsOf(
      `meters:\n  - port: /dev/ttyUSB0\n    id: a\n  - port: /dev/ttyUSB0\n    id: a\n  - port: "simulator:"\n  - port: "simulator:"\n`,
    );
    expect(faults.map(({ line, path, found }) => [line, path, found])).toEqual([
      [4, "meters[1].port", "the same value as meters[0].port (kaifa2mqtt.yaml:2)"],
      [5, "meters[1].id", "the same value as meters[0].id (kaifa2mqtt.yaml:3)"],
    ]);
  });

  it("a missing port is a fault in the line of its meter, with the allowed forms", async () => {
    expect(await faultsOf(`meter:\n  key: ${KEY}\n`)).toMatchObject([
      { line: 1, path: "meter.port", found: "nothing", allowed: expect.stringContaining("/dev/ttyUSB0") },
    ]);
    expect(await faultsOf("mqtt: {}\n")).toMatchObject([{ path: "meter", found: "nothing" }]);
  });

  it("a missing key is not a fault, because some meters do not encrypt, but is reported", async () => {
    const { warnings } = await loadYaml("meter: {port: /dev/ttyUSB0}\n");
    expect(warnings).toMatchObject([expect.stringContaining("meter.key is not set")]);
    expect((await loadYaml('meter: {port: "simulator:"}\n')).warnings).toEqual([]);
  });

  it("the id `bridge` would clash with the bridge's own topics", async () => {
    expect(await faultsOf("meter: {port: /dev/a, id: bridge}\n")).toMatchObject([
      { path: "meter.id", found: "`bridge`" },
    ]);
  });
});

describe("faults", () => {
  it("are all reported at once, each with file, line, path, what was found and what is allowed", async () => {
    const text = [
      "meter:",
      "  port: tcp://host-without-port",
      `  key: ${KEY.slice(1)}`,
      "  baud_rate: fast",
      "  partiy: even",
      "mqtt:",
      "  server: localhost:1883",
      "  version: 3",
      "  keepalive: 1.5",
      "log: verbose",
      "key: 1",
      "",
    ].join("\n");
    const faults = await faultsOf(text);
    expect(faults.map(({ file, line, path, found }) => [file, line, path, found])).toEqual([
      ["kaifa2mqtt.yaml", 2, "meter.port", "`tcp://host-without-port`"],
      ["kaifa2mqtt.yaml", 3, "meter.key", "31 hex digits"],
      ["kaifa2mqtt.yaml", 4, "meter.baud_rate", "`fast`"],
      ["kaifa2mqtt.yaml", 5, "meter.partiy", "the unknown name `partiy` (did you mean `parity`?)"],
      ["kaifa2mqtt.yaml", 7, "mqtt.server", "`localhost:1883`"],
      ["kaifa2mqtt.yaml", 8, "mqtt.version", "`3`"],
      ["kaifa2mqtt.yaml", 9, "mqtt.keepalive", "`1.5`"],
      ["kaifa2mqtt.yaml", 10, "log", expect.any(String)],
      ["kaifa2mqtt.yaml", 11, "key", "the unknown name `key` (did you mean `meter.key` or `mqtt.key`?)"],
    ]);
    for (const { allowed } of faults) expect(allowed).not.toBe("");
  });

  it("faults in the environment are reported together with those in the file", async () => {
    const faults = await faultsOf("meter: {port: /dev/a}\nmqtt: {keepalive: 0}\n", { KAIFA2MQTT_METER_PARITY: "mark" });
    expect(faults.map(({ file, path }) => [file, path])).toEqual([
      ["KAIFA2MQTT_METER_PARITY", "meter.parity"],
      ["kaifa2mqtt.yaml", "mqtt.keepalive"],
    ]);
  });

  it("no fault reveals any part of a secret", async () => {
    const secrets = [KEY.slice(2), "hunter2secret", `${OTHER_KEY}00`];
    const folder = new ConfigFolder();
    folder.write(
      "kaifa2mqtt.yaml",
      `meter: {port: "", key: ${secrets[0]}, authentication_key: ${secrets[2]}}\nmqtt:\n  password: {a: ${secrets[1]}}\n  server: "http://me:${secrets[1]}@host"\n${KEY}: x\n`,
    );
    const error = await folder.load().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as ConfigError;
    expect((error as ConfigError).faults.length).toBe(6);
    for (const secret of [...secrets, KEY]) expect(message).not.toContain(secret);
  });

  it.each([
    [
      "meter.port",
      "meter: {port: 'PORT'}",
      ["tcp://h:0", "tcp://h:65536", "tcp://:1", "socket://h:1", "file:", "http://h", "tcp:h:1"],
    ],
    [
      "mqtt.server",
      "meter: {port: /dev/a}\nmqtt: {server: 'PORT'}",
      ["mqtt://h:99999", "mqtt://", "mqtt:h", "http://h", "mqtt://u:p/w@h", "h:1883"],
    ],
  ])("%s is refused if no one can be there", async (path, text, wrong) => {
    for (const address of wrong) {
      const faults = await faultsOf(text.replace("PORT", address));
      expect(faults.map((fault) => fault.path)).toEqual([path]);
      expect(faults[0]?.found).not.toContain("p/w");
    }
  });

  it.each([
    [
      "meter: {port: 'PORT'}",
      ["COM3", "/dev/serial/by-id/usb-1a86 x", "tcp://[::1]:20108", "tcp://h.local:1/", "file:x y.hex", "simulator:"],
    ],
    [
      "meter: {port: /dev/a}\nmqtt: {server: 'PORT'}",
      ["mqtt://h", "mqtts://h:8883/", "ws://h:1/mqtt", "wss://[fe80::1]:443/a?b", "mqtt://u@h"],
    ],
  ])("an address may be written in every usual way (%#)", async (text, right) => {
    for (const address of right) expect((await loadYaml(text.replace("PORT", address))).config.meters.length).toBe(1);
  });

  it("a value of the wrong kind is reported by its kind", async () => {
    const faults = await faultsOf("meter:\n  port: [a]\n  name: {b: c}\nmeters2: x\nhomeassistant: [1]\n");
    expect(faults.map(({ path, found }) => [path, found])).toEqual([
      ["meter.port", "a list"],
      ["meter.name", "a section"],
      ["meters2", "the unknown name `meters2` (did you mean `meter`?)"],
      ["homeassistant", "a list"],
    ]);
  });
});

describe("the warning about a world-readable file", () => {
  it("appears if the file contains a key", async () => {
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml", MINIMAL, 0o644);
    expect((await folder.load()).warnings).toMatchObject([expect.stringMatching(/kaifa2mqtt\.yaml.*chmod 600/)]);
  });

  it("does not appear if only owner and group may read it, if it has no key, or if the key comes from elsewhere", async () => {
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml", MINIMAL, 0o640);
    expect((await folder.load()).warnings).toEqual([]);
    folder.write("kaifa2mqtt.yaml", "meter: {port: /dev/a}\n", 0o644);
    expect((await folder.load({ KAIFA2MQTT_METER_KEY: KEY })).warnings).toEqual([]);
  });

  it("appears for secrets.yaml", async () => {
    const folder = new ConfigFolder();
    folder.write("kaifa2mqtt.yaml", "meter: {port: /dev/a, key: !secret k}\n", 0o644);
    folder.write("secrets.yaml", `k: ${KEY}\n`, 0o644);
    const { warnings } = await folder.load();
    expect(warnings).toMatchObject([expect.stringContaining("secrets.yaml")]);
  });
});
