/**
 * What is the matter between adapter and reading, and what to do: one short sentence, the same in log, `bridge/info`,
 * status page, Home Assistant and `doctor`. Pure: `observer.ts` collects what was seen, `diagnosis-texts.ts` holds the
 * wording, this file decides. What to do about each: docs/troubleshooting.md.
 */
import type { CodecErrorCode } from "../codec/codec-error.ts";
import type { LineSettings, SourceErrorCode } from "../sources/source.ts";
import type { Diagnosis, DiagnosisCode } from "./diagnosis-code.ts";
import { DIAGNOSIS_TEXTS, type TextKey } from "./diagnosis-texts.ts";
import { germanReasonOr } from "./reasons-de.ts";
import type { Row, TextFields } from "./text-row.ts";

/** What a source string stands for; the cures differ. */
export type SourceKind = "serial" | "tcp" | "file" | "simulator";

/** Where the program runs; the cures differ: on the machine itself, in our container (docker-compose.yml), as a Home Assistant app. */
export type Deployment = "host" | "docker" | "app";

/** What the line carries besides telegrams: nothing of note, idle frames, or an AMIS meter that searches for its reader. */
export type IdleFrames = "none" | "idle" | "amis";

/** Why a telegram came to nothing. */
export type FaultCode = CodecErrorCode | "implausible";

/** What one meter saw lately. Counts are those since the last accepted telegram, and not older than a minute. */
export interface Observations {
  /** As `Source.label`; never holds a secret. */
  readonly label: string;
  readonly kind: SourceKind;
  /** `host` if it is not given. */
  readonly deployment?: Deployment;
  /** `opening` until the first attempt has an outcome, `ended` for a capture at its end, else open or why not. */
  readonly source: "opening" | "open" | "ended" | SourceErrorCode;
  /** Line settings in use; `null` where the source has no line, or several are being tried. */
  readonly line: LineSettings | null;
  /** Since the source was opened, milliseconds. */
  readonly listeningMs: number;
  /** Since the last accepted telegram, milliseconds; `null`: none yet. */
  readonly sinceAcceptedMs: number | null;
  /** After how long without an accepted telegram something is wrong, milliseconds (three periods, 30 s at least). */
  readonly limitMs: number;
  readonly bytes: number;
  /** Bytes came once since the source was opened, and none after a pause: perhaps the rest of a telegram that was under way. */
  readonly onlyOneBurst?: boolean;
  /** How many of `bytes` were 0x00. */
  readonly zeroBytes: number;
  /** How many of `bytes` have an odd number of one bits. */
  readonly oddBytes: number;
  /** How many different values `bytes` had. */
  readonly distinctBytes: number;
  readonly faults: Readonly<Partial<Record<FaultCode, number>>>;
  /** How many check sums in a row failed in the same way, and no telegram among them was right. */
  readonly sameChecksumFaults: number;
  /** Why the last telegram was refused as implausible. */
  readonly implausible: string | null;
  /** The check behind `implausible`, for instance `counter`. */
  readonly implausibleCheck?: string | null;
  /** Whether the last `authentication` fault was a telegram without any tag. */
  readonly untagged?: boolean;
  readonly link: IdleFrames;
  /** Of the last telegram that named one, 16 hex digits. */
  readonly systemTitle: string | null;
}

/** How long to listen before what came, or did not come, means anything: two periods of the usual 5 s and a telegram's length. */
export const FIRST_LISTEN_MS = 12_000;

/**
 * So many check sums in a row that fail in the same way are another check sum than ours. A bad cable damages now this
 * byte and now that one: that its faults look alike five times in a row is less likely than one in three hundred.
 */
export const ANOTHER_CHECKSUM = 5;

/** More bytes than that to each fault are noise: telegrams have 100 to 500, and the longest known 1,200. */
const BYTES_PER_FAULT = 1_500;

/** A server on the machine itself. */
const LOOPBACK = /^tcp:\/\/(?:localhost|127\.|\[?::1\b)/i;

/** So long may a meter let us wait for its next telegram before the rest of one that was under way means anything, milliseconds. */
const PARTIAL_MS = 60_000;

const SOURCE_CODES = {
  "no-device": "no-device",
  permission: "permission",
  busy: "busy",
  "not-a-serial-device": "not-a-serial-device",
  refused: "unreachable",
  unreachable: "unreachable",
  unsupported: "not-a-serial-device",
} as const satisfies Record<Exclude<SourceErrorCode, "lost">, DiagnosisCode>;

/** Faults of whole telegrams, deepest stage first: of two that came equally often, the one that got further says more. */
const TELEGRAM_FAULTS = [
  "implausible",
  "unsupported",
  "malformed",
  "authentication",
  "key-wrong",
  "key-missing",
] as const satisfies readonly FaultCode[];

/** Faults of the link, likewise. */
const LINK_FAULTS = ["segmentation", "checksum", "framing"] as const satisfies readonly FaultCode[];

/** Says what is the matter. Equal observations give equal sentences: a change of the text is worth telling. */
export function diagnose(seen: Observations): Diagnosis {
  const fields: TextFields = {
    label: shorten(seen.label, 48),
    meter: seen.systemTitle === null ? "" : formatSystemTitle(seen.systemTitle),
    line: seen.line === null ? "" : formatLine(seen.line),
    reason: shorten(seen.implausible ?? "", 70),
    reasonDe: shorten(seen.implausible === null ? "" : germanReasonOr("implausible", seen.implausible), 70),
  };
  const say = (code: DiagnosisCode, text: DiagnosisCode | TextKey = code): Diagnosis => {
    const row: Row = DIAGNOSIS_TEXTS[text];
    const { en, de } = (seen.deployment === "docker" ? row.inDocker : undefined) ?? row.cure;
    return { code, text: { en: row.text.en(fields), de: row.text.de(fields) }, cure: { en, de } };
  };

  if (seen.source === "opening") return say("starting");
  if (seen.source === "ended") return say("silence", "ended");
  if (seen.source === "lost") {
    return seen.kind === "serial" ? say("no-device", "pulled") : say("unreachable", "lost");
  }
  if (seen.source !== "open") {
    if (seen.source === "unsupported") return say("not-a-serial-device", "lineRefused");
    if (seen.source === "no-device" && seen.kind === "file") return say("no-device", "noFile");
    const code = SOURCE_CODES[seen.source];
    if (code === "unreachable" && seen.deployment === "docker" && LOOPBACK.test(seen.label))
      return say(code, "loopback");
    return say(code, seen.source === "refused" ? "refused" : code);
  }

  if (seen.sinceAcceptedMs !== null && seen.sinceAcceptedMs < seen.limitMs) return say("ok");
  const fault = mostTelling(seen.faults);
  switch (fault) {
    case "authentication":
      return say(fault, seen.untagged === true ? "untagged" : fault);
    case "implausible":
      if (seen.implausibleCheck === "counter") return say(fault, "replayed");
      return say(fault, seen.implausibleCheck === "encryption" ? "downgraded" : fault);
    case "key-missing":
    case "unsupported":
    case "key-wrong":
      return say(fault);
    case "malformed":
      // Ciphered and yet decrypted to something with a right beginning: frames and key are right.
      return say("no-content");
    default:
  }
  const patience = seen.sinceAcceptedMs === null ? FIRST_LISTEN_MS : seen.limitMs;
  if (seen.listeningMs < Math.min(patience, FIRST_LISTEN_MS)) return say("starting");
  if (seen.bytes === 0) {
    if (seen.kind === "tcp") return say("silence", "silentServer");
    // The optical head of an AMIS meter is the only one of that speed and parity.
    const optical = seen.line?.baudRate === 9600 && seen.line.parity === "even";
    if (optical && seen.sinceAcceptedMs === null) return say("silence", "silentOptical");
    return say("silence", seen.sinceAcceptedMs === null ? "silence" : "silentNow");
  }
  if (seen.link === "amis") return say("no-content", seen.kind === "tcp" ? "amisServer" : "amis");
  if (seen.link === "idle") return say("no-content", "idle");
  if (seen.zeroBytes === seen.bytes) return say("noise", "onlyZeros");
  const parity = parityOfSender(seen);
  if (parity !== null && seen.line !== null && seen.line.parity !== parity) {
    return say("wrong-parity", parity === "even" ? "lineIsEven" : "lineIsOdd");
  }
  if (seen.sameChecksumFaults >= ANOTHER_CHECKSUM) return say("checksum", "anotherChecksum");
  if (seen.onlyOneBurst === true && seen.sinceAcceptedMs === null && seen.listeningMs < PARTIAL_MS)
    return say("starting");
  // In noise something looks like a frame now and then; telegrams with faults come by the hundred bytes.
  const often = fault !== null && (seen.faults[fault] ?? 0) * BYTES_PER_FAULT >= seen.bytes;
  if (fault === "checksum" && often) return say("checksum");
  if (fault === "segmentation" && often) return say("checksum", "pieces");
  return say("noise", seen.kind === "tcp" ? "noiseServer" : "noise");
}

/**
 * The fault that came most often. Those of the link only if they are the rule: noise, and the telegram that was under way
 * when the port was opened, say little compared with a telegram that got further.
 */
function mostTelling(faults: Observations["faults"]): FaultCode | null {
  const sum = (codes: readonly FaultCode[]) => codes.reduce((total, code) => total + (faults[code] ?? 0), 0);
  const codes = sum(TELEGRAM_FAULTS) * 3 >= Math.max(1, sum(LINK_FAULTS)) ? TELEGRAM_FAULTS : LINK_FAULTS;
  let best: FaultCode | null = null;
  let most = 0;
  for (const code of codes) {
    const count = faults[code] ?? 0;
    if (count > most) {
      best = code;
      most = count;
    }
  }
  return best;
}

/**
 * The parity bit with which the line sends, as seen by a receiver that expects none: it takes the parity bit for the
 * stop bit. Where that is 0 the receiver finds a framing error, and adapters that drop such bytes let only those through
 * whose parity bit is 1: with even parity all of them have an odd number of ones, with odd parity an even number.
 * Ciphertext has both in equal parts, so that 48 bytes of one kind do not come by chance. Adapters that deliver the
 * byte all the same work at either setting; those that take the low bit for a start bit deliver noise.
 */
function parityOfSender(seen: Observations): "even" | "odd" | null {
  if (seen.bytes < 48 || seen.distinctBytes < 12) return null;
  const share = seen.oddBytes / seen.bytes;
  return share > 0.97 ? "even" : share < 0.03 ? "odd" : null;
}

/** `4B464D6750000009` as `KFM6750000009`: the maker's three letters, then hex digits. */
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

/** Cuts the middle out of what is too long: paths differ at their ends. */
function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const tail = Math.floor((limit - 1) * 0.6);
  return `${text.slice(0, limit - 1 - tail)}…${text.slice(-tail)}`;
}
