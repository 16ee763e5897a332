/**
 * The main job on real input: captured telegrams, written at 2400 baud into a pseudo-terminal, read by the real
 * `serialport`, arrive as messages on a real Mosquitto, with retained discovery, and in the Solarview file.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { loadFixture } from "../helpers/fixtures.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { PtyPair } from "../helpers/pty.ts";

describe("from the bytes on a serial device to MQTT, Home Assistant's discovery and Solarview", () => {
  let program: BuiltProgram;
  let broker: Mosquitto;
  let watcher: Subscriber;
  let line: PtyPair;
  let bridge: BridgeProcess;
  let file: string;

  beforeAll(async () => {
    program = await buildProgram();
  });
  afterAll(() => program.remove());
  beforeEach(async () => {
    broker = await (await Mosquitto.prepare()).start();
    watcher = await Subscriber.connect(broker.port);
    line = await PtyPair.open();
    bridge = new BridgeProcess(program.main);
    file = join(bridge.folder, "kaifa.txt");
  });
  afterEach(async () => {
    await bridge.close();
    await line.close();
    await watcher.stop();
    await broker.close();
  });

  const start = async (key: Uint8Array | undefined): Promise<void> => {
    bridge.start(
      [
        `meter: { port: ${line.device}, key: "${Buffer.from(key ?? []).toString("hex")}" }`,
        `mqtt: { server: "mqtt://127.0.0.1:${broker.port}" }`,
        `solarview: { file: ${file} }`,
      ].join("\n"),
    );
    await bridge.says(/listening at/);
  };
  /** The file is written concurrently with the messages, not before them. */
  const solarview = async (): Promise<string> => {
    await expect.poll(() => existsSync(file)).toBe(true);
    return readFileSync(file, "utf8");
  };
  const discovered = (meter: string): string[] =>
    [...watcher.latest.keys()]
      .filter((topic) => topic.startsWith(`homeassistant/sensor/kaifa2mqtt_${meter}/`))
      .map((topic) => topic.split("/")[3] ?? "");

  it("the documented telegram of Netz NÖ", async () => {
    const { wire, keys } = loadFixture("kaifa-netz-noe");
    await start(keys.key as Uint8Array);
    const meter = "181220000009";
    await line.writeAtLineRate(wire);
    await watcher.until((topic) => topic === `kaifa2mqtt/${meter}/1.7.0`, "power at first contact", 3000);
    // A single telegram is confirmed by a pause; a second one confirms it at once.
    await line.writeAtLineRate(wire);
    await watcher.until((topic) => topic === `kaifa2mqtt/${meter}`, "the reading", 3000);
    expect(JSON.parse(watcher.latest.get(`kaifa2mqtt/${meter}`) ?? "")).toEqual({
      time: "2021-09-27T09:47:15+02:00",
      meter,
      energy_import: 12.937,
      energy_export: 0,
      power_import: 0,
      power_export: 0,
      voltage_l1: 233.7,
      voltage_l2: 0,
      voltage_l3: 0,
      current_l1: 0,
      current_l2: 0,
      current_l3: 0,
      power_factor: 1,
      power_net: 0,
    });
    await watcher.until((topic) => topic.endsWith("/energy_import/config"), "discovery", 3000);
    await watcher.until((topic) => topic === `kaifa2mqtt/${meter}/availability`, "availability", 3000);
    const latest = Object.fromEntries(watcher.latest);
    expect(latest).toMatchObject({
      "kaifa2mqtt/bridge/state": "online",
      [`kaifa2mqtt/${meter}/availability`]: "online",
      [`kaifa2mqtt/${meter}/1.8.0`]: "12.937",
      [`kaifa2mqtt/${meter}/32.7.0`]: "233.7",
      [`kaifa2mqtt/${meter}/16.7.0`]: "0",
    });
    expect(await solarview()).toBe("/?!\n/KAIFA\n1.8.0(000012.937*kWh)\n2.8.0(000000.000*kWh)\n!\n");
    // Retained: later subscribers get all of it.
    const later = await Subscriber.connect(broker.port);
    try {
      await later.until((topic) => topic.endsWith("/power_net/config"), "retained discovery", 3000);
      await later.until((topic) => topic === `kaifa2mqtt/${meter}`, "the retained reading", 3000);
    } finally {
      await later.stop();
    }
    const { code, ms } = await bridge.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(5000);
    await watcher.until((topic, text) => topic === "kaifa2mqtt/bridge/state" && text === "offline", "farewell", 3000);
  });

  it("the two-frame telegram of KSM West, alone: accepted after a pause", async () => {
    const { wire, keys } = loadFixture("kaifa-ksm-west");
    await start(keys.key as Uint8Array);
    const meter = "1KFM0200234804";
    await line.writeAtLineRate(wire);
    await watcher.until((topic) => topic === `kaifa2mqtt/${meter}`, "the reading", 15_000);
    expect(JSON.parse(watcher.latest.get(`kaifa2mqtt/${meter}`) ?? "")).toMatchObject({
      meter,
      energy_import: 1327.456,
      energy_export: 0,
      reactive_energy_import: 4.818,
      reactive_energy_export: 376.416,
      power_import: 714,
      power_net: 714,
      voltage_l2: 231.6,
      current_l3: 0.37,
    });
    await watcher.until((topic) => topic.endsWith("/telegrams_rejected/config"), "the last discovery message", 3000);
    expect(discovered(meter).sort()).toEqual(
      [
        ...["energy_import", "energy_export", "reactive_energy_import", "reactive_energy_export"],
        ...["power_import", "power_export", "power_net"],
        ...["voltage_l1", "voltage_l2", "voltage_l3", "current_l1", "current_l2", "current_l3"],
        ...["quarter_energy_import", "quarter_energy_export", "quarter_power_forecast", "last_quarter_power"],
        ...["last_quarter_energy_import", "last_quarter_energy_export", "month_peak_power", "month_peak_start"],
        ...["status", "last_telegram", "telegrams_accepted", "telegrams_rejected"],
      ].sort(),
    );
    expect(await solarview()).toBe("/?!\n/KAIFA\n1.8.0(001327.456*kWh)\n2.8.0(000000.000*kWh)\n!\n");
  });
});
