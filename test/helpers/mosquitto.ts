/** A separate Mosquitto on its own port, which can be stopped, paused and configured to refuse. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as tcpConnect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt, { type MqttClient } from "mqtt";
import { freePort } from "./free-port.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

export class Mosquitto {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "kaifa-mosquitto-"));
  #child: ChildProcess | null = null;

  private constructor(port: number) {
    this.port = port;
  }

  /** A free port; nothing listens there until `start`. */
  static async prepare(): Promise<Mosquitto> {
    return new Mosquitto(await freePort());
  }

  /**
   * @param login the only user accepted
   * @param persistent whether retained messages survive a `stop`
   * @param acl lines of an access list
   * @param more further lines of the configuration
   */
  async start(
    login?: Login,
    {
      persistent = false,
      acl,
      more = [],
    }: { readonly persistent?: boolean; readonly acl?: readonly string[]; readonly more?: readonly string[] } = {},
  ): Promise<this> {
    const lines = [`listener ${this.port} 127.0.0.1`, "set_tcp_nodelay true", "user root"];
    if (persistent) lines.push("persistence true", `persistence_location ${this.#folder}/`);
    if (login === undefined) lines.push("allow_anonymous true");
    else {
      const passwords = join(this.#folder, "passwords");
      execFileSync("mosquitto_passwd", ["-b", "-c", passwords, login.user, login.password]);
      lines.push("allow_anonymous false", `password_file ${passwords}`);
    }
    if (acl !== undefined) {
      const file = join(this.#folder, "acl");
      writeFileSync(file, `${acl.join("\n")}\n`, { mode: 0o644 });
      lines.push(`acl_file ${file}`);
    }
    lines.push(...more);
    const config = join(this.#folder, "mosquitto.conf");
    writeFileSync(config, `${lines.join("\n")}\n`);
    const child = spawn("mosquitto", ["-c", config], {
      stdio: "ignore",
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
    });
    this.#child = child;
    for (;;) {
      if (child.exitCode !== null) throw new Error("Mosquitto does not start");
      if (await this.#answers()) return this;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Simulates a hanging machine: connections stay open, but nothing is answered. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** The topics with a retained message. */
  async retainedTopics(login?: Login): Promise<string[]> {
    const subscriber = await Subscriber.connect(this.port, login === undefined ? {} : { login });
    // The answer to a second subscription arrives after the retained messages of the first.
    await subscriber.client.subscribeAsync("$SYS/broker/version");
    await new Promise((resolve) => setTimeout(resolve, 200));
    await subscriber.stop();
    return [...subscriber.latest.keys()].filter((topic) => !topic.startsWith("$SYS")).sort();
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    await gone;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = tcpConnect(this.port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
  }
}

/** Subscribes to everything; reconnects automatically. */
export class Subscriber {
  readonly client: MqttClient;
  /** Latest payload by topic. */
  readonly latest = new Map<string, string>();
  /** All messages on topics selected by `keep`, in order. */
  readonly kept: { topic: string; payload: string }[] = [];
  messages = 0;
  readonly #keep: RegExp | null;
  #waiting: { fits: (topic: string, payload: string) => boolean; resolve: () => void }[] = [];

  private constructor(client: MqttClient, keep: RegExp | null) {
    this.client = client;
    this.#keep = keep;
    client.on("message", (topic, payload) => this.#take(topic, payload.toString()));
  }

  static async connect(
    port: number,
    { login, keep = null }: { login?: { user: string; password: string }; keep?: RegExp | null } = {},
  ): Promise<Subscriber> {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, {
      reconnectPeriod: 100,
      ...(login === undefined ? {} : { username: login.user, password: login.password }),
    });
    const subscriber = new Subscriber(client, keep);
    await client.subscribeAsync("#");
    return subscriber;
  }

  /** Resolves once the latest message on some topic matches, now or later. */
  async until(fits: (topic: string, payload: string) => boolean, what: string, limitMs = 30_000): Promise<void> {
    for (const [topic, payload] of this.latest) if (fits(topic, payload)) return;
    await this.next(fits, what, limitMs);
  }

  /** Resolves when a matching message arrives from now on. */
  async next(fits: (topic: string, payload: string) => boolean, what: string, limitMs = 30_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no message within ${limitMs} ms: ${what}`)), limitMs);
    });
    const come = new Promise<void>((resolve) => this.#waiting.push({ fits, resolve }));
    await Promise.race([come, tooLong]).finally(() => clearTimeout(timer));
  }

  async stop(): Promise<void> {
    await this.client.endAsync(true);
  }

  #take(topic: string, payload: string): void {
    this.messages++;
    this.latest.set(topic, payload);
    if (this.#keep?.test(topic)) this.kept.push({ topic, payload });
    this.#waiting = this.#waiting.filter(({ fits, resolve }) => {
      const found = fits(topic, payload);
      if (found) resolve();
      return !found;
    });
  }
}
