/** Docker, through its command line. */
import { execFile } from "node:child_process";
import { connect, type MqttClient } from "mqtt";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import type { PtyPair } from "../helpers/pty.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

export const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where buildx records builds; by default it uses the user's home. */
const BUILDX_CONFIG = temporaryFolder("kaifa-buildx-");

/** Runs `docker …`; throws an error with its output on failure, unless `check` is false. */
export function docker(args: readonly string[], { cwd = ".", env = {}, check = true } = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...process.env, BUILDX_CONFIG, ...env }, maxBuffer: 64 * 1024 * 1024 };
    execFile("docker", args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? 1);
      if (error !== null && check) reject(new Error(`docker ${args.join(" ")}\n${stdout}\n${stderr}`));
      else resolve({ code, stdout, stderr });
    });
  });
}

/** What `docker inspect` says about a container or image. */
// biome-ignore lint/suspicious/noExplicitAny: the engine's answer, of which tests read a few fields
export async function inspect(name: string): Promise<any> {
  return JSON.parse((await docker(["inspect", name])).stdout)[0];
}

/** A meter that sends on a pseudo-terminal every two seconds, until `stop`. */
export function speakingMeter(line: PtyPair): { stop(): void } {
  const meter = new SimulatedMeter({ key: Buffer.from(KEY, "hex"), start: Date.now() });
  const speak = (): void => {
    try {
      line.write(meter.telegram(Date.now()));
    } catch {
      // the adapter is unplugged at the moment
    }
  };
  const timer = setInterval(speak, 2000);
  return { stop: () => clearInterval(timer) };
}

/** Subscribes to a broker. */
export class Subscriber {
  readonly #client: MqttClient;
  readonly #waiting = new Set<(topic: string, text: string, retained: boolean) => void>();
  /** The last payload of every topic. */
  readonly seen = new Map<string, string>();

  constructor(port: number, login: { username?: string; password?: string } = {}) {
    this.#client = connect(`mqtt://127.0.0.1:${port}`, { ...login, reconnectPeriod: 200 });
    this.#client.on("error", () => undefined);
    this.#client.subscribe("#");
    this.#client.on("message", (topic, payload, packet) => {
      this.seen.set(topic, payload.toString());
      for (const waiting of this.#waiting) waiting(topic, payload.toString(), packet.retain);
    });
  }

  /** The next message on a matching topic, not counting retained ones. */
  next(topic: RegExp, text = /^/, timeoutMs = 60_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (name: string, payload: string, retained: boolean): void => {
        if (retained || !topic.test(name) || !text.test(payload)) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(payload);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`no message ${topic} ${text}; seen: ${[...this.seen.keys()].join(", ") || "nothing"}`));
      }, timeoutMs);
      this.#waiting.add(look);
    });
  }

  stop(): Promise<void> {
    return this.#client.endAsync(true);
  }
}
