/**
 * `file:capture`: a capture as a source, at the meter's pace. Where one telegram ends and how long to wait for the next
 * is found by decoding it: the difference of the meter's clocks where the key is known, else the usual period.
 */
import { readFile } from "node:fs/promises";
import { createDecoder, type DecoderEvent } from "../codec/decoder.ts";
import { parseCapture } from "./capture.ts";
import { type LineSettings, type Source, SourceError } from "./source.ts";
import { sleep } from "./wait.ts";

/** Most meters push so often. */
const USUAL_PERIOD_S = 5;
/** A longer step of the meter's clock is a gap in the capture and not waited for. */
const LONGEST_STEP_S = 60;
/** Larger files are refused: a month of telegrams is a hundredth of that per meter and day. */
const MOST_BYTES = 256 * 1024 * 1024;

export interface ReplayOptions {
  readonly key?: Uint8Array | undefined;
  readonly authenticationKey?: Uint8Array | undefined;
  /** Seconds between telegrams; default: as the meter's clock says. */
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

  /** Ends with the file. @throws SourceError `no-device`, `permission`, `unsupported` */
  async *open(signal: AbortSignal, _line: LineSettings): AsyncGenerator<Uint8Array, void, undefined> {
    const bytes = parseCapture(await this.#read(signal));
    if (signal.aborted) return;
    yield new Uint8Array(0);
    const decoder = createDecoder(this.#options);
    const ends = telegramEnds([...decoder.feed(bytes), ...decoder.end()], this.#options.interval);
    let from = 0;
    for (const { end, waitS } of ends) {
      await sleep(waitS * 1000, signal);
      if (signal.aborted) return;
      yield bytes.subarray(from, end);
      from = end;
    }
    if (from < bytes.length) yield bytes.subarray(from);
  }

  async #read(signal: AbortSignal): Promise<Uint8Array> {
    try {
      const bytes = await readFile(this.#path, { signal });
      if (bytes.length <= MOST_BYTES) return bytes;
      throw new SourceError("unsupported", `${this.#path} is larger than ${MOST_BYTES / 1024 / 1024} MB`);
    } catch (error) {
      if (signal.aborted) return new Uint8Array(0);
      if (error instanceof SourceError) throw error;
      const reason = error as NodeJS.ErrnoException;
      const code = reason.code === "EACCES" ? "permission" : reason.code === "ENOENT" ? "no-device" : "unsupported";
      throw new SourceError(code, `${this.label} cannot be read: ${reason.message}`, { cause: error });
    }
  }
}

/** Where each telegram ends, whole or faulty, and how long to wait before it. */
function telegramEnds(events: readonly DecoderEvent[], interval: number | undefined): { end: number; waitS: number }[] {
  let clock: number | null = null;
  let first = true;
  const ends: { end: number; waitS: number }[] = [];
  for (const event of events) {
    if (event.type === "skipped") continue;
    const time = event.type === "telegram" ? Date.parse(event.telegram.meterTime ?? "") : Number.NaN;
    const stepS = clock === null ? Number.NaN : (time - clock) / 1000;
    const usualS = stepS >= 0 && stepS <= LONGEST_STEP_S ? stepS : USUAL_PERIOD_S;
    ends.push({ end: event.offset + event.length, waitS: first ? 0 : (interval ?? usualS) });
    if (!Number.isNaN(time)) clock = time;
    first = false;
  }
  return ends;
}
