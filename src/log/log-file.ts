/**
 * The log file: appended line by line and rotated by size as in the predecessor (FILE, then FILE.1). Lines are written
 * synchronously and never queued: if the disk is full or gone, lines are lost and counted, but memory doesn't grow and
 * the process keeps running. The caller reports a failure once; writing is retried after a pause. If the file is
 * removed or renamed, or its folder moved, the file is created again.
 */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { Writable } from "node:stream";

/** Same size as in the predecessor. */
export const MAX_BYTES = 2 * 1024 * 1024;
const RETRY_MS = 5_000;

export interface LogFileOptions {
  readonly file: string;
  readonly maxBytes?: number;
  /** The file can't be written; or (`null`) it can be written again, and `missing` lines were lost. */
  readonly onState: (error: NodeJS.ErrnoException | null, missing: number) => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** A stream for winston's stream transport; it never fails and never blocks. */
export class LogFile extends Writable {
  readonly #options: LogFileOptions;
  #descriptor: number | null = null;
  /** The file behind the descriptor, as returned by `identityOf`. */
  #identity = "";
  #bytes = 0;
  #failedAt: number | null = null;
  /** Lines lost since the file became unwritable. */
  #missing = 0;

  constructor(options: LogFileOptions) {
    super({ decodeStrings: false });
    this.#options = options;
  }

  override _write(line: string, _encoding: BufferEncoding, done: () => void): void {
    this.#append(line);
    done();
  }

  override _final(done: () => void): void {
    this.#shut();
    done();
  }

  #append(line: string): void {
    const { now = Date.now, onState } = this.#options;
    if (this.#failedAt !== null && now() - this.#failedAt < RETRY_MS) {
      this.#missing++;
      return;
    }
    try {
      const bytes = Buffer.from(line);
      this.#writeWhole(this.#open(bytes.length), bytes);
      if (this.#failedAt !== null) onState(null, this.#missing);
      this.#failedAt = null;
      this.#missing = 0;
    } catch (error) {
      const first = this.#failedAt === null;
      this.#failedAt = now();
      this.#missing++;
      this.#shut();
      if (first) onState(error as NodeJS.ErrnoException, this.#missing);
    }
  }

  /** Writes a line completely or not at all: a disk that is filling up accepts only part of it. */
  #writeWhole(descriptor: number, bytes: Uint8Array): void {
    const before = fstatSync(descriptor).size;
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    } catch (error) {
      if (fstatSync(descriptor).isFile()) ftruncateSync(descriptor, before);
      throw error;
    }
    this.#bytes = before + bytes.length;
  }

  /** The open file, with room for `room` more bytes. */
  #open(room: number): number {
    const { file, maxBytes = MAX_BYTES } = this.#options;
    if (this.#descriptor !== null && identityOf(file) !== this.#identity) this.#shut();
    if (this.#descriptor !== null && this.#bytes > 0 && this.#bytes + room > maxBytes) {
      this.#shut();
      renameSync(file, `${file}.1`);
    }
    if (this.#descriptor === null) {
      mkdirSync(dirname(file), { recursive: true });
      this.#descriptor = openSync(file, "a", 0o640);
      this.#bytes = fstatSync(this.#descriptor).size;
      this.#identity = identityOf(file);
    }
    return this.#descriptor;
  }

  #shut(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    if (descriptor === null) return;
    try {
      closeSync(descriptor);
    } catch {
      // This can fail too if the disk is gone; the descriptor is released anyway.
    }
  }
}

/** Device and inode of the file that currently has this name; empty if there is none. */
function identityOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? "" : `${found.dev}:${found.ino}`;
}
