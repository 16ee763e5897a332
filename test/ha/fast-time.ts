/**
 * An accelerated clock for tests that would take hours: Debian's libfaketime, preloaded. It applies to everything in a
 * process: time of day, timers, timeouts. Home Assistant, the bridge and the simulated meter share a clock; the broker
 * stays in real time.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ERR_CONNECTION_LOST, type MessageBase } from "home-assistant-js-websocket";
import { HomeAssistant, pause } from "./home-assistant.ts";

const LIBRARIES = "/usr/lib";
const SHARED_MEMORY = "/dev/shm";
/** libfaketime rereads its file at least this often, in real seconds. */
const CACHE_S = 1;
const ATTEMPTS = 30;

export class FastTime {
  readonly speed: number;
  readonly #realStart = Date.now();
  readonly #start: number;

  /** @param start initial time, milliseconds since 1970; not in the past, because tokens would be invalid */
  constructor(speed: number, start: number) {
    this.speed = speed;
    this.#start = start;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#start + (Date.now() - this.#realStart) * this.speed;
  }

  async until(time: number): Promise<void> {
    await pause(Math.max(0, (time - this.now()) / this.speed));
  }

  /** Waits for this many minutes of the clock. */
  minutes(count: number): Promise<void> {
    return this.until(this.now() + count * 60_000);
  }

  /** Environment variables that give a process started now this clock. */
  env(): Record<string, string> {
    return { LD_PRELOAD: findLibrary(), FAKETIME: this.offset(this.speed) };
  }

  /** Removes the shared memory that libfaketime leaves behind for killed processes. */
  removeShared(): void {
    for (const name of readdirSync(SHARED_MEMORY)) {
      const pid = /^(?:sem\.)?faketime_(?:sem|shm)_(\d+)$/.exec(name)?.[1];
      if (pid === undefined || existsSync(`/proc/${pid}/exe`)) continue;
      const file = join(SHARED_MEMORY, name);
      const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (written >= this.#realStart) rmSync(file, { force: true });
    }
  }

  /** This time and speed in libfaketime's notation, for a process started now. */
  offset(speed: number): string {
    return `${signed((this.now() - Date.now()) / 1000)} x${speed}`;
  }
}

function signed(seconds: number): string {
  return `${seconds < 0 ? "-" : "+"}${Math.abs(seconds).toFixed(3)}`;
}

function findLibrary(): string {
  for (const folder of readdirSync(LIBRARIES)) {
    const library = join(LIBRARIES, folder, "faketime/libfaketimeMT.so.1");
    if (existsSync(library)) return library;
  }
  throw new Error("libfaketime is not installed: apt-get install libfaketime");
}

/** A Home Assistant with an accelerated clock. It starts in real time, because its startup timeouts would expire too early. */
export class FastHomeAssistant extends HomeAssistant {
  #time: FastTime | null = null;
  readonly #folder = process.env.KAIFA_HA_HOME ?? "/var/lib/kaifa-homeassistant";
  #child: ChildProcess | null = null;

  get time(): FastTime {
    if (this.#time === null) throw new Error("there is no clock yet");
    return this.#time;
  }

  /** A new home connected to this broker, still in real time and stopped. */
  override async begin(brokerPort: number): Promise<void> {
    await super.begin(brokerPort);
    await super.end();
    copyFileSync(findLibrary(), join(this.#folder, "config/libfaketime.so"));
  }

  override async end(): Promise<void> {
    await this.stopFast();
    await super.end();
  }

  override async remove(): Promise<void> {
    await this.stopFast();
    await super.remove();
  }

  /** Its heartbeat times out early with an accelerated clock: requests on a lost connection are repeated. */
  override async ask<Answer>(message: MessageBase): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await super.ask<Answer>(message);
      } catch (error) {
        const lost = error instanceof Error && error.message.endsWith(`: ${ERR_CONNECTION_LOST}`);
        if (!lost || attempt === ATTEMPTS) throw error;
        await pause(300);
      }
    }
  }

  /** Offset of its clock from ours, milliseconds. */
  async lead(): Promise<number> {
    const { time } = this;
    const before = time.now();
    const response = await fetch(`${this.url}/api/template`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: JSON.stringify({ template: "{{ now().timestamp() }}" }),
    });
    const theirs = Number(await response.text()) * 1000;
    return theirs - (before + time.now()) / 2;
  }

  /** @param time its clock; default: its previous one */
  async startFast(time: FastTime = this.time): Promise<void> {
    this.#time = time;
    const root = readdirSync(this.#folder).find((name) => name.startsWith("root-")) ?? "";
    this.#setClock(time.offset(1));
    const spawned = Date.now();
    // As started by shared/homeassistant/ha, plus libfaketime.
    const enter = `mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" && mount --bind "$2" "$1/config" && exec chroot "$1" \
      env -i HOME=/config LANG=C.UTF-8 PATH=/opt/homeassistant/bin:/usr/bin:/bin VIRTUAL_ENV=/opt/homeassistant \
      LD_PRELOAD=/config/libfaketime.so FAKETIME_TIMESTAMP_FILE=/config/faketimerc FAKETIME_CACHE_DURATION=${CACHE_S} \
      hass -c /config --skip-pip`;
    const log = openSync(join(this.#folder, "config/fast.log"), "a");
    this.#child = spawn(
      "unshare",
      [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        enter,
        "sh",
        join(this.#folder, root),
        join(this.#folder, "config"),
      ],
      { stdio: ["ignore", log, log] },
    );
    closeSync(log);
    await this.connect();
    await this.until(
      "it runs",
      async () => (await this.ask<{ state: string }>({ type: "get_config" })).state === "RUNNING",
      60_000,
    );
    // Accelerate from now on; libfaketime counts from the start of the process, which is known only approximately.
    const { speed } = time;
    const base = (): number => (time.now() - Date.now() - (Date.now() - spawned) * (speed - 1)) / 1000;
    let seconds = base();
    this.#setClock(`${signed(seconds)} x${speed}`);
    await pause(2 * CACHE_S * 1000);
    seconds -= (await this.lead()) / 1000;
    this.#setClock(`${signed(seconds)} x${speed}`);
    await pause(2 * CACHE_S * 1000);
  }

  async stopFast(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    this.disconnect();
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    // Its shutdown timeouts are meant for real time, too.
    this.#setClock(this.time.offset(1));
    await pause(2 * CACHE_S * 1000);
    child.kill("SIGTERM");
    await gone;
  }

  /** Written atomically, so that no partial file is read. */
  #setClock(words: string): void {
    const file = join(this.#folder, "config/faketimerc");
    writeFileSync(`${file}.new`, `${words}\n`);
    renameSync(`${file}.new`, file);
  }
}
