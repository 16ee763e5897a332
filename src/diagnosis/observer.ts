/** Collects what `diagnosis.ts` decides on, counts only. Times are milliseconds, monotonic. */
import type { DecoderEvent } from "../codec/decoder-event.ts";
import type { LineSettings } from "../sources/source.ts";
import { ByteStatistics } from "./byte-statistics.ts";
import type { Deployment, Observations, SourceKind } from "./diagnosis.ts";
import { SourceState } from "./source-state.ts";

/** Which kind of source a port stands for. */
export function sourceKind(port: string): SourceKind {
  if (/^tcp:/i.test(port)) return "tcp";
  if (/^file:/i.test(port)) return "file";
  if (/^simulator:/i.test(port)) return "simulator";
  return "serial";
}

/** What stays the same for one meter. */
type Place = Pick<Observations, "label" | "kind"> & { readonly deployment: Deployment };

/** What the last telegrams were refused for. */
type Refusal = Pick<Observations, "implausible"> & { readonly implausibleCheck: string | null };

const NO_REFUSAL: Refusal = { implausible: null, implausibleCheck: null };

/** One per meter. Feed it all that happens; `observe` gives the record for `diagnose`. */
export class Observer {
  readonly #place: Place;
  readonly #source = new SourceState();
  readonly #bytes = new ByteStatistics();
  #acceptedAt: number | null = null;
  #refusal = NO_REFUSAL;
  #systemTitle: string | null = null;
  #untagged = false;
  /** How check sums failed last (`DecoderEvent.pattern`), and how often in a row. */
  #checksum: { readonly pattern: string | undefined; readonly count: number } = { pattern: undefined, count: 0 };

  /** @param label the port as the user wrote it */
  constructor(label: string, kind: SourceKind, deployment: Deployment = "host") {
    this.#place = { label, kind, deployment };
  }

  /**
   * The source is open, with these line settings if it has a line. If it was only opened again to try other settings,
   * what was received so far still counts.
   */
  opened(at: number, line: LineSettings | null): void {
    if (!this.#source.opened(at, line)) return;
    this.#bytes.restart(at);
    this.#refusal = NO_REFUSAL;
  }

  /** The source could not be opened, broke off (`lost`), or came to its end (`ended`). */
  closed(reason: Exclude<Observations["source"], "open" | "opening">): void {
    this.#source.closed(reason);
  }

  /** Bytes have arrived. */
  bytes(chunk: Uint8Array, at: number): void {
    this.#source.received();
    this.#bytes.add(chunk, at);
  }

  /** What the decoder made of them. */
  decoded(event: DecoderEvent, at: number): void {
    this.#bytes.advance(at);
    if (event.type === "fault") {
      this.#bytes.count(event.code);
      if (event.code === "authentication") this.#untagged = event.untagged === true;
      if (event.code === "checksum") {
        const { pattern } = event;
        const again = pattern !== undefined && pattern === this.#checksum.pattern;
        this.#checksum = { pattern, count: pattern === undefined ? 0 : again ? this.#checksum.count + 1 : 1 };
      }
      this.#systemTitle = event.systemTitle ?? this.#systemTitle;
    } else if (event.type === "telegram") {
      if (this.#checksum.count > 0) this.#checksum = { ...this.#checksum, count: 0 };
      this.#systemTitle = event.telegram.systemTitle ?? this.#systemTitle;
    }
  }

  /** A telegram was accepted, as a whole or for its momentary values. */
  accepted(at: number): void {
    this.#acceptedAt = at;
    this.#source.accepted();
    this.#bytes.clear(at);
    this.#refusal = NO_REFUSAL;
  }

  /** A telegram was refused as implausible, by this check. */
  rejected(check: string, reason: string, at: number): void {
    this.#bytes.advance(at);
    this.#refusal = { implausible: reason, implausibleCheck: check };
    this.#bytes.count("implausible");
  }

  /** How many check sums in a row failed in the same way. */
  get sameChecksumFaults(): number {
    return this.#checksum.count;
  }

  /** @param limitMs after how long without an accepted telegram something is wrong */
  observe(at: number, limitMs: number): Observations {
    this.#bytes.advance(at);
    const { source, line, listeningMs } = this.#source.observe(at);
    const bytes = this.#bytes.counts(at);
    // Field by field: this runs several times a telegram, and spreading objects costs more than all the rest of it.
    return {
      label: this.#place.label,
      kind: this.#place.kind,
      deployment: this.#place.deployment,
      source,
      line,
      listeningMs,
      sinceAcceptedMs: this.#acceptedAt === null ? null : at - this.#acceptedAt,
      limitMs,
      bytes: bytes.bytes,
      zeroBytes: bytes.zeroBytes,
      oddBytes: bytes.oddBytes,
      distinctBytes: bytes.distinctBytes,
      onlyOneBurst: bytes.onlyOneBurst === true,
      faults: bytes.faults,
      sameChecksumFaults: this.#checksum.count,
      implausible: this.#refusal.implausible,
      implausibleCheck: this.#refusal.implausibleCheck,
      untagged: this.#untagged,
      link: bytes.link,
      systemTitle: this.#systemTitle,
    };
  }
}
