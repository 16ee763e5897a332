/**
 * Collects what `diagnosis.ts` decides on. Remembers counts only: those of the current half minute and of the one
 * before, so that old evidence fades and nothing grows. Time is an argument (milliseconds, monotonic).
 */
import type { DecoderEvent } from "../codec/decoder-event.ts";
import type { LineSettings } from "../sources/source.ts";
import { type Deployment, type FaultCode, formatLine, type Observations, type SourceKind } from "./diagnosis.ts";
import { linkSigns } from "./link-signs.ts";

const BUCKET_MS = 30_000;
/** No pause within a telegram is longer, milliseconds. */
const BURST_PAUSE_MS = 1_000;
/** How many of the last bytes are looked at for frames without content. */
const TAIL_BYTES = 256;
/** A source that broke off at once is not open: its last error stands until bytes come or it has stayed open. */
const SETTLED_MS = 3_000;

interface Bucket {
  bytes: number;
  zeroBytes: number;
  oddBytes: number;
  faults: Map<FaultCode, number>;
}

/** Which kind of source a port stands for. */
export function sourceKind(port: string): SourceKind {
  if (/^tcp:/i.test(port)) return "tcp";
  if (/^file:/i.test(port)) return "file";
  if (/^simulator:/i.test(port)) return "simulator";
  return "serial";
}

/** One per meter. Feed it all that happens; `observe` gives the record for `diagnose`. */
export class Observer {
  readonly #label: string;
  readonly #kind: SourceKind;
  readonly #deployment: Deployment;
  #source: Observations["source"] = "opening";
  #openedAt = 0;
  #lastError: Observations["source"] | null = null;
  #line: LineSettings | null = null;
  /** Since the last accepted telegram; there are few that can be tried. */
  readonly #linesTried = new Set<string>();
  #acceptedAt: number | null = null;
  #bucketAt = 0;
  #now = newBucket();
  #before = newBucket();
  #seen = new Uint8Array(256);
  readonly #tail = new Uint8Array(TAIL_BYTES);
  #tailLength = 0;
  /** How often bytes came after a pause since the source was opened, and when the last ones came. */
  #bursts = 0;
  #lastBytesAt = 0;
  #systemTitle: string | null = null;
  #implausible: string | null = null;
  #implausibleCheck: string | null = null;
  #untagged = false;
  /** How check sums failed last (`DecoderEvent.pattern`), and how often in a row. */
  #pattern: string | undefined;
  #patternCount = 0;

  /** @param label the port as the user wrote it */
  constructor(label: string, kind: SourceKind, deployment: Deployment = "host") {
    this.#label = label;
    this.#kind = kind;
    this.#deployment = deployment;
  }

  /**
   * The source is open, with these line settings if it has a line. Opened again without having broken off, for other
   * settings, it is still the same listening: what was heard so far stays.
   */
  opened(at: number, line: LineSettings | null): void {
    if (this.#source !== "open") {
      this.#openedAt = at;
      this.#bursts = 0;
      this.#forget(at);
    }
    this.#source = "open";
    this.#line = line;
    if (line !== null) this.#linesTried.add(formatLine(line));
  }

  /** The source could not be opened, broke off (`lost`), or came to its end (`ended`). */
  closed(reason: Exclude<Observations["source"], "open" | "opening">): void {
    this.#source = reason;
    this.#lastError = reason;
  }

  /** Bytes have come. */
  bytes(chunk: Uint8Array, at: number): void {
    this.#turn(at);
    this.#lastError = null;
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

  /** What the decoder made of them. */
  decoded(event: DecoderEvent, at: number): void {
    this.#turn(at);
    if (event.type === "fault") {
      this.#count(event.code);
      if (event.code === "authentication") this.#untagged = event.untagged === true;
      if (event.code === "checksum") {
        this.#patternCount =
          event.pattern === undefined ? 0 : event.pattern === this.#pattern ? this.#patternCount + 1 : 1;
        this.#pattern = event.pattern;
      }
      this.#systemTitle = event.systemTitle ?? this.#systemTitle;
    } else if (event.type === "telegram") {
      this.#patternCount = 0;
      this.#systemTitle = event.telegram.systemTitle ?? this.#systemTitle;
    }
  }

  /** A telegram was accepted, wholly or for its values of the moment. */
  accepted(at: number): void {
    this.#acceptedAt = at;
    this.#lastError = null;
    if (this.#linesTried.size > 1) {
      this.#linesTried.clear();
      if (this.#line !== null) this.#linesTried.add(formatLine(this.#line));
    }
    this.#forget(at);
  }

  /** A telegram was refused as implausible, by this check. */
  rejected(check: string, reason: string, at: number): void {
    this.#turn(at);
    this.#implausible = reason;
    this.#implausibleCheck = check;
    this.#count("implausible");
  }

  /** How many check sums in a row failed in the same way, and no telegram among them was right. */
  get sameChecksumFaults(): number {
    return this.#patternCount;
  }

  /** @param limitMs after how long without an accepted telegram something is wrong */
  observe(at: number, limitMs: number): Observations {
    this.#turn(at);
    const listeningMs = this.#source === "open" ? at - this.#openedAt : 0;
    const unsettled = this.#source === "open" && this.#lastError !== null && listeningMs < SETTLED_MS;
    const faults: Partial<Record<FaultCode, number>> = {};
    for (const bucket of [this.#now, this.#before]) {
      for (const [code, count] of bucket.faults) faults[code] = (faults[code] ?? 0) + count;
    }
    return {
      label: this.#label,
      kind: this.#kind,
      deployment: this.#deployment,
      source: unsettled && this.#lastError !== null ? this.#lastError : this.#source,
      line: this.#linesTried.size > 1 ? null : this.#line,
      listeningMs,
      sinceAcceptedMs: this.#acceptedAt === null ? null : at - this.#acceptedAt,
      limitMs,
      bytes: this.#now.bytes + this.#before.bytes,
      onlyOneBurst: this.#bursts === 1 && at - this.#lastBytesAt >= BURST_PAUSE_MS,
      zeroBytes: this.#now.zeroBytes + this.#before.zeroBytes,
      oddBytes: this.#now.oddBytes + this.#before.oddBytes,
      distinctBytes: this.#seen.reduce((sum, seen) => sum + seen, 0),
      faults,
      sameChecksumFaults: this.#patternCount,
      implausible: this.#implausible,
      implausibleCheck: this.#implausibleCheck,
      untagged: this.#untagged,
      link: linkSigns(this.#tail.subarray(0, this.#tailLength)),
      systemTitle: this.#systemTitle,
    };
  }

  #count(code: FaultCode): void {
    this.#now.faults.set(code, (this.#now.faults.get(code) ?? 0) + 1);
  }

  #turn(at: number): void {
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

  #forget(at: number): void {
    this.#now = newBucket();
    this.#before = newBucket();
    this.#bucketAt = at;
    this.#seen.fill(0);
    this.#tailLength = 0;
    this.#implausible = null;
    this.#implausibleCheck = null;
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
