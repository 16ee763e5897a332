/**
 * Long header of the M-Bus application layer (EN 13757-7, CI 5B from the master) and OMS encryption mode 5:
 *
 *     5B | ID (4) | manufacturer (2) | version | medium | access number | status | configuration (2) | records
 *
 * Configuration, low byte first: bits 8 to 12 are the mode, bits 4 to 7 the number of encrypted 16-byte blocks, counted
 * from the first. Mode 5 is AES-128-CBC without padding. The initialisation vector is manufacturer, ID, version and medium
 * as transmitted, followed by the access number repeated eight times. There is no authentication tag: the only evidence
 * for a correct key is that the plaintext begins and ends with 2F 2F and that all its records decode.
 */
import { decipherCbc, encipherCbc } from "../aes.ts";
import { CodecError } from "../codec-error.ts";
import { CI_RECORDS } from "../link/mbus-assembler.ts";
import { FILLER } from "./data-record.ts";

/** Length of the header in bytes, including the CI field. */
export const LONG_HEADER_LENGTH = 13;

const BLOCK = 16;
const MODE_NONE = 0;
const MODE_5 = 5;

export interface LongHeader {
  /** Three letters in 15 bits: 0x4C2D is `SAM`. */
  readonly manufacturer: number;
  readonly accessNumber: number;
  readonly mode: number;
  /** Number of encrypted bytes after the header. */
  readonly encryptedLength: number;
}

/** @throws CodecError `malformed` if the header is incomplete, or announces more encrypted blocks than are present */
export function decodeLongHeader(telegram: Uint8Array): LongHeader {
  if (telegram.length < LONG_HEADER_LENGTH) {
    throw new CodecError(
      "malformed",
      `M-Bus long header: ${LONG_HEADER_LENGTH} bytes expected, ${telegram.length} found`,
    );
  }
  const byte = (at: number): number => telegram[at] as number;
  const mode = byte(12) & 0x1f;
  const encryptedLength = mode === MODE_NONE ? 0 : (byte(11) >> 4) * BLOCK;
  const available = telegram.length - LONG_HEADER_LENGTH;
  if (encryptedLength > available) {
    throw new CodecError(
      "malformed",
      `M-Bus long header: ${encryptedLength} encrypted bytes announced, ${available} present`,
    );
  }
  return { manufacturer: byte(5) | (byte(6) << 8), accessNumber: byte(9), mode, encryptedLength };
}

/**
 * Decrypts the records.
 * @throws CodecError `unsupported` for another mode; `key-missing`; `key-wrong` if the 2F 2F markers are missing
 */
export function decipherRecords(telegram: Uint8Array, header: LongHeader, key: Uint8Array | undefined): Uint8Array {
  const { mode, encryptedLength } = header;
  const content = telegram.subarray(LONG_HEADER_LENGTH);
  if (mode === MODE_NONE) return content;
  if (mode !== MODE_5) throw new CodecError("unsupported", `M-Bus encryption mode ${mode} (only 5 is supported)`);
  if (encryptedLength === 0) throw new CodecError("malformed", "M-Bus encryption mode 5 without an encrypted block");
  if (key === undefined) throw new CodecError("key-missing", "the telegram is encrypted, but no key is configured");
  if (key.length !== BLOCK) {
    throw new CodecError("key-wrong", `M-Bus encryption mode 5 needs a key of 16 bytes, not ${key.length}`);
  }
  const plaintext = decipherCbc(content.subarray(0, encryptedLength), key, initialisationVector(telegram));
  const marks = [0, 1, encryptedLength - 2, encryptedLength - 1];
  if (!marks.every((at) => plaintext[at] === FILLER)) {
    throw new CodecError("key-wrong", "deciphering yields no telegram: the key is not this meter's");
  }
  const records = new Uint8Array(content);
  records.set(plaintext);
  return records;
}

/** Re-encrypts the records of a telegram with another key. @throws CodecError as `decipherRecords` */
export function recipherRecords(telegram: Uint8Array, key: Uint8Array | undefined, newKey: Uint8Array): Uint8Array {
  const header = decodeLongHeader(telegram);
  const copy = new Uint8Array(telegram);
  if (header.encryptedLength === 0) return copy;
  const plaintext = decipherRecords(telegram, header, key).subarray(0, header.encryptedLength);
  copy.set(encipherCbc(plaintext, newKey, initialisationVector(telegram)), LONG_HEADER_LENGTH);
  return copy;
}

function initialisationVector(telegram: Uint8Array): Uint8Array {
  const vector = new Uint8Array(BLOCK).fill(telegram[9] as number);
  vector.set(telegram.subarray(5, 7));
  vector.set(telegram.subarray(1, 5), 2);
  vector.set(telegram.subarray(7, 9), 6);
  return vector;
}

/**
 * Encodes a telegram of an AMIS meter: CI field, header, and the records encrypted in mode 5.
 * @param records without the surrounding markers and filler
 * @param accessNumber 0 to 255, different for each telegram
 * @throws RangeError for more than 15 blocks
 */
export function encodeLongHeader(records: Uint8Array, key: Uint8Array, accessNumber: number): Uint8Array {
  const blocks = Math.ceil((records.length + 4) / BLOCK);
  if (blocks > 15) throw new RangeError("at most 15 blocks can be encrypted");
  const plaintext = new Uint8Array(blocks * BLOCK).fill(FILLER);
  plaintext.set(records, 2);
  const header = [CI_RECORDS, 0, 0, 0, 0, 0x2d, 0x4c, 0x01, 0x0e, accessNumber & 0xff, 0, blocks << 4, MODE_5];
  const telegram = Uint8Array.from([...header, ...plaintext]);
  telegram.set(encipherCbc(plaintext, key, initialisationVector(telegram)), LONG_HEADER_LENGTH);
  return telegram;
}
