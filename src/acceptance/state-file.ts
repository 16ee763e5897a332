/**
 * What survives a restart: one small file, replaced atomically, so that after `kill -9` at any moment it is the old one or
 * the new one. Written seldom (SD cards wear). A disk that is full or read-only is logged once, and all that it costs is
 * that the first telegram after a restart waits for a second (docs/acceptance.md).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, systemClock } from "../process/clock.ts";

/** Name of the file in `data_dir`. */
export const STATE_FILE = "state.json";
/** Between two writes, milliseconds: what is lost by `kill -9` is made up by the next two telegrams. */
const INTERVAL_MS = 300_000;
/** After the first telegram of a run, and after a write that failed, milliseconds. */
const SOON_MS = 2_000;
const AGAIN_MS = 60_000;
/** Meters that are remembered besides the configured ones; those not heard for longest are forgotten first. */
const METERS = 256;
/** A file of ours has about 4 kB for each meter; one with more than some 16,000 meters is not read. */
const LARGEST_BYTES = 64 * 1024 * 1024;
/** Objects within a stored meter: registers, and each of them. */
const DEPTH = 4;

export interface StateFileLog {
  warn(message: string): void;
  info(message: string): void;
}

/** The memory of all meters of one process. `load` first, `stop` at the end. */
export class StateFile {
  readonly #file: string;
  readonly #log: StateFileLog;
  readonly #clock: Clock;
  readonly #sources: (() => unknown)[] = [];
  #meters: Readonly<Record<string, unknown>> = {};
  #writtenAt: number | null = null;
  #cancel: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();
  #touched = false;
  #failing = false;
  #stopped = false;

  /** @param dataDir the folder `data_dir`; made if it is missing */
  constructor(dataDir: string, log: StateFileLog, clock: Clock = systemClock) {
    this.#file = join(dataDir, STATE_FILE);
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * Reads the file: what each meter's acceptance gave in its `memory()`, by meter. A file that cannot be read counts as
   * none; one that is damaged is kept as `state.json.damaged`.
   */
  load(): Readonly<Record<string, unknown>> {
    this.#sweep();
    try {
      this.#meters = readMeters(this.#file);
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof RangeError) this.#setAside(error.message);
      else if (codeOf(error) !== "ENOENT") this.#log.warn(`cannot read ${this.#file}: ${messageOf(error)}`);
    }
    return { ...this.#meters };
  }

  /** @param source gives a meter's part whenever the file is written (`acceptance.memory`) */
  watch(source: () => unknown): void {
    this.#sources.push(source);
  }

  /** Something worth remembering has happened; it is written soon the first time, then every few minutes. */
  touch(): void {
    this.#touched = true;
    if (this.#cancel !== null || this.#stopped) return;
    const since = this.#writtenAt === null ? Number.POSITIVE_INFINITY : this.#clock.now() - this.#writtenAt;
    const wait = this.#failing ? AGAIN_MS : Math.max(SOON_MS, INTERVAL_MS - since);
    this.#cancel = this.#clock.after(wait, () => {
      this.#cancel = null;
      void this.#write();
    });
  }

  /** Writes what is not yet written. May be called twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = null;
    if (this.#touched) await this.#write();
    await this.#writing;
  }

  /** One write after the other. Never throws. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#replace());
    return this.#writing;
  }

  async #replace(): Promise<void> {
    this.#touched = false;
    this.#writtenAt = this.#clock.now();
    const meters: Record<string, unknown> = { ...this.#meters };
    for (const source of this.#sources) {
      const part = source();
      if (!isObject(part)) continue;
      for (const [meter, value] of Object.entries(part)) {
        delete meters[meter]; // to the end: last heard
        meters[meter] = value;
      }
    }
    this.#meters = Object.fromEntries(Object.entries(meters).slice(-(METERS + this.#sources.length)));
    const temporary = `${this.#file}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(this.#file), { recursive: true });
      const handle = await open(temporary, "w", 0o600);
      try {
        await handle.writeFile(`${JSON.stringify({ version: 1, meters: this.#meters })}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, this.#file);
      if (this.#failing) this.#log.info(`${this.#file} can be written again`);
      this.#failing = false;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      this.#touched = true;
      if (!this.#failing) {
        this.#log.warn(
          `cannot write ${this.#file}: ${messageOf(error)}. The bridge goes on; after a restart the first values come one telegram later. Make the folder writable or set data_dir.`,
        );
      }
      this.#failing = true;
    }
  }

  /** Removes what a `kill -9` in the middle of a write left behind. */
  #sweep(): void {
    const folder = dirname(this.#file);
    try {
      mkdirSync(folder, { recursive: true });
      for (const name of readdirSync(folder)) {
        if (name.startsWith(`${STATE_FILE}.`) && name.endsWith(".tmp")) rmSync(join(folder, name), { force: true });
      }
    } catch {
      // The folder cannot be made, read or written: writing tells.
    }
  }

  #setAside(reason: string): void {
    const aside = `${this.#file}.damaged`;
    try {
      renameSync(this.#file, aside);
      this.#log.warn(`${this.#file} is damaged (${reason}): kept as ${aside}, and begun anew`);
    } catch {
      this.#log.warn(`${this.#file} is damaged (${reason}): not used`);
    }
  }
}

/**
 * Forgets a meter: baseline, highest invocation counter, and that it was seen encrypted, so that it is met as a new one.
 * For a bridge that is stopped; one that runs would write again what it knows.
 * @param id `<meter>` in topics, the meter's number or its system title
 * @returns how many entries were removed; 0 if there is none, or no state file
 * @throws what writing throws
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

/** What is remembered of all meters, for who only looks (`doctor`); empty if it cannot be read. */
export function readStateFile(dataDir: string): Readonly<Record<string, unknown>> {
  try {
    return readMeters(join(dataDir, STATE_FILE));
  } catch {
    return {};
  }
}

/** @throws SyntaxError for a file that is not ours; else what reading throws */
function readMeters(file: string): Readonly<Record<string, unknown>> {
  if (statSync(file).size > LARGEST_BYTES) throw new SyntaxError("the file is too large");
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!isObject(parsed) || parsed.version !== 1 || !isObject(parsed.meters)) {
    throw new SyntaxError("it does not hold what it should");
  }
  return Object.fromEntries(Object.entries(parsed.meters).filter(([, value]) => isFlat(value)));
}

/** Whether what was stored is nested no deeper than what is stored: a deep one could not be written again. */
function isFlat(value: unknown, depth = DEPTH): boolean {
  if (value === null || typeof value !== "object") return true;
  return depth > 0 && Object.values(value).every((inner) => isFlat(inner, depth - 1));
}

/** How a stored meter may be called. */
function namesOf(value: unknown): unknown[] {
  if (!isObject(value)) return [];
  const { id, meterId, systemTitle } = value;
  return [id, meterId, systemTitle];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
