/** The whole bridge in one process: captured bytes from a file in, a broker and a Solarview file out. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Bridge } from "../src/bridge.ts";
import { configSchema } from "../src/config/options.ts";
import type { Logger } from "../src/log/log.ts";
import { MqttSink } from "../src/sinks/mqtt/mqtt-sink.ts";
import { SolarviewSink } from "../src/sinks/solarview.ts";
import { SunspecOutput } from "../src/sinks/sunspec/sunspec-output.ts";
import { TestBroker } from "./helpers/broker.ts";
import { freePort } from "./helpers/free-port.ts";

const CAPTURES = {
  "kaifa-netz-noe": "36C66639E48A8CA4D6BC8B282A793BBB",
  "kaifa-ksm-west": readFileSync("test/fixtures/telegrams/kaifa-ksm-west/key.hex", "utf8").replace(/#.*|\s/g, ""),
} as const;

describe("the bridge", () => {
  let folder: string;
  let broker: TestBroker;
  let logLines: string[];
  const bridges: Bridge[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "bridge-"));
    broker = await TestBroker.start();
    logLines = [];
  });
  afterEach(async () => {
    await Promise.all(bridges.splice(0).map((bridge) => bridge.stop()));
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const log: Logger = {
    error: (message) => void logLines.push(`error ${typeof message === "string" ? message : message()}`),
    warn: (message) => void logLines.push(`warn ${typeof message === "string" ? message : message()}`),
    info: () => undefined,
    debug: () => undefined,
    child: () => log,
  };
  const capture = (name: keyof typeof CAPTURES) => ({
    port: `file:${resolve(`test/fixtures/telegrams/${name}/telegram.hex`)}`,
    key: CAPTURES[name],
  });
  const start = async (meters: object[], more: object = {}): Promise<Bridge> => {
    const config = configSchema.parse({
      meters,
      mqtt: { server: [broker.url], version: 4 },
      data_dir: folder,
      ...more,
    });
    const bridge = new Bridge({ config: { ...config, data_dir: folder }, version: "1.2.3", log });
    bridges.push(bridge);
    await bridge.start();
    return bridge;
  };

  it("publishes a captured telegram to MQTT and the Solarview file, with a farewell", async () => {
    const file = join(folder, "kaifa.txt");
    const bridge = await start([capture("kaifa-netz-noe")], { solarview: { file } });
    expect(JSON.parse((await broker.message("kaifa2mqtt/181220000009")).payload)).toMatchObject({
      time: "2021-09-27T09:47:15+02:00",
      energy_import: 12.937,
    });
    await expect.poll(() => existsSync(file)).toBe(true);
    expect(readFileSync(file, "utf8")).toBe("/?!\n/KAIFA\n1.8.0(000012.937*kWh)\n2.8.0(000000.000*kWh)\n!\n");
    expect(bridge.meters()).toMatchObject([{ info: { id: "181220000009", manufacturer: "Kaifa" } }]);
    expect(bridge.broker()).toMatchObject({ connected: true, error: null });
    await bridge.stop();
    expect(broker.retained.get("kaifa2mqtt/bridge/state")).toBe("offline");
    expect(broker.retained.get("kaifa2mqtt/181220000009/availability")).toBe("offline");
  });

  it("serves several meters, each under its own id, the first in the Solarview file", async () => {
    const file = join(folder, "kaifa.txt");
    await start([capture("kaifa-netz-noe"), { ...capture("kaifa-ksm-west"), id: "cellar" }], { solarview: { file } });
    await broker.message("kaifa2mqtt/181220000009");
    expect(JSON.parse((await broker.message("kaifa2mqtt/cellar")).payload)).toMatchObject({ energy_import: 1327.456 });
    const names = (meter: string): string =>
      JSON.parse(broker.retained.get(`homeassistant/sensor/kaifa2mqtt_${meter}/energy_import/config`) ?? "{}").device
        ?.name;
    await broker.until(() => names("cellar") !== undefined && names("181220000009") !== undefined, "both devices");
    expect([names("181220000009"), names("cellar")]).toEqual(["Kaifa MA309", "Kaifa MA309 cellar"]);
    await expect.poll(() => existsSync(file) && readFileSync(file, "utf8")).toContain("000012.937");
  });

  it("passes a reading to an output first, and to MQTT even if the output has a defect", async () => {
    const order: string[] = [];
    const accept = vi.spyOn(SunspecOutput.prototype, "accept").mockImplementation(({ type }) => {
      if (type === "reading") order.push("output");
      throw new Error("defect");
    });
    const publish = vi.spyOn(MqttSink.prototype, "accept").mockImplementation(function (this: MqttSink, event) {
      if (event.type === "reading") order.push("mqtt");
      publish.mockRestore();
      this.accept(event);
    });
    const outputs = { sunspec: [{ listen: `127.0.0.1:${await freePort()}` }] };
    await start([capture("kaifa-netz-noe")], { outputs });
    const { payload } = await broker.message("kaifa2mqtt/181220000009");
    accept.mockRestore();
    expect(JSON.parse(payload)).toMatchObject({ energy_import: 12.937 });
    expect(order[0]).toBe("output");
    expect(logLines).toContain("error unexpected error: Error: defect");
  });

  it("passes on deferred events if stopped at once", async () => {
    const outputs = { sunspec: [{ listen: `127.0.0.1:${await freePort()}` }] };
    let bridge: Bridge | undefined;
    const solarview = vi.spyOn(SolarviewSink.prototype, "accept");
    const { accept } = SunspecOutput.prototype;
    const taken = new Promise<void>((resolve) => {
      vi.spyOn(SunspecOutput.prototype, "accept").mockImplementation(function (this: SunspecOutput, event) {
        accept.call(this, event);
        if (event.type !== "reading") return;
        void bridge?.stop();
        resolve();
      });
    });
    const config = configSchema.parse({
      meters: [capture("kaifa-netz-noe")],
      mqtt: { enabled: false },
      solarview: { file: join(folder, "kaifa.txt") },
      outputs,
    });
    bridge = new Bridge({ config: { ...config, data_dir: folder }, version: "1.2.3", log });
    bridges.push(bridge);
    await bridge.start();
    await taken;
    await bridge.stop();
    expect(solarview.mock.calls.map(([{ type }]) => type)).toContain("reading");
    vi.restoreAllMocks();
  });

  it("accepts a meter on two ports only from the first, and logs it once", async () => {
    const [port] = [capture("kaifa-netz-noe").port];
    await start([capture("kaifa-netz-noe"), { ...capture("kaifa-netz-noe"), port: `${port}?interval=0.2` }]);
    await broker.message("kaifa2mqtt/181220000009");
    await expect.poll(() => logLines.filter((line) => /is already read at/.test(line)).length).toBe(1);
  });

  it("keeps running without a device and a broker, logs it once, and is unhealthy", async () => {
    const bridge = await start([{ port: join(folder, "ttyUSB9") }], { mqtt: { server: ["mqtt://127.0.0.1:1"] } });
    await expect.poll(() => logLines.length).toBeGreaterThanOrEqual(2);
    const { healthy, reasons } = bridge.health();
    expect(healthy).toBe(false);
    expect(reasons.join("\n")).toMatch(/127\.0\.0\.1:1[\s\S]*ttyUSB9/);
    const before = logLines.length;
    await new Promise((done) => setTimeout(done, 2500));
    expect(logLines.length).toBe(before);
  });

  it("in our container names the device as the user wrote it, and the fix for Compose", async () => {
    const deviceOnHost = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0";
    const config = configSchema.parse({ meters: [{ port: "/dev/ttyUSB0" }], mqtt: { enabled: false } });
    const options = { config: { ...config, data_dir: folder }, version: "1.2.3", log, inContainer: true, deviceOnHost };
    const bridge = new Bridge(options);
    bridges.push(bridge);
    await bridge.start();
    await expect.poll(() => bridge.meters()[0]?.diagnosis.text.en).toContain(deviceOnHost);
    expect(bridge.meters()[0]?.diagnosis.cure.de).toContain("KAIFA2MQTT_METER_PORT");
  });

  it("does not show a start in the middle of a telegram as damage", async () => {
    const whole = readFileSync("test/fixtures/telegrams/kaifa-netz-noe/telegram.hex", "utf8").replace(/^#.*|\s/gm, "");
    const file = join(folder, "middle.hex");
    writeFileSync(file, `${whole.slice(60)}\n\n${whole}\n`);
    const bridge = await start([{ ...capture("kaifa-netz-noe"), port: `file:${file}` }]);
    await broker.message("kaifa2mqtt/181220000009");
    expect(bridge.meters()[0]?.counters).toMatchObject({ accepted: 1, rejected: 0, rejectedBy: {} });
    expect(bridge.meters()[0]?.counters.skippedBytes).toBeGreaterThan(0);
    expect(logLines.filter((line) => /dropped/.test(line))).toEqual([]);
  });

  it("detects that it runs twice with the same data folder", async () => {
    await start([capture("kaifa-netz-noe")]);
    await start([capture("kaifa-netz-noe")], { mqtt: { enabled: false } });
    expect(logLines.join("\n")).toMatch(/another bridge uses the data folder/);
  });

  it("encrypts and decrypts a simulated meter without a key with the published example key", async () => {
    const bridge = await start([{ port: "simulator:?interval=0.1" }]);
    await broker.message("kaifa2mqtt/bridge/state", "online");
    await expect.poll(() => bridge.health(), { timeout: 10_000 }).toEqual({ healthy: true, reasons: [] });
  });

  it("finishes when all captures have been played, unless it serves something", async () => {
    const bridge = await start([capture("kaifa-netz-noe")]);
    await bridge.done();
    await broker.message("kaifa2mqtt/181220000009");
    await broker.message("kaifa2mqtt/bridge/state", "online");
    expect(broker.sent.some(({ payload }) => payload === "offline")).toBe(false);
  });
});
