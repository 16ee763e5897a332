/** The path from adapter to broker as six lights, computed from the state of a meter and of the broker. Pure. */
import type { DiagnosisCode } from "../diagnosis/diagnosis-code.ts";
import type { MeterStatus } from "../meter/events.ts";
import type { BrokerStatus } from "./bridge-view.ts";
import type { Light, Stage, StageName } from "./page-model.ts";

const METER_STAGES = ["adapter", "line", "frames", "decryption", "acceptance"] as const;

/** The stage at which each diagnosis locates the fault. */
const FAILS_AT: Readonly<Record<Exclude<DiagnosisCode, "starting" | "ok">, (typeof METER_STAGES)[number]>> = {
  "no-device": "adapter",
  permission: "adapter",
  busy: "adapter",
  "not-a-serial-device": "adapter",
  unreachable: "adapter",
  silence: "line",
  noise: "frames",
  "wrong-parity": "frames",
  checksum: "frames",
  "no-content": "frames",
  "key-missing": "decryption",
  "key-wrong": "decryption",
  authentication: "decryption",
  unsupported: "acceptance",
  implausible: "acceptance",
};

/** The stage at which each kind of faulty telegram is counted. */
const COUNTED_AT: Readonly<Record<string, StageName>> = {
  checksum: "frames",
  framing: "frames",
  segmentation: "frames",
  "key-missing": "decryption",
  "key-wrong": "decryption",
  authentication: "decryption",
};

/** Six stages in order. Stages after a failing one are waiting, whatever their earlier state. */
export function stagesOf(status: MeterStatus, broker: BrokerStatus | null): Stage[] {
  const { counters, diagnosis } = status;
  const failing = diagnosis.code === "ok" || diagnosis.code === "starting" ? null : FAILS_AT[diagnosis.code];
  const failed = { adapter: 0, line: 0, frames: 0, decryption: 0, acceptance: 0, broker: 0 };
  for (const [code, count] of Object.entries(counters.rejectedBy)) failed[COUNTED_AT[code] ?? "acceptance"] += count;
  const unread = (counters.rejectedBy.malformed ?? 0) + (counters.rejectedBy.unsupported ?? 0);
  const passed = {
    adapter: counters.connections,
    line: counters.bytes,
    frames: counters.telegrams + unread + failed.decryption,
    decryption: counters.telegrams + unread,
    acceptance: counters.accepted,
  };
  const failsAt = failing === null ? METER_STAGES.length : METER_STAGES.indexOf(failing);
  const stages: Stage[] = METER_STAGES.map((name, position) => {
    let light: Light = passed[name] > 0 && status.connected ? "ok" : "wait";
    if (position === failsAt) light = "bad";
    else if (position > failsAt) light = "wait";
    else if (failsAt < METER_STAGES.length) light = "ok";
    return { name, light, passed: passed[name], failed: failed[name] };
  });
  stages.push({
    name: "broker",
    light: broker === null ? "off" : broker.connected && broker.error === null ? "ok" : "bad",
    passed: broker?.published ?? 0,
    failed: 0,
  });
  return stages;
}
