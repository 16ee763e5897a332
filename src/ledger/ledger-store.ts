/**
 * Writes the ledger of one meter: appended text, one small write a quarter, flushed to the disk. After `kill -9` or a
 * power failure at most the line that was being written is lost, and the reader leaves it out. What cannot be written (full
 * disk) waits in memory and is tried again.
 */
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ComponentLog } from "../log/component-log.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { ledgerFolder, monthFile, monthFiles, monthFilesSync, readMonthSync } from "./ledger-files.ts";
import type { LocalInstant } from "./local-time.ts";
import { appendPoint, isBoundary, type Point } from "./point.ts";
import { columnsOf, deviceLine, headerLine, type LedgerContent, pointLine } from "./point-line.ts";
import type { RecorderHistory, RecorderState } from "./quarter-recorder.ts";

/** Months that are kept: two years and the running month, about 4 MB. */
const MONTHS = 25;
/** Points that wait for a disk that can be written again: three weeks. Then every second one goes, which makes gaps. */
const MAX_PENDING = 2_000;
const RETRY_MS = 60_000;

/** The part of `node:fs/promises` that writes, so that a test can play a full disk. */
export interface Appender {
  append(path: string, text: string): Promise<void>;
}

/** Appends and waits until the disk has it. A line that a failed write left unfinished is ended first. */
export const fileAppender: Appender = {
  async append(path, text) {
    const handle = await open(path, "a+", 0o600);
    try {
      const { size } = await handle.stat();
      const last = size === 0 ? null : (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0];
      const whole = last === null || last === 0x0a;
      await handle.appendFile(whole ? text : `\n${text}`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  },
};

export interface LedgerStoreOptions {
  readonly dataDir: string;
  readonly meter: string;
  readonly log: ComponentLog;
  readonly clock?: Clock;
  readonly appender?: Appender;
}

export class LedgerStore implements RecorderHistory {
  readonly folder: string;
  readonly #log: ComponentLog;
  readonly #clock: Clock;
  readonly #appender: Appender;
  /** Points that are not yet in a file, oldest first. */
  #pending: Point[] = [];
  #device: string | null = null;
  /** File, columns and device of the last line written in this run. */
  #written: { file: string; columns: string; device: string | null } | null = null;
  #writing: Promise<void> = Promise.resolve();
  #queued = false;
  #rewindFile: string | null = null;
  #cancelRetry: (() => void) | null = null;
  #failing = false;

  constructor({ dataDir, meter, log, clock = systemClock, appender = fileAppender }: LedgerStoreOptions) {
    this.folder = join(ledgerFolder(dataDir), meter);
    this.#log = log;
    this.#clock = clock;
    this.#appender = appender;
  }

  /** Points that wait to be written, for who reads the ledger within this process. */
  get pending(): readonly Point[] {
    return this.#pending;
  }

  /** What the recorder must know to go on; `null` for a meter without a ledger. */
  load(): RecorderState | null {
    const content = this.recent(2);
    const { points, device } = content;
    this.#device = device;
    let index = points.findLastIndex(isBoundary);
    if (index < 0) index = 0;
    const point = points[index];
    if (point === undefined) return null;
    const later = points.slice(index + 1);
    const marks = later.map(({ mark }) => mark);
    const mark = marks.includes("reset") ? "reset" : marks.includes("clock") ? "clock" : null;
    return { device, point, last: later.at(-1) ?? null, mark };
  }

  /** The points of the newest months, with what waits to be written. */
  recent(months: number): LedgerContent {
    const content: LedgerContent = { points: [], device: null };
    for (const name of monthFilesSync(this.folder).slice(-months)) readMonthSync(this.folder, name, content);
    for (const point of this.#pending) appendPoint(content.points, point);
    return content;
  }

  before(at: number): Point | null {
    const usable = (point: Point): boolean => point.at < at && isBoundary(point);
    const near = this.recent(2).points.findLast(usable);
    if (near !== undefined) return near;
    const { points } = this.recent(MONTHS);
    return points.findLast((point, index) => usable(point) || (index === 0 && point.at < at)) ?? null;
  }

  first(): Point["registers"] | null {
    return this.recent(MONTHS).points[0]?.registers ?? null;
  }

  resetAfter(at: number): boolean {
    const near = this.recent(2).points;
    const points = (near[0]?.at ?? at) < at ? near : this.recent(MONTHS).points;
    return points.some((point) => point.at > at && point.mark === "reset");
  }

  /**
   * Takes points to be written. Never throws, never waits.
   * @param rewind points from this instant on are no longer true
   */
  append(points: readonly Point[], device: string | null, rewind: LocalInstant | null = null): void {
    this.#device = device;
    for (const point of points) appendPoint(this.#pending, point);
    if (this.#pending.length > MAX_PENDING) this.#pending = thin(this.#pending);
    if (rewind !== null) this.#rewindFile = monthFile(rewind);
    void this.#write();
  }

  /** Writes what waits, once more if it must. */
  async stop(): Promise<void> {
    await (this.#pending.length > 0 ? this.#write() : this.#writing);
    this.#cancelRetry?.();
  }

  /** One write after the other; what comes while one waits for its turn is written with it. */
  #write(): Promise<void> {
    if (!this.#queued) {
      this.#queued = true;
      this.#writing = this.#writing.then(() => this.#flush());
    }
    return this.#writing;
  }

  async #flush(): Promise<void> {
    this.#queued = false;
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await this.#removeLater();
      while (this.#pending.length > 0) await this.#appendMonth();
      if (this.#failing) this.#log.info(`the ledger in ${this.folder} can be written again, nothing is missing`);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        const message = error instanceof Error ? error.message : String(error);
        this.#log.warn(`cannot write the ledger: ${message}. It is kept in memory and tried again every minute.`);
      }
      this.#failing = true;
      this.#cancelRetry?.();
      this.#cancelRetry = this.#clock.after(RETRY_MS, () => {
        this.#cancelRetry = null;
        void this.#write();
      });
    }
  }

  /** After a clock that was set back: the months that lie after it. Within a month the reader leaves out what is later. */
  async #removeLater(): Promise<void> {
    const file = this.#rewindFile;
    if (file === null) return;
    this.#rewindFile = null;
    const later = (await monthFiles(this.folder)).filter((name) => name > file);
    for (const name of later) await rm(join(this.folder, name), { force: true });
  }

  /** Appends what belongs into the same file as the oldest pending point. */
  async #appendMonth(): Promise<void> {
    const file = monthFile(this.#pending[0] as Point);
    const points = this.#pending.slice(0, this.#pending.findIndex((point) => monthFile(point) !== file) >>> 0);
    const device = this.#device;
    let { columns, device: toldDevice } = this.#written?.file === file ? this.#written : { columns: "", device: null };
    let text = "";
    if (device !== null && device !== toldDevice) text += deviceLine(device);
    for (const point of points) {
      const keys = columnsOf(point.registers);
      if (keys.join() !== columns) text += headerLine(keys);
      columns = keys.join();
      text += pointLine(point, keys);
    }
    if (this.#written?.file !== file) await this.#forgetOldest(file);
    // Unknown until it has succeeded: then header and device are written again.
    this.#written = null;
    await this.#appender.append(join(this.folder, file), text);
    this.#written = { file, columns, device };
    this.#pending = this.#pending.filter((point) => !points.includes(point));
  }

  /** By number and not by age, so that a meter's clock that is wrong by years does not empty the ledger. */
  async #forgetOldest(beginning: string): Promise<void> {
    const names = await monthFiles(this.folder);
    if (names.includes(beginning)) return;
    for (const name of names.slice(0, Math.max(0, names.length + 1 - MONTHS))) {
      await rm(join(this.folder, name), { force: true });
    }
  }
}

/** Half of the boundaries; what begins or marks something stays as long as there is room. */
function thin(points: readonly Point[]): Point[] {
  const kept = points.filter(({ mark }, index) => index % 2 === 0 || (mark !== "ok" && mark !== "interpolated"));
  return kept.slice(-MAX_PENDING);
}
