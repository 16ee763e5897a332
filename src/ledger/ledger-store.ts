/**
 * Writes the ledger of one meter: one small append per quarter, flushed to disk. `kill -9` or a power failure costs at
 * most the line being written, which the reader skips. If a write fails (full disk), the points stay in memory and the
 * write is retried.
 */
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ComponentLog } from "../log/component-log.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { type WarnOnce, warnOnce } from "../process/warn-once.ts";
import { ledgerFolder, monthFile, monthFiles, monthFilesSync, readMonthSync } from "./ledger-files.ts";
import type { LocalInstant } from "./local-time.ts";
import { appendPoint, isBoundary, type Point } from "./point.ts";
import { columnsOf, deviceLine, headerLine, type LedgerContent, pointLine } from "./point-line.ts";
import type { RecorderHistory, RecorderState } from "./quarter-recorder.ts";

/** Number of months kept: two years and the current month, about 4 MB. */
const MONTHS = 25;
/** Points kept in memory while the disk is full: three weeks. Beyond that every second one is dropped, leaving gaps. */
const MAX_PENDING = 2_000;
const RETRY_MS = 60_000;

/** The part of `node:fs/promises` that writes, so that a test can simulate a full disk. */
export interface Appender {
  append(path: string, text: string): Promise<void>;
}

/** Appends and flushes to disk. First terminates a line left unfinished by a failed write. */
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
  readonly #warnOnce: WarnOnce;
  /** Points dropped since writing began to fail. */
  #dropped = 0;

  constructor({ dataDir, meter, log, clock = systemClock, appender = fileAppender }: LedgerStoreOptions) {
    this.folder = join(ledgerFolder(dataDir), meter);
    this.#log = log;
    this.#warnOnce = warnOnce(log);
    this.#clock = clock;
    this.#appender = appender;
  }

  /** Unwritten points, for readers within this process. */
  get pending(): readonly Point[] {
    return this.#pending;
  }

  /** What the recorder needs to resume; `null` for a meter without a ledger. */
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

  /** The points of the newest months, including those not written yet. */
  recent(months: number): LedgerContent {
    const content: LedgerContent = { points: [], device: null };
    for (const name of monthFilesSync(this.folder).slice(-months)) {
      readMonthSync(this.folder, name, content, ({ message }) =>
        this.#warnOnce(name, `the ledger has nothing of this month: ${message}`),
      );
    }
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
   * Queues points for writing. Never throws or blocks.
   * @param rewind invalidates the points from this instant on
   */
  append(points: readonly Point[], device: string | null, rewind: LocalInstant | null = null): void {
    this.#device = device;
    for (const point of points) appendPoint(this.#pending, point);
    if (this.#pending.length > MAX_PENDING) this.#thinOut();
    if (rewind !== null) this.#rewindFile = monthFile(rewind);
    void this.#write();
  }

  #thinOut(): void {
    const before = this.#pending.length;
    this.#pending = thin(this.#pending);
    if (this.#dropped === 0) {
      this.#log.warn(
        `the ledger in ${this.folder} could not be written for weeks: more than ${MAX_PENDING} quarter hours are waiting in memory, so every second one is dropped`,
      );
    }
    this.#dropped += before - this.#pending.length;
  }

  /** Writes the queued points, with one more attempt if the last one failed. */
  async stop(): Promise<void> {
    await (this.#pending.length > 0 ? this.#write() : this.#writing);
    this.#cancelRetry?.();
  }

  /** Serializes writes; points queued during a write go with the next one. */
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
      if (this.#failing) {
        const lost = this.#dropped === 0 ? "nothing was lost" : `${this.#dropped} quarter hours are missing`;
        this.#log.info(`the ledger in ${this.folder} can be written again; ${lost}`);
      }
      this.#failing = false;
      this.#dropped = 0;
    } catch (error) {
      if (!this.#failing) {
        const message = error instanceof Error ? error.message : String(error);
        this.#log.warn(
          `cannot write the ledger: ${message}. The data is kept in memory and written as soon as possible (next attempt in a minute).`,
        );
      }
      this.#failing = true;
      this.#cancelRetry?.();
      this.#cancelRetry = this.#clock.after(RETRY_MS, () => {
        this.#cancelRetry = null;
        void this.#write();
      });
    }
  }

  /** After a clock was set back, removes the later months. Within a month, the reader skips invalidated points. */
  async #removeLater(): Promise<void> {
    const file = this.#rewindFile;
    if (file === null) return;
    this.#rewindFile = null;
    const later = (await monthFiles(this.folder)).filter((name) => name > file);
    for (const name of later) await rm(join(this.folder, name), { force: true });
  }

  /** Appends all pending points that belong in the file of the oldest one. */
  async #appendMonth(): Promise<void> {
    const file = monthFile(this.#pending[0] as Point);
    const points = this.#pending.slice(0, this.#pending.findIndex((point) => monthFile(point) !== file) >>> 0);
    const device = this.#device;
    let { columns, device: writtenDevice } =
      this.#written?.file === file ? this.#written : { columns: "", device: null };
    let text = "";
    if (device !== null && device !== writtenDevice) text += deviceLine(device);
    for (const point of points) {
      const keys = columnsOf(point.registers);
      if (keys.join() !== columns) text += headerLine(keys);
      columns = keys.join();
      text += pointLine(point, keys);
    }
    if (this.#written?.file !== file) await this.#forgetOldest(file);
    // After a failure, write header and device again.
    this.#written = null;
    await this.#appender.append(join(this.folder, file), text);
    this.#written = { file, columns, device };
    this.#pending = this.#pending.filter((point) => !points.includes(point));
  }

  /** Counts files rather than comparing dates, so that a clock years ahead does not empty the ledger. */
  async #forgetOldest(beginning: string): Promise<void> {
    const names = await monthFiles(this.folder);
    if (names.includes(beginning)) return;
    for (const name of names.slice(0, Math.max(0, names.length + 1 - MONTHS))) {
      await rm(join(this.folder, name), { force: true });
    }
  }
}

/** Drops every second boundary; points with another mark are kept while there is space. */
function thin(points: readonly Point[]): Point[] {
  const kept = points.filter(({ mark }, index) => index % 2 === 0 || (mark !== "ok" && mark !== "interpolated"));
  return kept.slice(-MAX_PENDING);
}
