/**
 * Soak test: telegrams at full speed through a pseudo-terminal, the real program and Mosquitto, with random faults.
 * SOAK_TELEGRAMS sets their number (default 10,000; 100,000 by hand, see docs/acceptance.md).
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../../src/sources/load-profile.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { DAMAGES, type DamageName, UNSEEN } from "../corruption/damage.ts";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { PtyPair } from "../helpers/pty.ts";

const TELEGRAMS = Number(process.env.SOAK_TELEGRAMS ?? 10_000);
const KEY = "000102030405060708090A0B0C0D0E0F";
const PERIOD_MS = 5_000;
const JSON_TOPIC = "kaifa2mqtt/house";
/**
 * Telegrams in flight: as many as pass through, no more. If the bridge reads more than about a dozen in one turn
 * of its event loop, as on a busy machine, the socket to the broker is congested and only the newest reading is sent.
 */
const ROUND = 10;
const ALL = Object.keys(DAMAGES) as DamageName[];

interface Sample {
  heapMb: number;
  externalMb: number;
  rssMb: number;
  timers: number;
  descriptors: number;
  threads: number;
}

/** Preloaded: on SIGUSR2 it collects garbage and writes the remaining resource usage. */
const MEASURE = `
import { renameSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const mb = (bytes) => Math.round(bytes / 1e5) / 10;
process.on("SIGUSR2", () => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  writeFileSync(FILE + ".new", JSON.stringify({ heapMb: mb(heapUsed), externalMb: mb(external), timers }));
  renameSync(FILE + ".new", FILE);
});
`;

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

test(`${TELEGRAMS} telegrams with faults: no exit, nothing grows, every good telegram is published`, {
  timeout: 120_000 + TELEGRAMS * 30,
}, async () => {
  const random = seededRandom(20261122);
  const broker = await (await Mosquitto.prepare()).start();
  const line = await PtyPair.open();
  const bridge = new BridgeProcess(program.main);
  const seen = await Subscriber.connect(broker.port, { keep: /^kaifa2mqtt\/house$/ });
  try {
    let time = Date.UTC(2026, 10, 22, 12, 0, 0);
    const options = { layout: "netz-noe", key: Buffer.from(KEY, "hex"), start: time };
    const meter = new SimulatedMeter(options);
    const other = new SimulatedMeter({ ...options, seed: 2 });
    const preload = join(bridge.folder, "measure.mjs");
    const measured = join(bridge.folder, "measured.json");
    writeFileSync(preload, MEASURE.replaceAll("FILE", JSON.stringify(measured)));
    bridge.start(
      `meter: { port: ${line.device}, key: ${KEY}, id: house }\nmqtt: { server: mqtt://127.0.0.1:${broker.port} }\nsolarview: { file: ${bridge.folder}/kaifa.txt }\nlog: { level: debug, file: ${bridge.folder}/bridge.log }`,
      { env: { NODE_OPTIONS: `--import=${preload}` } },
    );
    await bridge.says(/listening/);
    await seen.until((topic, payload) => topic === "kaifa2mqtt/bridge/state" && payload === "online", "online");
    const fresh = (): Uint8Array => {
      time += PERIOD_MS;
      return meter.telegram(time);
    };
    let next = fresh();
    const first = seen.next((topic) => topic === JSON_TOPIC, "the first reading");
    for (let i = 0; i < 3; i++) {
      line.write(next);
      next = fresh();
    }
    await first;
    const timesOf = (): Set<number> =>
      new Set(seen.kept.map(({ payload }) => Date.parse((JSON.parse(payload) as { time: string }).time)));
    const missing: string[] = [];
    const samples: Sample[] = [];
    let [sent, published, damaged] = [0, 0, 0];
    let faultAt = 2 * ROUND;
    while (sent < TELEGRAMS) {
      // A round of telegrams, some of them damaged; the last are intact, so that held ones are decided.
      const good: number[] = [];
      for (let i = 0; i < ROUND; i++) {
        const [bytes, at] = [next, time];
        next = fresh();
        const whole = i >= ROUND - 3 || random() > 0.1;
        if (whole) good.push(at);
        else damaged++;
        const name =
          ALL.filter((one) => !UNSEEN.includes(one))[Math.floor(random() * (ALL.length - UNSEEN.length))] ?? "one bit";
        line.write(whole ? bytes : DAMAGES[name]({ bytes, next, foreign: other.telegram(at) }, random));
        sent++;
        // A bridge starved on a busy machine would read the whole round at once and congest the socket to the broker.
        if (i === ROUND / 2 - 1) await seen.next(() => true, "anything of the first half", 500).catch(() => undefined);
        // The kernel's buffer of the pseudo-terminal holds 4 kB; the event loop must turn for the subscriber, too.
        if (i % 8 === 7) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const last = good.at(-1) ?? 0;
      await seen
        .next(
          (topic, payload) =>
            topic === JSON_TOPIC && Date.parse((JSON.parse(payload) as { time: string }).time) === last,
          `the reading of ${new Date(last).toISOString()} after ${sent} telegrams`,
          60_000,
        )
        .catch((error: Error) => {
          if (!timesOf().has(last)) throw error;
        });
      const arrived = timesOf();
      published += arrived.size;
      const absent = good.filter((at) => !arrived.has(at));
      missing.push(
        ...absent.map((at) => `${new Date(at).toISOString()} of ${good.map((one) => arrived.has(one))}: ${said()}`),
      );
      seen.kept.length = 0;
      expect(bridge.running).toBe(true);
      if (sent >= faultAt) {
        await fault(sent);
        faultAt += Math.max(2_000, Math.floor(TELEGRAMS / 12));
      }
      if (sent % 500 === 0) samples.push(await look());
    }
    const [early, end] = [samples[Math.floor(samples.length / 4)], samples.at(-1)];
    const show = (sample: Sample | undefined): string => JSON.stringify(sample);
    console.log(`soak: ${sent} telegrams, ${damaged} damaged, ${published} published, ${missing.length} missing`);
    console.log(`soak: after a quarter ${show(early)}, at the end ${show(end)}`);
    expect(missing).toEqual([]);
    expect(published).toBeGreaterThan(sent * 0.85);
    if (early === undefined || end === undefined) throw new Error("no samples");
    expect(end.heapMb - early.heapMb).toBeLessThan(3);
    expect(end.externalMb - early.externalMb).toBeLessThan(3);
    expect(end.rssMb - early.rssMb).toBeLessThan(30);
    expect(end.timers).toBeLessThan(early.timers + 5);
    expect(end.descriptors).toBeLessThanOrEqual(early.descriptors + 2);
    expect(end.threads).toBeLessThanOrEqual(early.threads);
    expect((await bridge.stop()).code).toBe(0);

    /** The bridge's latest log lines, to explain missing telegrams. */
    function said(): string {
      const lines = bridge.output.split("\n").slice(-300);
      return lines
        .filter((one) => /held|implausible|answer|checksum|framing|segment/i.test(one))
        .slice(-12)
        .join("\n");
    }

    /** Resource usage of the process after garbage collection. */
    async function look(): Promise<Sample> {
      rmSync(measured, { force: true });
      bridge.signal("SIGUSR2");
      await expect.poll(() => existsSync(measured), { timeout: 10_000 }).toBe(true);
      const inside = JSON.parse(readFileSync(measured, "utf8")) as Pick<Sample, "heapMb" | "externalMb" | "timers">;
      const { rss, fds, threads } = bridge.resources();
      return { ...inside, rssMb: Math.round(rss / 1e5) / 10, descriptors: fds, threads };
    }

    /** Between two rounds something fails and recovers; the next round starts with everything working again. */
    async function fault(after: number): Promise<void> {
      const kind = Math.floor(random() * 4);
      if (kind === 0) {
        await line.unplug();
        await line.plug();
        await bridge.says(/./);
      } else if (kind === 1) {
        await broker.stop();
        await broker.start();
      } else if (kind === 2) {
        broker.pause();
        await new Promise((resolve) => setTimeout(resolve, 500));
        broker.resume();
      } else {
        line.write(Uint8Array.from({ length: 3_000 }, () => Math.floor(random() * 256)));
      }
      // Recovered when a telegram is published again.
      const recovered = seen.next((topic) => topic === JSON_TOPIC, `a reading after fault ${kind} at ${after}`, 60_000);
      const sending = setInterval(() => {
        line.write(next);
        next = fresh();
      }, 200);
      await recovered.finally(() => clearInterval(sending));
      await new Promise((resolve) => setTimeout(resolve, 300));
      seen.kept.length = 0;
    }
  } finally {
    await bridge.close();
    await seen.stop();
    await line.close();
    await broker.close();
  }
});
