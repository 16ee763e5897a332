import { describe, expect, it } from "vitest";
import type { MeterStatus } from "../../../src/meter/events.ts";
import { bridgeInfo, meterInfoPayload } from "../../../src/sinks/mqtt/bridge-info.ts";
import { METER } from "../../helpers/readings.ts";

const status = (text: string): MeterStatus => ({
  index: 0,
  label: "/dev/ttyUSB0",
  info: METER,
  online: true,
  connected: true,
  lastTelegramAt: 1_632_728_836_000,
  periodMs: 5012,
  limitMs: 30_000,
  counters: {
    bytes: 564,
    telegrams: 2,
    accepted: 1,
    rejected: 1,
    rejectedBy: { checksum: 1 },
    skippedBytes: 3,
    connections: 1,
  },
  diagnosis: { code: "ok", text: { en: text, de: `${text} (de)` }, cure: { en: "", de: "" } },
});

const OF = { instance: "0123456789ab", broker: "mqtt://broker:1883" } as const;

describe("bridge/info", () => {
  it("lists the outputs for other machines, if any, with clients and age", () => {
    const output = {
      output: "p1",
      meter: "181220000009",
      address: "127.0.0.1:2000",
      listening: true,
      clients: 2,
      ageMs: 1_234,
      fresh: true,
    } as const;
    const bridge = { version: "1.2.3", startedAt: 0, meters: () => [], outputs: () => [output] };
    expect(JSON.parse(bridgeInfo(bridge, { ...OF, language: "en" })).outputs).toEqual([
      {
        output: "p1",
        address: "127.0.0.1:2000",
        listening: true,
        meter: "181220000009",
        clients: 2,
        age_seconds: 1.2,
        fresh: true,
      },
    ]);
  });

  it("lists twenty problems, and says how many more there are", () => {
    const bad = {
      ...status("Nothing arrives."),
      diagnosis: { ...status("Nothing arrives.").diagnosis, code: "silence" },
    } as const;
    const problems = (count: number, language: "en" | "de") => {
      const bridge = { version: "1.2.3", startedAt: 0, meters: () => Array.from({ length: count }, () => bad) };
      return JSON.parse(bridgeInfo(bridge, { ...OF, language })).problems as string[];
    };
    expect(problems(20, "en")).toHaveLength(20);
    expect(problems(23, "en").slice(19)).toEqual([expect.stringContaining("Nothing arrives."), "and 3 more meters"]);
    expect(problems(23, "de").at(-1)).toBe("und 3 weitere Zähler");
  });

  it("has version, start time, and each meter with its counters and its diagnosis in the language of the entities", () => {
    const bridge = { version: "1.2.3", startedAt: 1_632_728_000_000, meters: () => [status("All well.")] };
    expect(JSON.parse(bridgeInfo(bridge, { ...OF, language: "de" }))).toEqual({
      version: "1.2.3",
      started: "2021-09-27T07:33:20.000Z",
      instance: "0123456789ab",
      broker: "mqtt://broker:1883",
      problems: [],
      meters: [
        {
          id: "181220000009",
          name: "Kaifa MA309",
          manufacturer: "Kaifa",
          model: "MA309",
          serial_number: "181220000009",
          system_title: "4B464D6750000009",
          port: "/dev/ttyUSB0",
          online: true,
          connected: true,
          last_telegram: "2021-09-27T07:47:16.000Z",
          period_seconds: 5,
          counters: {
            bytes: 564,
            telegrams: 2,
            accepted: 1,
            rejected: 1,
            rejected_by: { checksum: 1 },
            skipped_bytes: 3,
            connections: 1,
          },
          diagnosis: { code: "ok", text: "All well. (de)", cure: "" },
        },
      ],
    });
  });

  it("fits into a state of Home Assistant (at most 255 characters)", () => {
    expect(JSON.parse(meterInfoPayload(status("x".repeat(255)), "en")).status).toHaveLength(255);
    const long = JSON.parse(meterInfoPayload(status("x".repeat(400)), "en")).status;
    expect(long).toHaveLength(255);
    expect(long.endsWith("…")).toBe(true);
  });
});
