/**
 * A capture on demand: the bytes that a meter sends for the next minute, as a file to attach to an issue. It wraps the
 * decoder, so that the meter does not know of it, and holds nothing while no capture is running.
 */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Decoder } from "../codec/decoder-event.ts";

/** A capture lasts this long: a dozen telegrams at the usual five seconds. */
const CAPTURE_MS = 60_000;
/** It ends earlier when it has so many bytes. */
const MAX_BYTES = 64 * 1024;
/** So many files are kept, the newest. */
const MAX_FILES = 5;
/** Bytes that arrive within this time stand in one line. */
const SAME_CHUNK_MS = 500;

interface Chunk {
  readonly at: number;
  bytes: Uint8Array;
}

export interface LineCaptureOptions {
  /** Where the files go; made when it is needed. */
  readonly folder: string;
  /** The text of a capture. @param chunks oldest first, `at` in milliseconds of the wall clock */
  readonly render: (chunks: readonly { readonly at: number; readonly bytes: Uint8Array }[]) => Promise<string>;
  readonly log: { info(message: string): void; warn(message: string): void };
  readonly wall?: () => number;
}

export class LineCapture {
  readonly #options: LineCaptureOptions;
  #chunks: Chunk[] | null = null;
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: LineCaptureOptions) {
    this.#options = options;
  }

  /** Wraps a decoder and sees what goes into it. */
  tap(decoder: Decoder): Decoder {
    return {
      feed: (chunk) => {
        if (this.#chunks !== null) this.#add(chunk);
        return decoder.feed(chunk);
      },
      silence: () => decoder.silence(),
      end: () => decoder.end(),
      get wanted() {
        return decoder.wanted;
      },
      reset: () => decoder.reset(),
    };
  }

  /** Begins a capture; nothing happens while one is under way. */
  begin(): void {
    if (this.#chunks !== null) return;
    this.#chunks = [];
    this.#bytes = 0;
    this.#timer = setTimeout(() => this.#finish(), CAPTURE_MS);
    this.#options.log.info(`taking a capture for ${CAPTURE_MS / 1000} s`);
  }

  /** Ends a capture that is under way, and waits until it is written. */
  async stop(): Promise<void> {
    this.#finish();
    await this.#writing;
  }

  #add(chunk: Uint8Array): void {
    const chunks = this.#chunks;
    if (chunks === null) return;
    const bytes = chunk.slice(0, MAX_BYTES - this.#bytes);
    const at = (this.#options.wall ?? Date.now)();
    const last = chunks.at(-1);
    if (last !== undefined && Math.abs(at - last.at) < SAME_CHUNK_MS) last.bytes = Buffer.concat([last.bytes, bytes]);
    else chunks.push({ at, bytes });
    this.#bytes += bytes.length;
    if (this.#bytes >= MAX_BYTES) this.#finish();
  }

  #finish(): void {
    const chunks = this.#chunks;
    if (chunks === null) return;
    this.#chunks = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { log } = this.#options;
    this.#writing = this.#write(chunks).catch((error: unknown) =>
      log.warn(`the capture could not be written: ${error instanceof Error ? error.message : String(error)}`),
    );
  }

  async #write(chunks: readonly Chunk[]): Promise<void> {
    const { folder, render, log } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `capture-${new Date().toISOString().replace(/[:.]/g, "-")}.txt`);
    await writeFile(file, await render(chunks), { mode: 0o600 });
    log.info(`capture written: ${file}`);
    const files = (await readdir(folder)).filter((name) => /^capture-.*\.txt$/.test(name)).sort();
    for (const old of files.slice(0, -MAX_FILES)) await rm(join(folder, old), { force: true });
  }
}
