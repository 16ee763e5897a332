import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/commands/command.ts";
import { command } from "../../src/commands/migrate.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { runCommand } from "../helpers/command-context.ts";
import { ConfigFolder } from "../helpers/config-folder.ts";

const BASE = {
  loglevel: "logging.WARNING",
  logfile: "/var/log/kaifareader/kaifa.log",
  port: "/dev/ttyUSB0",
  baudrate: 9600,
  parity: "serial.PARITY_EVEN",
  stopbits: "serial.STOPBITS_TWO",
  bytesize: "serial.SEVENBITS",
  key_hex_string: "12345678901234567890123456789012",
  interval: 15,
  supplier: "EVN",
};
const SOLARVIEW = { ...BASE, export_format: "SOLARVIEW", export_file_abspath: "/run/kaifa reader/kaifa.txt" };
const MQTT = {
  ...BASE,
  export_format: "MQTT",
  export_mqtt_server: "10.0.0.9",
  export_mqtt_port: 1884,
  export_mqtt_user: "yes",
  export_mqtt_password: 'quote " and # and: colon',
  export_mqtt_basetopic: "kaifa",
};

const migrate = (folder: ConfigFolder, file = "meter.json") => runCommand(command, { cwd: folder.path, args: [file] });

describe("migrate", () => {
  it.each([
    ["SOLARVIEW", SOLARVIEW],
    ["MQTT", MQTT],
    ["no export", BASE],
  ])("prints a kaifa2mqtt.yaml that means the same (%s)", async (_, values) => {
    const folder = new ConfigFolder();
    folder.write("meter.json", JSON.stringify(values));
    const { code, stdout } = await migrate(folder);
    expect(code).toBe(0);
    const before = await folder.load({}, "meter.json");
    folder.write("kaifa2mqtt.yaml", stdout);
    const after = await folder.load();
    expect(after.file).toBe("kaifa2mqtt.yaml");
    expect(after.config).toEqual(before.config);
    expect(after.config.meters[0]).toMatchObject({ baud_rate: 9600, parity: "even", stop_bits: 2, data_bits: 7 });
    expect(after.warnings).toEqual([]);
  });

  it("comments on where each value was, and what is obsolete", async () => {
    const folder = new ConfigFolder();
    folder.write("meter.json", JSON.stringify(SOLARVIEW));
    const { stdout } = await migrate(folder);
    expect(stdout).toContain('key: "12345678901234567890123456789012"  # was key_hex_string');
    expect(stdout).toContain("# supplier is no longer needed");
  });

  it("refuses other files, files with faults, and a missing file", async () => {
    const folder = new ConfigFolder();
    folder.write("other.json", '{"meter": {"port": "/dev/a"}}');
    folder.write("bad.json", JSON.stringify({ ...BASE, parity: "serial.PARITY_MARK", key_hex_string: "1" }));
    await expect(migrate(folder, "other.json")).rejects.toThrow("a file without any key of kaifareader");
    const error = await migrate(folder, "bad.json").catch((caught: unknown) => caught);
    expect((error as ConfigError).faults.map(({ path }) => path)).toEqual(["parity", "key_hex_string"]);
    await expect(migrate(folder, "missing.json")).rejects.toThrow(ConfigError);
    await expect(runCommand(command)).rejects.toThrow(UsageError);
  });
});
