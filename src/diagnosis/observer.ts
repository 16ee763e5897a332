/** Collects the observations for `diagnosis.ts`; stores counts only. Times are milliseconds, monotonic. */
import type { DecoderEvent } from "../codec/decoder-event.ts";
import type { LineSettings } from "../sources/source.ts";
import { ByteStatistics } from "./byte-statistics.ts";
import { type Deployment, isReceiving, type Observations, type SourceKind } from "./diagnosis.ts";
import { SourceState } from "./source-state.ts";

/** Kind of source, from the port string. */
export function sourceKind(port: string): SourceKind {
  if (/^tcp:/i.test(port)) return "tcp";
  if (/^file:/i.test(port)) return "file";
  if (/^simulator:/i.test(port)) return "simulator";
  return "serial";
}

/** Constant for one meter. */
type MeterSource = Pick<Observations, "label" | "kind"> & { readonly deployment: Deployment };

/** Why the last telegram was refused. */
type Refusal = Pick<Observations, "implausible"> & { readonly implausibleCheck: string | null };

const NO_REFUSAL: Refusal = { implausible: null, implausibleCheck: null };

/** One per meter. Report every event to it; `observe` returns the input of `diagnose`. */
export class Observer {
  readonly #meterSource: MeterSource;
  readonly #source = new SourceState();
  readonly #bytes = new ByteStatistics();
  #acceptedAt: number | null = null;
  #refusal = NO_REFUSAL;
  #systemTitle: string | null = null;
  #untagged = false;
  /** Pattern of the last checksum fault (`DecoderEvent.pattern`), and how often in a row. */
  #checksumFault: { readonly pattern: string | undefined; readonly count: number } = { pattern: undefined, count: 0 };

  /** @param label the port as the user wrote it */
  constructor(label: string, kind: SourceKind, deployment: Deployment = "host") {
    this.#meterSource = { label, kind, deployment };
  }

  /**
   * The source was opened, with these line settings if it is a serial line. If it was only reopened to try other
   * settings, the bytes received so far still count.
   */
  opened(at: number, line: LineSettings | null): void {
    if (!this.#source.opened(at, line)) return;
    this.#bytes.restart(at);
    this.#refusal = NO_REFUSAL;
  }

  /** The source could not be opened, was lost, or ended. */
  closed(reason: Exclude<Observations["source"], "open" | "opening">): void {
    this.#source.closed(reason);
  }

  /** Bytes were received. */
  bytes(chunk: Uint8Array, at: number): void {
    this.#source.received();
    this.#bytes.add(chunk, at);
  }

  /** The decoder returned this event. */
  decoded(event: DecoderEvent, at: number): void {
    this.#bytes.advance(at);
    if (event.type === "fault") {
      this.#bytes.count(event.code);
      if (event.code === "authentication") this.#untagged = event.untagged === true;
      if (event.code === "checksum") {
        const { pattern } = event;
        const isSame = pattern !== undefined && pattern === this.#checksumFault.pattern;
        this.#checksumFault = {
          pattern,
          count: pattern === undefined ? 0 : isSame ? this.#checksumFault.count + 1 : 1,
        };
      }
      this.#systemTitle = event.systemTitle ?? this.#systemTitle;
    } else if (event.type === "telegram") {
      if (this.#checksumFault.count > 0) this.#checksumFault = { ...this.#checksumFault, count: 0 };
      this.#systemTitle = event.telegram.systemTitle ?? this.#systemTitle;
    }
  }

  /** A telegram was accepted, completely or for its instantaneous values. */
  accepted(at: number): void {
    this.#acceptedAt = at;
    this.#source.accepted();
    this.#bytes.clear(at);
    this.#refusal = NO_REFUSAL;
  }

  /** A telegram was refused as implausible. @param check that it failed */
  rejected(check: string, reason: string, at: number): void {
    this.#bytes.advance(at);
    this.#refusal = { implausible: reason, implausibleCheck: check };
    this.#bytes.count("implausible");
  }

  /** Consecutive checksum faults with the same pattern. */
  get sameChecksumFaults(): number {
    return this.#checksumFault.count;
  }

  /** `isReceiving` without the other observations. @param limitMs as in `observe` */
  isReceiving(at: number, limitMs: number): boolean {
    return isReceiving(this.#source.state(at), this.#sinceAccepted(at), limitMs);
  }

  /** From the last telegram that contained one. */
  get systemTitle(): string | null {
    return this.#systemTitle;
  }

  #sinceAccepted(at: number): number | null {
    return this.#acceptedAt === null ? null : at - this.#acceptedAt;
  }

  /** @param limitMs timeout without an accepted telegram, milliseconds */
  observe(at: number, limitMs: number): Observations {
    this.#bytes.advance(at);
    const { source, line, listeningMs } = this.#source.observe(at);
    const bytes = this.#bytes.counts(at);
    // Field by field: this runs several times per telegram, and object spread would cost more than everything else here.
    return {
      label: this.#meterSource.label,
      kind: this.#meterSource.kind,
      deployment: this.#meterSource.deployment,
      source,
      line,
      listeningMs,
      sinceAcceptedMs: this.#sinceAccepted(at),
      limitMs,
      bytes: bytes.bytes,
      zeroBytes: bytes.zeroBytes,
      oddBytes: bytes.oddBytes,
      distinctBytes: bytes.distinctBytes,
      onlyOneBurst: bytes.onlyOneBurst === true,
      faults: bytes.faults,
      sameChecksumFaults: this.#checksumFault.count,
      implausible: this.#refusal.implausible,
      implausibleCheck: this.#refusal.implausibleCheck,
      untagged: this.#untagged,
      link: bytes.link,
      systemTitle: this.#systemTitle,
    };
  }
}
