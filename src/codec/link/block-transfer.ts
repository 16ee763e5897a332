/**
 * General-Block-Transfer (DLMS Green Book, 9.5 and 9.4.6.13), as Landis+Gyr meters push long APDUs:
 *
 *     E0 | control | block number (2) | acknowledged block (2) | BER length | data
 *
 * control: bit 7 last block, bit 6 streaming, low 6 bits window. Numbers begin at 1 and follow each other.
 */
import { readBerLength } from "../axdr/ber-length.ts";
import { CodecError } from "../codec-error.ts";
import { ByteCollector } from "./byte-collector.ts";

export const GENERAL_BLOCK_TRANSFER = 0xe0;
/** Bit of the control byte. */
export const LAST_BLOCK = 0x80;
/** No telegram seen comes near it. */
const LARGEST_APDU = 8192;

export interface Block {
  readonly number: number;
  readonly last: boolean;
  readonly data: Uint8Array;
  /** Bytes of the whole block. */
  readonly length: number;
}

/** Reads the block that begins at `start`. @throws CodecError `malformed` if it is cut short */
export function decodeBlock(bytes: Uint8Array, start = 0): Block {
  const length = bytes.length - start >= 7 ? readBerLength(bytes, start + 6) : undefined;
  if (!length || length[1] + length[0] > bytes.length) {
    throw new CodecError("malformed", "block transfer: the block is shorter than its length says");
  }
  return {
    number: ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number),
    last: ((bytes[start + 1] as number) & LAST_BLOCK) !== 0,
    data: bytes.subarray(length[1], length[1] + length[0]),
    length: length[1] + length[0] - start,
  };
}

export function encodeBlock(number: number, last: boolean, data: Uint8Array): Uint8Array {
  const size = data.length < 0x80 ? [data.length] : [0x82, data.length >> 8, data.length & 0xff];
  return Uint8Array.of(
    GENERAL_BLOCK_TRANSFER,
    (last ? LAST_BLOCK : 0) | 0x40,
    number >> 8,
    number & 0xff,
    0,
    0,
    ...size,
    ...data,
  );
}

/** Joins the blocks of one transfer. Block 1 begins anew; anything else out of order drops what was collected. */
export class BlockTransfer {
  readonly #collected = new ByteCollector(LARGEST_APDU);
  #blocks = 0;

  get pending(): boolean {
    return this.#blocks > 0;
  }

  reset(): void {
    this.#collected.clear();
    this.#blocks = 0;
  }

  /**
   * @returns the APDU after the last block (valid until the next call), else undefined
   * @throws CodecError `segmentation`; what was collected is dropped. If the block was number 1, offer it again: it begins anew.
   */
  accept(block: Block): Uint8Array | undefined {
    const expected = this.#blocks + 1;
    if (block.number !== expected) {
      this.reset();
      throw new CodecError("segmentation", `block transfer: expected block ${expected}, found ${block.number}`);
    }
    if (!this.#collected.fits(block.data.length)) {
      this.reset();
      throw new CodecError("segmentation", `block transfer: more than ${LARGEST_APDU} bytes`);
    }
    this.#collected.append(block.data);
    this.#blocks = expected;
    if (!block.last) return undefined;
    const apdu = this.#collected.bytes;
    this.reset();
    return apdu;
  }
}
