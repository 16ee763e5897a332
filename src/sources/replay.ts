/**
 * `file:capture`: replays a capture in the meter's own timing. The capture is decoded to find where each telegram ends and
 * how long to wait for the next: the difference between the meter's clocks if the key is known, otherwise the usual period.
 */
import { createReadStream } from "node:fs";
import { createDecoder } from "../codec/decoder.ts";
import type { DecoderEvent } from "../codec/decoder-event.ts";
import type { ListDefinition } from "../codec/lists/list-definition.ts";
import { CaptureReader } from "./capture-stream.ts";
import { type LineSettings, type Source, SourceError } from "./source.ts";
import { sleep } from "./wait.ts";

/** Usual sending interval of a meter. */
const USUAL_PERIOD_S = 5;
/** A longer step of the meter's clock is treated as a gap in the capture and skipped. */
const LONGEST_STEP_S = 60;
/** Read-ahead in bytes. */
const READ_BYTES = 16_384;

export interface ReplayOptions {
  readonly key?: Uint8Array | undefined;
  readonly authenticationKey?: Uint8Array | undefined;
  readonly lists?: readonly ListDefinition[] | undefined;
  /** Seconds between telegrams. Default: according to the meter's clock. */
  readonly interval?: number | undefined;
}

export class ReplaySource implements Source {
  readonly label: string;
  readonly hasLine = false;
  readonly #path: string;
  readonly #options: ReplayOptions;

  constructor(path: string, options: ReplayOptions = {}) {
    this.#path = path;
    this.#options = options;
    this.label = `file:${path}`;
  }

  /** Ends at the end of the file. @throws SourceError `no-device`, `permission`, `unsupported` */
  async *open(signal: AbortSignal, _line: LineSettings): AsyncGenerator<Uint8Array, void, undefined> {
    const decoder = createDecoder(this.#options);
    const reader = new CaptureReader();
    const pace = new Pace(this.#options.interval);
    let unplayed: Uint8Array = new Uint8Array(0);
    let played = 0;
    yield new Uint8Array(0);
    for await (const piece of this.#read(signal)) {
      const bytes = piece === null ? reader.end() : reader.push(piece);
      unplayed = Buffer.concat([unplayed, bytes]);
      for (const event of [...decoder.feed(bytes), ...(piece === null ? decoder.end() : [])]) {
        await sleep(pace.before(event) * 1000, signal);
        if (signal.aborted) return;
        const end = event.offset + event.length - played;
        if (end > 0) yield unplayed.subarray(0, end);
        unplayed = unplayed.subarray(Math.max(0, end));
        played += Math.max(0, end);
      }
    }
    if (unplayed.length > 0 && !signal.aborted) yield unplayed;
  }

  /** The file's content in chunks, then `null` at the end. */
  async *#read(signal: AbortSignal): AsyncGenerator<Uint8Array | null, void, undefined> {
    try {
      for await (const piece of createReadStream(this.#path, { highWaterMark: READ_BYTES, signal })) yield piece;
      yield null;
    } catch (error) {
      if (signal.aborted) return;
      const reason = error as NodeJS.ErrnoException;
      const code = reason.code === "EACCES" ? "permission" : reason.code === "ENOENT" ? "no-device" : "unsupported";
      throw new SourceError(code, `${this.label} cannot be read: ${reason.message}`, { cause: error });
    }
  }
}

/** Determines how long to wait before the next telegram. */
class Pace {
  readonly #interval: number | undefined;
  #clock = Number.NaN;
  #first = true;

  constructor(interval: number | undefined) {
    this.#interval = interval;
  }

  /** Wait before the event, in seconds. */
  before(event: DecoderEvent): number {
    if (event.type === "skipped") return 0;
    const time = event.type === "telegram" ? Date.parse(event.telegram.meterTime ?? "") : Number.NaN;
    const step = (time - this.#clock) / 1000;
    const usual = step >= 0 && step <= LONGEST_STEP_S ? step : USUAL_PERIOD_S;
    const wait = this.#first ? 0 : (this.#interval ?? usual);
    if (!Number.isNaN(time)) this.#clock = time;
    this.#first = false;
    return wait;
  }
}
