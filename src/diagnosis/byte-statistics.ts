/**
 * Statistics over the bytes of the last minute, independent of decoding. Two buckets of half a minute each, so that old
 * counts expire and memory stays bounded. Times are milliseconds, monotonic.
 */
import type { FaultCode, IdleFrames, Observations } from "./diagnosis.ts";
import { idleFramesIn } from "./idle-frames.ts";

const BUCKET_MS = 30_000;
/** A longer pause separates two bursts: no telegram contains one, milliseconds. */
const BURST_PAUSE_MS = 1_000;
/** How many of the last bytes are searched for idle frames. */
const TAIL_BYTES = 256;

interface Bucket {
  bytes: number;
  zeroBytes: number;
  oddBytes: number;
  /** `null`: none. */
  faults: Map<FaultCode, number> | null;
}

type ByteCounts = Pick<
  Observations,
  "bytes" | "zeroBytes" | "oddBytes" | "distinctBytes" | "onlyOneBurst" | "faults" | "link"
>;

export class ByteStatistics {
  #bucketAt = 0;
  #current = newBucket();
  #previous = newBucket();
  readonly #seen = new Uint8Array(256);
  readonly #tail = new Uint8Array(TAIL_BYTES);
  #tailLength = 0;
  /** Bursts of bytes since the source was opened. */
  #bursts = 0;
  #lastBytesAt = 0;

  add(chunk: Uint8Array, at: number): void {
    this.advance(at);
    if (this.#bursts === 0 || at - this.#lastBytesAt >= BURST_PAUSE_MS) this.#bursts++;
    this.#lastBytesAt = at;
    const bucket = this.#current;
    bucket.bytes += chunk.length;
    // By index: an iterator allocates an object per byte.
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      this.#seen[byte] = 1;
      if (byte === 0) bucket.zeroBytes++;
      bucket.oddBytes += parityOf(byte);
    }
    const end = chunk.length > TAIL_BYTES ? chunk.subarray(chunk.length - TAIL_BYTES) : chunk;
    const keep = Math.min(this.#tailLength, TAIL_BYTES - end.length);
    this.#tail.copyWithin(0, this.#tailLength - keep, this.#tailLength);
    this.#tail.set(end, keep);
    this.#tailLength = keep + end.length;
  }

  /** Counts a fault. */
  count(code: FaultCode): void {
    this.#current.faults ??= new Map();
    this.#current.faults.set(code, (this.#current.faults.get(code) ?? 0) + 1);
  }

  /** Expires old counts. */
  advance(at: number): void {
    const age = at - this.#bucketAt;
    if (age < BUCKET_MS) return;
    this.#previous = age < 2 * BUCKET_MS ? this.#current : newBucket();
    this.#current = newBucket();
    this.#bucketAt = at;
    if (this.#previous.bytes === 0) {
      this.#seen.fill(0);
      this.#tailLength = 0;
    }
  }

  /** Resets the counts, but not the bursts. */
  clear(at: number): void {
    for (const bucket of [this.#current, this.#previous]) empty(bucket);
    this.#bucketAt = at;
    this.#seen.fill(0);
    this.#tailLength = 0;
  }

  /** Resets everything: the source was opened. */
  restart(at: number): void {
    this.#bursts = 0;
    this.clear(at);
  }

  counts(at: number): ByteCounts {
    const faults: Partial<Record<FaultCode, number>> = {};
    for (const bucket of [this.#current, this.#previous]) {
      for (const [code, count] of bucket.faults ?? []) faults[code] = (faults[code] ?? 0) + count;
    }
    return {
      bytes: this.#current.bytes + this.#previous.bytes,
      zeroBytes: this.#current.zeroBytes + this.#previous.zeroBytes,
      oddBytes: this.#current.oddBytes + this.#previous.oddBytes,
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

function empty(bucket: Bucket): void {
  bucket.bytes = bucket.zeroBytes = bucket.oddBytes = 0;
  bucket.faults = null;
}

function newBucket(): Bucket {
  return { bytes: 0, zeroBytes: 0, oddBytes: 0, faults: null };
}

/** 1 if the byte has an odd number of one bits, else 0. */
function parityOf(byte: number): number {
  let folded = byte ^ (byte >> 4);
  folded ^= folded >> 2;
  return (folded ^ (folded >> 1)) & 1;
}
