/**
 * From HDLC frames to APDUs. The information of the first frame of a message begins with the LLC header E6 E7 00
 * (response) or E6 E6 00 (command); frames with the segmentation bit are joined up to the first without it; an APDU that
 * begins with E0 is a block of a transfer, whose later blocks come without LLC (seen at Landis+Gyr E450).
 */

import { CodecError } from "../codec-error.ts";
import { BlockTransfer, decodeBlock, GENERAL_BLOCK_TRANSFER, joinBytes, LAST_BLOCK } from "./block-transfer.ts";
import type { HdlcFrame } from "./hdlc-frame.ts";
import type { Accepted, Assembler } from "./scan.ts";

const LARGEST_MESSAGE = 8192;

/** Length of the LLC header at `start`: 3, or 0 if there is none. */
export function llcLength(bytes: Uint8Array, start = 0): number {
  const second = bytes[start + 1];
  return bytes[start] === 0xe6 && (second === 0xe7 || second === 0xe6) && bytes[start + 2] === 0x00 ? 3 : 0;
}

/** Could these bytes be an APDU without LLC (a block, a ciphered APDU with a system title, a data-notification)? */
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
  #parts: Uint8Array[] = [];
  #size = 0;
  readonly #blocks = new BlockTransfer();

  /** Something has begun and is not complete. */
  get pending(): boolean {
    return this.#parts.length > 0 || this.#blocks.pending;
  }

  /** The segments of a frame carry no numbers: a lost one shows only by the bytes between its neighbours. */
  get unnumbered(): boolean {
    return this.#parts.length > 0;
  }

  ends(frame: HdlcFrame): boolean {
    const information = frame.information;
    const at = llcLength(information);
    if (frame.segmented) return false;
    return information[at] !== GENERAL_BLOCK_TRANSFER || ((information[at + 1] as number) & LAST_BLOCK) !== 0;
  }

  reset(): void {
    this.#parts = [];
    this.#size = 0;
    this.#blocks.reset();
  }

  /**
   * Takes the next frame.
   * @returns the APDU that it completes, else undefined
   * @throws CodecError `segmentation`: a frame is missing, doubled or out of order. What was collected is dropped; if
   *   `pending` was true before, the same frame may begin something new: offer it once more.
   */
  accept(frame: HdlcFrame): Accepted | undefined {
    const information = frame.information;
    if (information.length === 0) return undefined;
    const llc = llcLength(information);
    if (this.#parts.length > 0) {
      if (llc > 0) {
        this.reset();
        throw new CodecError("segmentation", "HDLC: a message began before the one under way was complete");
      }
    } else if (this.#blocks.pending && llc > 0 && !this.#continuesTransfer(information.subarray(llc))) {
      this.reset();
      throw new CodecError("segmentation", "HDLC: a message began before the block transfer under way was complete");
    } else if (llc === 0 && !beginsApdu(information)) {
      this.reset();
      throw new CodecError("segmentation", "HDLC: a later segment without the first");
    }
    if (frame.segmented || this.#parts.length > 0) {
      this.#parts.push(information.slice());
      this.#size += information.length;
      if (this.#size > LARGEST_MESSAGE) {
        this.reset();
        throw new CodecError("segmentation", `HDLC: a message of more than ${LARGEST_MESSAGE} bytes`);
      }
      if (frame.segmented) return undefined;
      const joined = joinBytes(this.#parts, this.#size);
      const segments = this.#parts.length;
      this.#parts = [];
      this.#size = 0;
      const done = this.#message(joined.subarray(llcLength(joined)));
      return done && { ...done, unnumberedSegments: segments };
    }
    return this.#message(information.subarray(llc));
  }

  #continuesTransfer(message: Uint8Array): boolean {
    return message[0] === GENERAL_BLOCK_TRANSFER && ((message[2] as number) !== 0 || message[3] !== 1);
  }

  #message(message: Uint8Array): Accepted | undefined {
    if (message[0] !== GENERAL_BLOCK_TRANSFER) {
      if (this.#blocks.pending) {
        this.reset();
        throw new CodecError("segmentation", "HDLC: a message began before the block transfer under way was complete");
      }
      return { apdu: message };
    }
    let apdu: Uint8Array | undefined;
    for (let at = 0; at < message.length; ) {
      const block = decodeBlock(message, at);
      apdu = this.#blocks.accept(block);
      at += block.length;
    }
    return apdu && { apdu };
  }
}
