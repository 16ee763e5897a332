/**
 * What the bytes of the last minute look like, whatever they mean: counts of the current half minute and of the one
 * before, so that old evidence fades and nothing grows. Times are milliseconds, monotonic.
 */
import type { FaultCode, IdleFrames, Observations } from "./diagnosis.ts";
import { idleFramesIn } from "./idle-frames.ts";

const BUCKET_MS = 30_000;
/** No pause within a telegram is longer, milliseconds. */
const BURST_PAUSE_MS = 1_000;
/** How many of the last bytes are searched for frames without content. */
const TAIL_BYTES = 256;

interface Bucket {
  bytes: number;
  zeroBytes: number;
  oddBytes: number;
  faults: Map<FaultCode, number>;
}

type ByteCounts = Pick<
  Observations,
  "bytes" | "zeroBytes" | "oddBytes" | "distinctBytes" | "onlyOneBurst" | "faults" | "link"
>;

export class ByteStatistics {
  #bucketAt = 0;
  #now = newBucket();
  #before = newBucket();
  readonly #seen = new Uint8Array(256);
  readonly #tail = new Uint8Array(TAIL_BYTES);
  #tailLength = 0;
  /** How often bytes came after a pause since the source was opened, and when the last ones came. */
  #bursts = 0;
  #lastBytesAt = 0;

  add(chunk: Uint8Array, at: number): void {
    this.advance(at);
    if (this.#bursts === 0 || at - this.#lastBytesAt >= BURST_PAUSE_MS) this.#bursts++;
    this.#lastBytesAt = at;
    const bucket = this.#now;
    bucket.bytes += chunk.length;
    // By index: an iterator makes an object for each byte.
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      this.#seen[byte] = 1;
      if (byte === 0) bucket.zeroBytes++;
      bucket.oddBytes += hasOddOnes(byte);
    }
    const last = chunk.length > TAIL_BYTES ? chunk.subarray(chunk.length - TAIL_BYTES) : chunk;
    const keep = Math.min(this.#tailLength, TAIL_BYTES - last.length);
    this.#tail.copyWithin(0, this.#tailLength - keep, this.#tailLength);
    this.#tail.set(last, keep);
    this.#tailLength = keep + last.length;
  }

  /** A telegram came to nothing. */
  count(code: FaultCode): void {
    this.#now.faults.set(code, (this.#now.faults.get(code) ?? 0) + 1);
  }

  /** Lets old evidence fade. */
  advance(at: number): void {
    const age = at - this.#bucketAt;
    if (age < BUCKET_MS) return;
    this.#before = age < 2 * BUCKET_MS ? this.#now : newBucket();
    this.#now = newBucket();
    this.#bucketAt = at;
    if (this.#before.bytes === 0) {
      this.#seen.fill(0);
      this.#tailLength = 0;
    }
  }

  /** Forgets everything but when the source was opened. */
  clear(at: number): void {
    this.#now = newBucket();
    this.#before = newBucket();
    this.#bucketAt = at;
    this.#seen.fill(0);
    this.#tailLength = 0;
  }

  /** The source was opened. */
  restart(at: number): void {
    this.#bursts = 0;
    this.clear(at);
  }

  counts(at: number): ByteCounts {
    const faults: Partial<Record<FaultCode, number>> = {};
    for (const bucket of [this.#now, this.#before]) {
      for (const [code, count] of bucket.faults) faults[code] = (faults[code] ?? 0) + count;
    }
    return {
      bytes: this.#now.bytes + this.#before.bytes,
      zeroBytes: this.#now.zeroBytes + this.#before.zeroBytes,
      oddBytes: this.#now.oddBytes + this.#before.oddBytes,
      distinctBytes: this.#seen.reduce((sum, seen) => sum + seen, 0),
      onlyOneBurst: this.#bursts === 1 && at - this.#lastBytesAt >= BURST_PAUSE_MS,
      faults,
      link: this.#link,
    };
  }

  get #link(): IdleFrames {
    return idleFramesIn(this.#tail.subarray(0, this.#tailLength));
  }
}

function newBucket(): Bucket {
  return { bytes: 0, zeroBytes: 0, oddBytes: 0, faults: new Map() };
}

function hasOddOnes(byte: number): number {
  let folded = byte ^ (byte >> 4);
  folded ^= folded >> 2;
  return (folded ^ (folded >> 1)) & 1;
}
