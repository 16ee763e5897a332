/** A serial line without hardware: two pseudo-terminals joined by `socat`, one for the meter, one for the reader. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export class PtyPair {
  /** The path that the reader opens. */
  readonly device: string;
  /** The meter's end. */
  readonly #meterEnd: string;
  readonly #folder: string;
  #socat: ChildProcess | null = null;
  #fd: number | null = null;

  readonly #access: string;

  private constructor(folder: string, device: string, access: string) {
    this.#folder = folder;
    this.device = device;
    this.#access = access;
    this.#meterEnd = join(folder, "meter");
  }

  /**
   * @param device path of the reader's end; default: in a temporary folder
   * @param access who may open it, in socat's words: `mode=660,group=dialout`; default: only we
   */
  static async open(device?: string, access = "mode=600"): Promise<PtyPair> {
    const folder = mkdtempSync(join(tmpdir(), "kaifa-pty-"));
    const pair = new PtyPair(folder, device ?? join(folder, "ttyUSB0"), access);
    await pair.plug();
    return pair;
  }

  /** Plugs the adapter in: each time a new device node at the same path. */
  async plug(): Promise<void> {
    const ends = [`pty,raw,echo=0,link=${this.#meterEnd}`, `pty,raw,echo=0,${this.#access},link=${this.device}`];
    const socat = spawn("socat", ["-d", "-d", ...ends], { stdio: ["ignore", "ignore", "pipe"] });
    const lines = createInterface(socat.stderr);
    const failed = once(socat, "exit").then(() => Promise.reject(new Error("socat ended")));
    const ready = new Promise<void>((resolve) => {
      lines.on("line", (line) => /starting data transfer/.test(line) && resolve());
    });
    failed.catch(() => undefined);
    await Promise.race([ready, failed]);
    this.#socat = socat;
    this.#fd = openSync(this.#meterEnd, constants.O_WRONLY | constants.O_NOCTTY);
  }

  /** Unplugs the adapter: the reader's device vanishes. */
  async unplug(): Promise<void> {
    const socat = this.#socat;
    this.#socat = null;
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
    if (socat === null || socat.exitCode !== null) return;
    const gone = once(socat, "exit");
    socat.kill();
    await gone;
  }

  /** The other end, for a program that writes to the line itself. */
  get otherEnd(): string {
    return this.#meterEnd;
  }

  /** Writes bytes to the line at once. */
  write(bytes: Uint8Array): void {
    if (this.#fd === null) throw new Error("not plugged in");
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
  }

  /** Writes bytes to the line one by one at this line rate (11 bits per byte). */
  async writeAtLineRate(bytes: Uint8Array, baudRate = 2400): Promise<void> {
    const byteMs = 11_000 / baudRate;
    const begun = performance.now();
    for (let at = 0; at < bytes.length; ) {
      const due = Math.min(bytes.length, Math.floor((performance.now() - begun) / byteMs));
      if (due > at) this.write(bytes.subarray(at, due));
      at = Math.max(at, due);
      if (at < bytes.length) await new Promise((resolve) => setTimeout(resolve, byteMs));
    }
  }

  async close(): Promise<void> {
    await this.unplug();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
