import { describe, expect, it } from "vitest";
import { ConfigFolder, faultsOf, loadYaml } from "../helpers/config-folder.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

const keyOf = async (written: string) =>
  (await loadYaml(`meter:\n  port: /dev/a\n  key: ${written}\n`)).config.meters[0]?.key;

describe("a key in YAML", () => {
  it.each([
    ["all digits", "12345678901234567890123456789012"],
    ["like a number with an exponent", "12345E67890123456789012345678901"],
    ["leading zeros", "00000000000000000000000000000017"],
    ["like an octal number", "0o123456", "an octal number"],
  ])("that is %s survives exactly", async (_, written, isNone?: string) => {
    if (isNone !== undefined) {
      const [fault] = await faultsOf(`meter:\n  port: /dev/a\n  key: ${written}\n`);
      expect(fault?.path).toBe("meter.key");
    } else {
      expect(await keyOf(written)).toBe(written);
    }
  });

  it.each([
    "36 C6 66 39 E4 8A 8C A4 D6 BC 8B 28 2A 79 3B BB",
    "36:C6:66:39:E4:8A:8C:A4:D6:BC:8B:28:2A:79:3B:BB",
    "36c66639-e48a8ca4-d6bc8b28-2a793bbb",
    "0x36C66639E48A8CA4D6BC8B282A793BBB",
    '"36C66639E48A8CA4D6BC8B282A793BBB"',
    "'36C66639 E48A8CA4 D6BC8B28 2A793BBB'   # from the portal",
    "!!str 36C66639E48A8CA4D6BC8B282A793BBB",
    ">-\n    36C66639E48A8CA4\n    D6BC8B282A793BBB",
  ])("may be written %s", async (written) => {
    expect(await keyOf(written)).toBe(KEY);
  });
});

describe("YAML as people write it", () => {
  it("YAML 1.1 booleans remain texts where a text is expected", async () => {
    const { config } = await loadYaml("meter: {port: /dev/a, name: on, id: no}\nmqtt: {user: yes, password: 0123}\n");
    expect(config.meters[0]).toMatchObject({ name: "on", id: "no" });
    expect(config.mqtt).toMatchObject({ user: "yes", password: "0123" });
  });

  it.each([
    ["true", true],
    ["Yes", true],
    ["on", true],
    ['"true"', true],
    ["no", false],
    ["OFF", false],
    ["1", true],
    ["0", false],
  ])("%s is a boolean where one is wanted", async (written, value) => {
    expect((await loadYaml(`meter: {port: /dev/a}\nhttp: {enabled: ${written}}\n`)).config.http.enabled).toBe(value);
  });

  it.each(["0x10", "1_000", "1e3", "١٢", "60s"])("%s is not a number", async (written) => {
    expect(await faultsOf(`meter: {port: /dev/a}\nmqtt: {keepalive: ${written}}\n`)).toMatchObject([
      { line: 2, path: "mqtt.keepalive" },
    ]);
  });

  it("a duplicate name is a fault that names the first line", async () => {
    expect(await faultsOf("meter:\n  port: /dev/a\n  port: /dev/b\n")).toMatchObject([
      { line: 3, path: "meter.port", found: "`port` a second time (first in line 2)" },
    ]);
  });

  it("a tab in the indentation is reported as such", async () => {
    expect(await faultsOf("meter:\n\tport: /dev/a\n")).toMatchObject([{ line: 2, found: "a tab in the indentation" }]);
  });

  it.each([
    ["meter:\n  port: /dev/a\n   key: b\n", 2],
    ["meter: {port: /dev/a\n", null],
    ['meter:\n  port: "/dev/a\n', null],
    ["meter:\n  port: a: b\n", 2],
    ["meter: {port: /dev/a}\n---\nmqtt: {}\n", null],
  ])("a mistake of syntax has a line and a cure (%#)", async (text, line) => {
    const faults = await faultsOf(text);
    expect(faults.length).toBeGreaterThan(0);
    if (line !== null) expect(faults[0]?.line).toBe(line);
    expect(faults[0]?.line).toBeGreaterThan(0);
    expect(faults[0]?.allowed).not.toBe("");
  });

  it.each(["- a\n", "hello\n", "42\n"])("a document without sections is a fault (%#)", async (text) => {
    expect(await faultsOf(text)).toMatchObject([{ line: 1, allowed: expect.stringContaining("meter:") }]);
  });

  it("an empty file counts as none", async () => {
    expect(await faultsOf("# nothing\n")).toMatchObject([{ path: "meter", found: "nothing" }]);
  });

  it("accepts Windows line endings and a byte order mark", async () => {
    const { config, origins } = await loadYaml(`\uFEFFmeter:\r\n  port: /dev/a\r\n  key: ${KEY}\r\n`);
    expect(config.meters[0]).toMatchObject({ port: "/dev/a", key: KEY });
    expect(origins.get("meters[0].key")?.line).toBe(3);
  });

  it("anchors work", async () => {
    const { config } = await loadYaml(`meters:\n  - {port: /dev/a, key: &key ${KEY}}\n  - {port: /dev/b, key: *key}\n`);
    expect(config.meters[1]?.key).toBe(KEY);
  });

  it.each([
    ["*star", "begins with *"],
    ["!bang", "begins with !"],
    ["!secrt name", "begins with !"],
  ])("a password %s without quotes is reported, not lost", async (password, found) => {
    const faults = await faultsOf(`meter: {port: /dev/a}\nmqtt:\n  user: x\n  password: ${password}\n`);
    expect(faults).toMatchObject([{ line: 4, path: "mqtt.password", found: expect.stringContaining(found) }]);
    expect((await loadYaml(`meter: {port: /dev/a}\nmqtt: {password: "${password}"}\n`)).config.mqtt.password).toBe(
      password,
    );
  });

  it("nested anchors are limited (billion laughs)", async () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 12; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    const started = performance.now();
    expect((await faultsOf(`${lines.join("\n")}\n`)).length).toBeGreaterThan(11);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("JSON", () => {
  it("is read like YAML, with tabs and numbers too long for a double", async () => {
    const folder = new ConfigFolder();
    folder.write(
      "x.json",
      '{\n\t"meters": [\n\t\t{ "port": "/dev/a", "key": 12345678901234567890123456789012 }\n\t],\n\t"http": { "enabled": true }\n}\n',
    );
    const { config, origins } = await folder.load({}, "x.json");
    expect(config.meters[0]?.key).toBe("12345678901234567890123456789012");
    expect(config.http.enabled).toBe(true);
    expect(origins.get("http.enabled")?.line).toBe(5);
  });

  it("null is not set", async () => {
    const folder = new ConfigFolder();
    folder.write("x.json", '{"meter": {"port": "/dev/a", "key": null, "baud_rate": null}, "mqtt": null}');
    expect((await folder.load({}, "x.json")).config.meters[0]).toMatchObject({ baud_rate: 2400 });
  });
});

describe("!secret", () => {
  const folder = new ConfigFolder();
  folder.write("sub/kaifa2mqtt.yaml", "meter: {port: /dev/a, key: !secret meter_key}\nmqtt: {user: !secret user}\n");

  it("reads the value from secrets.yaml in the same folder and names it as the origin", async () => {
    folder.write("sub/secrets.yaml", `user: someone\nmeter_key: ${KEY}\n`);
    const { config, origins, hidden } = await folder.load({}, "sub/kaifa2mqtt.yaml");
    expect(config.meters[0]?.key).toBe(KEY);
    expect(config.mqtt.user).toBe("someone");
    expect(origins.get("meters[0].key")).toMatchObject({ file: "sub/secrets.yaml", line: 2 });
    expect([...hidden]).toEqual(expect.arrayContaining(["mqtt.user"]));
  });

  it("a missing name is a fault in the file that refers to it", async () => {
    folder.write("sub/secrets.yaml", "user: someone\n");
    expect(await folder.faults({}, "sub/kaifa2mqtt.yaml")).toMatchObject([
      { file: "sub/kaifa2mqtt.yaml", line: 1, path: "meter.key", found: expect.stringContaining("!secret meter_key") },
    ]);
  });

  it("is not resolved in secrets.yaml itself", async () => {
    folder.write("sub/secrets.yaml", "user: !secret user\nmeter_key: !secret meter_key\n");
    const faults = await folder.faults({}, "sub/kaifa2mqtt.yaml");
    expect(faults.length).toBeGreaterThan(0);
  });
});
