/**
 * Entry point of the codec: bytes in, telegrams and typed faults out. Pure and synchronous: no clock, no I/O, no
 * logging. The transport is detected from the bytes. Each stream needs its own decoder. After a fault, the decoder
 * recovers and decodes the next intact telegram.
 */
import type { Decoder, DecoderEvent, DecoderOptions } from "./decoder-event.ts";
import { StreamDecoder } from "./stream-decoder.ts";

/** Creates a decoder for one byte stream. */
export function createDecoder(options: DecoderOptions = {}): Decoder {
  return new StreamDecoder(options);
}

/** Decodes a complete capture. */
export function decodeTelegrams(bytes: Uint8Array, options: DecoderOptions = {}): DecoderEvent[] {
  const decoder = createDecoder(options);
  const events = decoder.feed(bytes);
  for (const event of decoder.end()) events.push(event);
  return events;
}
