import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HomeAssistantConfig, MqttConfig } from "../../../src/config/options.ts";
import type { LedgerState } from "../../../src/ledger/ledger-state.ts";
import type { MeterInfo } from "../../../src/meter/events.ts";
import { MqttSink, type MqttSinkOptions } from "../../../src/sinks/mqtt/mqtt-sink.ts";
import { TestBroker } from "../../helpers/broker.ts";
import { discoveryMessages } from "../../helpers/discovery.ts";
import { METER, NETZ_NOE, readingOf } from "../../helpers/readings.ts";
import { statusOf } from "../../helpers/statuses.ts";
import { temporaryFolder } from "../../helpers/temporary-folder.ts";

const MQTT: MqttConfig = {
  enabled: true,
  base_topic: "kaifa2mqtt",
  // aedes supports only MQTT 3.1.1; a test below, and Mosquitto in test/system, cover starting with MQTT 5.
  version: 4,
  keepalive: 60,
  reject_unauthorized: true,
};
const HOME_ASSISTANT: HomeAssistantConfig = {
  enabled: true,
  discovery_topic: "homeassistant",
  status_topic: "homeassistant/status",
  language: "en",
  discovery: "entity",
  backfill: false,
};
const CONFIG_TOPIC = "homeassistant/sensor/kaifa2mqtt_181220000009/energy_import/config";

const LEDGER: LedgerState = {
  quarterStart: { at: Date.parse("2021-09-27T09:45:00+02:00"), offset: 120 },
  quarterImport: null,
  quarterExport: null,
  forecast: null,
  lastQuarter: null,
  peak: null,
  windows: {},
};

describe("the MQTT sink", () => {
  let broker: TestBroker;
  let logLines: string[];
  let infos: (MeterInfo | null)[];
  const sinks: MqttSink[] = [];

  interface Overrides extends Partial<Omit<MqttSinkOptions, "mqtt" | "homeassistant">> {
    mqtt?: Partial<MqttConfig>;
    homeassistant?: Partial<HomeAssistantConfig>;
  }

  async function started({ mqtt, homeassistant, ...rest }: Overrides = {}): Promise<MqttSink> {
    const sink = new MqttSink({
      mqtt: { ...MQTT, server: [broker.url], ...mqtt },
      homeassistant: { ...HOME_ASSISTANT, ...homeassistant },
      publishIntervalMs: 0,
      instance: "0123456789ab",
      bridge: { version: "1.2.3", startedAt: 1_632_728_000_000, meters: () => infos.map(statusOf) },
      log: {
        error: (message) => void logLines.push(`error ${message}`),
        warn: (message) => void logLines.push(`warn ${message}`),
        info: (message) => void logLines.push(`info ${message}`),
        debug: () => undefined,
      },
      ...rest,
    });
    sinks.push(sink);
    await sink.start();
    return sink;
  }

  const read = (sink: MqttSink, ...args: Parameters<typeof readingOf>): void =>
    sink.accept({ type: "reading", reading: readingOf(...args) });
  const energy = (wh: number) => [["1-0:1.8.0*255", wh, 0, "Wh"] as const];

  beforeEach(async () => {
    broker = await TestBroker.start();
    logLines = [];
    infos = [METER];
  });
  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
    await broker.stop();
  });

  it("publishes every value, the whole reading, availability, discovery and info, all retained", async () => {
    const sink = await started();
    read(sink);
    await broker.message(CONFIG_TOPIC);
    await broker.message("kaifa2mqtt/bridge/meters/181220000009");
    await broker.message("kaifa2mqtt/bridge/info");
    const retained = Object.fromEntries(broker.retained);
    expect(retained).toMatchObject({
      "kaifa2mqtt/bridge/state": "online",
      "kaifa2mqtt/181220000009/availability": "online",
      "kaifa2mqtt/181220000009/1.8.0": "12.937",
      "kaifa2mqtt/181220000009/16.7.0": "0",
      "kaifa2mqtt/181220000009/32.7.0": "233.7",
    });
    expect(JSON.parse(retained["kaifa2mqtt/181220000009"] ?? "")).toMatchObject({
      time: "2021-09-27T09:47:15+02:00",
      meter: "181220000009",
      energy_import: 12.937,
      power_net: 0,
    });
    expect(JSON.parse(retained["kaifa2mqtt/bridge/info"] ?? "")).toMatchObject({
      version: "1.2.3",
      meters: [{ id: "181220000009", counters: { accepted: 1 }, diagnosis: { code: "ok" } }],
    });
    expect(broker.sent.every(({ retain }) => retain)).toBe(true);
  });

  it("falls back to MQTT 3.1.1 if the broker does not support MQTT 5", async () => {
    const sink = await started({ mqtt: { version: 5 } });
    read(sink);
    await broker.message("kaifa2mqtt/181220000009/1.8.0");
    expect(logLines).toEqual([
      expect.stringContaining("does not support MQTT 5"),
      expect.stringMatching(/^info connected to the broker/),
    ]);
  });

  it("publishes offline for meter and bridge when stopped, even twice", async () => {
    const sink = await started();
    read(sink);
    await broker.message("kaifa2mqtt/181220000009/availability", "online");
    await Promise.all([sink.stop(), sink.stop()]);
    expect(broker.retained.get("kaifa2mqtt/181220000009/availability")).toBe("offline");
    expect(broker.retained.get("kaifa2mqtt/bridge/state")).toBe("offline");
  });

  it("sets a last will, so that the broker publishes offline if we disappear", async () => {
    await started();
    await broker.message("kaifa2mqtt/bridge/state", "online");
    broker.cut();
    await broker.message("kaifa2mqtt/bridge/state", "offline");
    await broker.until(() => broker.retained.get("kaifa2mqtt/bridge/state") === "online", "online again");
  });

  it("publishes the latest reading at once when the broker is back, and no older ones", async () => {
    const sink = await started();
    read(sink, energy(1));
    await broker.message("kaifa2mqtt/181220000009/1.8.0", "0.001");
    const { port } = broker;
    await broker.stop();
    for (let wh = 2; wh <= 50; wh++) read(sink, energy(wh));
    broker = await TestBroker.start({}, port);
    await broker.message("kaifa2mqtt/181220000009/1.8.0", "0.050");
    await broker.message(CONFIG_TOPIC);
    const energies = broker.sent.filter(({ topic }) => topic === "kaifa2mqtt/181220000009/1.8.0");
    expect(energies.map(({ payload }) => payload)).toEqual(["0.050"]);
    expect(logLines.filter((line) => line.startsWith("warn"))).toHaveLength(1);
    expect(logLines.at(-1)).toMatch(/connected .* again/);
  });

  it("sends a broker that does not acknowledge only a few readings, then the latest, without a backlog", async () => {
    let hold = true;
    const held: (() => void)[] = [];
    await broker.stop();
    broker = await TestBroker.start({
      authorizePublish: (_client, packet, done) => {
        if (hold && packet.topic === "kaifa2mqtt/181220000009") held.push(() => done(null));
        else done(null);
      },
    });
    const sink = await started();
    read(sink, energy(1));
    await broker.until(() => held.length === 1 || broker.sent.length > 5, "a reading is held");
    for (let wh = 2; wh <= 1000; wh++) read(sink, energy(wh));
    hold = false;
    for (const release of held) release();
    await broker.message("kaifa2mqtt/181220000009/1.8.0", "1.000");
    const energies = broker.sent.filter(({ topic }) => topic === "kaifa2mqtt/181220000009/1.8.0");
    expect(energies[0]?.payload).toBe("0.001");
    expect(energies.at(-1)?.payload).toBe("1.000");
    expect(energies.length).toBeLessThanOrEqual(33);
  });

  it("publishes every reading of a burst while the broker answers", async () => {
    const sink = await started();
    read(sink, energy(1));
    await broker.message("kaifa2mqtt/181220000009/1.8.0", "0.001");
    for (let wh = 2; wh <= 30; wh++) read(sink, energy(wh));
    await broker.message("kaifa2mqtt/181220000009/1.8.0", "0.030");
    const energies = broker.sent.filter(({ topic }) => topic === "kaifa2mqtt/181220000009/1.8.0");
    expect(energies).toHaveLength(30);
  });

  it("publishes only the latest reading of each publish.interval", async () => {
    const sink = await started({ publishIntervalMs: 400 });
    read(sink, energy(1));
    await broker.message("kaifa2mqtt/181220000009/1.8.0", "0.001");
    for (let wh = 2; wh <= 9; wh++) read(sink, energy(wh));
    await broker.message("kaifa2mqtt/181220000009/1.8.0", "0.009");
    const energies = broker.sent.filter(({ topic }) => topic === "kaifa2mqtt/181220000009/1.8.0");
    expect(energies.map(({ payload }) => payload)).toEqual(["0.001", "0.009"]);
  });

  it("publishes the peak of an interval if configured, on the topic and in the JSON object", async () => {
    const power = (watts: number) => [["1-0:1.7.0*255", watts, 0, "W"] as const];
    const sink = await started({ publishIntervalMs: 400, publishPower: "maximum" });
    read(sink, power(100));
    await broker.message("kaifa2mqtt/181220000009/1.7.0", "100");
    for (const watts of [200, 9200, 300]) read(sink, power(watts));
    await broker.message("kaifa2mqtt/181220000009/1.7.0", "9200");
    const json = (): string => broker.retained.get("kaifa2mqtt/181220000009") ?? "";
    await broker.until(() => json().includes('"power_import":9200'), "the peak in the JSON object");
    read(sink, power(400));
    await broker.message("kaifa2mqtt/181220000009/1.7.0", "400");
  });

  it("publishes on stop the reading that publish.interval held back", async () => {
    const sink = await started({ publishIntervalMs: 3_600_000 });
    read(sink, energy(1));
    await broker.message("kaifa2mqtt/181220000009/1.8.0", "0.001");
    await broker.message("kaifa2mqtt/181220000009");
    await new Promise(setImmediate);
    read(sink, energy(2));
    await sink.stop();
    expect(broker.retained.get("kaifa2mqtt/181220000009/1.8.0")).toBe("0.002");
  });

  it("publishes instantaneous values at first contact, and the full reading with its entities once confirmed", async () => {
    const sink = await started();
    read(sink, NETZ_NOE, { complete: false });
    await broker.message("kaifa2mqtt/181220000009/1.7.0", "0");
    await broker.message("kaifa2mqtt/181220000009/availability", "online");
    expect(broker.retained.has("kaifa2mqtt/181220000009")).toBe(false);
    expect([...broker.retained.keys()].filter((topic) => topic.startsWith("homeassistant/"))).toEqual([]);
    read(sink);
    await broker.message(CONFIG_TOPIC);
    expect(broker.retained.has("kaifa2mqtt/181220000009/1.8.0")).toBe(true);
  });

  it("resends everything when Home Assistant has started", async () => {
    const sink = await started();
    read(sink);
    await broker.message(CONFIG_TOPIC);
    const before = broker.sent.length;
    await broker.retain("homeassistant/status", "online");
    const again = () => broker.sent.slice(before).map(({ topic }) => topic);
    await broker.until(() => again().includes(CONFIG_TOPIC), "discovery again");
    expect(again()).toContain("kaifa2mqtt/181220000009/1.8.0");
    expect(again()).toContain("kaifa2mqtt/181220000009/availability");
  });

  it("publishes an entity from a later list of the meter, and keeps those of the first", async () => {
    const sink = await started();
    read(sink, energy(1), { layout: "KFM_001-13", transport: "hdlc" });
    await broker.message(CONFIG_TOPIC);
    read(sink, [["1-0:1.7.0*255", 5, 0, "W"]], { layout: "KFM-1", transport: "hdlc" });
    await broker.message("homeassistant/sensor/kaifa2mqtt_181220000009/power_import/config");
    expect(broker.retained.has(CONFIG_TOPIC)).toBe(true);
  });

  it("publishes the ledger retained, again on a new connection, and removes the entities of a deleted window, not the topic", async () => {
    const before = {
      base: "kaifa2mqtt",
      prefix: "homeassistant",
      language: "en",
      version: "1",
      windows: ["old"],
    } as const;
    for (const { topic, payload } of discoveryMessages(METER, readingOf().values, before)) {
      await broker.retain(topic, payload);
    }
    const windowTopic = "homeassistant/sensor/kaifa2mqtt_181220000009/window_old_today/config";
    const sink = await started({ windows: ["summer"] });
    read(sink);
    sink.acceptLedger(METER, LEDGER);
    await broker.message("kaifa2mqtt/181220000009/ledger", '{"quarter_start":"2021-09-27T09:45:00+02:00"}');
    await broker.message("homeassistant/sensor/kaifa2mqtt_181220000009/window_summer_today/config");
    await broker.until(() => !broker.retained.has(windowTopic), "the entity of the window is gone");
    await sink.stop();
    expect(broker.retained.get("kaifa2mqtt/181220000009/ledger")).toContain("quarter_start");
    const { port } = broker;
    const next = await started({ windows: ["summer"] });
    next.acceptLedger(METER, LEDGER);
    await broker.stop();
    broker = await TestBroker.start({}, port);
    await broker.message("kaifa2mqtt/181220000009/ledger");
  });

  it("publishes the predecessor's topics, in kWh, for an imported meter.json", async () => {
    const sink = await started({ mqtt: { legacy_base_topic: "kaifareader" } });
    read(sink);
    await broker.message("kaifareader/RealEnergyIn_S", "12.937");
    await broker.message("kaifareader/RealEnergyOut_S", "0.000");
  });

  it("publishes online again after a delayed will of an earlier connection", async () => {
    await started();
    await broker.message("kaifa2mqtt/bridge/state", "online");
    await broker.retain("kaifa2mqtt/bridge/state", "offline");
    await broker.until(() => broker.retained.get("kaifa2mqtt/bridge/state") === "online", "online again");
  });

  it("reports the meters of a killed run as offline until they are received", async () => {
    const before = { base: "kaifa2mqtt", prefix: "homeassistant", language: "en", version: "1" } as const;
    for (const { topic, payload } of discoveryMessages(METER, readingOf().values, before)) {
      await broker.retain(topic, payload);
    }
    await broker.retain("kaifa2mqtt/181220000009/availability", "online");
    infos = [null];
    const sink = await started();
    await broker.message("kaifa2mqtt/181220000009/availability", "offline");
    infos = [METER];
    read(sink);
    await broker.until(() => broker.retained.get("kaifa2mqtt/181220000009/availability") === "online", "online");
    expect(broker.retained.has(CONFIG_TOPIC)).toBe(true);
  });

  it("starts and stops while no broker is known yet", async () => {
    let asked: AbortSignal | undefined;
    const sink = await started({
      mqtt: { server: undefined },
      findBroker: (signal) => {
        asked = signal;
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve(null)));
      },
    });
    read(sink);
    expect(sink.status()).toMatchObject({ connected: false });
    await sink.stop();
    expect(asked?.aborted).toBe(true);
  });

  it("connects with the login of a broker found later, and omits it from the broker's label", async () => {
    const url = broker.url.replace("//", "//user:secret-word@");
    const sink = await started({ mqtt: { server: undefined }, findBroker: async () => ({ server: url }) });
    read(sink);
    await broker.message("kaifa2mqtt/181220000009/1.8.0");
    expect(JSON.stringify([sink.status(), logLines])).not.toContain("secret-word");
  });

  it("survives arbitrary messages on its subscribed topics", async () => {
    const topics = ["homeassistant/status", "kaifa2mqtt/bridge/info", "kaifa2mqtt/bridge/state", CONFIG_TOPIC];
    const payloads = ["", "null", "[]", "{", '{"origin":5}', '{"instance":{}}', "x".repeat(100_000), "\u0000\uffff"];
    for (const topic of topics) for (const payload of payloads) await broker.retain(topic, payload);
    const sink = await started();
    for (const topic of topics) for (const payload of payloads) await broker.retain(topic, payload);
    read(sink);
    await broker.message("kaifa2mqtt/181220000009/1.8.0", "12.937");
  });

  describe("clears obsolete messages", () => {
    const announce = (info: MeterInfo, base = "kaifa2mqtt", rows = NETZ_NOE) =>
      discoveryMessages(info, readingOf(rows).values, { base, prefix: "homeassistant", language: "en", version: "1" });
    const gone = (topic: string) => broker.until(() => !broker.retained.has(topic), `${topic} is cleared`);
    const plant = async (messages: readonly { topic: string; payload: string }[]): Promise<void> => {
      for (const { topic, payload } of messages) await broker.retain(topic, payload);
    };

    it("a meter that is no longer configured, with its values", async () => {
      await plant(announce({ ...METER, id: "old" }));
      await broker.retain("kaifa2mqtt/old/1.8.0", "5");
      await broker.retain("kaifa2mqtt/old/availability", "offline");
      read(await started());
      await gone("homeassistant/sensor/kaifa2mqtt_old/energy_import/config");
      await gone("kaifa2mqtt/old/1.8.0");
      await gone("kaifa2mqtt/old/availability");
      await broker.message(CONFIG_TOPIC);
      expect(broker.retained.has(CONFIG_TOPIC)).toBe(true);
    });

    it("a value that the meter no longer sends", async () => {
      await plant(announce(METER, "kaifa2mqtt", [["1-0:3.8.0*255", 1, 0, "varh"]]));
      await broker.retain("kaifa2mqtt/181220000009/3.8.0", "5");
      read(await started());
      await gone("homeassistant/sensor/kaifa2mqtt_181220000009/reactive_energy_import/config");
      await gone("kaifa2mqtt/181220000009/3.8.0");
    });

    it("but not a value that another list of the meter may contain within the hour", async () => {
      await plant(announce(METER));
      const sink = await started();
      read(sink, [["1-0:1.7.0*255", 5, 0, "W"]], { layout: "KFM-1", transport: "hdlc" });
      await plant(announce({ ...METER, id: "marker" }));
      await broker.message("kaifa2mqtt/bridge/meters/181220000009");
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(broker.retained.has(CONFIG_TOPIC)).toBe(true);
    });

    it("everything under the previous base topic", async () => {
      const dataDir = temporaryFolder();
      writeFileSync(join(dataDir, "mqtt.json"), '{"bases":["before"]}');
      await plant(announce(METER, "before"));
      await broker.retain("before/181220000009/1.8.0", "5");
      await broker.retain("before/181220000009", "{}");
      read(await started({ dataDir }));
      await gone("before/181220000009/1.8.0");
      await gone("before/181220000009");
      expect(JSON.parse(broker.retained.get(CONFIG_TOPIC) ?? "").state_topic).toBe("kaifa2mqtt/181220000009/1.8.0");
    });

    it("all discovery messages when discovery is switched off, but no values", async () => {
      await plant(announce(METER));
      const sink = await started({ homeassistant: { enabled: false } });
      read(sink);
      await gone(CONFIG_TOPIC);
      await broker.until(
        () => ![...broker.retained.keys()].some((topic) => topic.startsWith("homeassistant/sensor/kaifa2mqtt_")),
        "no discovery message is left",
      );
      expect(broker.retained.get("kaifa2mqtt/181220000009/1.8.0")).toBe("12.937");
    });

    it("nothing while one of several meters is unidentified", async () => {
      infos = [METER, null];
      await plant(announce({ ...METER, id: "second" }));
      await broker.retain("kaifa2mqtt/second/availability", "online");
      const sink = await started();
      read(sink);
      await broker.message(CONFIG_TOPIC);
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(broker.retained.has("homeassistant/sensor/kaifa2mqtt_second/energy_import/config")).toBe(true);
      infos = [METER, { ...METER, id: "third" }];
      read(sink);
      await gone("homeassistant/sensor/kaifa2mqtt_second/energy_import/config");
    });

    it("nothing of another bridge, under another base topic or running under the same", async () => {
      await plant(announce({ ...METER, id: "neighbour" }, "other"));
      const twin = announce({ ...METER, id: "twin" });
      await plant(
        twin.map(({ topic, payload }) => ({ topic, payload: payload.replace(/0123456789ab/g, "ba9876543210") })),
      );
      await broker.retain("kaifa2mqtt/bridge/state", "online");
      await broker.retain("kaifa2mqtt/bridge/info", '{"instance":"ba9876543210"}');
      const sink = await started();
      read(sink);
      await broker.message(CONFIG_TOPIC);
      await new Promise((resolve) => setTimeout(resolve, 600));
      read(sink);
      expect(broker.retained.has("homeassistant/sensor/kaifa2mqtt_neighbour/energy_import/config")).toBe(true);
      expect(broker.retained.has("homeassistant/sensor/kaifa2mqtt_twin/energy_import/config")).toBe(true);
      expect(logLines.join("\n")).toMatch(/another kaifa2mqtt .* base topic/);
    });

    it("no entity that still exists, even briefly: Home Assistant would forget it", async () => {
      await plant(announce(METER));
      const before = broker.sent.length;
      const sink = await started();
      for (let count = 0; count < 5; count++) {
        read(sink);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(
        broker.sent.slice(before).filter(({ topic, payload }) => topic.startsWith("homeassistant/") && payload === ""),
      ).toEqual([]);
    });

    it("nothing of other programs", async () => {
      const foreign = "homeassistant/sensor/kaifa2mqtt_181220000009/stranger/config";
      await broker.retain(foreign, '{"unique_id":"kaifa2mqtt_181220000009_stranger","origin":{"name":"someone"}}');
      read(await started());
      await broker.message(CONFIG_TOPIC);
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(broker.retained.has(foreign)).toBe(true);
    });
  });

  describe("reports each problem once, with its fix", () => {
    const warned = async (what: RegExp): Promise<void> => {
      const begun = Date.now();
      while (!logLines.some((line) => what.test(line))) {
        if (Date.now() - begun > 8000) throw new Error(`not logLines: ${what}; logLines: ${logLines.join("\n")}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };

    it("when the login is refused", async () => {
      await broker.stop();
      broker = await TestBroker.start({
        authenticate: (_client, _user, _password, done) =>
          done(Object.assign(new Error("no"), { returnCode: 4 as const }), null),
      });
      const sink = await started({ mqtt: { user: "u", password: "secret-word" } });
      await warned(/refuses the login: check mqtt\.user and mqtt\.password/);
      expect(sink.status()).toMatchObject({ connected: false, error: expect.stringContaining("login") });
      expect(logLines.join("\n")).not.toContain("secret-word");
    });

    it("when nobody listens", async () => {
      await started({ mqtt: { server: ["mqtt://127.0.0.1:1"] } });
      await warned(/nothing listens there/);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(logLines).toHaveLength(1);
    });

    it("when a certificate file is missing", async () => {
      await started({ mqtt: { server: ["mqtts://127.0.0.1:1"], ca: "/does/not/exist.pem" } });
      await warned(/mqtt\.ca.* cannot be read/);
    });

    it("when the broker crashes repeatedly, without suspecting another client", async () => {
      const { port } = broker;
      await started();
      for (let crash = 0; crash < 2; crash++) {
        await broker.message("kaifa2mqtt/bridge/state", "online");
        await broker.stop();
        await new Promise((resolve) => setTimeout(resolve, 1300));
        broker = await TestBroker.start({}, port);
      }
      await broker.message("kaifa2mqtt/bridge/state", "online");
      expect(logLines.join("\n")).not.toContain("client id");
    });

    it("when another client takes over our client id, and then retries more slowly", async () => {
      const one = await started({ mqtt: { client_id: "same" } });
      const two = await started({ mqtt: { client_id: "same" } });
      await warned(/two programs use the same client id/);
      await Promise.all([one.stop(), two.stop()]);
      expect(logLines.filter((line) => line.includes("same client id")).length).toBeLessThanOrEqual(2);
    });
  });
});
