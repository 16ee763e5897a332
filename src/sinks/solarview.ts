/**
 * The file that Solarview reads, to the byte as the predecessor wrote it. It is replaced atomically (temporary file, then
 * rename), so that a reader, or a bridge that is killed, never leaves half a file.
 */
import { constants } from "node:fs";
import { access, readlink, realpath, rename, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { ComponentLog } from "../log/component-log.ts";
import type { MeterEvent, Reading } from "../meter/events.ts";
import type { Sink } from "./sink.ts";

/** `stop` waits no longer for a disk that hangs. */
const STOP_MS = 2000;

/**
 * The file's content for a reading; `null` for one without energy import (first contact, another list of the meter). A
 * value that the meter does not send has no line: the predecessor could not write its file at all then.
 */
export function solarviewText(reading: Reading): string | null {
  const lines: string[] = [];
  for (const key of ["energy_import", "energy_export"]) {
    const value = reading.values.find((candidate) => candidate.key === key);
    if (value === undefined || !value.numeric) continue;
    lines.push(`${value.quantity?.code}(${padded(value.text)}*kWh)\n`);
  }
  if (!reading.complete || !lines[0]?.startsWith("1.8.0")) return null;
  return `/?!\n/KAIFA\n${lines.join("")}!\n`;
}

/** Ten characters with three decimals, half a Wh rounded up: `12.937` → `000012.937`. */
function padded(text: string): string {
  const [whole = "0", fraction = ""] = text.split(".");
  const wattHours = BigInt(whole + fraction.padEnd(3, "0").slice(0, 3)) + (Number(fraction[3] ?? 0) >= 5 ? 1n : 0n);
  const digits = wattHours.toString().padStart(9, "0");
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

export class SolarviewSink implements Sink {
  readonly name = "solarview";
  readonly #file: string;
  readonly #log: ComponentLog;
  /** The newest content that is not in the file yet. */
  #pending: string | null = null;
  #writing: Promise<void> | null = null;
  /** Code of the error that was logged and is not over. */
  #reported: string | null = null;

  constructor(file: string, log: ComponentLog) {
    this.#file = file;
    this.#log = log;
  }

  /** Says at once, and not with the first telegram, if the folder cannot be written to. */
  async start(): Promise<void> {
    try {
      await access(dirname(await this.#target()), constants.W_OK);
    } catch (error) {
      this.#complain(error);
    }
  }

  accept(event: MeterEvent): void {
    if (event.type !== "reading") return;
    const text = solarviewText(event.reading);
    if (text === null) return;
    this.#pending = text;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  /** What has been begun is finished. */
  async stop(): Promise<void> {
    if (this.#writing === null) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.#writing, new Promise((done) => (timer = setTimeout(done, STOP_MS)))]);
    clearTimeout(timer);
  }

  async #write(): Promise<void> {
    // Opening a file takes as long as decoding a telegram: what goes to the broker in this turn leaves first.
    await setImmediate();
    while (this.#pending !== null) {
      const text = this.#pending;
      this.#pending = null;
      try {
        await replaceFile(await this.#target(), text);
        if (this.#reported !== null) this.#log.info(`${this.#file} can be written again`);
        this.#reported = null;
      } catch (error) {
        this.#complain(error);
      }
    }
  }

  /** The file behind a symbolic link: the link itself stays. */
  async #target(): Promise<string> {
    try {
      return await realpath(this.#file);
    } catch {
      // Not there yet, or a link to what is not there yet.
      const link = await readlink(this.#file).catch(() => null);
      return link === null ? this.#file : resolve(dirname(this.#file), link);
    }
  }

  #complain(error: unknown): void {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (this.#reported === code) return;
    this.#reported = code;
    this.#log.warn(`cannot write ${this.#file}: ${CURES[code] ?? message}. Trying again with each reading`);
  }
}

const CURES: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist; create it, or correct solarview.file",
  ENOTDIR: "its folder does not exist; create it, or correct solarview.file",
  EACCES: "no permission; let the user that runs kaifa2mqtt write into the folder",
  EPERM: "no permission; let the user that runs kaifa2mqtt write into the folder",
  EROFS: "the file system is read-only; mount the folder writable",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EISDIR: "it is a folder; solarview.file names a file",
  EBUSY: "it cannot be replaced; if it is mounted into the container, mount its folder instead",
};

/**
 * Old or new, never half, whenever the process dies. Nothing is forced to the disk: that would wear out SD cards, every
 * five seconds, for a file that is written anew right after the next start. The temporary name is always the same, so
 * nothing is left behind for long.
 */
async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.tmp`);
  try {
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
