import { describe, expect, it } from "vitest";
import type { DiagnosisCode } from "../../src/diagnosis/diagnosis-code.ts";
import { stagesOf } from "../../src/http/stages.ts";
import type { MeterStatus } from "../../src/meter/events.ts";

function meter(code: DiagnosisCode, counters: Partial<MeterStatus["counters"]> = {}, connected = true): MeterStatus {
  const words = { en: "", de: "" };
  return {
    index: 0,
    label: "/dev/ttyUSB0",
    info: null,
    online: code === "ok",
    connected,
    lastTelegramAt: null,
    periodMs: null,
    limitMs: 30_000,
    counters: {
      bytes: 1_000,
      telegrams: 3,
      accepted: 3,
      rejected: 0,
      rejectedBy: {},
      skippedBytes: 0,
      connections: 1,
      ...counters,
    },
    diagnosis: { code, text: words, cure: words },
  };
}
const broker = { server: "mqtt://localhost", connected: true, published: 9, error: null };
const lights = (status: MeterStatus, to: typeof broker | null = broker) =>
  stagesOf(status, to)
    .map(({ light }) => light)
    .join(" ");

describe("the lights from adapter to broker", () => {
  const none = { bytes: 0, telegrams: 0, accepted: 0 };
  it.each<[DiagnosisCode, string]>([
    ["ok", "ok ok ok ok ok ok"],
    ["no-device", "bad wait wait wait wait ok"],
    ["silence", "ok bad wait wait wait ok"],
    ["noise", "ok ok bad wait wait ok"],
    ["wrong-parity", "ok ok bad wait wait ok"],
    ["checksum", "ok ok bad wait wait ok"],
    ["key-missing", "ok ok ok bad wait ok"],
    ["key-wrong", "ok ok ok bad wait ok"],
    ["unsupported", "ok ok ok ok bad ok"],
    ["implausible", "ok ok ok ok bad ok"],
  ])("%s", (code, expected) => {
    expect(lights(meter(code))).toBe(expected);
  });

  it("wait before the first byte, and during a telegram", () => {
    expect(lights(meter("starting", none, false))).toBe("wait wait wait wait wait ok");
    expect(lights(meter("starting", { ...none, bytes: 12 }))).toBe("ok ok wait wait wait ok");
  });

  it("silence, a missing device and noise show different lights", () => {
    const three = (["silence", "no-device", "noise"] as const).map((code) => lights(meter(code)));
    expect(new Set(three).size).toBe(3);
  });

  it("the broker's light is independent", () => {
    expect(lights(meter("ok"), null)).toBe("ok ok ok ok ok off");
    expect(lights(meter("ok"), { ...broker, connected: false })).toBe("ok ok ok ok ok bad");
  });

  it("each fault is counted where it happened", () => {
    const rejectedBy = { checksum: 2, framing: 1, "key-wrong": 4, unsupported: 3, implausible: 5 };
    const stages = stagesOf(meter("ok", { telegrams: 15, accepted: 10, rejectedBy }), broker);
    expect(stages.map(({ name, passed, failed }) => [name, passed, failed])).toEqual([
      ["adapter", 1, 0],
      ["line", 1_000, 0],
      ["frames", 22, 3],
      ["decryption", 18, 4],
      ["acceptance", 10, 8],
      ["broker", 9, 0],
    ]);
  });
});
