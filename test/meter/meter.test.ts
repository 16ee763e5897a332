import { afterEach, describe, expect, it } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import { createDecoder } from "../../src/codec/decoder.ts";
import type { Decoder } from "../../src/codec/decoder-event.ts";
import { Observer } from "../../src/diagnosis/observer.ts";
import type { MeterEvent } from "../../src/meter/events.ts";
import { Meter } from "../../src/meter/meter.ts";
import { PartialStart } from "../../src/meter/partial-start.ts";
import { buildReading } from "../../src/meter/reading.ts";
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { SourceError } from "../../src/sources/source.ts";
import { FakeClock, flushPromises } from "../helpers/fake-clock.ts";
import { METER } from "../helpers/readings.ts";
import { ScriptedSource } from "../helpers/scripted-source.ts";

const key = Buffer.from(DEMO_KEY, "hex");
const start = Date.UTC(2026, 0, 1);
const PERIOD = 5000;

interface TestBench {
  readonly meter: Meter;
  readonly source: ScriptedSource;
  readonly clock: FakeClock;
  readonly events: MeterEvent[];
  readonly log: string[];
  /** The current telegram. */
  telegram(): Uint8Array;
  /** Sends `count` telegrams, one per period. */
  telegrams(count: number): Promise<void>;
  of<T extends MeterEvent["type"]>(type: T): Extract<MeterEvent, { type: T }>[];
}

const meters: Meter[] = [];
afterEach(async () => {
  for (const meter of meters.splice(0)) await meter.stop();
});

async function testBench(
  options: { hasLine?: boolean; wrongKey?: boolean; refusal?: Error; decoder?: Decoder } = {},
): Promise<TestBench> {
  const source = new ScriptedSource(options.hasLine ?? true);
  source.refusal = options.refusal ?? null;
  const clock = new FakeClock();
  const events: MeterEvent[] = [];
  const log: string[] = [];
  const simulated = new SimulatedMeter({ key, start });
  const logTo = (level: string) => (message: string | (() => string)) => {
    if (level !== "debug") log.push(`${level}: ${typeof message === "function" ? message() : message}`);
  };
  const meter = new Meter({
    index: 0,
    source,
    line: { baudRate: 2400, dataBits: 8, parity: "auto", stopBits: 1 },
    decoder: options.decoder ?? new PartialStart(createDecoder({ key: options.wrongKey ? Buffer.alloc(16, 7) : key })),
    acceptance: createAcceptance(),
    observer: new Observer(source.label, options.hasLine === false ? "tcp" : "serial"),
    toReading: (telegram, complete, receivedAt) => buildReading(telegram, { meter: METER, receivedAt, complete }),
    emit: (event) => void events.push(event),
    log: { error: logTo("error"), warn: logTo("warn"), info: logTo("info"), debug: logTo("debug") },
    clock,
  });
  meters.push(meter);
  meter.start();
  await flushPromises();
  const telegram = (): Uint8Array => simulated.telegram(start + clock.now());
  return {
    meter,
    source,
    clock,
    events,
    log,
    telegram,
    telegrams: async (count) => {
      for (let i = 0; i < count; i++) {
        source.push(telegram());
        await clock.pass(PERIOD);
      }
    },
    of: (type) => events.filter((event) => event.type === type) as never,
  };
}

describe("a meter", () => {
  it("emits a reading at the last byte of a telegram, without waiting for silence", async () => {
    const { source, telegram, of, clock } = await testBench();
    const bytes = telegram();
    source.push(bytes.subarray(0, -1));
    await flushPromises();
    expect(of("reading")).toHaveLength(0);
    source.push(bytes.subarray(-1));
    await flushPromises();
    expect(of("reading")).toHaveLength(1);
    expect(of("availability")).toMatchObject([{ online: true }]);
    expect(of("reading")[0]?.reading.receivedAt).toBe(clock.wall());
  });

  it("publishes instantaneous values at first contact, and everything once a second telegram agrees", async () => {
    const { telegrams, of, meter } = await testBench();
    await telegrams(2);
    expect(of("reading").map(({ reading }) => reading.complete)).toEqual([false, true, true]);
    expect(meter.status().counters).toMatchObject({ telegrams: 2, accepted: 2, rejected: 0 });
  });

  it("learns the period and goes offline after three periods, at least thirty seconds", async () => {
    const { telegrams, of, meter, clock } = await testBench();
    await telegrams(4);
    expect(meter.status()).toMatchObject({ periodMs: PERIOD, online: true });
    await clock.pass(30_000 - PERIOD - 1);
    expect(of("availability")).toHaveLength(1);
    await clock.pass(2);
    expect(of("availability").map(({ online }) => online)).toEqual([true, false]);
    await telegrams(1);
    expect(of("availability").map(({ online }) => online)).toEqual([true, false, true]);
  });

  it("waits three periods for a meter that pushes every quarter of an hour", async () => {
    const { source, telegram, of, clock, meter } = await testBench();
    for (let i = 0; i < 3; i++) {
      await clock.pass(900_000);
      source.push(telegram());
      await flushPromises();
    }
    expect(meter.status().periodMs).toBe(900_000);
    expect(of("availability").map(({ online }) => online)).toEqual([true]);
    await clock.pass(3 * 900_000 - 1000);
    expect(of("availability")).toHaveLength(1);
    await clock.pass(2000);
    expect(of("availability").map(({ online }) => online)).toEqual([true, false]);
  });

  it("drops a truncated telegram when the line falls silent, and reads the next one", async () => {
    const { source, telegram, of, clock, meter } = await testBench();
    source.push(telegram().subarray(0, 200));
    await clock.pass(900);
    expect(meter.status().counters.rejected).toBe(0);
    await clock.pass(200);
    expect(meter.status().counters.rejectedBy).toEqual({ framing: 1 });
    source.push(telegram());
    await flushPromises();
    expect(of("reading")).toHaveLength(1);
  });

  it("does not count or log a start in the middle of a telegram as damage", async () => {
    const { source, telegram, of, log, meter } = await testBench();
    const complete = telegram();
    source.push(complete.subarray(30));
    source.push(telegram());
    await flushPromises();
    expect(meter.status().counters).toMatchObject({ rejected: 0, rejectedBy: {} });
    expect(of("reading")).toHaveLength(1);
    expect(log.filter((line) => line.startsWith("warn"))).toEqual([]);
    // Later, the same is damage.
    source.push(complete.subarray(30));
    source.push(telegram());
    await flushPromises();
    expect(meter.status().counters.rejectedBy).toEqual({ segmentation: 1 });
  });

  it("retries with a back-off of up to thirty seconds while the device is missing", async () => {
    const { source, clock } = await testBench({ refusal: new SourceError("no-device", "not there") });
    await clock.pass(8_000);
    expect(source.openings.length).toBeGreaterThanOrEqual(8);
    await clock.pass(600_000);
    const before = source.openings.length;
    await clock.pass(300_000);
    expect(source.openings.length - before).toBe(10);
  });

  it("retries a network server every half period, however long the outage", async () => {
    const { source, clock, telegrams } = await testBench({ hasLine: false });
    await telegrams(4);
    source.refusal = new SourceError("refused", "not there");
    source.fail(new SourceError("lost", "gone"));
    await clock.pass(600_000);
    const before = source.openings.length;
    await clock.pass(60_000);
    expect(source.openings.length - before).toBe(24);
  });

  it("reconnects at once when the source reports a changed device", async () => {
    const { source, clock, of, telegram } = await testBench({ refusal: new SourceError("no-device", "not there") });
    await clock.pass(600_000);
    source.refusal = null;
    source.change();
    await flushPromises();
    source.push(telegram());
    await flushPromises();
    expect(of("reading")).toHaveLength(1);
  });

  it("logs a missing device once and its return once", async () => {
    const { source, clock, log, telegram } = await testBench({ refusal: new SourceError("no-device", "not there") });
    await clock.pass(60_000);
    const warnings = log.filter((line) => line.startsWith("warn"));
    expect(warnings).toHaveLength(1);
    source.refusal = null;
    source.change();
    await flushPromises();
    source.push(telegram());
    await flushPromises();
    expect(log.filter((line) => /works again after 60 s/.test(line))).toHaveLength(1);
  });

  it("recovers after the device was lost in the middle of a telegram", async () => {
    const { source, telegrams, telegram, clock, of } = await testBench();
    await telegrams(3);
    source.push(telegram().subarray(0, 100));
    await flushPromises();
    source.fail(new SourceError("lost", "pulled"));
    await clock.pass(1100);
    const before = of("reading").length;
    source.push(telegram());
    await flushPromises();
    expect(of("reading")).toHaveLength(before + 1);
  });

  it("starts with even parity, tries no parity if only garbage arrives, and keeps the setting that works", async () => {
    const { source, clock, telegrams } = await testBench();
    const garbage = Uint8Array.from({ length: 200 }, (_, i) => (i * 37 + 11) & 0x7f);
    for (let i = 0; i < 4; i++) {
      source.push(garbage);
      await clock.pass(PERIOD);
    }
    expect(source.openings.map(({ parity }) => parity)).toEqual(["even", "none"]);
    await telegrams(10);
    expect(source.openings).toHaveLength(2);
  });

  it("tries the AMIS settings after both parities, for longer than an AMIS meter needs to search", async () => {
    const { source, clock } = await testBench();
    const openings = () => source.openings.map(({ baudRate, parity }) => `${baudRate} ${parity}`);
    await clock.pass(61_000);
    expect(openings()).toEqual(["2400 even", "2400 none"]);
    await clock.pass(121_000);
    expect(openings()).toEqual(["2400 even", "2400 none", "9600 even"]);
    await clock.pass(129_000);
    expect(openings()).toHaveLength(3);
    source.push(new SimulatedMeter({ layout: "amis", key, start }).telegram(start));
    await flushPromises();
    await clock.pass(600_000);
    expect(openings()).toHaveLength(3);
  });

  it("takes frames that it cannot decrypt as proof of the line settings", async () => {
    const { source, telegrams, meter } = await testBench({ wrongKey: true });
    await telegrams(10);
    expect(source.openings).toHaveLength(1);
    expect(meter.status().counters.rejectedBy).toEqual({ "key-wrong": 10 });
    expect(meter.status().diagnosis.code).toBe("key-wrong");
  });

  it("logs the first dropped telegram with its reason and summarizes the rest", async () => {
    const { telegrams, log } = await testBench({ wrongKey: true });
    await telegrams(60);
    const dropped = log.filter((line) => line.includes("dropped"));
    expect(dropped[0]).toMatch(/^warn: telegram dropped \(key-wrong\)/);
    expect(dropped.length).toBeLessThanOrEqual(3);
    expect(dropped[1]).toMatch(/telegrams dropped in the last 1 min: 1\d × key-wrong/);
  });

  it("reconnects to a server that keeps the connection open but sends nothing", async () => {
    const { source, clock } = await testBench({ hasLine: false });
    await clock.pass(170_000);
    expect(source.openings).toHaveLength(1);
    await clock.pass(20_000);
    expect(source.openings).toHaveLength(2);
  });

  it("reopens its port on request and continues", async () => {
    const { meter, source, telegrams, of } = await testBench();
    await telegrams(2);
    const before = of("reading").length;
    meter.restart();
    await flushPromises();
    expect(source.openings).toHaveLength(2);
    await telegrams(2);
    expect(of("reading").length).toBeGreaterThan(before);
  });

  it("is not affected by a wall clock that jumps", async () => {
    const { telegrams, clock, of, meter } = await testBench();
    await telegrams(3);
    clock.jump(-10 * 365 * 86_400_000);
    await telegrams(3);
    clock.jump(20 * 365 * 86_400_000);
    await telegrams(3);
    expect(of("availability").map(({ online }) => online)).toEqual([true]);
    expect(meter.status()).toMatchObject({ periodMs: PERIOD, counters: { accepted: 9, rejected: 0 } });
  });

  it("ends with its source and decides all held telegrams", async () => {
    const { source, telegram, of, meter } = await testBench();
    source.push(telegram());
    source.end();
    await meter.done;
    expect(of("reading").map(({ reading }) => reading.complete)).toEqual([false, true]);
    expect(source.openings).toHaveLength(1);
  });

  it("stops in any state and leaves no timer behind", async () => {
    const states = [
      async (bench: TestBench) => bench.clock.pass(10),
      async (bench: TestBench) => bench.telegrams(3),
      async (bench: TestBench) => bench.source.push(bench.telegram().subarray(0, 100)),
      async (bench: TestBench) => bench.source.fail(new SourceError("lost", "pulled")),
    ];
    for (const enterState of states) {
      const bench = await testBench();
      await enterState(bench);
      await flushPromises();
      await bench.meter.stop();
      await bench.meter.stop();
      expect(bench.clock.pending).toBe(0);
      const eventCount = bench.events.length;
      await bench.clock.pass(60_000);
      expect(bench.events).toHaveLength(eventCount);
    }
  });

  it("survives a bug in our handling of bytes and logs its stack", async () => {
    const { source, clock, log, telegrams, of } = await testBench();
    source.fail(new TypeError("a bug"));
    await clock.pass(1100);
    await telegrams(2);
    expect(log.some((line) => line.startsWith("error: TypeError: a bug\n"))).toBe(true);
    expect(of("reading").length).toBeGreaterThan(0);
  });
});

describe("a defect in the codec", () => {
  /** A decoder that throws twice in one of its methods. */
  function failing(method: "feed" | "silence" | "end") {
    const decoder = createDecoder({ key });
    let throws = 2;
    const guarded =
      <A extends unknown[], R>(name: string, act: (...args: A) => R) =>
      (...args: A): R => {
        if (name === method && throws-- > 0) throw new RangeError("Maximum call stack size exceeded");
        return act(...args);
      };
    return {
      feed: guarded("feed", (chunk: Uint8Array) => decoder.feed(chunk)),
      silence: guarded("silence", () => decoder.silence()),
      end: guarded("end", () => decoder.end()),
      reset: () => decoder.reset(),
      get wanted() {
        return decoder.wanted;
      },
    };
  }

  it.each(["feed", "silence"] as const)(
    "in %s costs that telegram and is logged once; the connection stays open",
    async (method) => {
      const { telegrams, of, log, source, meter } = await testBench({ decoder: failing(method) });
      await telegrams(4);
      expect(log.filter((line) => line.startsWith("error:"))).toHaveLength(1);
      expect(log.join("\n")).toContain("Maximum call stack size exceeded");
      expect(of("reading").length).toBeGreaterThanOrEqual(2);
      expect(source.openings).toHaveLength(1);
      expect(meter.status().counters).toMatchObject({ connections: 1, rejected: 2, rejectedBy: { malformed: 2 } });
    },
  );

  it("when the source is lost does not prevent the meter from reopening it", async () => {
    const { telegrams, of, log, source, clock } = await testBench({ decoder: failing("end") });
    source.fail(new SourceError("lost", "pulled"));
    await clock.pass(5_000);
    await telegrams(2);
    expect(source.openings.length).toBeGreaterThan(1);
    expect(of("reading").length).toBeGreaterThan(0);
    expect(log.filter((line) => line.startsWith("error:"))).toHaveLength(1);
  });
});
