/**
 * Listens on a port with one line setting after another until the diagnosis is clear. Duration:
 *
 *     silence            20 s: 7 s at 8E1 and at 8N1 for meters that send every 5 s, 3 s at 9600 and at 115200 baud for
 *                        meters that send every second (a receiver that is far too slow may receive nothing); 17 s over
 *                        the network
 *     noise              4 to 7 s for each of the usual settings
 *     faulty telegrams   7 s after the first
 *     checksums that all fail in the same way
 *                        until the fifth, which rules out a bad cable; 60 s at most
 *     a good telegram    at once
 */
import { createDecoder } from "../codec/decoder.ts";
import type { DecoderOptions } from "../codec/decoder-event.ts";
import { ListSamples } from "../codec/lists/list-samples.ts";
import type { Telegram } from "../codec/telegram.ts";
import { ANOTHER_CHECKSUM, type Deployment, diagnose, formatLine, type Observations } from "../diagnosis/diagnosis.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";
import { Observer, sourceKind } from "../diagnosis/observer.ts";
import { type LineSettings, type Source, SourceError } from "../sources/source.ts";

/** One period of 5 s and a telegram's length. */
const QUIET_MS = 7_000;
/** For the faster settings while there are no bytes at all: meters that use them send every second. */
const QUIET_FAST_MS = 3_000;
/** If AMIS settings are configured: that meter searches for its reader once a minute. */
const QUIET_AMIS_MS = 63_000;
/** For sources without line settings: long enough for meters that send every 15 s. */
const QUIET_NETWORK_MS = 17_000;
/** After a faulty telegram, wait for a good one: one period of 5 s and the telegram itself. */
const AFTER_FAULT_MS = 7_000;
/** While all checksums fail in the same way: five telegrams of a P1 meter that sends every 10 s. */
const SAME_CHECKSUM_MS = 60_000;
/** Bytes without a gap for this long are not a telegram: the longest takes 3 s at 2400 baud. */
const ENDLESS_MS = 4_000;
/** Maximum gap within a telegram. */
const PAUSE_MS = 600;

/** Faults in telegrams with intact frames: they prove baud rate and parity. */
const PROVES_LINE: ReadonlySet<string> = new Set([
  "key-missing",
  "key-wrong",
  "authentication",
  "malformed",
  "unsupported",
  "implausible",
]);

const WORTH_ANOTHER_TRY: ReadonlySet<string> = new Set(["starting", "silence", "noise", "wrong-parity", "checksum"]);

/** What was received with one setting. */
export interface Hearing {
  readonly line: LineSettings | null;
  readonly listenedMs: number;
  readonly bytes: number;
  readonly faults: Observations["faults"];
  readonly systemTitle: string | null;
  readonly telegram: Telegram | null;
  readonly diagnosis: Diagnosis;
  /** All checksums failed in the same way: the line settings are right, but the meter uses a different checksum. */
  readonly anotherChecksum: boolean;
  /** A `lists:` block for telegrams that match no list; empty if there were none. */
  readonly template: string;
  /** The last bytes received, to report noise. */
  readonly tail: Uint8Array;
}

export interface ListenOptions {
  readonly source: Source;
  /** As the user wrote it. */
  readonly port: string;
  /** The port in messages, and where the program runs; as for `Observer`. */
  readonly label?: string;
  readonly deployment?: Deployment;
  readonly lines: readonly LineSettings[];
  readonly keys: DecoderOptions;
  readonly signal: AbortSignal;
  /** Called now and then to update a progress line. */
  readonly progress: (line: LineSettings | null, elapsedMs: number, bytes: number) => void;
  /** Why the bridge would never accept this telegram, given its stored state of the meter; `null` if it would. */
  readonly refuses: (telegram: Telegram) => { readonly check: string; readonly reason: string } | null;
}

/** Tries the settings in order; if one proved the line, it is the last. */
export async function listenAround(options: ListenOptions): Promise<Hearing[]> {
  const { source, lines, signal } = options;
  const hearings: Hearing[] = [];
  for (const line of lines) {
    const nothing = hearings.every(({ bytes }) => bytes === 0);
    const fast = nothing && hearings.length >= 2 && line.baudRate > 2_400;
    // The configured settings come first.
    const amis = hearings.length === 0 && line.baudRate === 9600 && line.parity === "even";
    const quietMs = !source.hasLine ? QUIET_NETWORK_MS : amis ? QUIET_AMIS_MS : fast ? QUIET_FAST_MS : QUIET_MS;
    const hearing = await listenOnce(options, line, quietMs);
    hearings.push(hearing);
    const proven = hearing.anotherChecksum || Object.keys(hearing.faults).some((code) => PROVES_LINE.has(code));
    if (hearing.telegram !== null || proven || signal.aborted || !source.hasLine) break;
    const codes = hearings.map(({ diagnosis }) => diagnosis.code);
    // Frames with valid checksums prove the line settings, whatever they contain.
    if (codes.at(-1) === "no-content" || !WORTH_ANOTHER_TRY.has(hearing.diagnosis.code)) break;
    // Whole frames are never received at a wrong baud rate.
    if (hearings.length >= 2 && codes.includes("checksum")) break;
    if (hearings.length >= 4 && hearings.every(({ bytes }) => bytes === 0)) break;
  }
  return hearings;
}

async function listenOnce(options: ListenOptions, line: LineSettings, quietMs: number): Promise<Hearing> {
  const { source, port, keys, signal, progress, refuses, label = source.label, deployment = "host" } = options;
  const observer = new Observer(label, sourceKind(port), deployment);
  const decoder = createDecoder(keys);
  const session = new AbortController();
  const stop = (): void => session.abort();
  signal.addEventListener("abort", stop, { once: true });
  const usedLine = source.hasLine ? line : null;
  const begun = performance.now();
  let bytes = 0;
  let telegram: Telegram | null = null;
  const unknown = new ListSamples();
  let faultAt: number | null = null;
  let checksumFaults = 0;
  let burstAt: number | null = null;
  let heardAt = begun;
  let tail: Uint8Array = new Uint8Array(0);

  const handle = (events: ReturnType<typeof decoder.feed>, at: number): void => {
    for (const event of events) {
      observer.decoded(event, at);
      if (event.type === "fault" && event.code === "checksum") checksumFaults++;
      if (event.type === "telegram") {
        const refusal = refuses(event.telegram);
        if (refusal === null) telegram ??= event.telegram;
        else {
          observer.rejected(refusal.check, refusal.reason, at);
          faultAt ??= at;
        }
      } else if (event.type === "fault" && event.positions !== undefined) {
        unknown.add(event.positions);
        faultAt ??= at;
      } else if (event.type === "fault" && PROVES_LINE.has(event.code)) faultAt ??= at;
    }
  };
  const isEnough = (at: number): boolean => {
    if (telegram !== null || signal.aborted) return true;
    if (faultAt !== null) return at - faultAt >= AFTER_FAULT_MS;
    const alike = observer.sameChecksumFaults;
    if (alike >= ANOTHER_CHECKSUM) return true;
    if (alike > 0 && alike === checksumFaults) return at - begun >= SAME_CHECKSUM_MS;
    if (burstAt !== null && at - heardAt < PAUSE_MS) return at - burstAt >= ENDLESS_MS;
    return at - begun >= quietMs;
  };

  const stream = source.open(session.signal, line)[Symbol.asyncIterator]();
  try {
    let next = stream.next();
    // The error reaches whoever awaits it; this only prevents an unhandled rejection until then.
    next.catch(() => undefined);
    while (!isEnough(performance.now())) {
      const result = await Promise.race([next, after(100)]);
      const at = performance.now();
      progress(usedLine, at - begun, bytes);
      if (result === null) {
        if (burstAt !== null && at - heardAt >= PAUSE_MS) {
          burstAt = null;
          handle(decoder.silence(), at);
        }
        continue;
      }
      if (result.done) {
        handle(decoder.end(), at);
        // Faults in a capture's telegrams are more informative than its end.
        if (telegram === null && checksumFaults === 0 && !signal.aborted) observer.closed("ended");
        break;
      }
      next = stream.next();
      next.catch(() => undefined);
      if (result.value.length === 0) {
        observer.opened(at, usedLine);
        continue;
      }
      bytes += result.value.length;
      heardAt = at;
      burstAt ??= at;
      tail = Uint8Array.from([...tail, ...result.value]).slice(-24);
      observer.bytes(result.value, at);
      handle(decoder.feed(result.value), at);
    }
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    observer.closed(error.code);
  } finally {
    signal.removeEventListener("abort", stop);
    session.abort();
    await stream.return?.();
  }
  const at = performance.now();
  if (telegram !== null) observer.accepted(at);
  // All settings were tried, so what was received can be judged.
  const seen: Observations = { ...observer.observe(at, 30_000), listeningMs: Number.POSITIVE_INFINITY };
  return {
    line: usedLine,
    listenedMs: at - begun,
    bytes,
    faults: seen.faults,
    systemTitle: seen.systemTitle,
    telegram,
    diagnosis: diagnose(seen),
    anotherChecksum: observer.sameChecksumFaults >= ANOTHER_CHECKSUM,
    template: unknown.template(),
    tail,
  };
}

function after(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(resolve, ms, null));
}

/** Settings that meters use, the configured ones first: 2400 8E1 or 8N1 (M-Bus), 9600 8N1 (infrared), 115200 8N1 (P1). */
export function usualLines(configured: readonly LineSettings[]): LineSettings[] {
  const usual: LineSettings[] = (
    [
      [2400, "even"],
      [2400, "none"],
      [9600, "none"],
      [115200, "none"],
      [9600, "even"],
    ] as const
  ).map(([baudRate, parity]) => ({ baudRate, dataBits: 8, parity, stopBits: 1 }));
  const lines = new Map([...configured, ...usual].map((line) => [formatLine(line), line]));
  return [...lines.values()];
}
