/**
 * Home Assistant's built-in integrations `dsmr`, `homewizard` and `shelly`, set up through their dialogs, read the bridge's
 * outputs as if they were meters of those brands. The tests build on each other.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { freePort } from "../helpers/free-port.ts";
import { Mosquitto } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { HomeAssistant } from "./home-assistant.ts";
import { addIntegration, installIntegrations } from "./integrations.ts";
import { KEY, SimulatedMeterProcess } from "./simulated-meter.ts";

/** A separate loopback address: the HomeWizard dialog does not ask for a port, so it must be port 80. */
const HOMEWIZARD = "127.0.13.80";

describe("Home Assistant reads the outputs", () => {
  let program: BuiltProgram;
  let broker: Mosquitto;
  let home: HomeAssistant;
  let meter: SimulatedMeterProcess;
  let bridge: BridgeProcess;
  let p1Port: number;
  let shellyPort: number;
  let shellyEntry: string;

  const ofPlatform = async (platform: string): Promise<Map<string, string>> => {
    const all = await home.ask<{ entity_id: string; unique_id: string; platform: string }[]>({
      type: "config/entity_registry/list",
    });
    return new Map(all.filter((one) => one.platform === platform).map((one) => [one.unique_id, one.entity_id]));
  };
  /** The entity whose unique id has this ending. */
  const entityOf = (platform: string, end: string): Promise<string> =>
    home.until(
      `${platform} has ${end}`,
      async () => [...(await ofPlatform(platform))].find(([unique]) => unique.endsWith(end))?.[1],
      60_000,
    );
  const numberOf = async (platform: string, end: string): Promise<number> =>
    home.numeric(await entityOf(platform, end), 45_000);

  beforeAll(async () => {
    // One after the other, so that a failure leaves nothing running that afterAll does not stop.
    program = await buildProgram();
    broker = await (await Mosquitto.prepare()).start();
    home = new HomeAssistant(
      process.env.KAIFA_HA_PORT === undefined ? await freePort() : Number(process.env.KAIFA_HA_PORT),
    );
    await home.begin(broker.port);
    await installIntegrations("dsmr", "homewizard", "shelly");
    meter = await SimulatedMeterProcess.start(program.main, "--interval", "1");
    [p1Port, shellyPort] = [await freePort(), await freePort()];
    bridge = new BridgeProcess(program.main);
    bridge.start(
      [
        `meter: { port: "${meter.url}", key: ${KEY}, id: house }`,
        "mqtt: { enabled: false }",
        "log: { level: debug }",
        "outputs:",
        `  p1: { listen: "127.0.0.1:${p1Port}" }`,
        `  homewizard: { listen: "${HOMEWIZARD}:80" }`,
        `  shelly: { listen: "127.0.0.1:${shellyPort}" }`,
      ].join("\n"),
    );
    await bridge.says(/accepted: /);
  });

  afterAll(async () => {
    await bridge?.close();
    await meter?.stop();
    await home?.remove();
    await broker?.close();
    program?.remove();
  });

  it("through the dialogs of three integrations", async () => {
    await addIntegration(home, "dsmr", [{ port: `socket://127.0.0.1:${p1Port}`, dsmr_version: "5" }]);
    await addIntegration(home, "homewizard", [{ ip_address: HOMEWIZARD }]);
    shellyEntry = await addIntegration(home, "shelly", [{ host: "127.0.0.1", port: shellyPort }]);
  });

  it("as a HomeWizard P1 meter", async () => {
    expect(await numberOf("homewizard", "_total_power_import_kwh")).toBeGreaterThan(1000);
    expect(await numberOf("homewizard", "_active_power_w")).toEqual(expect.any(Number));
    expect([...(await ofPlatform("homewizard")).keys()].filter((key) => /voltage_l\d/.test(key))).toHaveLength(3);
  });

  it("as a Shelly Pro 3EM, which pushes each reading", async () => {
    expect(await numberOf("shelly", "-emdata:0-total_act")).toBeGreaterThan(1000);
    const power = await entityOf("shelly", "-em:0-total_act_power");
    const before = (await home.state(power))?.last_updated;
    await home.until("the power follows the meter", async () => (await home.state(power))?.last_updated !== before);
  });

  // Its first values appear after half a minute, because it throttles telegrams.
  it("as a DSMR meter over the network", async () => {
    expect(await numberOf("dsmr", "_electricity_used_tariff_1")).toBeGreaterThan(1000);
    expect(await numberOf("dsmr", "_current_electricity_usage")).toBeGreaterThanOrEqual(0);
    expect(await numberOf("dsmr", "_current_electricity_delivery")).toBeGreaterThanOrEqual(0);
  });

  it("without warnings about them in its log", async () => {
    expect((await home.warnings()).split("\n").filter((line) => /dsmr|homewizard|shelly/.test(line))).toEqual([]);
  });

  it("shows no outdated power while the meter is silent, and continues afterwards", async () => {
    const powers = [await entityOf("homewizard", "_active_power_w"), await entityOf("shelly", "-em:0-total_act_power")];
    meter.silence();
    try {
      for (const power of powers) await home.becomes(power, "unavailable", 60_000);
    } finally {
      meter.speak();
    }
    await home.numeric(powers[0] ?? "", 60_000);
    // This integration retries only once a minute on its own.
    await home.ask({
      type: "call_service",
      domain: "homeassistant",
      service: "reload_config_entry",
      service_data: { entry_id: shellyEntry },
    });
    await home.numeric(powers[1] ?? "", 60_000);
  });
});
