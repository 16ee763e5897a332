/**
 * How a framer looks at a stream: a pure function that is asked, for one position of the buffer, whether a frame stands
 * there. It remembers nothing, so that a read may end anywhere; the decoder owns the buffer, moves on by one byte after
 * a failed check, and asks again when more bytes have come.
 */
import type { CodecErrorCode } from "../codec-error.ts";
import type { Proof } from "../telegram.ts";

/** What stands at the position that was asked for. */
export type Scan<Frame> =
  /** No frame can begin here. */
  | { readonly kind: "no" }
  /** So far it looks like one; at least `bytes` bytes, counted from the position, are needed to tell more. */
  | { readonly kind: "more"; readonly bytes: number }
  /**
   * It looked like one, and a check failed. `length` is how many bytes the frame claims (1 if unknown): what fails inside
   * them is not told again. Answer `bad` only when chance is a poor explanation (random bytes must not give faults).
   */
  | {
      readonly kind: "bad";
      readonly code: CodecErrorCode;
      readonly message: string;
      readonly length?: number;
      /**
       * What the damaged frame seems to be: the first of a telegram (then it is told even inside a damaged frame), or a
       * later one (then it belongs to the telegram whose earlier frame was damaged). Unset: unknown.
       */
      readonly part?: "first" | "later";
      /** How a check sum failed: the same text for frames that fail in the same way, unset where that says nothing. */
      readonly pattern?: string;
    }
  /** A frame with every check right, `length` bytes on the wire. */
  | { readonly kind: "frame"; readonly length: number; readonly frame: Frame };

/** The answer "no frame can begin here"; one object, because it is given for nearly every byte of noise. */
export const NO_FRAME = { kind: "no" } as const;

/**
 * Where `byte` stands in `buffer[from … to-1]`, -1 if nowhere. `buffer.indexOf` would search past `to`, up to 16 kB for
 * each byte that comes: P1 lines fed byte by byte cost 5.6 µs a byte with it, 0.3 µs with this.
 */
export function findByte(buffer: Uint8Array, byte: number, from: number, to: number): number {
  for (let at = from; at < to; at++) if (buffer[at] === byte) return at;
  return -1;
}

/**
 * @param buffer what has come so far
 * @param start position that is asked for
 * @param end end of the valid bytes in `buffer`
 * @param final no more bytes will come (silence, or the end of the input): `more` is no answer then
 * @param seen how many bytes there were when this scanner last answered `more` for the same position, 0 at first: a
 *   frame without a length of its own needs to be searched for its end only from there on
 */
export type Scanner<Frame> = (
  buffer: Uint8Array,
  start: number,
  end: number,
  final: boolean,
  seen?: number,
) => Scan<Frame>;

/** What the bytes of a telegram are: a DLMS APDU (or the text of a P1 telegram), or M-Bus records behind their CI field. */
export type Application = "dlms" | "records";

/** A complete APDU. */
export interface Accepted {
  readonly apdu: Uint8Array;
  /** Default: `dlms`. */
  readonly application?: Application;
  /** Where it differs from frame to frame (P1 with and without CRC). */
  readonly proof?: Proof;
  /** Of how many segments without numbers it was joined: if it turns out malformed, one of them is probably missing. */
  readonly unnumberedSegments?: number;
}

/** Joins frames to APDUs; every transport has one. */
export interface Assembler<Frame> {
  /** Whether a collection has begun and waits for further frames. */
  readonly pending: boolean;
  /**
   * Takes the next frame; gives the APDU when it is whole (its bytes are valid until the next call).
   * @throws CodecError `segmentation` when the frame is not the expected next one. What was collected is dropped; the
   * decoder then offers the same frame once more, because it may begin something new. `unsupported`: the frame is none
   * of a telegram, and what was collected goes on.
   */
  accept(frame: Frame): Accepted | undefined;
  /** What `accept` would give for this frame, without taking it; for transports whose last byte only closes the frame. */
  foresee?(frame: Frame): Accepted | undefined;
  /** What is being collected has no numbers: foreign bytes between two frames may be all that is seen of a lost one. */
  readonly unnumbered?: boolean;
  /** Whether the frame is the last of its telegram: a later frame does not belong to it any more. */
  ends(frame: Frame): boolean;
  /** Forgets what was begun. */
  reset(): void;
}
