/** Link-layer frames without content: a meter that is there and sends no telegrams. */
import type { IdleFrames } from "./diagnosis.ts";

/**
 * Whether bytes are nothing but link-layer frames without content: `E5`, short frames `10 C A sum 16` (EN 13757-2), HDLC
 * flags. `10 40 F0 30 16` is what the AMIS meters of Netz OÖ send once a minute until they are answered with `E5`: where
 * that comes last, the meter is searching, whatever it has sent before.
 * Bytes of a frame cut off at the beginning of `bytes` are forgiven.
 */
export function idleFramesIn(bytes: Uint8Array): IdleFrames {
  if (endsWithSearch(bytes)) return "amis";
  let sign: IdleFrames = "none";
  let position = 0;
  while (position < bytes.length) {
    const byte = bytes[position];
    if (byte === 0xe5 || byte === 0x7e) {
      position += 1;
    } else if (isShortFrame(bytes, position)) {
      if (bytes[position + 1] === 0x40 && bytes[position + 2] === 0xf0) sign = "amis";
      position += 5;
    } else if (sign === "none" && position < 4) {
      position += 1;
      continue;
    } else if (byte === 0x10 && position + 5 > bytes.length) {
      break;
    } else {
      return "none";
    }
    if (sign === "none") sign = "idle";
  }
  return sign;
}

function endsWithSearch(bytes: Uint8Array): boolean {
  // Our own answer may be echoed.
  const end = bytes.at(-1) === 0xe5 ? bytes.length - 1 : bytes.length;
  return [0x10, 0x40, 0xf0, 0x30, 0x16].every((byte, i) => bytes[end - 5 + i] === byte);
}

function isShortFrame(bytes: Uint8Array, at: number): boolean {
  const [start, control, address, sum, stop] = bytes.subarray(at, at + 5);
  if (start !== 0x10 || stop !== 0x16 || control === undefined || address === undefined) return false;
  return ((control + address) & 0xff) === sum;
}
