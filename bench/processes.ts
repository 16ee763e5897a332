/** The real parts of a measurement: the built bridge as a process, a broker, a subscriber. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import { DEMO_KEY } from "../src/sources/simulated-meter.ts";
import { freePort } from "../test/helpers/free-port.ts";

/** A separate Mosquitto with its defaults and without persistence. */
export class Broker {
  /** `mqtt://127.0.0.1:PORT` */
  readonly url: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "kaifa-bench-"));
  #child: ChildProcess | null = null;

  private constructor(port: number) {
    this.url = `mqtt://127.0.0.1:${port}`;
    const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "set_tcp_nodelay true", "sys_interval 1"];
    writeFileSync(join(this.#folder, "mosquitto.conf"), `${lines.join("\n")}\n`);
  }

  /** @throws Error if Mosquitto is not installed */
  static async open(): Promise<Broker> {
    const broker = new Broker(await freePort());
    await broker.start();
    return broker;
  }

  async start(): Promise<void> {
    const program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].find((path) => existsSync(path));
    if (program === undefined) throw new Error("Mosquitto is not installed (Debian: apt install mosquitto)");
    this.#child = spawn(program, ["-c", join(this.#folder, "mosquitto.conf")], { stdio: "ignore" });
    for (let attempt = 0; attempt < 1000; attempt++) {
      const client = await mqtt.connectAsync(this.url, { reconnectPeriod: 0 }).catch(() => null);
      if (client !== null) return client.endAsync();
      await pause(10);
    }
    throw new Error("Mosquitto does not start");
  }

  /** Simulates a power failure of the machine. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  cpu(): number {
    return cpuSeconds(this.#child?.pid ?? 0);
  }

  /** Messages dropped since its start, according to `$SYS`. */
  async dropped(): Promise<number> {
    const [count] = await this.#read("$SYS/broker/publish/messages/dropped");
    return Number(count?.payload ?? Number.NaN);
  }

  /** Number of retained messages on matching topics. */
  async retained(topic: string): Promise<number> {
    return (await this.#read(topic)).length;
  }

  /** Restarts without retained messages. */
  async clear(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async stop(): Promise<void> {
    if (this.#child !== null) await end(this.#child);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The retained messages, complete when none has arrived for a while. */
  async #read(topic: string): Promise<{ topic: string; payload: string }[]> {
    const client = await mqtt.connectAsync(this.url);
    const found: { topic: string; payload: string }[] = [];
    let changed = true;
    client.on("message", (name, payload, { retain }) => {
      if (retain) found.push({ topic: name, payload: payload.toString() });
      changed = true;
    });
    await client.subscribeAsync(topic);
    while (changed) {
      changed = false;
      await pause(1500);
    }
    await client.endAsync(true);
    return found;
  }
}

/** As in the image and the systemd unit (docs/benchmarks.md). */
const ALLOCATION = { MALLOC_TRIM_THRESHOLD_: "131072" };

/** The bridge as its users run it. */
export class BridgeProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  #output = "";
  #opened = 0;

  /**
   * @param environment additional `KAIFA2MQTT_*` variables
   * @param config text of a configuration file
   * @param main another program than that in `$OUTDIR` or dist/
   */
  constructor(
    environment: Record<string, string>,
    config?: string,
    main = join(process.env.OUTDIR ?? "dist", "main.js"),
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), "kaifa-bench-"));
    const file = join(this.#folder, "kaifa2mqtt.yaml");
    if (config !== undefined) writeFileSync(file, config, { mode: 0o600 });
    // CPU profile: BENCH_PROFILE=FOLDER (docs/benchmarks.md).
    const folder = process.env.BENCH_PROFILE;
    const profiling = folder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${folder}`];
    this.#child = spawn(
      process.execPath,
      [...profiling, main, "run", ...(config === undefined ? [] : ["--config", file])],
      {
        env: {
          PATH: process.env.PATH ?? "",
          ...ALLOCATION,
          ...(config === undefined ? { KAIFA2MQTT_METER_KEY: DEMO_KEY } : {}),
          KAIFA2MQTT_DATA_DIR: this.#folder,
          ...environment,
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#opened += chunk.toString().split("listening at").length - 1;
        this.#output = (this.#output + chunk.toString()).slice(-20_000);
      });
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when every source has been opened. @throws Error with its output after ten seconds */
  async listening(sources = 1): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      if (this.#opened >= sources) return pause(200);
      await pause(50);
    }
    throw new Error(`the bridge does not listen: ${this.#output}`);
  }

  /** Resident memory in MB (2^20 bytes): total, and without mapped files. */
  memory(): { rss: number; anonymous: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const field = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
    return { rss: field("VmRSS"), anonymous: field("RssAnon") };
  }

  /** CPU time so far in seconds, user and system, all threads. */
  cpu(): number {
    return cpuSeconds(this.pid);
  }

  async stop(): Promise<void> {
    await end(this.#child);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * CPU time of a process so far in seconds, user and system, all live threads. Uses the scheduler's accounting in
 * nanoseconds (`/proc/PID/task/TID/schedstat`): `/proc/PID/stat` counts in hundredths of a second.
 */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      // This thread has ended in the meantime.
    }
  }
  return nanoseconds / 1e9;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await gone;
  clearTimeout(force);
}

/** Subscribes to everything below the base topic; `next` waits for a message on a matching topic. */
export class Subscriber {
  readonly #client: mqtt.MqttClient;
  readonly #waiting: { fits: RegExp; resolve: (at: number) => void }[] = [];
  /** Messages so far by topic. */
  readonly counts = new Map<string, number>();

  private constructor(client: mqtt.MqttClient) {
    this.#client = client;
    client.on("message", (topic, _payload, { retain }) => {
      const at = performance.now();
      // Of an earlier benchmark.
      if (retain) return;
      this.counts.set(topic, (this.counts.get(topic) ?? 0) + 1);
      for (let i = this.#waiting.length - 1; i >= 0; i--) {
        const one = this.#waiting[i];
        if (one?.fits.test(topic)) {
          this.#waiting.splice(i, 1);
          one.resolve(at);
        }
      }
    });
  }

  static async connect(url: string, topic = "kaifa2mqtt/#"): Promise<Subscriber> {
    const client = await mqtt.connectAsync(url);
    const subscriber = new Subscriber(client);
    await client.subscribeAsync(topic);
    return subscriber;
  }

  /** Arrival time (`performance.now()`) of the next message on a matching topic. @throws Error after `limitMs` */
  next(fits: RegExp, limitMs = 20_000): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no message on ${fits} in ${limitMs} ms`)), limitMs);
      this.#waiting.push({
        fits,
        resolve: (at) => {
          clearTimeout(timer);
          resolve(at);
        },
      });
    });
  }

  async stop(): Promise<void> {
    await this.#client.endAsync(true);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** @param share 0.5 the median, 0.95 … */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
