/**
 * Persistent state: one small file, replaced atomically, so that `kill -9` at any moment leaves either the old version or
 * the new one. Written rarely, because SD cards wear out. A full or read-only disk is logged once; the only consequence
 * is that the first telegram after a restart waits for a second one (docs/acceptance.md).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, systemClock } from "../process/clock.ts";

/** Name of the file in `data_dir`. */
export const STATE_FILE = "state.json";
/** Time between two writes, milliseconds. What `kill -9` loses, the next two telegrams restore. */
const INTERVAL_MS = 300_000;
/** Delay of the first write of a run, milliseconds. */
const FIRST_WRITE_MS = 2_000;
/** Delay before a failed write is retried, milliseconds. */
const RETRY_MS = 60_000;
/** Stored meters besides the configured ones; the ones not heard for longest are dropped first. */
const METERS = 256;
/** Larger files are not read. A meter takes about 4 kB, so this is enough for some 16,000 of them. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Deepest nesting of objects within a stored meter. */
const MAX_DEPTH = 4;

export interface StateFileLog {
  warn(message: string): void;
  info(message: string): void;
}

/** The stored state of all meters of one process. Call `load` first and `stop` at the end. */
export class StateFile {
  readonly #file: string;
  readonly #log: StateFileLog;
  readonly #clock: Clock;
  readonly #sources: (() => unknown)[] = [];
  /** By meter, the one heard last at the end. A map: with thousands of meters, deleting keys of an object takes seconds. */
  #meters: ReadonlyMap<string, unknown> = new Map();
  #writtenAt: number | null = null;
  #cancel: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();
  #dirty = false;
  #failing = false;
  #stopped = false;

  /** @param dataDir the folder `data_dir`; created if missing */
  constructor(dataDir: string, log: StateFileLog, clock: Clock = systemClock) {
    this.#file = join(dataDir, STATE_FILE);
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * Reads the file: what each meter's `Acceptance.memory()` returned, by meter. An unreadable file counts as empty; a
   * damaged one is renamed to `state.json.damaged`.
   */
  load(): Readonly<Record<string, unknown>> {
    this.#removeTemporaryFiles();
    try {
      this.#meters = new Map(Object.entries(readMeters(this.#file)));
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof RangeError) this.#quarantine(error.message);
      else if (codeOf(error) !== "ENOENT") this.#log.warn(`cannot read ${this.#file}: ${messageOf(error)}`);
    }
    return Object.fromEntries(this.#meters);
  }

  /** @param source returns the state of a meter each time the file is written (`Acceptance.memory`) */
  watch(source: () => unknown): void {
    this.#sources.push(source);
  }

  /** Marks the state as changed and schedules a write: soon the first time, then every few minutes. */
  touch(): void {
    this.#dirty = true;
    if (this.#cancel !== null || this.#stopped) return;
    const since = this.#writtenAt === null ? Number.POSITIVE_INFINITY : this.#clock.now() - this.#writtenAt;
    const wait = this.#failing ? RETRY_MS : Math.max(FIRST_WRITE_MS, INTERVAL_MS - since);
    this.#cancel = this.#clock.after(wait, () => {
      this.#cancel = null;
      void this.#write();
    });
  }

  /** Writes pending changes. May be called twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = null;
    if (this.#dirty) await this.#write();
    await this.#writing;
  }

  /** Serializes writes. Never throws. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#replace());
    return this.#writing;
  }

  async #replace(): Promise<void> {
    this.#dirty = false;
    this.#writtenAt = this.#clock.now();
    const meters = new Map(this.#meters);
    for (const source of this.#sources) {
      const part = source();
      if (!isObject(part)) continue;
      for (const [meter, value] of Object.entries(part)) {
        meters.delete(meter); // moves it to the end: heard last
        meters.set(meter, value);
      }
    }
    this.#meters = new Map([...meters].slice(-(METERS + this.#sources.length)));
    const temporary = `${this.#file}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(this.#file), { recursive: true });
      const handle = await open(temporary, "w", 0o600);
      try {
        await handle.writeFile(`${JSON.stringify({ version: 1, meters: Object.fromEntries(this.#meters) })}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, this.#file);
      if (this.#failing) this.#log.info(`${this.#file} can be written again`);
      this.#failing = false;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      this.#dirty = true;
      if (!this.#failing) {
        this.#log.warn(
          `cannot write ${this.#file}: ${messageOf(error)}. The bridge continues; after a restart the first values come one telegram later. Make the folder writable or set data_dir.`,
        );
      }
      this.#failing = true;
    }
  }

  /** Removes files left by a `kill -9` in the middle of a write. */
  #removeTemporaryFiles(): void {
    const folder = dirname(this.#file);
    try {
      mkdirSync(folder, { recursive: true });
      for (const name of readdirSync(folder)) {
        if (name.startsWith(`${STATE_FILE}.`) && name.endsWith(".tmp")) rmSync(join(folder, name), { force: true });
      }
    } catch {
      // The folder cannot be created, read or written: the first write reports it.
    }
  }

  #quarantine(reason: string): void {
    const renamed = `${this.#file}.damaged`;
    try {
      renameSync(this.#file, renamed);
      this.#log.warn(`${this.#file} is damaged (${reason}): kept as ${renamed}; starting with empty state`);
    } catch {
      this.#log.warn(`${this.#file} is damaged (${reason}); starting with empty state`);
    }
  }
}

/**
 * Deletes the stored state of a meter (baseline, highest invocation counter, the mark that it sends encrypted telegrams),
 * so that it is treated as new. Stop the bridge first: a running one would write its state again.
 * @param id `<meter>` in topics, the meter's number or its system title
 * @returns the number of removed entries; 0 if there is none, or no state file
 * @throws the errors of reading and writing
 */
export function forgetMeter(dataDir: string, id: string): number {
  const file = join(dataDir, STATE_FILE);
  if (!existsSync(file)) return 0;
  const meters = { ...readMeters(file) };
  const found = Object.keys(meters).filter((key) => key === id || namesOf(meters[key]).includes(id));
  if (found.length === 0) return 0;
  for (const key of found) delete meters[key];
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify({ version: 1, meters })}\n`, { mode: 0o600, flush: true });
  renameSync(temporary, file);
  return found.length;
}

/** The stored state of all meters, read-only (for `doctor`); empty if it cannot be read. */
export function readStateFile(dataDir: string): Readonly<Record<string, unknown>> {
  try {
    return readMeters(join(dataDir, STATE_FILE));
  } catch {
    return {};
  }
}

/** @throws SyntaxError if the file is not a state file; the errors of reading */
function readMeters(file: string): Readonly<Record<string, unknown>> {
  if (statSync(file).size > MAX_BYTES) throw new SyntaxError(`larger than ${MAX_BYTES} bytes`);
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!isObject(parsed) || parsed.version !== 1 || !isObject(parsed.meters)) {
    throw new SyntaxError("unexpected content");
  }
  return Object.fromEntries(Object.entries(parsed.meters).filter(([, value]) => isFlat(value)));
}

/** Whether a stored value is nested no deeper than ours are: `JSON.stringify` fails on very deep ones. */
function isFlat(value: unknown, depth = MAX_DEPTH): boolean {
  if (value === null || typeof value !== "object") return true;
  return depth > 0 && Object.values(value).every((inner) => isFlat(inner, depth - 1));
}

/** Names under which a stored meter can be addressed. */
function namesOf(value: unknown): unknown[] {
  if (!isObject(value)) return [];
  const { id, meterId, systemTitle } = value;
  return [id, meterId, systemTitle];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
