/**
 * The file that Solarview reads, byte for byte as the predecessor wrote it. It is replaced atomically (temporary file,
 * then rename), so readers never see half a file, even if the bridge is killed.
 */
import { constants } from "node:fs";
import { access, readlink, realpath, rename, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { ComponentLog } from "../log/component-log.ts";
import type { MeterEvent, Reading } from "../meter/events.ts";
import { waitAtMost } from "../process/time-limit.ts";
import type { Sink } from "./sink.ts";

/** Maximum time that `stop` waits for a hanging disk. */
const STOP_MS = 2000;

/**
 * The file's content for a reading; `null` for one without energy import (first contact, another of the meter's lists).
 * Values that the meter doesn't send get no line; the predecessor couldn't write its file at all in that case.
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

/** Ten characters with three decimals, rounding half a Wh up: `12.937` → `000012.937`. */
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
  /** The latest content that hasn't been written yet. */
  #pending: string | null = null;
  #writing: Promise<void> | null = null;
  /** Code of the error that was logged and is still open. */
  #reported: string | null = null;

  constructor(file: string, log: ComponentLog) {
    this.#file = file;
    this.#log = log;
  }

  /** Reports an unwritable folder immediately rather than with the first telegram. */
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

  /** Finishes a write in progress. */
  async stop(): Promise<void> {
    if (this.#writing !== null) await waitAtMost(STOP_MS, this.#writing);
  }

  async #write(): Promise<void> {
    // Opening a file takes as long as decoding a telegram, so let this turn's MQTT messages go out first.
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

  /** The target of a symbolic link: the link itself is kept. */
  async #target(): Promise<string> {
    try {
      return await realpath(this.#file);
    } catch {
      // Missing, or a link to a missing file.
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
 * Leaves the old or the new file, never half of one, whenever the process dies. It doesn't fsync: doing so every five
 * seconds would wear out SD cards, and the file is rewritten right after the next start anyway. The temporary name is
 * always the same, so leftovers don't accumulate.
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
