import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { command } from "../../src/commands/check.ts";
import { runCommand } from "../helpers/command-context.ts";
import { ConfigFolder } from "../helpers/config-folder.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const YAML = `meter:
  port: /dev/ttyUSB0
  key: ${KEY}
  name: "0123"
mqtt:
  server: mqtt://me:sesame@broker
  user: !secret user
http: {token: open-sesame}
`;

async function check(options = {}, env: Record<string, string> = {}) {
  const folder = new ConfigFolder();
  folder.write("kaifa2mqtt.yaml", YAML);
  folder.write("secrets.yaml", "user: someone\n");
  return runCommand(command, { cwd: folder.path, options: { config: "kaifa2mqtt.yaml", ...options }, env });
}

describe("check", () => {
  it("prints the effective configuration with the origin of each value", async () => {
    const { code, stdout } = await check({}, { KAIFA2MQTT_PUBLISH_INTERVAL: "10" });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^# kaifa2mqtt: effective configuration \(kaifa2mqtt\.yaml\)$/m);
    expect(stdout).toMatch(/^ {2}- port: \/dev\/ttyUSB0 +# kaifa2mqtt\.yaml:2$/m);
    expect(stdout).toMatch(/^ {4}baud_rate: 2400 +# default$/m);
    expect(stdout).toMatch(/^ {2}interval: 10 +# KAIFA2MQTT_PUBLISH_INTERVAL$/m);
  });

  it("masks secrets, also those within the broker's address and those from secrets.yaml", async () => {
    for (const json of [false, true]) {
      const { stdout, stderr, hidden } = await check({ json });
      for (const secret of [KEY, "sesame", "someone", "open-sesame"]) expect(stdout + stderr).not.toContain(secret);
      expect(stdout.match(/\*\*\*/g)?.length).toBe(4);
      expect(hidden).toEqual(expect.arrayContaining([KEY, "sesame", "open-sesame"]));
    }
  });

  it("prints YAML equivalent to the configuration, except for secrets", async () => {
    const { stdout } = await check();
    const printed = parse(stdout) as { meters: unknown[]; mqtt: object };
    expect(printed.meters).toMatchObject([{ port: "/dev/ttyUSB0", name: "0123", key: "***", parity: "auto" }]);
    expect(printed.mqtt).toMatchObject({ server: "mqtt://broker", keepalive: 60, reject_unauthorized: true });
  });

  it("says that the Supervisor provides the broker if none is configured", async () => {
    const env = { SUPERVISOR_TOKEN: "abc", KAIFA2MQTT_METER_PORT: "/dev/a" };
    const { stdout } = await runCommand(command, { cwd: new ConfigFolder().path, env });
    expect(stdout).toMatch(/^ {2}# server: provided by the Supervisor$/m);
    expect(stdout).not.toContain("localhost");
  });

  it("with --json prints values, origins and warnings", async () => {
    const report = JSON.parse((await check({ json: true }, { KAIFA2MQTT_TYPO: "1" })).stdout);
    expect(report.file).toBe("kaifa2mqtt.yaml");
    expect(report.values).toContainEqual({ path: "meters[0].key", value: "***", origin: "kaifa2mqtt.yaml:3" });
    expect(report.warnings).toMatchObject([expect.stringContaining("KAIFA2MQTT_TYPO")]);
  });

  it("the log level on the command line overrides all others", async () => {
    const { stdout } = await check({ logLevel: "debug" }, { KAIFA2MQTT_LOG_LEVEL: "warn" });
    expect(stdout).toMatch(/^ {2}level: debug +# --log-level$/m);
  });
});
