/** Ways of splitting a stream, all of which must give the same result. */
import { createDecoder } from "../../src/codec/decoder.ts";
import type { DecoderEvent, DecoderOptions } from "../../src/codec/decoder-event.ts";
import { seededRandom } from "./random.ts";

/** Feeds the pieces one by one, then signals the end. */
export function decodePieces(pieces: Iterable<Uint8Array>, options: DecoderOptions): DecoderEvent[] {
  const decoder = createDecoder(options);
  const events: DecoderEvent[] = [];
  for (const piece of pieces) events.push(...decoder.feed(piece));
  events.push(...decoder.end());
  return events;
}

/** `bytes` in pieces: whole, byte by byte, cut in two at every index, and in 50 random ways. */
export function* splits(bytes: Uint8Array, seed = 1): Generator<{ how: string; pieces: Uint8Array[] }> {
  yield { how: "whole", pieces: [bytes] };
  yield { how: "byte by byte", pieces: Array.from(bytes, (byte) => Uint8Array.of(byte)) };
  for (let at = 1; at < bytes.length; at++) {
    yield { how: `cut at ${at}`, pieces: [bytes.subarray(0, at), bytes.subarray(at)] };
  }
  const random = seededRandom(seed);
  for (let run = 0; run < 50; run++) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + Math.floor(random() * 40);
      pieces.push(bytes.subarray(at, at + length));
      at += length;
    }
    yield { how: `random pieces ${run}`, pieces };
  }
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
