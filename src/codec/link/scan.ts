/**
 * Interfaces of framing. A scanner is a pure function that reports whether a frame starts at a given buffer position.
 * It keeps no state, so reads may be split anywhere; the decoder owns the buffer, advances by one byte after a failed
 * check, and scans again when more bytes arrive.
 */
import type { CodecErrorCode } from "../codec-error.ts";
import type { Proof } from "../telegram.ts";

/** The result of scanning one position. */
export type Scan<Frame> =
  /** No frame can start here. */
  | { readonly kind: "no" }
  /** A possible frame; at least `bytes` bytes, counted from the position, are needed to decide. */
  | { readonly kind: "more"; readonly bytes: number }
  /**
   * A frame that failed a check. `length` is the number of bytes the frame claims (1 if unknown); further failures
   * within them are not reported. Return `bad` only if a chance match is unlikely: random bytes must not cause faults.
   */
  | {
      readonly kind: "bad";
      readonly code: CodecErrorCode;
      readonly message: string;
      readonly length?: number;
      /**
       * Whether the damaged frame appears to be the first of a telegram (reported even inside another damaged frame) or
       * a later one (part of the telegram whose earlier frame was damaged). Unset if unknown.
       */
      readonly part?: "first" | "later";
      /** How the checksum failed, the same text for the same kind of failure; unset if that is not informative. */
      readonly pattern?: string;
    }
  /** A frame that passed every check, `length` bytes on the wire. */
  | { readonly kind: "frame"; readonly length: number; readonly frame: Frame };

/** The result "no frame can start here", shared because noise produces it for nearly every byte. */
export const NO_FRAME = { kind: "no" } as const;

/**
 * Position of `byte` in `buffer[from … to-1]`, or -1. `buffer.indexOf` would search past `to`, up to 16 kB for each
 * byte received: P1 lines fed byte by byte took 5.6 µs per byte with it and 0.3 µs with this function.
 */
export function findByte(buffer: Uint8Array, byte: number, from: number, to: number): number {
  for (let at = from; at < to; at++) if (buffer[at] === byte) return at;
  return -1;
}

/**
 * @param buffer bytes received so far
 * @param start position to scan
 * @param end end of the valid bytes in `buffer`
 * @param final no more bytes will follow (silence or end of input), so `more` would be pointless
 * @param seen number of bytes available when this scanner last returned `more` for the same position, initially 0; a
 *   frame without a length field need only be searched for its end from there
 */
export type Scanner<Frame> = (
  buffer: Uint8Array,
  start: number,
  end: number,
  final: boolean,
  seen?: number,
) => Scan<Frame>;

/** Payload of a telegram: a DLMS APDU (or the text of a P1 telegram), or M-Bus records starting with their CI field. */
export type Application = "dlms" | "records";

/** A complete APDU. */
export interface Accepted {
  readonly apdu: Uint8Array;
  /** Default: `dlms`. */
  readonly application?: Application;
  /** Set if it differs between frames (P1 with and without CRC). */
  readonly proof?: Proof;
  /** Number of unnumbered segments joined; if the APDU is malformed, one of them is probably missing. */
  readonly unnumberedSegments?: number;
}

/** Reassembles APDUs from frames; each transport has its own. */
export interface Assembler<Frame> {
  /** Whether an incomplete APDU is waiting for more frames. */
  readonly pending: boolean;
  /**
   * Accepts the next frame and returns the APDU once it is complete (its bytes are valid until the next call).
   * @throws CodecError `segmentation` if the frame is not the expected one. The collected frames are discarded, and the
   *   decoder passes the same frame in again because it may start a new telegram. `unsupported` if the frame does not
   *   belong to a telegram; the collection continues.
   */
  accept(frame: Frame): Accepted | undefined;
  /** Returns what `accept` would, without changing state; for transports whose last byte is only a stop byte. */
  foresee?(frame: Frame): Accepted | undefined;
  /** The segments being collected are not numbered: stray bytes between frames may be the only trace of a lost one. */
  readonly unnumbered?: boolean;
  /** Whether the frame is the last one of its telegram. */
  ends(frame: Frame): boolean;
  /** Discards any incomplete APDU. */
  reset(): void;
}
