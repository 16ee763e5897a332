/** The real program with its own configuration, run like users do, and its output. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Number of characters of the log kept. */
const LOG = 4_000_000;

export class BridgeProcess {
  /** A folder for configuration, data and other test files. */
  readonly folder = mkdtempSync(join(tmpdir(), "kaifa-bridge-"));
  readonly #main: string;
  #child: ChildProcess | null = null;
  #output = "";
  #waiting: { fits: RegExp; resolve: () => void }[] = [];

  /** @param main of `buildProgram` */
  constructor(main: string) {
    this.#main = main;
  }

  get dataDir(): string {
    return join(this.folder, "data");
  }

  /** Its output since the last start. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @param config YAML without `data_dir` */
  start(
    config: string,
    options: { readonly env?: Record<string, string>; readonly prefix?: readonly string[] } = {},
  ): void {
    const file = join(this.folder, "kaifa2mqtt.yaml");
    writeFileSync(file, `${config}\ndata_dir: ${this.dataDir}\n`, { mode: 0o600 });
    this.#output = "";
    const [command = process.execPath, ...args] = [
      ...(options.prefix ?? []),
      process.execPath,
      this.#main,
      "run",
      "--config",
      file,
    ];
    const env = { PATH: process.env.PATH ?? "", HOME: this.folder, ...options.env };
    const child = spawn(command, args, { cwd: this.folder, env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-LOG);
        this.#waiting = this.#waiting.filter(({ fits, resolve }) => {
          const found = fits.test(this.#output);
          if (found) resolve();
          return !found;
        });
      });
    }
  }

  /** Resolves when the log contains a match. */
  async says(fits: RegExp, limitMs = 30_000): Promise<void> {
    if (fits.test(this.#output)) return;
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`never said ${fits} in ${limitMs} ms:\n${this.#output.slice(-3000)}`)),
        limitMs,
      );
    });
    const said = new Promise<void>((resolve) => this.#waiting.push({ fits, resolve }));
    await Promise.race([said, tooLong]).finally(() => clearTimeout(timer));
  }

  /** Number of log lines that match. */
  count(fits: RegExp): number {
    return this.#output.split("\n").filter((line) => fits.test(line)).length;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** @returns exit code, and how long stopping took, milliseconds */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<{ code: number | null; ms: number }> {
    const child = this.#child;
    if (child === null || !this.running) return { code: child?.exitCode ?? null, ms: 0 };
    const begun = performance.now();
    const gone = once(child, "close");
    child.kill(signal);
    const force = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await gone;
    clearTimeout(force);
    return { code: child.exitCode, ms: performance.now() - begun };
  }

  /** Resident memory, bytes; open file descriptors; threads. */
  resources(): { rss: number; fds: number; threads: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const field = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN);
    return { rss: field("VmRSS") * 1024, fds: readdirSync(`/proc/${this.pid}/fd`).length, threads: field("Threads") };
  }

  /** Every file below the folder with its content: log files, state and others. */
  files(): { name: string; content: string }[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => ({ name: entry.name, content: readFileSync(join(entry.parentPath, entry.name), "latin1") }));
  }

  async close(): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
