/**
 * How a framer looks at a stream: a pure function that is asked, for one position of the buffer, whether a frame stands
 * there. It remembers nothing, so that a read may end anywhere; the decoder owns the buffer, moves on by one byte after
 * a failed check, and asks again when more bytes have come.
 */
import type { CodecErrorCode } from "./codec-error.ts";

/** What stands at the position that was asked for. */
export type Scan<Frame> =
  /** No frame can begin here. */
  | { readonly kind: "no" }
  /** So far it looks like one; at least `bytes` bytes, counted from the position, are needed to tell more. */
  | { readonly kind: "more"; readonly bytes: number }
  /** It looked like one, and a check failed: worth telling if nothing else explains these bytes. */
  | { readonly kind: "bad"; readonly code: CodecErrorCode; readonly message: string }
  /** A frame with every check right, `length` bytes on the wire. */
  | { readonly kind: "frame"; readonly length: number; readonly frame: Frame };

/**
 * @param buffer what has come so far
 * @param start position that is asked for
 * @param end end of the valid bytes in `buffer`
 * @param final no more bytes will come (silence, or the end of the input): `more` is no answer then
 */
export type Scanner<Frame> = (buffer: Uint8Array, start: number, end: number, final: boolean) => Scan<Frame>;
