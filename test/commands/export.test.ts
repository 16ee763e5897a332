import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UsageError } from "../../src/commands/command.ts";
import { command } from "../../src/commands/export.ts";
import { LedgerStore } from "../../src/ledger/ledger-store.ts";
import { zoneOffset } from "../../src/ledger/local-time.ts";
import type { Point, PointMark } from "../../src/ledger/point.ts";
import { runCommand } from "../helpers/command-context.ts";

const vienna = zoneOffset("Europe/Vienna");
const QUARTER = 900_000;
const log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kaifa2mqtt-export-"));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** Registers at given times; export is a tenth. */
async function keep(
  points: readonly (readonly [time: string | number, wh: number, mark?: PointMark])[],
  meter = "house",
) {
  const store = new LedgerStore({ dataDir, meter, log });
  for (const [time, wh, mark = "ok"] of points) {
    const at = typeof time === "number" ? time : Date.parse(time);
    const point: Point = {
      at,
      offset: vienna(at),
      registers: { energy_import: wh, ...(wh % 10 === 0 ? { energy_export: wh / 10 } : {}) },
      mark,
    };
    store.append([point], null);
  }
  await store.stop();
}
/** Every quarter of a span, 100 Wh each. */
const quarters = (from: string, to: string) => {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  return Array.from(
    { length: (end - start) / QUARTER + 1 },
    (_, index) => [start + index * QUARTER, 1_000 + index * 100] as const,
  );
};
const run = (options: Record<string, unknown> = {}) =>
  runCommand(command, { options, env: { KAIFA2MQTT_DATA_DIR: dataDir } });
const lines = async (options: Record<string, unknown> = {}) =>
  (await run(options)).stdout.trimEnd().split("\n").slice(1);

describe("kaifa2mqtt export", () => {
  it("prints quarters and marked intervals as CSV", async () => {
    await keep([
      ["2026-03-02T10:07:05+01:00", 12_937, "begin"],
      ["2026-03-02T10:15:00+01:00", 13_000],
      ["2026-03-02T10:30:00+01:00", 13_120, "interpolated"],
      ["2026-03-02T11:15:00+01:00", 13_720],
      ["2026-03-02T11:30:00+01:00", 20, "reset"],
      ["2026-03-02T11:40:05+01:00", 120, "last"],
    ]);
    const { code, stdout, stderr } = await run();
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        "start,end,energy_import_kwh,energy_export_kwh,mark",
        "2026-03-02T10:07:05+01:00,2026-03-02T10:15:00+01:00,0.063,,gap",
        "2026-03-02T10:15:00+01:00,2026-03-02T10:30:00+01:00,0.120,0.012,",
        "2026-03-02T10:30:00+01:00,2026-03-02T11:15:00+01:00,0.600,0.060,gap",
        "2026-03-02T11:15:00+01:00,2026-03-02T11:30:00+01:00,-13.700,-1.370,reset",
        "2026-03-02T11:30:00+01:00,2026-03-02T11:40:05+01:00,0.100,0.010,gap",
        "",
      ].join("\n"),
    );
  });

  it("prints one JSON object per line, in Wh, with null for a register that the meter does not send", async () => {
    await keep([
      ["2026-03-02T10:07:05+01:00", 12_937, "begin"],
      ["2026-03-02T10:15:00+01:00", 13_000],
      ["2026-03-02T10:30:00+01:00", 13_120],
    ]);
    const rows = (await run({ json: true })).stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows).toEqual([
      {
        start: "2026-03-02T10:07:05+01:00",
        end: "2026-03-02T10:15:00+01:00",
        energy_import_wh: 63,
        energy_export_wh: null,
        mark: "gap",
      },
      {
        start: "2026-03-02T10:15:00+01:00",
        end: "2026-03-02T10:30:00+01:00",
        energy_import_wh: 120,
        energy_export_wh: 12,
        mark: "",
      },
    ]);
  });

  it("adds up hours, days and months of local time, including days of 23 and 25 hours", async () => {
    await keep(quarters("2026-03-27T23:00:00Z", "2026-03-31T22:00:00Z"));
    expect(await lines({ step: "day" })).toEqual([
      "2026-03-28T00:00:00+01:00,2026-03-29T00:00:00+01:00,9.600,0.960,",
      "2026-03-29T00:00:00+01:00,2026-03-30T00:00:00+02:00,9.200,0.920,",
      "2026-03-30T00:00:00+02:00,2026-03-31T00:00:00+02:00,9.600,0.960,",
      "2026-03-31T00:00:00+02:00,2026-04-01T00:00:00+02:00,9.600,0.960,",
    ]);
    expect(await lines({ step: "hour", from: "2026-03-29T01:00", to: "2026-03-29T04:00" })).toEqual([
      "2026-03-29T01:00:00+01:00,2026-03-29T03:00:00+02:00,0.400,0.040,",
      "2026-03-29T03:00:00+02:00,2026-03-29T04:00:00+02:00,0.400,0.040,",
    ]);
    expect(await lines({ step: "month" })).toEqual([
      "2026-03-28T00:00:00+01:00,2026-04-01T00:00:00+02:00,38.000,3.800,gap",
    ]);
    expect(await lines({ step: "month", from: "2026-03-28" })).toEqual([
      "2026-03-28T00:00:00+01:00,2026-04-01T00:00:00+02:00,38.000,3.800,",
    ]);
  });

  it("prints 100 quarters for the day with 25 hours", async () => {
    await keep(quarters("2026-10-24T22:00:00Z", "2026-10-26T00:00:00Z"));
    const rows = await lines({ from: "2026-10-25", to: "2026-10-26" });
    expect(rows).toHaveLength(100);
    expect(rows[0]).toContain("2026-10-25T00:00:00+02:00,2026-10-25T00:15:00+02:00");
    expect(rows[11]).toBe("2026-10-25T02:45:00+02:00,2026-10-25T02:00:00+01:00,0.100,0.010,");
  });

  it("a gap is marked only if it is longer than the step", async () => {
    const gap = (time: string) =>
      quarters("2026-03-02T00:00:00+01:00", "2026-03-04T00:00:00+01:00").filter(([at]) => {
        const from = Date.parse(time);
        return at <= from || at >= from + 8 * QUARTER;
      });
    await keep(gap("2026-03-02T10:15:00+01:00"), "noon");
    await keep(gap("2026-03-02T23:15:00+01:00"), "night");
    expect((await lines({ meter: "noon" })).filter((row) => row.endsWith("gap"))).toHaveLength(1);
    expect((await lines({ meter: "noon", step: "hour" })).filter((row) => row.endsWith("gap"))).toEqual([
      "2026-03-02T10:00:00+01:00,2026-03-02T13:00:00+01:00,1.200,0.120,gap",
    ]);
    expect((await lines({ meter: "noon", step: "day" })).filter((row) => row.endsWith("gap"))).toEqual([]);
    expect(await lines({ meter: "night", step: "day" })).toEqual([
      "2026-03-02T00:00:00+01:00,2026-03-04T00:00:00+01:00,19.200,1.920,gap",
    ]);
  });

  it("includes from and excludes to, as local time or with an offset", async () => {
    await keep(quarters("2026-03-02T00:00:00+01:00", "2026-03-03T00:00:00+01:00"));
    const starts = async (from: string, to: string) => (await lines({ from, to })).map((row) => row.slice(11, 16));
    expect(await starts("2026-03-02T10:00", "2026-03-02T10:30")).toEqual(["10:00", "10:15"]);
    expect(await starts("2026-03-02 10:05", "2026-03-02T10:30:01")).toEqual(["10:15", "10:30"]);
    expect(await starts("2026-03-02T09:00:00Z", "2026-03-02T11:30:00+02:00")).toEqual(["10:00", "10:15"]);
    expect(await starts("2026-04", "2026-05")).toEqual([]);
  });

  it("requires a meter if there are several, and says so if there is none", async () => {
    expect((await run()).code).toBe(1);
    expect((await run()).stderr).toMatch(/there is no ledger in .* yet/);
    await keep([["2026-03-02T10:15:00+01:00", 1]], "house");
    await keep([["2026-03-02T10:15:00+01:00", 1]], "barn");
    await expect(run()).rejects.toThrow(new UsageError("choose one with --meter; there are barn, house"));
    const { code, stderr } = await run({ meter: "attic" });
    expect(code).toBe(1);
    expect(stderr).toContain("there is no ledger of a meter 'attic'");
    expect((await run({ meter: "../house" })).code).toBe(1);
  });

  it("refuses an invalid time", async () => {
    await keep([["2026-03-02T10:15:00+01:00", 1]]);
    for (const from of ["yesterday", "2026-02-30", "2026-13", "2026-03-01T25:00", "01.03.2026"]) {
      await expect(run({ from })).rejects.toThrow(UsageError);
    }
  });
});
