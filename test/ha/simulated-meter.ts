/** A simulated meter on a TCP port that outlives the bridge: its registers keep counting over a restart, as on a real meter. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "../helpers/free-port.ts";

export const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";

export class SimulatedMeterProcess {
  readonly port: number;
  readonly #main: string;
  readonly #args: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | null = null;

  private constructor(main: string, port: number, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#main = main;
    this.port = port;
    this.#args = args;
    this.#env = env;
  }

  /** @param args additional arguments of `kaifa2mqtt simulate` */
  static async start(main: string, ...args: string[]): Promise<SimulatedMeterProcess> {
    return SimulatedMeterProcess.startIn({}, main, ...args);
  }

  /** @param env additional environment of the process */
  static async startIn(
    env: Readonly<Record<string, string>>,
    main: string,
    ...args: string[]
  ): Promise<SimulatedMeterProcess> {
    const meter = new SimulatedMeterProcess(main, await freePort(), args, env);
    await meter.plug();
    return meter;
  }

  get url(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  async plug(): Promise<void> {
    const target = `tcp-listen:127.0.0.1:${this.port}`;
    const child = spawn(process.execPath, [this.#main, "simulate", target, "--key", KEY, ...this.#args], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...this.#env },
    });
    await once(child.stdout, "data");
    this.#child = child;
  }

  /** Stops the bytes; the meter keeps running. */
  silence(): void {
    this.#child?.kill("SIGSTOP");
  }

  speak(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Resolves when it has sent its `--count` telegrams. */
  async done(): Promise<void> {
    const child = this.#child;
    if (child !== null && child.exitCode === null) await once(child, "exit");
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
}
