/**
 * Long captures with garbage between the telegrams: time must grow linearly with the input, whatever the garbage,
 * and memory not at all. The worst-case garbage consists of frame starts: headers that announce the longest
 * possible frame, which never follows.
 *
 *     npm run bench -- garbage
 */
import { readdirSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createDecoder } from "../src/codec/decoder.ts";
import { parseHex } from "../src/codec/hex.ts";

export interface GarbageResult {
  readonly garbage: string;
  /** MB per second of CPU at 10 MB of input. */
  readonly rate: number;
  /** CPU time per byte at 10 MB against that at 2.5 MB: 1 is linear. */
  readonly growth: number;
  /** MB retained by the decoder after 10 MB and a garbage collection. */
  readonly heldMb: number;
  readonly telegrams: number;
}

setFlagsFromString("--expose_gc");
const collectGarbage: () => void = runInNewContext("gc");

const FIXTURES = "test/fixtures/telegrams";
const MB = 1_000_000;
const CHUNK = 65_536;

const GARBAGE: Readonly<Record<string, readonly number[] | null>> = {
  "random bytes": null,
  "M-Bus headers": [0x68, 0xff, 0xff, 0x68],
  "HDLC headers": [0x7e, 0xa7, 0xff, 0x03, 0x03, 0x13],
  "P1 heads": [...Buffer.from("/KFM5\r\n\r\n1")],
  "ciphered APDUs": [0xdb, 0x08, 0x4b, 0x46, 0x4d, 0, 0, 0, 0, 0, 0x82, 0x1f, 0x00, 0x20],
  "data-notifications": [0x0f, 0, 0, 0, 0, 0x00, 0x02, 0x7f],
  "blocks of a transfer": [0xe0, 0x40, 0x00, 0x01, 0x00, 0x00, 0x82, 0x1f, 0xff],
};

export function benchGarbage(): GarbageResult[] {
  const captures = readdirSync(FIXTURES).map((name) =>
    parseHex(readFileSync(`${FIXTURES}/${name}/telegram.hex`, "utf8").replace(/^#.*$/gm, "")),
  );
  return Object.entries(GARBAGE).map(([garbage, pattern]) => {
    const input = concatenate(captures, pattern, 10 * MB);
    decode(input.subarray(0, MB)); // warm up
    const part = input.subarray(0, 2.5 * MB);
    const short = Math.min(decode(part).ms, decode(part).ms, decode(part).ms);
    const long = decode(input);
    return {
      garbage,
      rate: 10_000 / long.ms,
      growth: long.ms / 4 / short,
      heldMb: long.heldMb,
      telegrams: long.telegrams,
    };
  });
}

function decode(input: Uint8Array): { ms: number; heldMb: number; telegrams: number } {
  collectGarbage();
  const before = process.memoryUsage();
  const decoder = createDecoder({});
  let telegrams = 0;
  const begun = process.cpuUsage();
  for (let at = 0; at < input.length; at += CHUNK) {
    for (const event of decoder.feed(input.subarray(at, at + CHUNK))) if (event.type === "telegram") telegrams++;
  }
  const ms = process.cpuUsage(begun).user / 1000;
  collectGarbage();
  const after = process.memoryUsage();
  decoder.end();
  return { ms, heldMb: (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / MB, telegrams };
}

/** Captures in a fixed order with 0 to 400 bytes between them. */
function concatenate(captures: readonly Uint8Array[], pattern: readonly number[] | null, size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let state = 1;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
  for (let at = 0; at < size; ) {
    const capture = captures[next(captures.length)] as Uint8Array;
    whole.set(capture.subarray(0, size - at), at);
    at += capture.length;
    const gap = Math.min(next(400), size - at);
    for (let i = 0; i < gap; i++)
      whole[at + i] = pattern === null ? next(256) : (pattern[i % pattern.length] as number);
    at += Math.max(gap, 0);
  }
  return whole;
}
