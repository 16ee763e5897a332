/**
 * Many meters over `tcp://` in one process, each with a telegram every five seconds. Meters (meter-farm.ts) and subscriber
 * (message-log.ts) are separate processes, whose CPU time is reported, too: the load generator
 * must not be what limits it.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { DEMO_KEY } from "../src/sources/simulated-meter.ts";
import type { LogAnswer, LogRequest } from "./message-log.ts";
import type { FarmAnswer, FarmRequest } from "./meter-farm.ts";
import { BridgeProcess, type Broker, cpuSeconds, pause, quantile } from "./processes.ts";

const PERIOD_MS = 5000;
/** A message that has not arrived after this time counts as lost. */
const LOST_MS = 4000;

export type Topics = "all" | "json" | "values";

/** A child process that answers messages: each kind of answer can be awaited once. */
export class Helper<Request extends object | string | number, Answer extends { readonly type: string }> {
  readonly #child: ChildProcess;
  readonly #come: Answer[] = [];
  #waiting: { type: string; resolve: (answer: Answer) => void }[] = [];

  constructor(program: string, args: readonly string[]) {
    this.#child = fork(fileURLToPath(new URL(program, import.meta.url)), [...args]);
    this.#child.on("message", (answer: Answer) => {
      const one = this.#waiting.find(({ type }) => type === answer.type);
      if (one === undefined) this.#come.push(answer);
      else {
        this.#waiting = this.#waiting.filter((other) => other !== one);
        one.resolve(answer);
      }
    });
  }

  ask(request: Request): void {
    this.#child.send(request);
  }

  /** The next answer of this kind. @throws Error after `limitMs` */
  answer<Type extends Answer["type"]>(type: Type, limitMs = 60_000): Promise<Extract<Answer, { type: Type }>> {
    const at = this.#come.findIndex((one) => one.type === type);
    if (at >= 0) return Promise.resolve(this.#come.splice(at, 1)[0] as Extract<Answer, { type: Type }>);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no "${type}" within ${limitMs} ms`)), limitMs);
      const take = (answer: Answer): void => {
        clearTimeout(timer);
        resolve(answer as Extract<Answer, { type: Type }>);
      };
      this.#waiting.push({ type, resolve: take });
    });
  }

  cpu(): number {
    return cpuSeconds(this.#child.pid ?? 0);
  }

  stop(): void {
    this.#child.kill();
  }
}

/** Meters, subscriber and the bridge's configuration for them. */
class Fleet {
  readonly farm: Helper<FarmRequest, FarmAnswer>;
  readonly log: Helper<LogRequest, LogAnswer>;
  readonly config: string;

  private constructor(farm: Helper<FarmRequest, FarmAnswer>, log: Helper<LogRequest, LogAnswer>, config: string) {
    this.farm = farm;
    this.log = log;
    this.config = config;
  }

  static async open(broker: Broker, meters: number, choice: Topics, qos: 0 | 1, seen: string[]): Promise<Fleet> {
    const farm = new Helper<FarmRequest, FarmAnswer>("meter-farm.mjs", [String(meters), String(PERIOD_MS)]);
    const log = new Helper<LogRequest, LogAnswer>("message-log.mjs", [broker.url, String(qos), ...seen]);
    const { ports } = await farm.answer("ports");
    await log.answer("ready");
    const config = [
      `mqtt: { server: "${broker.url}" }`,
      `publish: { topics: ${choice} }`,
      "meters:",
      ...ports.map((port, n) => `  - { port: "tcp://127.0.0.1:${port}", key: ${DEMO_KEY}, id: m${n} }`),
    ];
    return new Fleet(farm, log, `${config.join("\n")}\n`);
  }

  stop(): void {
    this.farm.stop();
    this.log.stop();
  }
}

/** The measured topic: with `json`, only the object has one. */
const timedTopic = (choice: Topics): string => (choice === "json" ? "kaifa2mqtt/+" : "kaifa2mqtt/+/1.7.0");

/** Latency of each telegram, and number without a message: times of both sides, matched per meter. */
function match(
  sent: readonly (readonly [number, number])[],
  seen: readonly (readonly [number, number])[],
): { latencies: number[]; lost: number } {
  const come = new Map<number, number[]>();
  for (const [meter, at] of seen) {
    const times = come.get(meter);
    if (times === undefined) come.set(meter, [at]);
    else times.push(at);
  }
  const latencies: number[] = [];
  for (const [meter, at] of sent) {
    const first = come.get(meter)?.find((time) => time >= at);
    if (first !== undefined && first - at < LOST_MS) latencies.push(first - at);
  }
  return { latencies, lost: sent.length - latencies.length };
}

export interface ManyResult {
  /** Shares of a core. */
  readonly share: number;
  readonly farmShare: number;
  readonly logShare: number;
  readonly brokerShare: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly telegrams: number;
  readonly lost: number;
  readonly worstLateMs: number;
  /** MB resident at the end. */
  readonly rss: number;
}

/** The program that does as little as possible (bare-meters.ts). */
export const BARE_METERS = fileURLToPath(new URL("bare-meters.mjs", import.meta.url));

/** @param program another than the bridge */
export async function benchMany(
  broker: Broker,
  meters: number,
  choice: Topics,
  seconds: number,
  program?: string,
): Promise<ManyResult> {
  const fleet = await Fleet.open(broker, meters, choice, 0, [timedTopic(choice)]);
  const { farm, log } = fleet;
  const bridge = new BridgeProcess({}, fleet.config, program);
  try {
    await farm.answer("connected");
    farm.ask("run");
    // First contact takes two telegrams; then everything is announced.
    await pause(2 * PERIOD_MS + 2000);
    farm.ask("run");
    log.ask("clear");
    const begun = performance.now();
    const cpu = [bridge, farm, log, broker].map((one) => one.cpu());
    await pause(seconds * 1000);
    const took = (performance.now() - begun) / 1000;
    const shares = [bridge, farm, log, broker].map((one, n) => (one.cpu() - (cpu[n] ?? 0)) / took);
    const { rss } = bridge.memory();
    farm.ask("halt");
    const { sent, worstLateMs } = await farm.answer("sent");
    await pause(500);
    log.ask("take");
    const { seen } = await log.answer("log");
    const { latencies, lost } = match(sent, seen);
    const [share = 0, farmShare = 0, logShare = 0, brokerShare = 0] = shares;
    const telegrams = sent.length;
    const [medianMs, p95Ms] = [quantile(latencies, 0.5), quantile(latencies, 0.95)];

    return { share, farmShare, logShare, brokerShare, medianMs, p95Ms, telegrams, lost, worstLateMs, rss };
  } finally {
    await bridge.stop();
    fleet.stop();
    await broker.clear();
  }
}

/**
 * Seconds from process start until all meters are connected, and until the last is announced. Each meter sends a
 * telegram once connected and the next a period later: first contact takes two.
 */
export async function benchManyStart(broker: Broker, meters: number) {
  const fleet = await Fleet.open(broker, meters, "all", 0, ["homeassistant/sensor/+/power_import/config"]);
  const { farm, log } = fleet;
  farm.ask("greet");
  log.ask({ count: meters });
  const begun = Number(process.hrtime.bigint()) / 1e6;
  const bridge = new BridgeProcess({}, fleet.config);
  try {
    const connected = await farm.answer("connected");
    farm.ask("run");
    const counted = await log.answer("counted");
    return { connectedS: (connected.at - begun) / 1000, announcedS: (counted.at - begun) / 1000 };
  } finally {
    await bridge.stop();
    fleet.stop();
    await broker.clear();
  }
}

/**
 * The broker is down for `awayMs`, then restarts with its defaults and without retained messages, while the meters continue.
 * The subscriber uses QoS 1, because Mosquitto's limits (`max_queued_messages`, `max_inflight_messages`) apply to
 * such clients.
 */
export async function benchManyReturn(broker: Broker, meters: number, awayMs: number) {
  const fleet = await Fleet.open(broker, meters, "all", 1, ["kaifa2mqtt/#"]);
  const { farm, log } = fleet;
  const bridge = new BridgeProcess({}, fleet.config);
  try {
    await farm.answer("connected");
    farm.ask("run");
    await pause(2 * PERIOD_MS + 2000);
    await broker.kill();
    await pause(awayMs);
    log.ask("clear");
    log.ask({ count: meters });
    await broker.start();
    const back = Number(process.hrtime.bigint()) / 1e6;
    await log.answer("ready");
    const { at } = await log.answer("counted");
    // No message sent from now on may be lost.
    farm.ask("run");
    await pause(2 * PERIOD_MS);
    farm.ask("halt");
    const { sent } = await farm.answer("sent");
    await pause(1000);
    log.ask("take");
    const { seen } = await log.answer("log");
    const { lost } = match(sent, seen);
    return {
      firstMs: Math.min(...seen.map(([, time]) => time)) - back,
      allS: (at - back) / 1000,
      telegrams: sent.length,
      lost,
      dropped: await broker.dropped(),
      retained: await broker.retained("kaifa2mqtt/+"),
    };
  } finally {
    await bridge.stop();
    fleet.stop();
    await broker.clear();
  }
}
