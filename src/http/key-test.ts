/** Tests a key on the latest telegrams. The key is neither stored nor logged nor echoed. */

import type { Keys } from "../codec/apdu/ciphering.ts";
import { createDecoder } from "../codec/decoder.ts";
import type { KeyTestResult } from "./page-model.ts";
import type { Recorded } from "./recorder.ts";

/** Number of telegrams tested, newest first: a single one might be damaged. */
const TRIES = 6;

/** @param recorded newest first */
export function testKey(recorded: readonly Recorded[], keys: Keys): KeyTestResult {
  let result: KeyTestResult["result"] = "none";
  for (const { wire } of recorded.slice(0, TRIES)) {
    const decoder = createDecoder(keys);
    for (const event of [...decoder.feed(wire), ...decoder.end()]) {
      if (event.type === "telegram" && event.telegram.security !== "none") return { result: "fits" };
      if (event.type === "telegram") result = "plain";
      if (event.type !== "fault") continue;
      if (event.code === "authentication") result = "authentication-wrong";
      // A telegram of unknown layout still proves the key if it decrypts.
      else if (event.code === "unsupported") return { result: "fits" };
      else if (event.code === "key-wrong" && result === "none") result = "wrong";
    }
  }
  return { result };
}
