/** Identifies an encryption key without revealing it. Invocation counters are stored with the id of their key. */
import { createHash } from "node:crypto";

/** 16 hex digits of a SHA-256; `undefined` without a key. A key has 128 random bits, so the hash cannot be reversed. */
export function keyIdOf(key: Uint8Array | undefined): string | undefined {
  return key === undefined
    ? undefined
    : createHash("sha256").update("kaifa2mqtt key").update(key).digest("hex").slice(0, 16);
}
