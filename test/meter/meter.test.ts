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

interface Bench {
  readonly meter: Meter;
  readonly source: ScriptedSource;
  readonly clock: FakeClock;
  readonly events: MeterEvent[];
  readonly log: string[];
  /** The telegram of this moment. */
  telegram(): Uint8Array;
  /** Telegrams come and periods pass, so many. */
  telegrams(count: number): Promise<void>;
  of<T extends MeterEvent["type"]>(type: T): Extract<MeterEvent, { type: T }>[];
}

const meters: Meter[] = [];
afterEach(async () => {
  for (const meter of meters.splice(0)) await meter.stop();
});

async function bench(
  options: { hasLine?: boolean; wrongKey?: boolean; refusal?: Error; decoder?: Decoder } = {},
): Promise<Bench> {
  const source = new ScriptedSource(options.hasLine ?? true);
  source.refusal = options.refusal ?? null;
  const clock = new FakeClock();
  const events: MeterEvent[] = [];
  const log: string[] = [];
  const simulated = new SimulatedMeter({ key, start });
  const say = (level: string) => (message: string | (() => string)) => {
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
    log: { error: say("error"), warn: say("warn"), info: say("info"), debug: say("debug") },
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
    const { source, telegram, of, clock } = await bench();
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

  it("says at first contact what is of the moment, and everything once a second telegram agrees", async () => {
    const { telegrams, of, meter } = await bench();
    await telegrams(2);
    expect(of("reading").map(({ reading }) => reading.complete)).toEqual([false, true, true]);
    expect(meter.status().counters).toMatchObject({ telegrams: 2, accepted: 2, rejected: 0 });
  });

  it("learns the period and is offline after three of them, thirty seconds at least", async () => {
    const { telegrams, of, meter, clock } = await bench();
    await telegrams(4);
    expect(meter.status()).toMatchObject({ periodMs: PERIOD, online: true });
    await clock.pass(30_000 - PERIOD - 1);
    expect(of("availability")).toHaveLength(1);
    await clock.pass(2);
    expect(of("availability").map(({ online }) => online)).toEqual([true, false]);
    await telegrams(1);
    expect(of("availability").map(({ online }) => online)).toEqual([true, false, true]);
  });

  it("waits three periods of a meter that pushes every quarter of an hour", async () => {
    const { source, telegram, of, clock, meter } = await bench();
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

  it("forgets a telegram that was cut off when the line falls silent, and reads the next", async () => {
    const { source, telegram, of, clock, meter } = await bench();
    source.push(telegram().subarray(0, 200));
    await clock.pass(900);
    expect(meter.status().counters.rejected).toBe(0);
    await clock.pass(200);
    expect(meter.status().counters.rejectedBy).toEqual({ framing: 1 });
    source.push(telegram());
    await flushPromises();
    expect(of("reading")).toHaveLength(1);
  });

  it("a start in the middle of a telegram is no damage: neither counted nor told", async () => {
    const { source, telegram, of, log, meter } = await bench();
    const whole = telegram();
    source.push(whole.subarray(30));
    source.push(telegram());
    await flushPromises();
    expect(meter.status().counters).toMatchObject({ rejected: 0, rejectedBy: {} });
    expect(of("reading")).toHaveLength(1);
    expect(log.filter((line) => line.startsWith("warn"))).toEqual([]);
    // Later on the same is damage.
    source.push(whole.subarray(30));
    source.push(telegram());
    await flushPromises();
    expect(meter.status().counters.rejectedBy).toEqual({ segmentation: 1 });
  });

  it("tries again with pauses that grow to thirty seconds while the device is missing", async () => {
    const { source, clock } = await bench({ refusal: new SourceError("no-device", "not there") });
    await clock.pass(8_000);
    expect(source.openings.length).toBeGreaterThanOrEqual(8);
    await clock.pass(600_000);
    const before = source.openings.length;
    await clock.pass(300_000);
    expect(source.openings.length - before).toBe(10);
  });

  it("tries a server on the network again each half period, however long the outage", async () => {
    const { source, clock, telegrams } = await bench({ hasLine: false });
    await telegrams(4);
    source.refusal = new SourceError("refused", "not there");
    source.fail(new SourceError("lost", "gone"));
    await clock.pass(600_000);
    const before = source.openings.length;
    await clock.pass(60_000);
    expect(source.openings.length - before).toBe(24);
  });

  it("is back at once when the source says that the device has changed", async () => {
    const { source, clock, of, telegram } = await bench({ refusal: new SourceError("no-device", "not there") });
    await clock.pass(600_000);
    source.refusal = null;
    source.change();
    await flushPromises();
    source.push(telegram());
    await flushPromises();
    expect(of("reading")).toHaveLength(1);
  });

  it("tells a missing device once and its return once", async () => {
    const { source, clock, log, telegram } = await bench({ refusal: new SourceError("no-device", "not there") });
    await clock.pass(60_000);
    const told = log.filter((line) => line.startsWith("warn"));
    expect(told).toHaveLength(1);
    source.refusal = null;
    source.change();
    await flushPromises();
    source.push(telegram());
    await flushPromises();
    expect(log.filter((line) => /works again after 60 s/.test(line))).toHaveLength(1);
  });

  it("goes on after the device was lost in the middle of a telegram", async () => {
    const { source, telegrams, telegram, clock, of } = await bench();
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

  it("begins with even parity, tries none when nothing but garble comes, and stays with what works", async () => {
    const { source, clock, telegrams } = await bench();
    const garble = Uint8Array.from({ length: 200 }, (_, i) => (i * 37 + 11) & 0x7f);
    for (let i = 0; i < 4; i++) {
      source.push(garble);
      await clock.pass(PERIOD);
    }
    expect(source.openings.map(({ parity }) => parity)).toEqual(["even", "none"]);
    await telegrams(10);
    expect(source.openings).toHaveLength(2);
  });

  it("tries the settings of an AMIS meter after both parities, and stays for longer than its search takes", async () => {
    const { source, clock } = await bench();
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

  it("takes frames that it cannot decrypt for a proof of the line settings", async () => {
    const { source, telegrams, meter } = await bench({ wrongKey: true });
    await telegrams(10);
    expect(source.openings).toHaveLength(1);
    expect(meter.status().counters.rejectedBy).toEqual({ "key-wrong": 10 });
    expect(meter.status().diagnosis.code).toBe("key-wrong");
  });

  it("tells the first dropped telegram with its reason and sums up the rest", async () => {
    const { telegrams, log } = await bench({ wrongKey: true });
    await telegrams(60);
    const dropped = log.filter((line) => line.includes("dropped"));
    expect(dropped[0]).toMatch(/^warn: telegram dropped \(key-wrong\)/);
    expect(dropped.length).toBeLessThanOrEqual(3);
    expect(dropped[1]).toMatch(/telegrams dropped in the last 1 min: 1\d × key-wrong/);
  });

  it("asks a server anew that holds the connection and sends nothing", async () => {
    const { source, clock } = await bench({ hasLine: false });
    await clock.pass(170_000);
    expect(source.openings).toHaveLength(1);
    await clock.pass(20_000);
    expect(source.openings).toHaveLength(2);
  });

  it("opens its port anew when that is asked for, and goes on", async () => {
    const { meter, source, telegrams, of } = await bench();
    await telegrams(2);
    const before = of("reading").length;
    meter.restart();
    await flushPromises();
    expect(source.openings).toHaveLength(2);
    await telegrams(2);
    expect(of("reading").length).toBeGreaterThan(before);
  });

  it("takes no harm from a wall clock that jumps", async () => {
    const { telegrams, clock, of, meter } = await bench();
    await telegrams(3);
    clock.jump(-10 * 365 * 86_400_000);
    await telegrams(3);
    clock.jump(20 * 365 * 86_400_000);
    await telegrams(3);
    expect(of("availability").map(({ online }) => online)).toEqual([true]);
    expect(meter.status()).toMatchObject({ periodMs: PERIOD, counters: { accepted: 9, rejected: 0 } });
  });

  it("ends with its source, and everything in it is decided then", async () => {
    const { source, telegram, of, meter } = await bench();
    source.push(telegram());
    source.end();
    await meter.done;
    expect(of("reading").map(({ reading }) => reading.complete)).toEqual([false, true]);
    expect(source.openings).toHaveLength(1);
  });

  it("stops in any state and leaves no timer behind", async () => {
    const states = [
      async (one: Bench) => one.clock.pass(10),
      async (one: Bench) => one.telegrams(3),
      async (one: Bench) => one.source.push(one.telegram().subarray(0, 100)),
      async (one: Bench) => one.source.fail(new SourceError("lost", "pulled")),
    ];
    for (const bring of states) {
      const one = await bench();
      await bring(one);
      await flushPromises();
      await one.meter.stop();
      await one.meter.stop();
      expect(one.clock.pending).toBe(0);
      const told = one.events.length;
      await one.clock.pass(60_000);
      expect(one.events).toHaveLength(told);
    }
  });

  it("survives an error of our own in handling bytes, with its stack in the log", async () => {
    const { source, clock, log, telegrams, of } = await bench();
    source.fail(new TypeError("a bug"));
    await clock.pass(1100);
    await telegrams(2);
    expect(log.some((line) => line.startsWith("error: TypeError: a bug\n"))).toBe(true);
    expect(of("reading").length).toBeGreaterThan(0);
  });
});

describe("a defect in the codec", () => {
  /** A decoder that throws at one of its doors as often as it is told to. */
  function failing(door: "feed" | "silence" | "end") {
    const decoder = createDecoder({ key });
    let throws = 2;
    const guarded =
      <A extends unknown[], R>(name: string, act: (...args: A) => R) =>
      (...args: A): R => {
        if (name === door && throws-- > 0) throw new RangeError("Maximum call stack size exceeded");
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
    "met in %s costs that telegram and is logged once; the session stays",
    async (door) => {
      const { telegrams, of, log, source, meter } = await bench({ decoder: failing(door) });
      await telegrams(4);
      expect(log.filter((line) => line.startsWith("error:"))).toHaveLength(1);
      expect(log.join("\n")).toContain("Maximum call stack size exceeded");
      expect(of("reading").length).toBeGreaterThanOrEqual(2);
      expect(source.openings).toHaveLength(1);
      expect(meter.status().counters).toMatchObject({ connections: 1, rejected: 2, rejectedBy: { malformed: 2 } });
    },
  );

  it("met when the source breaks off does not keep the meter from opening it again", async () => {
    const { telegrams, of, log, source, clock } = await bench({ decoder: failing("end") });
    source.fail(new SourceError("lost", "pulled"));
    await clock.pass(5_000);
    await telegrams(2);
    expect(source.openings.length).toBeGreaterThan(1);
    expect(of("reading").length).toBeGreaterThan(0);
    expect(log.filter((line) => line.startsWith("error:"))).toHaveLength(1);
  });
});
