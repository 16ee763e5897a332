/**
 * General-Block-Transfer (DLMS Green Book, 9.5 and 9.4.6.13), which Landis+Gyr meters use to push long APDUs:
 *
 *     E0 | control | block number (2) | acknowledged block (2) | BER length | data
 *
 * control: bit 7 last block, bit 6 streaming, low 6 bits window. Block numbers are consecutive and start at 1.
 */
import { readBerLength } from "../axdr/ber-length.ts";
import { CodecError } from "../codec-error.ts";
import { ByteCollector } from "./byte-collector.ts";

export const GENERAL_BLOCK_TRANSFER = 0xe0;
/** Control byte, bit 7. */
export const LAST_BLOCK = 0x80;
/** Far larger than any telegram seen in the field. */
const LARGEST_APDU = 8192;

export interface Block {
  readonly number: number;
  readonly last: boolean;
  readonly data: Uint8Array;
  /** Total length of the block in bytes, header included. */
  readonly length: number;
}

/** Decodes the block at `start`. @throws CodecError `malformed` if it is truncated */
export function decodeBlock(bytes: Uint8Array, start = 0): Block {
  const length = bytes.length - start >= 7 ? readBerLength(bytes, start + 6) : undefined;
  if (!length || length[1] + length[0] > bytes.length) {
    throw new CodecError("malformed", "block transfer: the block is shorter than its length field");
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

/** Reassembles the blocks of one transfer. An out-of-order block discards the blocks collected so far. */
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

  /** The APDU that a message completes which is the last block and nothing else; otherwise undefined. Changes nothing. */
  foresee(message: Uint8Array): Uint8Array | undefined {
    const size = message.length >= 7 ? readBerLength(message, 6) : undefined;
    if (!size || size[1] + size[0] !== message.length) return undefined;
    const { number, last, data } = decodeBlock(message);
    if (!last || number !== this.#blocks + 1 || !this.#collected.fits(data.length)) return undefined;
    const { length } = this.#collected;
    this.#collected.append(data);
    const apdu = this.#collected.bytes;
    this.#collected.truncate(length);
    return apdu;
  }

  /**
   * @returns the APDU once the last block has arrived (valid until the next call), otherwise undefined
   * @throws CodecError `segmentation`; the collected blocks are discarded. If the block was number 1, pass it in again
   *   to start a new transfer.
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
