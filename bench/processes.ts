/** The real parts of a measurement: the built bridge as a process, a broker, a subscriber. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import { DEMO_KEY } from "../src/sources/simulated-meter.ts";
import { freePort } from "../test/helpers/free-port.ts";

/** Ticks of `/proc/<pid>/stat` per second: USER_HZ, 100 on every Linux architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface Broker {
  /** `mqtt://127.0.0.1:PORT` */
  readonly url: string;
  readonly name: string;
  stop(): Promise<void>;
}

/** Mosquitto where it is installed, else aedes (in this process: it then takes part in the latency). */
export async function startBroker(): Promise<Broker> {
  const port = await freePort();
  const program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].find((path) => existsSync(path));
  const url = `mqtt://127.0.0.1:${port}`;
  if (program === undefined) {
    const { Aedes } = await import("aedes");
    const aedes = await Aedes.createBroker();
    const server = createServer(aedes.handle).listen(port, "127.0.0.1");
    await once(server, "listening");
    return {
      url,
      name: "aedes",
      stop: async () => {
        await new Promise<void>((resolve) => aedes.close(resolve));
        server.close();
      },
    };
  }
  const folder = mkdtempSync(join(tmpdir(), "kaifa-bench-"));
  const config = join(folder, "mosquitto.conf");
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n`);
  const child = spawn(program, ["-c", config], { stdio: ["ignore", "ignore", "ignore"] });
  for (let attempt = 0; attempt < 100; attempt++) {
    const client = await mqtt.connectAsync(url, { reconnectPeriod: 0 }).catch(() => null);
    if (client !== null) {
      await client.endAsync();
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    name: "Mosquitto",
    stop: async () => {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The bridge as its users run it. */
export class BridgeProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  #output = "";

  /**
   * @param environment more of `KAIFA2MQTT_*`
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
    this.#child = spawn(process.execPath, [main, "run", ...(config === undefined ? [] : ["--config", file])], {
      env: {
        PATH: process.env.PATH ?? "",
        ...(config === undefined ? { KAIFA2MQTT_METER_KEY: DEMO_KEY } : {}),
        KAIFA2MQTT_DATA_DIR: this.#folder,
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-20_000);
      });
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when every source has been opened. @throws Error after ten seconds, with what it said */
  async listening(sources = 1): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      if (this.#output.split("listening at").length > sources) return pause(200);
      await pause(50);
    }
    throw new Error(`the bridge does not listen: ${this.#output}`);
  }

  /** Resident memory in MB (2^20 bytes): all of it, and what is not a mapped file. */
  memory(): { rss: number; anonymous: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const field = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
    return { rss: field("VmRSS"), anonymous: field("RssAnon") };
  }

  /** Processor time so far in seconds, user and system, all threads. */
  cpu(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  async stop(): Promise<void> {
    await end(this.#child);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 6000);
  await gone;
  clearTimeout(force);
}

/** Sees every message below the base topic; `next` waits for one on a topic that fits. */
export class Subscriber {
  readonly #client: mqtt.MqttClient;
  readonly #waiting: { fits: RegExp; resolve: (at: number) => void }[] = [];
  /** Messages so far by topic. */
  readonly counts = new Map<string, number>();

  private constructor(client: mqtt.MqttClient) {
    this.#client = client;
    client.on("message", (topic) => {
      const at = performance.now();
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

  /** When the next message on such a topic comes, `performance.now()`. @throws Error after `limitMs` */
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
