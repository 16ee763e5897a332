import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { environmentName, OPTIONS } from "../../src/config/option-list.ts";
import { ConfigFolder, faultsOf, loadYaml } from "../helpers/config-folder.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const OTHER_KEY = "5AD84121D9D20B364B7A11F3C1B5827F";

/** Other options that an option of a list requires. */
const REQUIRED_WITH: Readonly<Record<string, Record<string, string>>> = {
  tariff_windows: {
    KAIFA2MQTT_TARIFF_WINDOWS_NAME: "n",
    KAIFA2MQTT_TARIFF_WINDOWS_FROM: "10:00",
    KAIFA2MQTT_TARIFF_WINDOWS_TO: "16:00",
  },
  lists: { KAIFA2MQTT_LISTS_NAME: "n", KAIFA2MQTT_LISTS_0_ELEMENTS_1_OBIS: "2.8.0" },
};
/** Other fields that the first element requires, by the field that is set. */
const ELEMENT: Record<string, string> = {
  ...{ unit: "OBIS", scaler: "OBIS" },
  ...{ name: "SKIP", type: "SKIP", path: "SKIP" },
};
const requiredWith = (path: readonly string[]): Record<string, string> => {
  const kind = path[0] === "lists" ? ELEMENT[path.at(-1) ?? ""] : undefined;
  const element =
    kind === undefined ? {} : { [`KAIFA2MQTT_LISTS_0_ELEMENTS_0_${kind}`]: kind === "OBIS" ? "1.8.0" : "true" };
  return { ...REQUIRED_WITH[path[0] ?? ""], ...element };
};

describe("environment variables", () => {
  it("every option has one, and no two options share one", () => {
    const names = OPTIONS.map(environmentName);
    expect(names).toEqual(
      expect.arrayContaining(["KAIFA2MQTT_METER_KEY", "KAIFA2MQTT_MQTT_SERVER", "KAIFA2MQTT_DATA_DIR"]),
    );
    expect(new Set(names).size).toBe(names.length);
    // `_FILE` must be unambiguous.
    for (const name of names) expect(names.filter((other) => other === `${name}_FILE`)).toEqual([]);
  });

  it("every option can be set by its variable", async () => {
    for (const row of OPTIONS) {
      const value = row.about.example?.startsWith("!secret") ? "sesame" : (row.about.example ?? String(row.default));
      const env: Record<string, string> = {
        ...{ KAIFA2MQTT_METER_PORT: "/dev/a", ...requiredWith(row.path) },
        [environmentName(row)]: value.replaceAll('"', ""),
      };
      const { origins } = await new ConfigFolder().load(env);
      const path = row.path.join(".").replaceAll(".[]", "[0]");
      expect(origins.get(path)?.file).toBe(environmentName(row));
    }
  });

  it("several meters are counted from 0", async () => {
    const { config } = await new ConfigFolder().load({
      KAIFA2MQTT_METERS_0_PORT: "/dev/a",
      KAIFA2MQTT_METERS_1_PORT: "/dev/b",
      KAIFA2MQTT_METERS_1_KEY: KEY,
      KAIFA2MQTT_METERS_10_PORT: "/dev/k",
      ...Object.fromEntries([2, 3, 4, 5, 6, 7, 8, 9].map((n) => [`KAIFA2MQTT_METERS_${n}_PORT`, `/dev/${n}`])),
    });
    expect(config.meters.length).toBe(11);
    expect(config.meters[1]).toMatchObject({ port: "/dev/b", key: KEY });
    expect(config.meters[10]?.port).toBe("/dev/k");
  });

  it("sets one value of a list in the file and leaves the others", async () => {
    const { config, warnings } = await loadYaml(
      `meters: [{port: /dev/a, key: ${KEY}}, {port: /dev/b, key: ${KEY}}]\n`,
      {
        KAIFA2MQTT_METERS_1_KEY: OTHER_KEY,
        KAIFA2MQTT_METER_NAME: "House",
      },
    );
    expect(config.meters).toMatchObject([
      { port: "/dev/a", key: KEY, name: "House" },
      { port: "/dev/b", key: OTHER_KEY },
    ]);
    expect(warnings).toMatchObject([expect.stringContaining("KAIFA2MQTT_METER_NAME sets meters[0].name")]);
  });

  it("takes lists of values from one variable, and items of other lists by their number", async () => {
    const { config } = await new ConfigFolder().load({
      KAIFA2MQTT_METER_PORT: "/dev/a",
      KAIFA2MQTT_MQTT_SERVER: "mqtt://a:1, mqtt://b:2",
      KAIFA2MQTT_OUTPUTS_P1_LISTEN: "127.0.0.1:2000",
      KAIFA2MQTT_OUTPUTS_P1_1_LISTEN: "127.0.0.1:2001",
      KAIFA2MQTT_OUTPUTS_SHELLY_UDP: "1010 2220",
    });
    expect(config.mqtt.server).toEqual(["mqtt://a:1", "mqtt://b:2"]);
    expect(config.outputs.p1).toMatchObject([{ listen: "127.0.0.1:2000" }, { listen: "127.0.0.1:2001" }]);
    expect(config.outputs.shelly[0]?.udp).toEqual([1010, 2220]);
  });

  it("sets a value of a single section where a list is allowed", async () => {
    const { config } = await loadYaml("meter: {port: /dev/a}\noutputs: {p1: {listen: 127.0.0.1:2000}}\n", {
      KAIFA2MQTT_OUTPUTS_P1_PORT: "/dev/ttyUSB1",
    });
    expect(config.outputs.p1).toEqual([{ listen: "127.0.0.1:2000", port: "/dev/ttyUSB1" }]);
  });

  it("a gap in the count is a fault", async () => {
    expect(await faultsOf("meter: {port: /dev/a}\n", { KAIFA2MQTT_METERS_2_PORT: "/dev/c" })).toMatchObject([
      { file: "KAIFA2MQTT_METERS_2_PORT", found: "meter number 2 without a meter number 1" },
    ]);
  });

  it("an unknown variable is a warning with a hint, because other software sets such variables, too", async () => {
    const { warnings } = await loadYaml(`meter: {port: /dev/a, key: ${KEY}}\n`, {
      KAIFA2MQTT_MQTT_SERVR: "mqtt://x",
      KAIFA2MQTT_SERVICE_HOST: "10.0.0.1",
    });
    expect(warnings).toEqual([
      expect.stringMatching(/KAIFA2MQTT_MQTT_SERVR.*did you mean KAIFA2MQTT_MQTT_SERVER\?/),
      expect.stringMatching(/KAIFA2MQTT_SERVICE_HOST is unknown and ignored/),
    ]);
  });
});

describe("_FILE", () => {
  it("reads the value from the file, without the trailing newline", async () => {
    const folder = new ConfigFolder();
    const file = folder.write("run/secrets/key", `${KEY}\n`);
    const password = folder.write("run/secrets/password", " with blanks \r\n");
    const { config, origins, secrets } = await folder.load({
      KAIFA2MQTT_METER_PORT: "/dev/a",
      KAIFA2MQTT_METER_KEY_FILE: file,
      KAIFA2MQTT_MQTT_PASSWORD_FILE: password,
    });
    expect(config.meters[0]?.key).toBe(KEY);
    expect(config.mqtt.password).toBe(" with blanks ");
    expect(origins.get("meters[0].key")?.file).toBe("KAIFA2MQTT_METER_KEY_FILE");
    expect(secrets).toEqual([KEY, " with blanks "]);
  });

  it("options whose name ends with `file` are not read from a file", async () => {
    const { config } = await loadYaml("meter: {port: /dev/a}\n", {
      KAIFA2MQTT_SOLARVIEW_FILE: "/solarview/kaifa.txt",
      KAIFA2MQTT_LOG_FILE: "/var/log/k.log",
    });
    expect(config.solarview.file).toBe("/solarview/kaifa.txt");
    expect(config.log.file).toBe("/var/log/k.log");
  });

  it("a file that does not exist is a fault that names the variable and the file", async () => {
    const missing = join(new ConfigFolder().path, "missing");
    expect(await faultsOf("meter: {port: /dev/a}\n", { KAIFA2MQTT_METER_KEY_FILE: missing })).toEqual([
      {
        file: "KAIFA2MQTT_METER_KEY_FILE",
        line: null,
        path: "meter.key",
        found: `no such file (${missing})`,
        allowed: expect.any(String),
      },
    ]);
  });

  it("together with the variable itself is a fault", async () => {
    const env = { KAIFA2MQTT_METER_KEY: KEY, KAIFA2MQTT_METER_KEY_FILE: "/x" };
    const [fault] = await faultsOf("meter: {port: /dev/a}\n", env);
    expect(fault?.found).toContain("KAIFA2MQTT_METER_KEY");
    expect(fault?.found).not.toContain(KEY);
  });
});
