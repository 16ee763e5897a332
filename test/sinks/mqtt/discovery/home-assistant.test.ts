import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MeterStatus } from "../../../../src/meter/events.ts";
import type { Command } from "../../../../src/sinks/mqtt/commands.ts";
import type { MqttSink } from "../../../../src/sinks/mqtt/mqtt-sink.ts";
import { TestBroker } from "../../../helpers/broker.ts";
import { discoveryMessages } from "../../../helpers/discovery.ts";
import { type SinkOptions, sinkAt } from "../../../helpers/mqtt-sink.ts";
import { METER, NETZ_NOE, readingOf } from "../../../helpers/readings.ts";
import { statusOf } from "../../../helpers/statuses.ts";

const READING = "kaifa2mqtt/181220000009";
const DEVICE = "homeassistant/device/kaifa2mqtt_181220000009/config";
const ENERGY = "homeassistant/sensor/kaifa2mqtt_181220000009/energy_import/config";
const VOLTAGE = "homeassistant/sensor/kaifa2mqtt_181220000009/voltage_l1/config";
const BRIDGE = "kaifa2mqtt_bridge_0123456789ab";
const MIGRATE = '{"migrate_discovery":true}';

describe("the MQTT sink and Home Assistant", () => {
  let broker: TestBroker;
  let statuses: MeterStatus[];
  const sinks: MqttSink[] = [];

  async function started(options: Partial<SinkOptions> = {}): Promise<MqttSink> {
    const sink = sinkAt(broker.url, { meters: () => statuses, ...options });
    sinks.push(sink);
    await sink.start();
    return sink;
  }
  const read = (sink: MqttSink, ...args: Parameters<typeof readingOf>): void =>
    sink.accept({ type: "reading", reading: readingOf(...args) });
  const retained = (start: string) => [...broker.retained.keys()].filter((topic) => topic.startsWith(start));
  /** Position of a message in the order of sending. */
  const at = (topic: string, payload?: RegExp) =>
    broker.sent.findIndex((sent) => sent.topic === topic && (payload === undefined || payload.test(sent.payload)));

  beforeEach(async () => {
    broker = await TestBroker.start();
    statuses = [statusOf(METER)];
  });
  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
    await broker.stop();
  });

  describe("with publish.topics", () => {
    it("json: publishes one message for each reading, and entities that read it", async () => {
      const sink = await started({ publishTopics: "json" });
      read(sink);
      const { payload } = await broker.message(ENERGY);
      expect(JSON.parse(payload)).toMatchObject({
        state_topic: READING,
        unique_id: "kaifa2mqtt_181220000009_energy_import",
      });
      const values = broker.sent.filter(({ topic }) => /^kaifa2mqtt\/181220000009\/[\d:.-]+$/.test(topic));
      expect(values).toEqual([]);
      expect(JSON.parse(broker.retained.get(READING) ?? "")).toMatchObject({ energy_import: 12.937 });
    });

    it("json: instantaneous values do not wait for the registers", async () => {
      const sink = await started({ publishTopics: "json" });
      await broker.message("kaifa2mqtt/bridge/state", "online");
      read(sink, NETZ_NOE, { complete: false });
      const { payload } = await broker.message(READING);
      expect(JSON.parse(payload)).toHaveProperty("power_import");
      expect(JSON.parse(payload)).not.toHaveProperty("energy_import");
    });

    it("json: after a start of Home Assistant, every list of the meter is sent again, the latest last", async () => {
      const sink = await started({ publishTopics: "json" });
      read(sink, [["1-0:1.8.0*255", 5, 0, "Wh"]], { transport: "hdlc" });
      read(sink, [["1-0:1.7.0*255", 7, 0, "W"]], { transport: "hdlc" });
      await broker.until(() => /power_import/.test(broker.retained.get(READING) ?? ""), "both lists");
      await broker.message(ENERGY);
      const before = broker.sent.length;
      await broker.retain("homeassistant/status", "offline");
      broker.aedes.publish(
        { cmd: "publish", topic: "homeassistant/status", payload: "online", qos: 0, retain: false, dup: false },
        () => undefined,
      );
      const again = () => broker.sent.slice(before).filter(({ topic }) => topic === READING);
      await broker.until(() => again().length >= 2, "both lists again");
      expect(again().map(({ payload }) => Object.keys(JSON.parse(payload)).at(-1))).toEqual([
        "energy_import",
        "power_import",
      ]);
    });

    it("values: publishes no JSON object, and still waits for the broker with the last value", async () => {
      const sink = await started({ publishTopics: "values" });
      read(sink);
      await broker.message(ENERGY);
      expect(broker.sent.filter(({ topic }) => topic === READING)).toEqual([]);
      expect(broker.retained.get(`${READING}/1.8.0`)).toBe("12.937");
      const values = broker.sent.filter(
        ({ topic }) => topic.startsWith(`${READING}/`) && !topic.endsWith("availability"),
      );
      expect(values.map(({ qos }) => qos)).toEqual([...Array(values.length - 1).fill(0), 1]);
    });

    it.each([
      ["json", `${READING}/1.8.0`, READING],
      ["values", READING, `${READING}/1.8.0`],
    ] as const)(
      "%s: what is no longer published does not stay there as if it were live",
      async (topics, dead, alive) => {
        await broker.retain(`${READING}/1.8.0`, "5");
        await broker.retain(READING, '{"energy_import":5}');
        await broker.retain("kaifa2mqtt/stranger/1.8.0", "7");
        const sink = await started({ publishTopics: topics });
        read(sink);
        await broker.until(() => !broker.retained.has(dead), `${dead} is emptied`);
        expect(broker.retained.get(alive)).toContain("12.937");
        expect(broker.retained.get("kaifa2mqtt/stranger/1.8.0")).toBe("7");
      },
    );
  });

  describe("device discovery", () => {
    it("is one retained message for the meter and one for the bridge", async () => {
      const sink = await started({ homeassistant: { discovery: "device" } });
      read(sink);
      await broker.message(DEVICE);
      expect(retained("homeassistant/").sort()).toEqual([`homeassistant/device/${BRIDGE}/config`, DEVICE].sort());
      expect(at(`homeassistant/device/${BRIDGE}/config`)).toBeLessThan(at(DEVICE));
    });

    it("migrates announcements of version 1.0.0: request, device message, and the old messages cleared last", async () => {
      const text = readFileSync(new URL("../../../fixtures/discovery/1.0.0/netz-noe.en.json", import.meta.url), "utf8");
      const old = (JSON.parse(text) as { topic: string }[]).map(({ topic, ...fields }) => ({
        topic,
        payload: JSON.stringify(fields),
      }));
      for (const { topic, payload } of old) await broker.retain(topic, payload);
      const sink = await started({ homeassistant: { discovery: "device" } });
      read(sink);
      await broker.until(() => retained("homeassistant/sensor/").length === 0, "the single messages are emptied");
      for (const { topic } of old) {
        const [asked, emptied] = [at(topic, /migrate/), at(topic, /^$/)];
        expect(broker.sent[asked]).toMatchObject({ payload: MIGRATE, retain: false });
        expect(asked).toBeLessThan(at(DEVICE));
        expect(at(DEVICE)).toBeLessThan(emptied);
      }
    });

    it("migrates back to single messages", async () => {
      const first = await started({ homeassistant: { discovery: "device" } });
      read(first);
      await broker.message(DEVICE);
      await first.stop();
      const second = await started();
      read(second);
      await broker.until(() => !broker.retained.has(DEVICE), "the message of the device is emptied");
      expect(at(DEVICE, /migrate/)).toBeLessThan(at(ENERGY));
      expect(at(ENERGY)).toBeLessThan(at(DEVICE, /^$/));
      expect(retained("homeassistant/device/")).toEqual([]);
    });

    it("removes a value that the meter no longer sends from the message, platform first", async () => {
      const first = await started({ homeassistant: { discovery: "device" } });
      read(first);
      await broker.message(DEVICE);
      await first.stop();
      const second = await started({ homeassistant: { discovery: "device" } });
      read(second, [["1-0:1.8.0*255", 13_000, 0, "Wh"]]);
      const component = () => JSON.parse(broker.retained.get(DEVICE) ?? "{}").components?.voltage_l1;
      await broker.until(() => Object.keys(component() ?? {}).length === 1, "only the platform is left");
      expect(component()).toEqual({ platform: "sensor" });
    });

    it("keeps a value that another list of the meter may contain", async () => {
      const first = await started({ homeassistant: { discovery: "device" } });
      read(first, NETZ_NOE, { transport: "hdlc", layout: "coded" });
      await broker.message(DEVICE);
      await first.stop();
      const sent = broker.sent.length;
      const second = await started({ homeassistant: { discovery: "device" } });
      read(second, [["1-0:1.7.0*255", 7, 0, "W"]], { transport: "hdlc", layout: "coded" });
      await broker.until(() => broker.sent.slice(sent).some(({ topic }) => topic === DEVICE), "announced again");
      const { components } = JSON.parse(broker.retained.get(DEVICE) ?? "{}");
      expect(components.voltage_l1).toMatchObject({ unique_id: "kaifa2mqtt_181220000009_voltage_l1" });
    });

    it("leaves the messages of another bridge alone", async () => {
      const other = discoveryMessages({ ...METER, id: "other" }, readingOf().values, {
        ...{ base: "elsewhere", prefix: "homeassistant", language: "en", version: "1" },
      });
      for (const { topic, payload } of other) await broker.retain(topic, payload);
      const sink = await started({ homeassistant: { discovery: "device" } });
      read(sink);
      await broker.message(DEVICE);
      await sink.stop();
      for (const { topic, payload } of other) expect(broker.retained.get(topic)).toBe(payload);
    });
  });

  it("announces the bridge as a device whose entities show that it runs and any problems", async () => {
    const wrong = { code: "key-wrong", text: { en: "The key is wrong.", de: "" }, cure: { en: "", de: "" } } as const;
    statuses = [{ ...statusOf(METER), diagnosis: wrong }];
    const sink = await started();
    read(sink);
    await broker.message(VOLTAGE);
    const topics = ["binary_sensor", "sensor"].flatMap((platform) => retained(`homeassistant/${platform}/${BRIDGE}/`));
    expect(topics.map((topic) => topic.split("/").at(-2)).sort()).toEqual([
      "broker",
      "connectivity",
      "problem",
      "version",
    ]);
    const { payload } = await broker.message("kaifa2mqtt/bridge/info");
    expect(JSON.parse(payload)).toMatchObject({ problems: ["Kaifa MA309: The key is wrong."], broker: broker.url });
    const { payload: state } = await broker.message("kaifa2mqtt/bridge/meters/181220000009");
    expect(JSON.parse(state)).toMatchObject({ state: "Wrong key", problem: true, online: true });
  });

  it("executes a button's command once, for known meters only", async () => {
    const asked: [number, Command][] = [];
    const sink = await started({ onCommand: (meter, command) => void asked.push([meter, command]) });
    read(sink);
    await broker.message(ENERGY);
    const send = (topic: string, payload: string, retain = false) =>
      new Promise<void>((resolve) =>
        broker.aedes.publish({ cmd: "publish", topic, payload, qos: 0, retain, dup: false }, () => resolve()),
      );
    const command = "kaifa2mqtt/bridge/command";
    await send(`${command}/181220000009/restart`, "press");
    await send(`${command}/181220000009/restart`, "PRESS".repeat(1000));
    await send(`${command}/181220000009/erase`, "PRESS");
    await send(`${command}/stranger/restart`, "PRESS");
    await send(`${command}/181220000009/restart`, "PRESS");
    await send(`${command}/181220000009/restart`, "PRESS");
    await send(`${command}/181220000009/capture`, "PRESS");
    await broker.until(() => asked.length >= 2, "both commands");
    expect(asked).toEqual([
      [0, "restart"],
      [0, "capture"],
    ]);
  });

  it("publishes a replaced meter and refused telegrams as events that are not retained", async () => {
    const events = () => broker.sent.filter(({ topic }) => topic.startsWith("kaifa2mqtt/bridge/events/"));
    const sink = await started();
    read(sink);
    await broker.message(ENERGY);
    const counters = { ...statusOf(METER).counters, rejected: 2, rejectedBy: { checksum: 2 } };
    const other = { ...METER, id: "new" };
    statuses = [{ ...statusOf(other), counters }];
    read(sink, NETZ_NOE, { meter: other });
    await broker.until(() => events().length >= 3, "events");
    expect(events().every(({ retain }) => !retain)).toBe(true);
    const logLines = events().map(({ topic, payload }) => [topic.split("/").at(-1), JSON.parse(payload)]);
    expect(logLines).toEqual([
      ["181220000009", { event_type: "meter_replaced", before: "181220000009", now: "new" }],
      ["new", { event_type: "meter_replaced", before: "181220000009", now: "new" }],
      ["new", { event_type: "telegrams_refused", count: 2, by: { checksum: 2 } }],
    ]);
  });
});
