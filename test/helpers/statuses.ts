/** Hand-made meter status as passed to sinks. */
import type { MeterInfo, MeterStatus } from "../../src/meter/events.ts";

export function statusOf(info: MeterInfo | null): MeterStatus {
  return {
    index: 0,
    label: "/dev/ttyUSB0",
    info,
    online: info !== null,
    connected: true,
    lastTelegramAt: 1_632_728_836_000,
    periodMs: 5000,
    limitMs: 30_000,
    counters: { bytes: 282, telegrams: 1, accepted: 1, rejected: 0, rejectedBy: {}, skippedBytes: 0, connections: 1 },
    diagnosis: { code: "ok", text: { en: "All well.", de: "Alles gut." }, cure: { en: "", de: "" } },
  };
}
