/**
 * Cost of the quarter-hour ledger: the program compared with one whose ledger records nothing, both fed the same telegrams
 * alternately.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { BUNDLE_OPTIONS } from "../scripts/bundle-options.mjs";
import { SimulatedMeter } from "../src/sources/simulated-meter.ts";
import { PtyPair } from "../test/helpers/pty.ts";
import { BridgeProcess, type Broker, pause, quantile, Subscriber } from "./processes.ts";

/** A ledger that records nothing. */
const STUB = `
export class Ledger {
  reader = { meters: async () => [], points: async () => [], intervals: async () => [] };
  subscribe() {}
  take() {}
  async stop() {}
}`;
const withoutLedger: Plugin = {
  name: "without-ledger",
  setup({ onLoad }) {
    onLoad({ filter: /src\/ledger\/ledger\.ts$/ }, () => ({ contents: STUB, loader: "js" }));
  },
};
const WARM = 40;
/** Telegram interval in the meter's time, so that a run of 400 telegrams passes nine boundaries. */
const PERIOD_MS = 20_000;

export interface LedgerCost {
  /** MB (2^20 bytes) resident after all telegrams, medians. */
  readonly withMb: number;
  readonly withoutMb: number;
  /** The same without mapped files. */
  readonly withAnonymousMb: number;
  readonly withoutAnonymousMb: number;
  /** Milliseconds from the last byte written to the power at a subscriber, medians. */
  readonly withMs: number;
  readonly withoutMs: number;
  readonly telegrams: number;
}

export async function benchLedger(broker: Broker, telegrams: number, runs: number): Promise<LedgerCost> {
  const folder = resolve("node_modules/.cache/kaifa2mqtt-without-ledger");
  mkdirSync(folder, { recursive: true });
  await build({
    ...BUNDLE_OPTIONS,
    entryPoints: { main: "src/main.ts" },
    outdir: folder,
    plugins: [...(BUNDLE_OPTIONS.plugins ?? []), withoutLedger],
  });
  const results: Sides[] = [];
  for (let run = 0; run < runs; run++) results.push(await compare(broker, telegrams, `${folder}/main.js`, run));
  const median = (of: (result: Sides) => number): number => quantile(results.map(of), 0.5);
  return {
    withMb: median(([ledger]) => ledger.rss),
    withoutMb: median(([, none]) => none.rss),
    withAnonymousMb: median(([ledger]) => ledger.anonymous),
    withoutAnonymousMb: median(([, none]) => none.anonymous),
    withMs: quantile(
      results.flatMap(([ledger]) => ledger.latencies),
      0.5,
    ),
    withoutMs: quantile(
      results.flatMap(([, none]) => none.latencies),
      0.5,
    ),
    telegrams,
  };
}

interface Side {
  readonly rss: number;
  readonly anonymous: number;
  readonly latencies: readonly number[];
}
/** With the ledger, without it. */
type Sides = readonly [Side, Side];

async function compare(broker: Broker, telegrams: number, without: string, run: number): Promise<Sides> {
  const names = ["with", "without"] as const;
  const lines = [await PtyPair.open(), await PtyPair.open()] as const;
  const subscriber = await Subscriber.connect(broker.url, "+/+/1.7.0");
  const bridges = names.map(
    (name, side) =>
      new BridgeProcess(
        {
          KAIFA2MQTT_METER_PORT: lines[side as 0 | 1].device,
          KAIFA2MQTT_MQTT_SERVER: broker.url,
          KAIFA2MQTT_MQTT_BASE_TOPIC: name,
        },
        undefined,
        name === "without" ? without : undefined,
      ),
  );
  const meters = names.map(() => new SimulatedMeter({ start: Date.now(), seed: 40 + run }));
  const latencies: [number[], number[]] = [[], []];
  let time = Date.now();
  try {
    for (const bridge of bridges) await bridge.listening();
    for (let n = 0; n < telegrams; n++) {
      time += PERIOD_MS;
      // Alternate which goes first, so that neither benefits from a warmer machine.
      for (const side of n % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const power = subscriber.next(new RegExp(`^${names[side]}/`));
        lines[side].write((meters[side] as SimulatedMeter).telegram(time));
        const written = performance.now();
        const latency = (await power) - written;
        if (n >= WARM) latencies[side].push(latency);
        await pause(10);
      }
    }
    await pause(500);
    const [ledger, none] = bridges.map((bridge) => bridge.memory());
    if (ledger === undefined || none === undefined) throw new Error("a bridge is missing");
    return [
      { ...ledger, latencies: latencies[0] },
      { ...none, latencies: latencies[1] },
    ];
  } finally {
    for (const bridge of bridges) await bridge.stop();
    await subscriber.stop();
    for (const line of lines) await line.close();
  }
}
