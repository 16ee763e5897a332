/**
 * Capture on demand: records the bytes that a meter sends during the next minute into a file that can be attached to an
 * issue. It wraps the decoder, so the meter needs no knowledge of it, and buffers nothing while no capture is running.
 */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Decoder, DecoderEvent } from "../codec/decoder-event.ts";

/** Duration of a capture: a dozen telegrams at the usual five-second period. */
const CAPTURE_MS = 60_000;
/** A capture of this size ends early. */
const MAX_BYTES = 64 * 1024;
/** Number of files kept; older ones are deleted. */
const MAX_FILES = 5;
/** Bytes that arrive within this time go on one line of the file. */
const SAME_CHUNK_MS = 500;

interface Chunk {
  readonly at: number;
  bytes: Uint8Array;
}

export interface LineCaptureOptions {
  /** Target folder; created on demand. */
  readonly folder: string;
  /** Formats a capture. @param chunks oldest first, `at` in wall clock milliseconds */
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

  /** Wraps a decoder and records its input during a capture. */
  tap(decoder: Decoder): Decoder {
    return new CapturedDecoder(decoder, (chunk) => this.#add(chunk));
  }

  /** Starts a capture; does nothing if one is running. */
  begin(): void {
    if (this.#chunks !== null) return;
    this.#chunks = [];
    this.#bytes = 0;
    this.#timer = setTimeout(() => this.#finish(), CAPTURE_MS);
    this.#options.log.info(`taking a capture for ${CAPTURE_MS / 1000} s`);
  }

  /** Ends a running capture and waits until its file is written. */
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
    this.#writing = this.#write(chunks, this.#bytes >= MAX_BYTES).catch((error: unknown) =>
      log.warn(`the capture could not be written: ${error instanceof Error ? error.message : String(error)}`),
    );
  }

  async #write(chunks: readonly Chunk[], full: boolean): Promise<void> {
    const { folder, render, log } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `capture-${new Date().toISOString().replace(/[:.]/g, "-")}.txt`);
    await writeFile(file, await render(chunks), { mode: 0o600 });
    log.info(`capture written: ${file}${full ? ` (ended early, at ${MAX_BYTES} bytes)` : ""}`);
    const files = (await readdir(folder)).filter((name) => /^capture-.*\.txt$/.test(name)).sort();
    for (const old of files.slice(0, -MAX_FILES)) await rm(join(folder, old), { force: true });
  }
}

/** A class rather than an object with a getter, which takes a kilobyte for each meter in V8. */
class CapturedDecoder implements Decoder {
  readonly #decoder: Decoder;
  readonly #received: (chunk: Uint8Array) => void;

  constructor(decoder: Decoder, received: (chunk: Uint8Array) => void) {
    this.#decoder = decoder;
    this.#received = received;
  }

  get wanted(): number {
    return this.#decoder.wanted;
  }

  feed(chunk: Uint8Array): DecoderEvent[] {
    this.#received(chunk);
    return this.#decoder.feed(chunk);
  }

  silence(): DecoderEvent[] {
    return this.#decoder.silence();
  }

  end(): DecoderEvent[] {
    return this.#decoder.end();
  }

  reset(): void {
    this.#decoder.reset();
  }
}
