/**
 * The door of the codec: bytes in, telegrams and typed faults out. Pure and synchronous: no clock, no I/O, no log. The
 * transport is recognised from the bytes. One decoder serves one stream; after any fault a telegram that follows intact
 * is decoded.
 */
import type { Decoder, DecoderEvent, DecoderOptions } from "./decoder-event.ts";
import { StreamDecoder } from "./stream-decoder.ts";

/** A decoder for one stream of bytes. */
export function createDecoder(options: DecoderOptions = {}): Decoder {
  return new StreamDecoder(options);
}

/** Everything that stands in `bytes`, from the first byte to the last: for captures. */
export function decodeTelegrams(bytes: Uint8Array, options: DecoderOptions = {}): DecoderEvent[] {
  const decoder = createDecoder(options);
  const events = decoder.feed(bytes);
  for (const event of decoder.end()) events.push(event);
  return events;
}
