/**
 * Ring buffers for the page and for captures: the latest telegrams and faults with their bytes, and the raw bytes with
 * their time of arrival. Bounded. Wraps decoder and acceptance, so the meter needs no knowledge of it.
 */

import type { Acceptance } from "../acceptance/verdict.ts";
import type { Decoder, DecoderEvent } from "../codec/decoder-event.ts";
import { ListSamples } from "../codec/lists/list-samples.ts";
import type { Telegram } from "../codec/telegram.ts";
import { germanReasonOr } from "../diagnosis/reasons-de.ts";
import type { TelegramSummary } from "./page-model.ts";

/** Telegrams kept per meter: two minutes at the usual five seconds. */
const PER_METER = 24;
/** Longer telegrams are not kept; no meter sends them. */
const MAX_TELEGRAM_BYTES = 4_096;
/** Raw bytes kept per meter. */
const MAX_RAW_BYTES = 16_384;
/** Maximum length of a stored reason, characters. */
const MAX_REASON = 300;
/** Bytes that arrive within this time form one line of a capture. */
const SAME_CHUNK_MS = 500;

/** One entry: the summary for the page's list, and the telegram's bytes. */
export interface Recorded extends TelegramSummary {
  readonly index: number;
  readonly wire: Uint8Array;
  readonly telegram: Telegram | null;
}

/** Bytes as received, and when the first of them arrived (milliseconds of the wall clock). */
export interface RawChunk {
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Tape {
  telegrams: Recorded[];
  raw: RawChunk[];
  rawBytes: number;
  /** Telegrams that fit no list. */
  readonly unknown: ListSamples;
}

export class Recorder {
  readonly #wall: () => number;
  readonly #changed: () => void;
  readonly #tapes = new Map<number, Tape>();
  #nextId = 1;

  /** @param changed called after each telegram or fault */
  constructor(changed: () => void = () => undefined, wall: () => number = Date.now) {
    this.#changed = changed;
    this.#wall = wall;
  }

  /**
   * Wraps a decoder and records its events. It must have been created with `keepBytes`.
   * @param index of the meter in the configuration
   */
  tap(index: number, decoder: Decoder): Decoder {
    const record = (events: DecoderEvent[]): DecoderEvent[] => {
      for (const event of events) this.#add(index, event);
      return events;
    };
    return {
      feed: (chunk) => {
        this.#addRaw(index, chunk);
        return record(decoder.feed(chunk));
      },
      silence: () => record(decoder.silence()),
      end: () => record(decoder.end()),
      get wanted() {
        return decoder.wanted;
      },
      reset: () => decoder.reset(),
    };
  }

  /** Wraps an acceptance and marks the telegrams that it rejects. */
  watch(index: number, acceptance: Acceptance): Acceptance {
    const note = (verdicts: ReturnType<Acceptance["judge"]>) => {
      for (const verdict of verdicts) {
        if (verdict.type === "rejected") this.#refuse(index, verdict.telegram, verdict.reason);
      }
      return verdicts;
    };
    return {
      judge: (telegram, at) => note(acceptance.judge(telegram, at)),
      disturbed: (at) => acceptance.disturbed(at),
      get due() {
        return acceptance.due;
      },
      expire: (at) => note(acceptance.expire(at)),
      memory: () => acceptance.memory(),
    };
  }

  /** Telegrams of one meter, newest first. */
  list(index: number): readonly Recorded[] {
    return [...(this.#tapes.get(index)?.telegrams ?? [])].reverse();
  }

  find(id: number): Recorded | undefined {
    for (const { telegrams } of this.#tapes.values()) {
      const found = telegrams.find((entry) => entry.id === id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A `lists:` block for telegrams of one meter that fit no list; empty if there were none. */
  template(index: number): string {
    return this.#tapes.get(index)?.unknown.template() ?? "";
  }

  /** Raw bytes of one meter, oldest first. */
  raw(index: number): readonly RawChunk[] {
    return this.#tapes.get(index)?.raw ?? [];
  }

  #tape(index: number): Tape {
    const known = this.#tapes.get(index);
    if (known !== undefined) return known;
    const created: Tape = { telegrams: [], raw: [], rawBytes: 0, unknown: new ListSamples() };
    this.#tapes.set(index, created);
    return created;
  }

  #add(index: number, event: DecoderEvent): void {
    if (event.type === "fault" && event.positions !== undefined) this.#tape(index).unknown.add(event.positions);
    const wire = event.type === "skipped" ? undefined : event.bytes;
    if (event.type === "skipped" || wire === undefined || wire.length > MAX_TELEGRAM_BYTES) return;
    const { telegrams } = this.#tape(index);
    const fault = event.type === "fault";
    telegrams.push({
      id: this.#nextId++,
      index,
      at: this.#wall(),
      bytes: wire.length,
      transport: fault ? event.transport : event.telegram.transport,
      security: fault ? null : event.telegram.security,
      outcome: fault ? event.code : "ok",
      message: fault ? messageOf(event.code, event.message) : null,
      wire: wire.slice(),
      systemTitle: fault ? event.systemTitle : event.telegram.systemTitle,
      telegram: fault ? null : event.telegram,
    });
    if (telegrams.length > PER_METER) telegrams.shift();
    this.#changed();
  }

  #addRaw(index: number, chunk: Uint8Array): void {
    const tape = this.#tape(index);
    const at = this.#wall();
    const last = tape.raw.at(-1);
    const bytes = chunk.length > MAX_RAW_BYTES ? chunk.slice(-MAX_RAW_BYTES) : chunk.slice();
    if (
      last !== undefined &&
      Math.abs(at - last.at) < SAME_CHUNK_MS + 5 * last.bytes.length &&
      last.bytes.length < 600
    ) {
      tape.raw[tape.raw.length - 1] = { at: last.at, bytes: concat(last.bytes, bytes) };
    } else {
      tape.raw.push({ at, bytes });
    }
    tape.rawBytes += bytes.length;
    while (tape.rawBytes > MAX_RAW_BYTES && tape.raw.length > 1) tape.rawBytes -= tape.raw.shift()?.bytes.length ?? 0;
  }

  #refuse(index: number, telegram: Telegram, reason: string): void {
    const { telegrams } = this.#tape(index);
    const position = telegrams.findIndex((entry) => entry.telegram === telegram);
    const entry = telegrams[position];
    if (entry !== undefined)
      telegrams[position] = { ...entry, outcome: "implausible", message: messageOf("implausible", reason) };
  }
}

/** Why a telegram was rejected, in both languages; cut if longer than any of our sentences. */
function messageOf(code: string, reason: string): TelegramSummary["message"] {
  const en = reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason;
  return { en, de: germanReasonOr(code, en) };
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
