/** Brokers that refuse, limit, lose or flood messages. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HomeAssistantConfig, MqttConfig } from "../../../../src/config/options.ts";
import type { MeterInfo } from "../../../../src/meter/events.ts";
import { REASONS } from "../../../../src/sinks/mqtt/connection/reason-codes.ts";
import { MqttSink } from "../../../../src/sinks/mqtt/mqtt-sink.ts";
import { METER, readingOf } from "../../../helpers/readings.ts";
import { type Script, ScriptedBroker, type ScriptedClient } from "../../../helpers/scripted-broker.ts";
import { statusOf } from "../../../helpers/statuses.ts";

const HOME_ASSISTANT: HomeAssistantConfig = {
  enabled: true,
  discovery_topic: "homeassistant",
  status_topic: "homeassistant/status",
  language: "en",
  discovery: "entity",
  backfill: false,
};
const JSON_TOPIC = "kaifa2mqtt/181220000009";
const ENERGY = "kaifa2mqtt/181220000009/1.8.0";
const CONFIG_TOPIC = "homeassistant/sensor/kaifa2mqtt_181220000009/energy_import/config";

describe("the MQTT sink and the rules of the broker", () => {
  let broker: ScriptedBroker;
  let logLines: string[];
  /** The bridge's meters. */
  let meters: MeterInfo[];
  const sinks: MqttSink[] = [];

  async function started(script: Script, mqtt: Partial<MqttConfig> = {}): Promise<MqttSink> {
    broker = await ScriptedBroker.start(script);
    const sink = new MqttSink({
      mqtt: {
        enabled: true,
        base_topic: "kaifa2mqtt",
        version: 5,
        keepalive: 60,
        reject_unauthorized: true,
        server: [broker.url],
        ...mqtt,
      },
      homeassistant: HOME_ASSISTANT,
      publishIntervalMs: 0,
      instance: "0123456789ab",
      bridge: { version: "1.2.3", startedAt: 1_632_728_000_000, meters: () => meters.map(statusOf) },
      log: {
        error: (message) => void logLines.push(`error ${message}`),
        warn: (message) => void logLines.push(`warn ${message}`),
        info: (message) => void logLines.push(`info ${message}`),
        debug: () => undefined,
      },
    });
    sinks.push(sink);
    await sink.start();
    await broker.until(() => broker.published("kaifa2mqtt/bridge/state").length > 0, "online", 15_000);
    return sink;
  }
  const read = (sink: MqttSink, wh = 12937): void =>
    sink.accept({ type: "reading", reading: readingOf([["1-0:1.8.0*255", wh, 0, "Wh"]]) });
  const warnings = (): string[] => logLines.filter((line) => line.startsWith("warn"));
  const says = async (what: RegExp, limitMs = 15_000): Promise<void> => {
    const begun = Date.now();
    while (!logLines.some((line) => what.test(line))) {
      if (Date.now() - begun > limitMs) throw new Error(`not reported: ${what}; reported: ${logLines.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  beforeEach(() => {
    logLines = [];
    meters = [METER];
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
    await broker.stop();
  });

  describe("a refused publication (MQTT 5)", () => {
    it("of readings is reported once with topic and fix, is unhealthy, and ends when one is accepted", async () => {
      let denied = true;
      const sink = await started({ puback: ({ topic }) => (denied && topic === JSON_TOPIC ? 0x87 : 0) });
      read(sink);
      await says(/refuses what we publish on kaifa2mqtt\/181220000009: .*no right to write.*ACL/);
      expect(sink.status()).toMatchObject({ connected: false, error: expect.stringContaining("no right to write") });
      for (let wh = 2; wh < 20; wh++) read(sink, wh);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(broker.published(JSON_TOPIC)).toHaveLength(1);
      expect(warnings()).toHaveLength(1);
      denied = false;
      const now = performance.now.bind(performance);
      vi.spyOn(performance, "now").mockImplementation(() => now() + 31_000);
      read(sink, 21);
      await says(/accepts our readings again/);
      vi.restoreAllMocks();
      expect(sink.status()).toMatchObject({ connected: true, error: null });
    });

    it("of discovery is reported once and not repeated with every reading", async () => {
      const sink = await started({ puback: ({ topic }) => (topic.startsWith("homeassistant/") ? 0x97 : 0) });
      read(sink);
      await says(/refuses what we publish on homeassistant\/.*quota/);
      const sent = broker.published(CONFIG_TOPIC).length;
      for (let wh = 2; wh < 9; wh++) read(sink, wh);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(broker.published(CONFIG_TOPIC)).toHaveLength(sent);
      expect(warnings()).toHaveLength(1);
      expect(broker.published(ENERGY).length).toBeGreaterThan(1);
    });

    it("of the bridge's own state is reported", async () => {
      await started({ puback: ({ topic }) => (topic.startsWith("kaifa2mqtt/bridge/") ? 0x90 : 0) });
      await says(/refuses what we publish on kaifa2mqtt\/bridge\/state.*mqtt\.base_topic/);
    });
  });

  it("MQTT 3.1.1: a missing echo is reported, with what to do", async () => {
    const sink = await started({ deliver: ({ topic }) => topic.endsWith("/bridge/state") }, { version: 4 });
    read(sink);
    await broker.until(() => broker.published(CONFIG_TOPIC).length > 0, "discovery");
    for (let wh = 2; wh < 4; wh++) read(sink, wh);
    await says(/what we publish on kaifa2mqtt\/181220000009 and homeassistant\/.* does not come back .*Fix/);
    expect(sink.status()).toMatchObject({ connected: true, error: expect.stringContaining("does not come back") });
    expect(warnings()).toHaveLength(1);
  }, 20_000);

  describe("each limit in the CONNACK is respected", () => {
    it("maximum packet size: a larger message is not sent, and is reported once", async () => {
      const sink = await started({ connack: () => ({ properties: { maximumPacketSize: 700 } }) });
      read(sink);
      await says(/\/config is not sent.* it takes \d+ bytes.* allows 700/);
      await broker.until(() => broker.published(ENERGY).length > 0, "the value");
      expect(broker.published().every(({ topic, payload }) => topic.length + payload.length < 700)).toBe(true);
      expect(broker.connects).toHaveLength(1);
      expect(warnings()).toHaveLength(1);
    });

    it("receive maximum: no more are in flight, and the latest per topic waits", async () => {
      let unanswered = 0;
      let most = 0;
      const sink = await started({
        connack: () => ({ properties: { receiveMaximum: 2 } }),
        puback: () => null,
        on: (packet, { send }) => {
          if (packet.cmd !== "publish" || packet.qos !== 1) return;
          most = Math.max(most, ++unanswered);
          setTimeout(() => {
            unanswered--;
            send({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: 0 });
          }, 5);
        },
      });
      for (let wh = 1; wh <= 30; wh++) read(sink, wh);
      await broker.until(() => broker.published(CONFIG_TOPIC).length > 0, "discovery");
      await broker.until(
        () => broker.published(JSON_TOPIC).at(-1)?.payload.toString().includes('"energy_import":0.03') ?? false,
        "the newest reading",
      );
      expect(most).toBe(2);
    });

    it("maximum QoS: everything is sent with QoS 0, and a refused will is set again with QoS 0", async () => {
      const sink = await started({
        connack: ({ will }) =>
          will?.qos ? { reasonCode: 0x9b, returnCode: 0 } : { properties: { maximumQoS: 0 } as never },
      });
      read(sink);
      await broker.until(() => broker.published(CONFIG_TOPIC).length > 0, "discovery");
      expect(broker.published().every(({ qos }) => qos === 0)).toBe(true);
      expect(broker.connects.map(({ will }) => will?.qos)).toEqual([1, 0]);
      expect(warnings()).toEqual([]);
    });

    it("retain available: nothing is retained, and that is reported once", async () => {
      const sink = await started({
        connack: ({ will }) =>
          will?.retain ? { reasonCode: 0x9a, returnCode: 0 } : { properties: { retainAvailable: false } },
      });
      read(sink);
      await broker.until(() => broker.published(CONFIG_TOPIC).length > 0, "discovery");
      expect(broker.published().some(({ retain }) => retain)).toBe(false);
      expect(warnings()).toEqual([expect.stringContaining("retains nothing")]);
    });

    it("topic alias: unused, whatever the broker allows", async () => {
      const sink = await started({ connack: () => ({ properties: { topicAliasMaximum: 10 } }) });
      read(sink);
      await broker.until(() => broker.published(CONFIG_TOPIC).length > 0, "discovery");
      expect(broker.published().some(({ properties }) => properties?.topicAlias !== undefined)).toBe(false);
    });

    it("server keep alive: overrides ours", async () => {
      await started({ connack: () => ({ properties: { serverKeepAlive: 1 } }) });
      await broker.until(() => broker.packets.some(({ cmd }) => cmd === "pingreq"), "a ping");
    });

    it("assigned client identifier: is used for the next connection", async () => {
      await started({ connack: () => ({ properties: { assignedClientIdentifier: "given" } }) });
      broker.script = { ...broker.script, on: (_, { socket }) => void socket.destroy() };
      await broker.until(() => broker.connects.length >= 1, "connected");
      const sink = sinks[0];
      if (sink !== undefined) read(sink);
      await broker.until(() => broker.connects.length >= 2, "connected again");
      expect(broker.connects[1]?.clientId).toBe("given");
    });

    it("wildcard subscription available: only topics without wildcards are subscribed to", async () => {
      const sink = await started({ connack: () => ({ properties: { wildcardSubscriptionAvailable: false } }) });
      read(sink);
      await broker.until(() => broker.published(CONFIG_TOPIC).length > 0, "discovery");
      const filters = broker.packets.flatMap((packet) =>
        packet.cmd === "subscribe" ? packet.subscriptions.map(({ topic }) => topic) : [],
      );
      expect(filters.length).toBeGreaterThan(1);
      expect(filters.filter((filter) => /[+#]/.test(filter))).toEqual([]);
    });
  });

  describe("a broker that closes the connection", () => {
    it("after a certain message, each time: that message and larger ones are reported and skipped, others are still sent", async () => {
      // With several meters bridge/info is the largest message.
      meters = [METER, ...["second", "third", "fourth"].map((id) => ({ ...METER, id }))];
      const sink = await started(
        { puback: ({ topic }) => (topic === "kaifa2mqtt/bridge/info" ? "close" : 0) },
        { version: 4 },
      );
      read(sink);
      await says(/closes the connection each time we publish kaifa2mqtt\/bridge\/info \(\d+ bytes\)/, 30_000);
      expect(logLines.join("\n")).not.toContain("client id");
      const before = broker.connects.length;
      await broker.until(() => broker.connects.length > before, "connected once more", 15_000);
      read(sink, 2);
      await broker.until(() => broker.published(CONFIG_TOPIC).length > 0, "discovery", 15_000);
      await broker.until(
        () => broker.published(ENERGY).some(({ payload }) => payload.toString() === "0.002"),
        "the newest value",
      );
    }, 60_000);

    it("with a reason: each reason code of MQTT 5 has a sentence with a fix", async () => {
      const specified = [
        ...Array.from({ length: 0x8d - 0x80 }, (_, n) => 0x80 + n),
        ...Array.from({ length: 0xa3 - 0x8d }, (_, n) => 0x8d + n),
      ];
      expect(
        Object.keys(REASONS)
          .map(Number)
          .sort((a, b) => a - b),
      ).toEqual(specified);
      for (const { refuses, cure } of Object.values(REASONS)) {
        for (const text of [refuses.en, refuses.de, cure.en, cure.de]) expect(text.length).toBeGreaterThan(8);
      }
    });

    it("and names another server: the log names it", async () => {
      let refuse = true;
      await started({
        connack: () => {
          const moved = { reasonCode: 0x9d, returnCode: 0, properties: { serverReference: "mqtt.example.com" } };
          const first = refuse;
          refuse = false;
          return first ? moved : {};
        },
      });
      await says(/moved to another server \(it names mqtt\.example\.com\): set mqtt\.server/);
    });

    it("with a DISCONNECT on an established connection: its reason is reported", async () => {
      await started({
        on: (packet, { send, socket }) => {
          if (packet.cmd !== "publish" || packet.topic !== "kaifa2mqtt/bridge/state") return;
          broker.script = {};
          send({ cmd: "disconnect", reasonCode: 0x97 });
          socket.end();
        },
      });
      await says(/quota is used up/);
    });
  });

  describe("a broker cannot stop readings", () => {
    it("a lost acknowledgement: reconnects after 30 s and sends the latest reading first", async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
      const sink = await started({ puback: ({ topic }) => (topic === JSON_TOPIC ? null : 0) });
      read(sink, 1);
      await broker.until(() => broker.published(JSON_TOPIC).length > 0, "the reading");
      await vi.advanceTimersByTimeAsync(11_000);
      for (let wh = 2; wh <= 50; wh++) read(sink, wh);
      expect(warnings()).toEqual([expect.stringContaining("does not acknowledge")]);
      expect(broker.connects).toHaveLength(1);
      broker.script = {};
      await vi.advanceTimersByTimeAsync(20_000);
      const again = broker.until(() => broker.published(JSON_TOPIC).length > 1, "the newest reading");
      for (let n = 0; n < 50 && broker.published(JSON_TOPIC).length < 2; n++) {
        await vi.advanceTimersByTimeAsync(100);
        await new Promise(setImmediate);
      }
      await again;
      expect(broker.connects).toHaveLength(2);
      const sent = broker.packets
        .slice(broker.packets.findLastIndex(({ cmd }) => cmd === "connect"))
        .filter((packet) => packet.cmd === "publish");
      expect(sent[0]?.payload.toString()).toBe("0.050");
      await vi.advanceTimersByTimeAsync(100);
      await says(/answers again/);
    });

    it.each([4, 5] as const)(
      "a packet of 240 MB (MQTT version %i): the connection is closed at the limit, and readings go on",
      async (version) => {
        let written = 0;
        const sink = await started(
          {
            on: (packet, { socket }) => {
              if (packet.cmd !== "subscribe" || written > 0) return;
              // A PUBLISH of 240,000,000 bytes, sent as far as the bridge reads it.
              const header = [0x31, 0x80 | (240_000_000 & 0x7f), 0x80 | ((240_000_000 >> 7) & 0x7f)];
              socket.write(Buffer.from([...header, 0x80 | ((240_000_000 >> 14) & 0x7f), (240_000_000 >> 21) & 0x7f]));
              const part = Buffer.alloc(100_000, 0x41);
              const more = (): void => {
                while (!socket.destroyed && written < 240_000_000) {
                  written += part.length;
                  if (!socket.write(part)) return void socket.once("drain", more);
                }
              };
              more();
            },
          },
          { version },
        );
        await says(/sends a message of 240000000 bytes/);
        read(sink, 7);
        await broker.until(() => broker.published(ENERGY).length > 0, "the reading");
        expect(written).toBeLessThan(30_000_000);
        if (version === 5) expect(broker.connects[0]?.properties?.maximumPacketSize).toBeLessThan(2_000_000);
        // The broker would send it again, so we do not subscribe for a while.
        const again = broker.packets.slice(broker.packets.findLastIndex(({ cmd }) => cmd === "connect"));
        expect(broker.connects).toHaveLength(2);
        expect(again.filter(({ cmd }) => cmd === "subscribe")).toEqual([]);
      },
    );

    it("3000 online messages on the status topic: everything is resent at most twice in five seconds", async () => {
      const sink = await started({});
      read(sink);
      await broker.until(() => broker.published(CONFIG_TOPIC).length === 1, "discovery");
      const online = { topic: "homeassistant/status", payload: "online", qos: 0, retain: false, dup: false } as const;
      let client: ScriptedClient | undefined;
      broker.script = {
        on: (packet, from) => {
          if (packet.cmd === "publish") client ??= from;
        },
      };
      read(sink, 2);
      await broker.until(() => client !== undefined, "a message");
      for (let n = 0; n < 3000; n++) client?.send({ cmd: "publish", ...online });
      await broker.until(() => broker.published(CONFIG_TOPIC).length === 2, "discovery again");
      for (let n = 0; n < 10; n++) client?.send({ cmd: "publish", ...online });
      await broker.until(() => broker.published(CONFIG_TOPIC).length === 3, "the last one counts");
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(broker.published(CONFIG_TOPIC)).toHaveLength(3);
    }, 20_000);
  });
});
