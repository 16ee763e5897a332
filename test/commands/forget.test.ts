import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UsageError } from "../../src/commands/command.ts";
import { command } from "../../src/commands/forget.ts";
import { HealthServer } from "../../src/process/health.ts";
import { TestBroker } from "../helpers/broker.ts";
import { runCommand } from "../helpers/command-context.ts";
import { freePort } from "../helpers/free-port.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const discovery = (base: string) => JSON.stringify({ state_topic: `${base}/house/1.8.0`, unique_id: "x" });

describe("forget", () => {
  let broker: TestBroker;
  let dataDir: string;
  beforeEach(async () => {
    broker = await TestBroker.start();
    dataDir = temporaryFolder("kaifa2mqtt-forget-");
  });
  afterEach(() => broker.stop());
  const run = (id: string, env: Record<string, string> = {}) =>
    runCommand(command, {
      args: [id],
      env: {
        KAIFA2MQTT_METER_PORT: "/dev/ttyUSB0",
        KAIFA2MQTT_DATA_DIR: dataDir,
        KAIFA2MQTT_MQTT_SERVER: broker.url,
        ...env,
      },
      cwd: dataDir,
    });

  it("removes the meter's data from the broker and the data folder, and nothing else", async () => {
    const ours: [string, string][] = [
      ["kaifa2mqtt/house", "{}"],
      ["kaifa2mqtt/house/1.8.0", "12.937"],
      ["kaifa2mqtt/house/availability", "offline"],
      ["kaifa2mqtt/bridge/meters/house", "{}"],
      ["homeassistant/sensor/kaifa2mqtt_house/energy_import/config", discovery("kaifa2mqtt")],
      ["homeassistant/device/kaifa2mqtt_house/config", discovery("kaifa2mqtt")],
    ];
    const others: [string, string][] = [
      ["kaifa2mqtt/house2/1.8.0", "1"],
      ["kaifa2mqtt/bridge/state", "online"],
      ["homeassistant/sensor/kaifa2mqtt_house/energy_export/config", discovery("another")],
      ["homeassistant/sensor/kaifa2mqtt_house2/energy_import/config", discovery("kaifa2mqtt")],
    ];
    for (const [topic, payload] of [...ours, ...others]) await broker.retain(topic, payload);
    mkdirSync(join(dataDir, "ledger/house"), { recursive: true });
    writeFileSync(join(dataDir, "ledger/house/2026-11.csv"), "x\n");
    writeFileSync(join(dataDir, "state.json"), JSON.stringify({ version: 1, meters: { house: { meterId: "house" } } }));
    const { code, stdout } = await run("house");
    expect(code).toBe(0);
    expect(stdout).toContain(`${ours.length} retained messages`);
    expect([...broker.retained.keys()].sort()).toEqual(others.map(([topic]) => topic).sort());
    expect(existsSync(join(dataDir, "ledger/house"))).toBe(false);
    expect(stdout).toContain("invocation counter");
  });

  it("says what could not be removed if the broker is down", async () => {
    const { code, stderr } = await run("house", { KAIFA2MQTT_MQTT_SERVER: `mqtt://127.0.0.1:${await freePort()}` });
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot reach the broker/);
  });

  it("refuses to remove a meter that the running bridge reads", async () => {
    const health = new HealthServer(dataDir, () => ({ healthy: true, reasons: [] }));
    await health.start();
    try {
      const { code, stderr } = await run("house", { KAIFA2MQTT_METER_ID: "house" });
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("the bridge is running") });
      expect((await run("other")).stderr).toContain("restart it");
    } finally {
      await health.stop();
    }
  });

  it.each(["", "a/b", "bridge", "+"])("refuses the invalid id %j", async (id) => {
    await expect(run(id)).rejects.toThrow(UsageError);
  });
});
