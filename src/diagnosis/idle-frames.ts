/** Detects link-layer frames without content: the meter is connected but sends no telegrams. */
import type { IdleFrames } from "./diagnosis.ts";

/**
 * Whether `bytes` contain only link-layer frames without content: `E5`, short frames `10 C A sum 16` (EN 13757-2), HDLC
 * flags. `10 40 F0 30 16` is sent by AMIS meters of Netz OÖ once a minute until `E5` answers: if it comes last, the meter
 * is searching for its reader, whatever it sent before. A frame truncated at either end of `bytes` is tolerated.
 */
export function idleFramesIn(bytes: Uint8Array): IdleFrames {
  if (endsWithSearch(bytes)) return "amis";
  let result: IdleFrames = "none";
  let position = 0;
  while (position < bytes.length) {
    const byte = bytes[position];
    if (byte === 0xe5 || byte === 0x7e) {
      position += 1;
    } else if (isShortFrame(bytes, position)) {
      if (bytes[position + 1] === 0x40 && bytes[position + 2] === 0xf0) result = "amis";
      position += 5;
    } else if (result === "none" && position < 4) {
      position += 1;
      continue;
    } else if (byte === 0x10 && position + 5 > bytes.length) {
      break;
    } else {
      return "none";
    }
    if (result === "none") result = "idle";
  }
  return result;
}

/** The request of an AMIS meter that searches for its reader. */
const AMIS_SEARCH = [0x10, 0x40, 0xf0, 0x30, 0x16] as const;

function endsWithSearch(bytes: Uint8Array): boolean {
  // The adapter may echo our own answer.
  const end = bytes.at(-1) === 0xe5 ? bytes.length - 1 : bytes.length;
  return AMIS_SEARCH.every((byte, i) => bytes[end - 5 + i] === byte);
}

function isShortFrame(bytes: Uint8Array, at: number): boolean {
  const [start, control, address, sum, stop] = bytes.subarray(at, at + 5);
  if (start !== 0x10 || stop !== 0x16 || control === undefined || address === undefined) return false;
  return ((control + address) & 0xff) === sum;
}
