/**
 * Reassembles one APDU from its frames (EN 13757-3, DLMS transport): CI = 000F SSSS, where S is the segment number,
 * starting at 0, and F is set on the last segment. All segments of an APDU share the same address, STSAP and DTSAP.
 * Nothing in a later frame identifies its telegram, so a lost frame shows only as a gap in the numbering.
 */
import { CodecError } from "../codec-error.ts";
import { ByteCollector } from "./byte-collector.ts";
import { LARGEST_DLMS_CI, type MbusFrame } from "./mbus-frame.ts";
import type { Accepted, Assembler } from "./scan.ts";

/** Maximum APDU length; telegrams in the field are below 1 KiB. */
const MAX_APDU = 8192;
/** FIN bit of the CI field: last segment. */
const FINAL = 0x10;
/** CI field for data with a long header (EN 13757-7): M-Bus records, one complete telegram per frame. */
export const CI_RECORDS = 0x5b;

export class MbusAssembler implements Assembler<MbusFrame> {
  readonly #collected = new ByteCollector(MAX_APDU);
  /** Number of the next expected segment, without wrapping at 15; 0 if no APDU is being collected. */
  #next = 0;
  #channel = 0;

  get pending(): boolean {
    return this.#next !== 0;
  }

  ends(frame: MbusFrame): boolean {
    return (frame.ci & FINAL) !== 0 || frame.ci > LARGEST_DLMS_CI;
  }

  accept(frame: MbusFrame): Accepted | undefined {
    if (frame.ci === CI_RECORDS) return this.#acceptRecords(frame);
    if (frame.ci > LARGEST_DLMS_CI) {
      throw new CodecError(
        "unsupported",
        `M-Bus CI field ${frame.ci}: neither the DLMS transport (0 to 31) nor records with a long header (91)`,
      );
    }
    const wrong = this.#mismatch(frame);
    if (wrong) {
      this.reset();
      throw new CodecError("segmentation", wrong);
    }
    const last = (frame.ci & FINAL) !== 0;
    if (this.#next === 0) {
      if (last) return { apdu: frame.data };
      this.#channel = channelOf(frame);
    }
    this.#collected.append(frame.data);
    this.#next++;
    if (!last) return undefined;
    const apdu = this.#collected.bytes;
    this.reset();
    return { apdu };
  }

  foresee(frame: MbusFrame): { apdu: Uint8Array } | undefined {
    if (!this.ends(frame) || frame.ci > LARGEST_DLMS_CI || this.#mismatch(frame)) return undefined;
    if (this.#next === 0) return { apdu: frame.data };
    const { length } = this.#collected;
    this.#collected.append(frame.data);
    const apdu = this.#collected.bytes;
    this.#collected.truncate(length);
    return { apdu };
  }

  #acceptRecords(frame: MbusFrame): Accepted {
    if (this.pending) {
      this.reset();
      throw new CodecError("segmentation", "the telegram was truncated: a telegram of M-Bus records started");
    }
    return { apdu: frame.data, application: "records" };
  }

  /** The reason why the frame is not the next segment; `undefined` if it is. */
  #mismatch(frame: MbusFrame): string | undefined {
    const segment = frame.ci & 0x0f;
    if (this.#next === 0) return segment === 0 ? undefined : `M-Bus segment ${segment} came without segment 0`;
    const expected = this.#next & 0x0f;
    // Segment numbers wrap from 15 to 0. Where 0 is expected, the data shows whether it continues or starts a telegram.
    if (segment === 0 && (expected !== 0 || this.#repeats(frame.data))) {
      return `M-Bus segment ${this.#next} expected, a new telegram begins`;
    }
    if (segment !== expected) return `M-Bus segment ${expected} expected, ${segment} found`;
    if (channelOf(frame) !== this.#channel) return `M-Bus segment ${segment} has other access points than segment 0`;
    if (!this.#collected.fits(frame.data.length)) return `M-Bus segments: more than ${MAX_APDU} bytes`;
    return undefined;
  }

  reset(): void {
    this.#collected.clear();
    this.#next = 0;
  }

  /**
   * Whether the data starts like the collected APDU: same APDU tag and same system title or year. If so, it is a new
   * APDU. Fewer than 8 bytes are inconclusive and count as the expected segment.
   */
  #repeats(data: Uint8Array): boolean {
    if (data.length < 8) return false;
    const { bytes } = this.#collected;
    return [0, 5, 6, 7].every((at) => data[at] === bytes[at]);
  }
}

function channelOf(frame: MbusFrame): number {
  return (frame.address << 16) | (frame.stsap << 8) | frame.dtsap;
}
