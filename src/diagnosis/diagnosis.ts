/**
 * Finds out why no readings arrive, and what to do: one short sentence each, the same in log, `bridge/info`, status page,
 * Home Assistant and `doctor`. Pure functions: `observer.ts` collects the observations, this file decides,
 * `diagnosis-texts.ts` holds the wording. Details for users: docs/troubleshooting.md.
 */
import type { CodecErrorCode } from "../codec/codec-error.ts";
import type { LineSettings, SourceErrorCode } from "../sources/source.ts";
import type { Diagnosis, DiagnosisCode } from "./diagnosis-code.ts";
import { DIAGNOSIS_TEXTS, type TextKey } from "./diagnosis-texts.ts";
import { germanReasonOr } from "./reasons-de.ts";
import type { Row, TextFields } from "./text-row.ts";

/** Kind of source, from its port string; selects the remedy. */
export type SourceKind = "serial" | "tcp" | "file" | "simulator";

/** Where the program runs: host, our container (docker-compose.yml) or Home Assistant app. Selects the remedy. */
export type Deployment = "host" | "docker" | "app";

/** Idle traffic on the line: none, frames without content, or an AMIS meter that searches for its reader. */
export type IdleFrames = "none" | "idle" | "amis";

/** Why a telegram gave no reading. */
export type FaultCode = CodecErrorCode | "implausible";

/** Recent observations of one meter. Counts cover the time since the last accepted telegram, a minute at most. */
export interface Observations {
  /** As `Source.label`; never contains a secret. */
  readonly label: string;
  readonly kind: SourceKind;
  /** Default: `host`. */
  readonly deployment?: Deployment;
  /** `opening` during the first attempt, `ended` at the end of a capture, `open`, or the error. */
  readonly source: "opening" | "open" | "ended" | SourceErrorCode;
  /** Line settings in use; `null` if the source has none, or several are being tried. */
  readonly line: LineSettings | null;
  /** Time since the source was opened, milliseconds. */
  readonly listeningMs: number;
  /** Time since the last accepted telegram, milliseconds; `null` if there was none. */
  readonly sinceAcceptedMs: number | null;
  /** Timeout without an accepted telegram, milliseconds (three periods, at least 30 s). */
  readonly limitMs: number;
  readonly bytes: number;
  /** One burst of bytes since the source was opened, then silence: probably the end of a telegram already in progress. */
  readonly onlyOneBurst?: boolean;
  /** Of `bytes`: those that were 0x00. */
  readonly zeroBytes: number;
  /** Of `bytes`: those with an odd number of one bits. */
  readonly oddBytes: number;
  /** Number of distinct byte values. */
  readonly distinctBytes: number;
  readonly faults: Readonly<Partial<Record<FaultCode, number>>>;
  /** Consecutive checksum faults with the same pattern, without an intact telegram between them. */
  readonly sameChecksumFaults: number;
  /** Why the last telegram was refused as implausible; `null` if none was. */
  readonly implausible: string | null;
  /** The check behind `implausible`, for instance `counter`. */
  readonly implausibleCheck?: string | null;
  /** Whether the last `authentication` fault was a telegram without a tag. */
  readonly untagged?: boolean;
  readonly link: IdleFrames;
  /** From the last telegram that contained one, 16 hex digits. */
  readonly systemTitle: string | null;
}

/** Minimum listening time before a verdict on silence or noise: two periods of the usual 5 s plus one telegram. */
export const FIRST_LISTEN_MS = 12_000;

/**
 * After so many consecutive checksum faults with the same pattern, the meter uses an unknown checksum. A bad cable
 * damages random bytes: the probability of five equal patterns in a row is below 1 in 300.
 */
export const ANOTHER_CHECKSUM = 5;

/** With more bytes per fault than this, the input is noise: telegrams have 100 to 500 bytes, the longest known 1,200. */
const BYTES_PER_FAULT = 1_500;

/** A server on the same machine. */
const LOOPBACK = /^tcp:\/\/(?:localhost|127\.|\[?::1\b)/i;

/** How long to wait for the next telegram after a partial one at the start, milliseconds. */
const PARTIAL_START_MS = 60_000;

const SOURCE_CODES = {
  "no-device": "no-device",
  permission: "permission",
  busy: "busy",
  "not-a-serial-device": "not-a-serial-device",
  refused: "unreachable",
  unreachable: "unreachable",
  unsupported: "not-a-serial-device",
} as const satisfies Record<Exclude<SourceErrorCode, "lost">, DiagnosisCode>;

/** Faults of complete telegrams, latest decoding stage first: at equal counts the later stage is more informative. */
const TELEGRAM_FAULTS = [
  "implausible",
  "unsupported",
  "malformed",
  "authentication",
  "key-wrong",
  "key-missing",
] as const satisfies readonly FaultCode[];

/** Faults of the link layer, likewise. */
const LINK_FAULTS = ["segmentation", "checksum", "framing"] as const satisfies readonly FaultCode[];

/** Whether readings arrive: the diagnosis is `ok`, whatever else was observed. */
export function isReceiving(
  source: Observations["source"],
  sinceAcceptedMs: Observations["sinceAcceptedMs"],
  limitMs: number,
): boolean {
  return source === "open" && sinceAcceptedMs !== null && sinceAcceptedMs < limitMs;
}

/** Diagnoses from observations. Equal observations give equal sentences, so a changed sentence is worth logging. */
export function diagnose(seen: Observations): Diagnosis {
  const fields: TextFields = {
    label: shorten(seen.label, 48),
    meter: seen.systemTitle === null ? "" : formatSystemTitle(seen.systemTitle),
    line: seen.line === null ? "" : formatLine(seen.line),
    reason: shorten(seen.implausible ?? "", 70),
    reasonDe: shorten(seen.implausible === null ? "" : germanReasonOr("implausible", seen.implausible), 70),
  };
  const diagnosis = (code: DiagnosisCode, text: DiagnosisCode | TextKey = code): Diagnosis => {
    const row: Row = DIAGNOSIS_TEXTS[text];
    const { en, de } = (seen.deployment === "docker" ? row.inDocker : undefined) ?? row.cure;
    return { code, text: { en: row.text.en(fields), de: row.text.de(fields) }, cure: { en, de } };
  };

  if (seen.source === "opening") return diagnosis("starting");
  if (seen.source === "ended") return diagnosis("silence", "ended");
  if (seen.source === "lost") {
    return seen.kind === "serial" ? diagnosis("no-device", "pulled") : diagnosis("unreachable", "lost");
  }
  if (seen.source !== "open") {
    if (seen.source === "unsupported") return diagnosis("not-a-serial-device", "lineRefused");
    if (seen.source === "no-device" && seen.kind === "file") return diagnosis("no-device", "noFile");
    const code = SOURCE_CODES[seen.source];
    if (code === "unreachable" && seen.deployment === "docker" && LOOPBACK.test(seen.label))
      return diagnosis(code, "loopback");
    return diagnosis(code, seen.source === "refused" ? "refused" : code);
  }

  if (isReceiving(seen.source, seen.sinceAcceptedMs, seen.limitMs)) return diagnosis("ok");
  const fault = dominantFault(seen.faults);
  switch (fault) {
    case "authentication":
      return diagnosis(fault, seen.untagged === true ? "untagged" : fault);
    case "implausible":
      if (seen.implausibleCheck === "counter") return diagnosis(fault, "replayed");
      return diagnosis(fault, seen.implausibleCheck === "encryption" ? "downgraded" : fault);
    case "key-missing":
    case "unsupported":
    case "key-wrong":
      return diagnosis(fault);
    case "malformed":
      // It decrypts to something with a valid start: frames and key are right.
      return diagnosis("no-content");
    default:
  }
  const timeoutMs = seen.sinceAcceptedMs === null ? FIRST_LISTEN_MS : seen.limitMs;
  if (seen.listeningMs < Math.min(timeoutMs, FIRST_LISTEN_MS)) return diagnosis("starting");
  if (seen.bytes === 0) {
    if (seen.kind === "tcp") return diagnosis("silence", "silentServer");
    // Only the optical interface of AMIS meters uses this speed and parity.
    const isOptical = seen.line?.baudRate === 9600 && seen.line.parity === "even";
    if (isOptical && seen.sinceAcceptedMs === null) return diagnosis("silence", "silentOptical");
    return diagnosis("silence", seen.sinceAcceptedMs === null ? "silence" : "silentNow");
  }
  if (seen.link === "amis") return diagnosis("no-content", seen.kind === "tcp" ? "amisServer" : "amis");
  if (seen.link === "idle") return diagnosis("no-content", "idle");
  if (seen.zeroBytes === seen.bytes) return diagnosis("noise", "onlyZeros");
  const parity = parityOfSender(seen);
  if (parity !== null && seen.line !== null && seen.line.parity !== parity) {
    return diagnosis("wrong-parity", parity === "even" ? "lineIsEven" : "lineIsOdd");
  }
  if (seen.sameChecksumFaults >= ANOTHER_CHECKSUM) return diagnosis("checksum", "anotherChecksum");
  if (seen.onlyOneBurst === true && seen.sinceAcceptedMs === null && seen.listeningMs < PARTIAL_START_MS)
    return diagnosis("starting");
  // Noise looks like a frame now and then; damaged telegrams give a fault every few hundred bytes.
  const isFrequent = fault !== null && (seen.faults[fault] ?? 0) * BYTES_PER_FAULT >= seen.bytes;
  if (fault === "checksum" && isFrequent) return diagnosis("checksum");
  if (fault === "segmentation" && isFrequent) return diagnosis("checksum", "pieces");
  return diagnosis("noise", seen.kind === "tcp" ? "noiseServer" : "noise");
}

/**
 * The most frequent fault; `null` if there is none. Link faults count only if they are the rule: noise, and a telegram in
 * progress when the port was opened, say little compared with a complete telegram.
 */
function dominantFault(faults: Observations["faults"]): FaultCode | null {
  const sum = (codes: readonly FaultCode[]) => codes.reduce((total, code) => total + (faults[code] ?? 0), 0);
  const codes = sum(TELEGRAM_FAULTS) * 3 >= Math.max(1, sum(LINK_FAULTS)) ? TELEGRAM_FAULTS : LINK_FAULTS;
  let dominant: FaultCode | null = null;
  let highest = 0;
  for (const code of codes) {
    const count = faults[code] ?? 0;
    if (count > highest) {
      dominant = code;
      highest = count;
    }
  }
  return dominant;
}

/**
 * The parity of the sender, inferred by a receiver set to no parity; `null` if unclear. The receiver takes the parity bit
 * for the stop bit. A parity bit of 0 is a framing error, and adapters that drop such bytes deliver only those with a
 * parity bit of 1: with even parity these have an odd number of ones, with odd parity an even number. Ciphertext contains
 * both in equal shares, so 48 bytes of one kind are no coincidence. Adapters that deliver bytes with framing errors work
 * at either setting; those that take the low bit for a start bit deliver noise.
 */
function parityOfSender(seen: Observations): "even" | "odd" | null {
  if (seen.bytes < 48 || seen.distinctBytes < 12) return null;
  const oddShare = seen.oddBytes / seen.bytes;
  return oddShare > 0.97 ? "even" : oddShare < 0.03 ? "odd" : null;
}

/** `4B464D6750000009` as `KFM6750000009`: the manufacturer's three letters, then hex digits. */
export function formatSystemTitle(title: string): string {
  const letters = title.slice(0, 6).match(/../g) ?? [];
  const text = letters.map((hex) => String.fromCharCode(Number.parseInt(hex, 16))).join("");
  return /^[A-Z]{3}$/.test(text) ? text + title.slice(6) : title;
}

/** `2400 8E1` */
export function formatLine(line: LineSettings): string {
  const parity = { none: "N", even: "E", odd: "O" }[line.parity];
  return `${line.baudRate} ${line.dataBits}${parity}${line.stopBits}`;
}

/** Shortens a text by removing its middle: paths differ at their ends. */
function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const tail = Math.floor((limit - 1) * 0.6);
  return `${text.slice(0, limit - 1 - tail)}…${text.slice(-tail)}`;
}
