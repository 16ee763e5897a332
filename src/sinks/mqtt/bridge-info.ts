/** Payloads of `bridge/info` and `bridge/meters/<meter>`, built field by field so that they can't leak secrets. */

import type { BackfillStatus, HoleHours } from "../../backfill/backfill-status.ts";
import type { DiagnosisCode } from "../../diagnosis/diagnosis-code.ts";
import type { MeterStatus } from "../../meter/events.ts";
import type { OutputStatus } from "../output/output.ts";

/** State of the bridge for its sinks. */
export interface BridgeState {
  readonly version: string;
  /** Wall clock, milliseconds. */
  readonly startedAt: number;
  meters(): readonly MeterStatus[];
  /** The meter with this id, without collecting the status of all the others. */
  meter?(id: string): MeterStatus | undefined;
  /** Outputs for other machines, if any. */
  outputs?(): readonly OutputStatus[];
  /** What the automatic backfill has done; `null` if it is off. */
  backfill?(): BackfillStatus | null;
}

/** The status of the meter with this id. */
export function statusOf(bridge: BridgeState, id: string): MeterStatus | undefined {
  return bridge.meter === undefined ? bridge.meters().find(({ info }) => info?.id === id) : bridge.meter(id);
}

/** Short label of each diagnosis: the state of the entity "Status". */
const STATE_LABELS: Readonly<Record<DiagnosisCode, { readonly en: string; readonly de: string }>> = {
  starting: { en: "Starting", de: "Startet" },
  ok: { en: "OK", de: "OK" },
  "no-device": { en: "No adapter", de: "Kein Adapter" },
  permission: { en: "No permission", de: "Keine Berechtigung" },
  busy: { en: "Port in use", de: "Port belegt" },
  "not-a-serial-device": { en: "No serial port", de: "Kein serieller Port" },
  unreachable: { en: "Not reachable", de: "Nicht erreichbar" },
  silence: { en: "Silent", de: "Stumm" },
  noise: { en: "Noise", de: "Rauschen" },
  "wrong-parity": { en: "Wrong parity", de: "Falsche Parität" },
  checksum: { en: "Damaged telegrams", de: "Telegramme beschädigt" },
  "no-content": { en: "No content", de: "Ohne Inhalt" },
  "key-missing": { en: "Key missing", de: "Schlüssel fehlt" },
  "key-wrong": { en: "Wrong key", de: "Falscher Schlüssel" },
  authentication: { en: "Not authentic", de: "Nicht echt" },
  unsupported: { en: "Unknown format", de: "Unbekanntes Format" },
  implausible: { en: "Implausible", de: "Unplausibel" },
};

const isoTime = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/**
 * Payload of `<base>/bridge/info`. `instance` distinguishes two bridges that use the same base topic; `broker` is its
 * address without a login.
 */
export function bridgeInfo(
  bridge: BridgeState,
  { instance, broker, language }: { instance: string; broker: string; language: "en" | "de" },
): string {
  const outputs = bridge.outputs?.() ?? [];
  const backfill = bridge.backfill?.() ?? null;
  const meters = bridge.meters();
  return JSON.stringify({
    version: bridge.version,
    started: isoTime(bridge.startedAt),
    instance,
    broker,
    problems: problemsOf(meters, language),
    meters: meters.map((meter) => ({
      id: meter.info?.id ?? null,
      name: meter.info?.name ?? null,
      manufacturer: meter.info?.manufacturer ?? null,
      model: meter.info?.model ?? null,
      serial_number: meter.info?.serialNumber ?? null,
      system_title: meter.info?.systemTitle ?? null,
      port: meter.label,
      online: meter.online,
      connected: meter.connected,
      last_telegram: isoTime(meter.lastTelegramAt),
      period_seconds: meter.periodMs === null ? null : Math.round(meter.periodMs / 100) / 10,
      counters: {
        bytes: meter.counters.bytes,
        telegrams: meter.counters.telegrams,
        accepted: meter.counters.accepted,
        rejected: meter.counters.rejected,
        rejected_by: meter.counters.rejectedBy,
        skipped_bytes: meter.counters.skippedBytes,
        connections: meter.counters.connections,
      },
      diagnosis: {
        code: meter.diagnosis.code,
        text: meter.diagnosis.text[language],
        cure: meter.diagnosis.cure[language],
      },
    })),
    ...(outputs.length === 0 ? {} : { outputs: outputs.map(outputInfo) }),
    ...(backfill === null ? {} : { backfill: backfillInfo(backfill, language) }),
  });
}

function backfillInfo({ comparedAt, error, missed, filled, left }: BackfillStatus, language: "en" | "de"): object {
  const hours = (hole: HoleHours | null): object => ({
    hours: hole?.hours ?? 0,
    from: isoTime(hole?.from ?? null),
    to: isoTime(hole?.to ?? null),
  });
  return {
    compared: isoTime(comparedAt),
    error,
    missed: hours(missed),
    filled: hours(filled),
    left: left.map(({ reason, pending, ...hole }) => ({ ...hours(hole), reason: reason[language], pending })),
  };
}

function outputInfo({ output, address, listening, meter, clients, ageMs, fresh }: OutputStatus): object {
  const age = ageMs === null ? null : Math.round(ageMs / 100) / 10;
  return { output, address, listening, meter, clients, age_seconds: age, fresh };
}

/** A sentence for each meter about which the user has to act; if there are too many, the last says how many more. */
function problemsOf(meters: readonly MeterStatus[], language: "en" | "de"): string[] {
  const problems = meters.filter(({ diagnosis }) => isProblem(diagnosis.code));
  const shown = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ info, label, diagnosis }) => `${info?.name ?? label}: ${diagnosis.text[language]}`);
  const more = problems.length - MAX_PROBLEMS;
  if (more <= 0) return shown;
  return [...shown, language === "de" ? `und ${more} weitere Zähler` : `and ${more} more meters`];
}

/** Whether the user has to act. */
function isProblem(code: DiagnosisCode): boolean {
  return code !== "ok" && code !== "starting";
}

/** Limit for the Home Assistant attribute. */
const MAX_PROBLEMS = 20;
/** Maximum length of the sentence, which may contain a long device path. */
const MAX_STATUS = 255;

/** Payload of `<base>/bridge/meters/<meter>`, which the diagnostic entities read. */
export function meterInfoPayload(meter: MeterStatus, language: "en" | "de"): string {
  const status = meter.diagnosis.text[language];
  return JSON.stringify({
    state: STATE_LABELS[meter.diagnosis.code][language],
    status: status.length <= MAX_STATUS ? status : `${status.slice(0, MAX_STATUS - 1)}…`,
    problem: isProblem(meter.diagnosis.code),
    online: meter.online,
    code: meter.diagnosis.code,
    cure: meter.diagnosis.cure[language],
    last_telegram: isoTime(meter.lastTelegramAt),
    accepted: meter.counters.accepted,
    rejected: meter.counters.rejected,
  });
}
