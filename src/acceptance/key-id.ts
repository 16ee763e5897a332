/** A name for an encryption key that does not reveal it: remembered counters count under the key they were seen with. */
import { createHash } from "node:crypto";

/** 16 hex digits; `undefined` without a key. One way: a key has 128 random bits. */
export function keyIdOf(key: Uint8Array | undefined): string | undefined {
  return key === undefined
    ? undefined
    : createHash("sha256").update("kaifa2mqtt key").update(key).digest("hex").slice(0, 16);
}
