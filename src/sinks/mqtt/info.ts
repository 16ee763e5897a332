/** What `bridge/info` and `bridge/meters/<meter>` say. No secrets: they are built field by field. */
import type { MeterStatus } from "../../meter/events.ts";
import type { OutputStatus } from "../output/output.ts";

/** The bridge as its sinks see it. */
export interface BridgeState {
  readonly version: string;
  /** Milliseconds of the wall clock. */
  readonly startedAt: number;
  meters(): readonly MeterStatus[];
  /** Outputs for other machines, if there are any. */
  outputs?(): readonly OutputStatus[];
}

const isoTime = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** Payload of `<base>/bridge/info`. `instance` tells two bridges apart that were given the same base topic. */
export function bridgeInfo(bridge: BridgeState, instance: string, language: "en" | "de"): string {
  const outputs = bridge.outputs?.() ?? [];
  return JSON.stringify({
    version: bridge.version,
    started: isoTime(bridge.startedAt),
    instance,
    meters: bridge.meters().map((meter) => ({
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
  });
}

function outputInfo({ output, address, listening, meter, clients, ageMs, fresh }: OutputStatus): object {
  const age = ageMs === null ? null : Math.round(ageMs / 100) / 10;
  return { output, address, listening, meter, clients, age_seconds: age, fresh };
}

/** Home Assistant takes no longer state; a path of a device may make a sentence long. */
const MAX_STATE = 255;

/** Payload of `<base>/bridge/meters/<meter>`, which the diagnostic entities read. */
export function meterInfoPayload(meter: MeterStatus, language: "en" | "de"): string {
  const status = meter.diagnosis.text[language];
  return JSON.stringify({
    status: status.length <= MAX_STATE ? status : `${status.slice(0, MAX_STATE - 1)}…`,
    code: meter.diagnosis.code,
    cure: meter.diagnosis.cure[language],
    last_telegram: isoTime(meter.lastTelegramAt),
    accepted: meter.counters.accepted,
    rejected: meter.counters.rejected,
  });
}
