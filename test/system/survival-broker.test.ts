/** The process survives faults between it and the broker: real program, real pseudo-terminal, real Mosquitto. */
import { createServer, connect as tcpConnect } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { ClockedMeter, METER_KEY as KEY } from "../helpers/clocked-meter.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { PtyPair } from "../helpers/pty.ts";

const STATE = "kaifa2mqtt/bridge/state";
const ENERGY = "kaifa2mqtt/house/1.8.0";

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

let bridge: BridgeProcess;
let broker: Mosquitto;
let line: PtyPair;
let meter: ClockedMeter;
beforeEach(async () => {
  bridge = new BridgeProcess(program.main);
  broker = await Mosquitto.prepare();
  line = await PtyPair.open();
  meter = new ClockedMeter();
});
afterEach(async () => {
  await bridge.close();
  await line.close();
  await broker.close();
});

const config = (port = broker.port, more = ""): string =>
  `meter: { port: ${line.device}, key: ${KEY}, id: house }\nmqtt: { server: mqtt://127.0.0.1:${port}, keepalive: 5${more} }`;

/** Sends telegrams; the bridge reads each before the next arrives. @returns the meter's time in the last one */
async function send(count: number): Promise<number> {
  for (let i = 0; i < count; i++) {
    line.write(meter.telegram());
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return meter.time;
}

/** Sends telegrams at intervals until `until` is settled. */
async function sendingUntil<T>(until: Promise<T>): Promise<T> {
  const sending = setInterval(() => {
    line.write(meter.telegram());
  }, 300);
  return until.finally(() => clearInterval(sending));
}

/** Whether this JSON is the reading of that time. */
const isOf =
  (at: number) =>
  (topic: string, payload: string): boolean =>
    topic === "kaifa2mqtt/house" && Date.parse((JSON.parse(payload) as { time: string }).time) === at;

describe("the bridge continues", () => {
  test("when the broker is missing at startup: no backlog builds up, and the latest reading is published when it appears", async () => {
    bridge.start(config());
    await bridge.says(/listening/);
    await bridge.says(/broker|MQTT/);
    const last = await send(200);
    await broker.start();
    const seen = await Subscriber.connect(broker.port, { keep: /^kaifa2mqtt\/house$/ });
    await seen.until(isOf(last), "the newest reading", 40_000);
    expect(seen.kept.length).toBeLessThanOrEqual(2);
    await seen.stop();
  });

  test("when the broker is restarted: the last state is published again at once", async () => {
    await broker.start();
    const seen = await Subscriber.connect(broker.port, { keep: /^kaifa2mqtt\/house$/ });
    bridge.start(config());
    await bridge.says(/listening/);
    const last = await send(3);
    await seen.until(isOf(last), "the reading");
    await broker.stop();
    seen.latest.clear();
    await broker.start();
    await seen.until(isOf(last), "the same reading once more", 40_000);
    await seen.until((topic, payload) => topic === STATE && payload === "online", "online");
    await seen.until((topic) => topic === ENERGY, "the energy");
    await seen.stop();
  });

  test("when the broker hangs (SIGSTOP) for longer than the keep-alive: no backlog builds up, and it recovers", async () => {
    await broker.start();
    bridge.start(config());
    await bridge.says(/listening/);
    const before = await Subscriber.connect(broker.port);
    await before.until(isOf(await send(3)), "the reading");
    await before.stop();
    const { rss } = bridge.resources();
    broker.pause();
    const begun = performance.now();
    const pauseMs = Number(process.env.SURVIVAL_PAUSE_S ?? 15) * 1_000;
    let sent = 0;
    while (performance.now() - begun < pauseMs) {
      await send(20);
      sent += 20;
    }
    expect(sent).toBeGreaterThan(100);
    expect(bridge.resources().rss - rss).toBeLessThan(30e6);
    broker.resume();
    const seen = await Subscriber.connect(broker.port);
    const last = await send(1);
    await seen.until(isOf(last), "the newest reading", 40_000);
    await seen.stop();
  });

  test("when the broker refuses the login: logs it once, and connects once it is accepted", async () => {
    await broker.start({ user: "someone", password: "else" });
    bridge.start(config(broker.port, ", user: bridge, password: hunter2secret"));
    await bridge.says(/not authori[sz]ed|login|user|refuse/i);
    await send(20);
    expect(bridge.count(/not authori[sz]ed|login|password/i)).toBeLessThanOrEqual(2);
    expect(bridge.output).not.toContain("hunter2secret");
    await broker.stop();
    await broker.start({ user: "bridge", password: "hunter2secret" });
    const seen = await Subscriber.connect(broker.port, { login: { user: "bridge", password: "hunter2secret" } });
    await sendingUntil(seen.until((topic) => topic === ENERGY, "an energy", 50_000));
    await seen.stop();
  });

  test("when the connection is slow: the latest reading gets through, and memory does not grow", async () => {
    await broker.start();
    const slow = await slowProxy(broker.port, 4_000);
    bridge.start(config(slow.port));
    await bridge.says(/listening/);
    await send(5);
    const { rss } = bridge.resources();
    const last = await send(600);
    const seen = await Subscriber.connect(broker.port, { keep: /^kaifa2mqtt\/house$/ });
    await seen.until(isOf(last), "the newest reading", 60_000);
    expect(bridge.resources().rss - rss).toBeLessThan(30e6);
    await seen.stop();
    slow.close();
  });

  test("when another bridge uses the same client id: logs it", async () => {
    await broker.start();
    const second = new BridgeProcess(program.main);
    const otherLine = await PtyPair.open();
    bridge.start(config(broker.port, ", client_id: twin"));
    second.start(config(broker.port, ", client_id: twin").replace(line.device, otherLine.device));
    await Promise.race([bridge.says(/client.?id/i, 50_000), second.says(/client.?id/i, 50_000)]);
    await second.close();
    const seen = await Subscriber.connect(broker.port);
    await sendingUntil(seen.until((topic) => topic === ENERGY, "an energy", 50_000));
    await seen.stop();
    await otherLine.close();
  });
});

/** Limits the bytes per second to the broker. */
async function slowProxy(to: number, bytesPerSecond: number): Promise<{ port: number; close: () => void }> {
  const server = createServer((client) => {
    const target = tcpConnect(to, "127.0.0.1");
    const part = Math.ceil(bytesPerSecond / 20);
    const timer = setInterval(() => {
      const chunk: Buffer | null = client.read(Math.min(part, client.readableLength)) as Buffer | null;
      if (chunk !== null) target.write(chunk);
    }, 50);
    client.pause();
    target.on("data", (chunk) => client.write(chunk));
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
  return { port: address.port, close: () => server.close() };
}
