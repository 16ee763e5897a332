/** How soon readings resume once a broker is back, with a fake clock and real sockets. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { setTimeout as realSleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDecoder } from "../../../../src/codec/decoder.ts";
import type { Reading } from "../../../../src/meter/events.ts";
import { buildReading } from "../../../../src/meter/reading.ts";
import type { MqttSink } from "../../../../src/sinks/mqtt/mqtt-sink.ts";
import { sinkAt } from "../../../helpers/mqtt-sink.ts";
import { promisedLayouts } from "../../../helpers/promised-layouts.ts";
import { METER, readingOf } from "../../../helpers/readings.ts";
import { ScriptedBroker } from "../../../helpers/scripted-broker.ts";
import { statusOf } from "../../../helpers/statuses.ts";

const JSON_TOPIC = "kaifa2mqtt/181220000009";
const ENERGY = `${JSON_TOPIC}/1.8.0`;

describe("once the broker is back", () => {
  let sink: MqttSink;
  let wh = 0;

  const start = async (url: string): Promise<void> => {
    sink = sinkAt(url, { meters: () => [statusOf(METER)] });
    await sink.start();
    await network();
  };
  const read = (): void => sink.accept({ type: "reading", reading: readingOf([["1-0:1.8.0*255", ++wh, 0, "Wh"]]) });
  /** Lets data in flight between sockets arrive, in real time. */
  const network = async (): Promise<void> => {
    await realSleep(4);
  };
  /** Advances the clock in steps small enough for the network to follow. */
  async function pass(ms: number, stepMs = 250): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await vi.advanceTimersByTimeAsync(Math.min(stepMs, ms - passed));
      await network();
    }
  }
  const newest = (broker: ScriptedBroker): string | undefined => broker.published(ENERGY).at(-1)?.payload.toString();

  beforeEach(() => {
    wh = 0;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  });
  afterEach(async () => {
    const stopped = sink.stop();
    await vi.advanceTimersByTimeAsync(5_000);
    await stopped;
    vi.useRealTimers();
  });

  /** The broker is down for that long and returns at the worst moment: just after an attempt started by a reading. */
  async function outage(outageMs: number, periodMs: number, next: () => Reading): Promise<void> {
    let broker = await ScriptedBroker.start();
    const { port } = broker;
    await start(broker.url);
    let last = "";
    const take = (): void => {
      const reading = next();
      last = reading.values.find(({ topic }) => topic === "1.8.0")?.text ?? "none";
      sink.accept({ type: "reading", reading });
    };
    take();
    for (let n = 0; n < 100 && newest(broker) === undefined; n++) await pass(20, 20);
    expect(newest(broker)).toBe(last);
    await broker.stop();
    const step = outageMs > 60_000 ? periodMs : 250;
    for (let passed = 0; passed < outageMs; passed += periodMs) {
      take();
      await pass(periodMs, step);
    }
    take();
    await pass(50, 50);
    broker = await ScriptedBroker.start({}, port);
    await pass(periodMs - 50);
    take();
    await pass(500, 50);
    expect(newest(broker)).toBe(last);
    await broker.stop();
  }

  const layouts = promisedLayouts(0).map(({ name }, index) => [name, index] as const);
  describe.each(layouts)("%s", (_, index) => {
    it.each([
      ["5 s", 5_000],
      ["1 min", 60_000],
      ["30 min", 30 * 60_000],
    ])(
      "after %s, the first value arrives within one period and half a second",
      async (_, outageMs) => {
        let time = Date.UTC(2026, 10, 22, 12, 0, 0);
        const line = promisedLayouts(time)[index];
        if (line === undefined) throw new Error("no such layout");
        const decoder = createDecoder({ key: Buffer.from(line.key, "hex") });
        await outage(outageMs, 5_000, () => {
          time += 5_000;
          const [event] = decoder.feed(line.telegram(time));
          if (event?.type !== "telegram") throw new Error("no telegram");
          return buildReading(event.telegram, { meter: METER, receivedAt: time, complete: true });
        });
      },
      60_000,
    );
  });

  it("after 5 s, the first value of a meter that sends every second arrives within one period and half a second", async () => {
    await outage(5_000, 1_000, () => readingOf([["1-0:1.8.0*255", ++wh, 0, "Wh"]]));
  }, 60_000);

  /** A port that closes every connection at once. */
  async function closed(): Promise<{ url: string; attempts: () => number; close: () => void }> {
    let attempts = 0;
    const server: Server = createServer((socket) => {
      attempts++;
      socket.on("error", () => undefined).destroy();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { url: `mqtt://127.0.0.1:${port}`, attempts: () => attempts, close: () => server.close() };
  }

  it("readings start at most one attempt a second", async () => {
    const { url, attempts, close } = await closed();
    await start(url);
    for (let n = 0; n < 300; n++) {
      read();
      await pass(100, 100);
    }
    expect(attempts()).toBeGreaterThanOrEqual(25);
    expect(attempts()).toBeLessThanOrEqual(31);
    close();
  }, 30_000);

  it("a reading within a second of an attempt starts the next one at the end of that second", async () => {
    const { url, attempts, close } = await closed();
    await start(url);
    // Without readings, the pauses have grown.
    await pass(40_000, 1_000);
    read();
    await pass(100, 100);
    const before = attempts();
    await pass(500, 100);
    read();
    await pass(300, 100);
    expect(attempts()).toBe(before);
    await pass(300, 100);
    expect(attempts()).toBe(before + 1);
    close();
  }, 30_000);

  it("a refused login is retried only after the long pauses, however many readings are waiting", async () => {
    const broker = await ScriptedBroker.start({ connack: () => ({ returnCode: 5 }) });
    await start(broker.url);
    for (let n = 0; n < 120; n++) {
      read();
      await pass(1_000, 500);
    }
    // At 0, 1, 3, 7, 15, 31, 61, 91 s.
    expect(broker.connects.length).toBeGreaterThanOrEqual(6);
    expect(broker.connects.length).toBeLessThanOrEqual(9);
    await broker.stop();
  }, 30_000);
});
