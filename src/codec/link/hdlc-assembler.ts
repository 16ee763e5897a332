/**
 * Reassembles APDUs from HDLC frames. The information field of a message's first frame starts with the LLC header
 * E6 E7 00 (response) or E6 E6 00 (command). Frames with the segmentation bit set are joined up to and including the
 * first frame without it. An APDU starting with E0 is a general-block-transfer block; later blocks may lack the LLC
 * header (seen on Landis+Gyr E450).
 */

import { CodecError } from "../codec-error.ts";
import { BlockTransfer, decodeBlock, GENERAL_BLOCK_TRANSFER, LAST_BLOCK } from "./block-transfer.ts";
import { ByteCollector } from "./byte-collector.ts";
import type { HdlcFrame } from "./hdlc-frame.ts";
import type { Accepted, Assembler } from "./scan.ts";

const LARGEST_MESSAGE = 8192;

/** Length of the LLC header at `start`: 3 bytes, or 0 if absent. */
export function llcLength(bytes: Uint8Array, start = 0): number {
  const second = bytes[start + 1];
  return bytes[start] === 0xe6 && (second === 0xe7 || second === 0xe6) && bytes[start + 2] === 0x00 ? 3 : 0;
}

/** Whether an APDU without LLC header starts here: a block, a ciphered APDU with system title or a data-notification. */
function beginsApdu(bytes: Uint8Array): boolean {
  switch (bytes[0]) {
    case GENERAL_BLOCK_TRANSFER:
      return true;
    case 0xdb:
    case 0xdc:
      return bytes[1] === 8;
    case 0x0f:
      return bytes[5] === 0x0c || bytes[5] === 0x00 || bytes[5] === 0x09 || bytes[5] === 0x19;
    default:
      return false;
  }
}

export class HdlcAssembler implements Assembler<HdlcFrame> {
  readonly #collected = new ByteCollector(LARGEST_MESSAGE);
  /** Segments collected so far, not counting empty ones. */
  #segments = 0;
  readonly #blocks = new BlockTransfer();

  /** Whether a message is incomplete. */
  get pending(): boolean {
    return this.#segments > 0 || this.#blocks.pending;
  }

  /** HDLC segments are not numbered: only stray bytes between two segments reveal a lost one. */
  get unnumbered(): boolean {
    return this.#segments > 0;
  }

  ends(frame: HdlcFrame): boolean {
    const information = frame.information;
    const at = llcLength(information);
    if (frame.segmented) return false;
    return information[at] !== GENERAL_BLOCK_TRANSFER || ((information[at + 1] as number) & LAST_BLOCK) !== 0;
  }

  reset(): void {
    this.#collected.clear();
    this.#segments = 0;
    this.#blocks.reset();
  }

  /**
   * Accepts the next frame.
   * @returns the APDU if this frame completes it, otherwise undefined
   * @throws CodecError `segmentation` if a frame is missing, duplicated or out of order. The collected segments are
   *   discarded. If `pending` was true, the frame may start a new message: pass it in again.
   */
  accept(frame: HdlcFrame): Accepted | undefined {
    const information = frame.information;
    if (information.length === 0) return undefined;
    const llc = llcLength(information);
    if (this.#segments > 0) {
      if (llc > 0) {
        this.reset();
        throw new CodecError("segmentation", "HDLC: a message started before the previous one was complete");
      }
    } else if (this.#blocks.pending && llc > 0 && !this.#continuesTransfer(information.subarray(llc))) {
      this.reset();
      throw new CodecError("segmentation", "HDLC: a message started before the block transfer was complete");
    } else if (llc === 0 && !beginsApdu(information)) {
      this.reset();
      throw new CodecError("segmentation", "HDLC: a later segment without the first");
    }
    if (frame.segmented || this.#segments > 0) {
      if (!this.#collected.fits(information.length)) {
        this.reset();
        throw new CodecError("segmentation", `HDLC: a message of more than ${LARGEST_MESSAGE} bytes`);
      }
      this.#collected.append(information);
      this.#segments++;
      if (frame.segmented) return undefined;
      const joined = this.#collected.bytes;
      const segments = this.#segments;
      this.#collected.clear();
      this.#segments = 0;
      const done = this.#message(joined.subarray(llcLength(joined)));
      return done && { ...done, unnumberedSegments: segments };
    }
    return this.#message(information.subarray(llc));
  }

  foresee(frame: HdlcFrame): Accepted | undefined {
    const { information, segmented } = frame;
    if (segmented || information.length === 0) return undefined;
    const llc = llcLength(information);
    if (this.#segments === 0) {
      return llc > 0 || beginsApdu(information) ? this.#foreseeMessage(information.subarray(llc)) : undefined;
    }
    if (llc > 0 || !this.#collected.fits(information.length)) return undefined;
    const { length } = this.#collected;
    this.#collected.append(information);
    const joined = this.#collected.bytes;
    this.#collected.truncate(length);
    return this.#foreseeMessage(joined.subarray(llcLength(joined)));
  }

  #foreseeMessage(message: Uint8Array): Accepted | undefined {
    if (message[0] !== GENERAL_BLOCK_TRANSFER) return this.#blocks.pending ? undefined : { apdu: message };
    const apdu = this.#blocks.foresee(message);
    return apdu && { apdu };
  }

  #continuesTransfer(message: Uint8Array): boolean {
    return message[0] === GENERAL_BLOCK_TRANSFER && ((message[2] as number) !== 0 || message[3] !== 1);
  }

  #message(message: Uint8Array): Accepted | undefined {
    if (message[0] !== GENERAL_BLOCK_TRANSFER) {
      if (this.#blocks.pending) {
        this.reset();
        throw new CodecError("segmentation", "HDLC: a message started before the block transfer was complete");
      }
      return { apdu: message };
    }
    return this.#transferred(message);
  }

  /** Handles a sequence of blocks. Another transfer or a separate APDU may follow the last block of a transfer. */
  #transferred(message: Uint8Array): Accepted | undefined {
    const whole: Uint8Array[] = [];
    for (let at = 0; at < message.length; ) {
      if (!this.#blocks.pending) at += llcLength(message, at);
      if (whole.length > 0 && message[at] !== GENERAL_BLOCK_TRANSFER) {
        whole.push(message.subarray(at));
        break;
      }
      const block = decodeBlock(message, at);
      at += block.length;
      const apdu = this.#blocks.accept(block);
      if (apdu) whole.push(at < message.length ? apdu.slice() : apdu);
    }
    const [apdu] = whole;
    return apdu && { apdu: whole.length === 1 ? apdu : joinBytes(whole) };
  }
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
