/** A real Mosquitto with a small packet limit, a slow link with thousands of other devices' messages, an outage of 5 s. */
import { createServer, connect as tcpConnect } from "node:net";
import mqtt from "mqtt";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { ClockedMeter, METER_KEY as KEY } from "../helpers/clocked-meter.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { PtyPair } from "../helpers/pty.ts";

const READING = "kaifa2mqtt/house";
const ENERGY = `${READING}/1.8.0`;

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

let bridge: BridgeProcess;
let broker: Mosquitto;
let line: PtyPair;
let meter: ClockedMeter;
let sending: NodeJS.Timeout | undefined;
beforeEach(async () => {
  bridge = new BridgeProcess(program.main);
  broker = await Mosquitto.prepare();
  line = await PtyPair.open();
  meter = new ClockedMeter();
});
afterEach(async () => {
  clearInterval(sending);
  await bridge.close();
  await line.close();
  await broker.close();
});

const config = (port: number, more = "", rest = ""): string =>
  `meter: { port: ${line.device}, key: ${KEY}, id: house }\nmqtt: { server: mqtt://127.0.0.1:${port}${more} }\n${rest}`;
/** Sends a telegram at this interval, 5 s apart by the meter's clock. */
function sendEvery(ms: number): void {
  sending = setInterval(() => {
    line.write(meter.telegram());
  }, ms);
}

describe("a Mosquitto with max_packet_size 700", () => {
  test.each([
    ["5", "is not sent.* bytes, and the broker .* allows 700.*max_packet_size"],
    ["4", "closes the connection each time we publish .*max_packet_size"],
  ])(
    "MQTT version %s: messages within the limit are published, others are reported once with the fix, and the connection stays up",
    async (version, warning) => {
      await broker.start(undefined, { more: ["max_packet_size 700"] });
      const seen = await Subscriber.connect(broker.port, { keep: /^kaifa2mqtt\/house\/1\.8\.0$/ });
      bridge.start(config(broker.port, `, version: ${version}`));
      sendEvery(500);
      await bridge.says(new RegExp(warning), 60_000);
      await seen.next((topic) => topic === READING, "a reading", 30_000);
      const values = async (count: number): Promise<void> => {
        for (let n = 0; n < count; n++) await seen.next((topic) => topic === ENERGY, "a value", 30_000);
      };
      // With 3.1.1 each oversized message costs one connection, until the limit is known.
      await values(12);
      const connections = bridge.count(/connected to the broker/);
      expect(connections).toBeLessThanOrEqual(version === "5" ? 1 : 7);
      await values(12);
      expect(bridge.count(/connected to the broker/)).toBe(connections);
      expect(bridge.count(new RegExp(warning))).toBeLessThanOrEqual(version === "5" ? 2 : 1);
      expect(bridge.output).not.toMatch(/client id/);
      for (const [topic, payload] of seen.latest) expect(topic.length + payload.length).toBeLessThan(700);
      await seen.stop();
    },
    120_000,
  );

  test("with messages per device: entities are announced one by one if only those fit", async () => {
    await broker.start(undefined, { more: ["max_packet_size 1400"] });
    const seen = await Subscriber.connect(broker.port);
    bridge.start(config(broker.port, "", "homeassistant: { discovery: device }"));
    sendEvery(500);
    await seen.until((topic) => topic === "homeassistant/sensor/kaifa2mqtt_house/energy_import/config", "an entity");
    await bridge.says(/device\/.* is larger than the broker allows.*one by one/);
    expect(bridge.count(/one by one/)).toBe(1);
    expect([...seen.latest.keys()].filter((topic) => topic.startsWith("homeassistant/device/"))).toEqual([]);
    await seen.stop();
  });
});

test("5,000 retained discovery messages of other devices on a slow link: readings continue, and none of them is fetched", async () => {
  await broker.start(undefined, { more: ["max_queued_messages 0"] });
  const other = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`);
  const payload = JSON.stringify({ name: "x".repeat(2_450), origin: { name: "other" } });
  for (let n = 0; n < 5_000; n++) {
    const topic = `homeassistant/sensor/other_${n}/power/config`;
    const sent = other.publishAsync(topic, payload, { retain: true, qos: n % 100 === 99 ? 1 : 0 });
    if (n % 100 === 99) await sent;
  }
  const link = await slowLink(broker.port, 600_000);
  const seen = await Subscriber.connect(broker.port, { keep: /^kaifa2mqtt\/house\/1\.8\.0$/ });
  bridge.start(config(link.port));
  await bridge.says(/listening/);
  sendEvery(200);
  await seen.next((topic) => topic === ENERGY, "the first value");
  const begun = performance.now();
  let longest = 0;
  for (let n = 0, last = begun; n < 25; n++) {
    await seen.next((topic) => topic === ENERGY, "the next value");
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  await seen.until((topic) => topic === "homeassistant/sensor/kaifa2mqtt_house/energy_import/config", "discovery");
  // With the old subscription, 12.5 MB came over the link first, for 20 s.
  expect(longest).toBeLessThan(3_000);
  expect(link.received()).toBeLessThan(100_000);
  await seen.stop();
  await other.endAsync();
  link.close();
}, 120_000);

test("an outage of 5 s: the first value after it within one period and half a second", async () => {
  const periodMs = 1_000;
  await broker.start();
  const first = await Subscriber.connect(broker.port);
  bridge.start(config(broker.port));
  await bridge.says(/listening/);
  sendEvery(periodMs);
  await first.next((topic) => topic === ENERGY, "a value");
  await first.stop();
  await broker.stop();
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await broker.start();
  const back = performance.now();
  const seen = await Subscriber.connect(broker.port, { keep: /./ });
  await seen.until((topic) => topic === ENERGY, "a value again");
  const took = performance.now() - back;
  expect(took).toBeLessThan(periodMs + 500);
  await seen.stop();
});

/** Limits the bytes per second from the broker. */
async function slowLink(
  to: number,
  bytesPerSecond: number,
): Promise<{ port: number; received: () => number; close: () => void }> {
  let received = 0;
  const server = createServer((client) => {
    const target = tcpConnect(to, "127.0.0.1");
    const part = Math.ceil(bytesPerSecond / 20);
    target.pause();
    const timer = setInterval(() => {
      const chunk = target.read(Math.min(part, target.readableLength)) as Buffer | null;
      if (chunk === null) return;
      received += chunk.length;
      client.write(chunk);
    }, 50);
    client.on("data", (chunk) => target.write(chunk));
    const end = (): void => {
      clearInterval(timer);
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) socket.on("error", end).on("close", end);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, received: () => received, close: () => server.close() };
}
