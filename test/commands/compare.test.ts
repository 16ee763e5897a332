import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UsageError } from "../../src/commands/command.ts";
import { command } from "../../src/commands/compare.ts";
import { LedgerStore } from "../../src/ledger/ledger-store.ts";
import { zoneOffset } from "../../src/ledger/local-time.ts";
import type { Point } from "../../src/ledger/point.ts";
import { runCommand } from "../helpers/command-context.ts";

const vienna = zoneOffset("Europe/Vienna");
const QUARTER = 900_000;
const SAMPLES = resolve("test/fixtures/portals");
const log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kaifa2mqtt-compare-"));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** Energy of a quarter in the made-up samples: differs between quarters, so that a shift is visible. */
const importOf = (start: number): number => 100 + ((start / QUARTER) % 97) * 3;
const exportOf = (start: number): number => ((start / QUARTER) % 13) * 2;

/** A ledger for a span; `leaveOut` removes boundaries. */
async function keep(from: string, to: string, leaveOut: (at: number) => boolean = () => false): Promise<void> {
  const store = new LedgerStore({ dataDir, meter: "house", log });
  let [imported, exported] = [12_937, 500];
  const points: Point[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += QUARTER) {
    if (!leaveOut(at)) {
      points.push({
        at,
        offset: vienna(at),
        registers: { energy_import: imported, energy_export: exported },
        mark: "ok",
      });
    }
    imported += importOf(at);
    exported += exportOf(at);
  }
  for (const [index, point] of points.entries()) {
    store.append([point], null);
    if (index % 1_000 === 0) await store.stop();
  }
  await store.stop();
}
const run = (file: string, options: Record<string, unknown> = {}) =>
  runCommand(command, {
    args: [file],
    options,
    env: { KAIFA2MQTT_DATA_DIR: dataDir, KAIFA2MQTT_TIME_ZONE: "Europe/Vienna" },
  });
const json = async (file: string) => {
  const { stdout, stderr, code } = await run(file, { json: true });
  return { ...JSON.parse(stdout || "{}"), code, stderr };
};

interface Sample {
  readonly file: string;
  readonly quarters: number;
  readonly names: "start" | "end";
  readonly zone?: string;
  readonly encoding?: string;
}
const SAMPLE_FILES: readonly Sample[] = [
  { file: "wiener-netze.csv", quarters: 96, names: "start" },
  { file: "netz-noe.csv", quarters: 96, names: "end", encoding: "UTF-8" },
  { file: "linz-netz.csv", quarters: 100, names: "start", encoding: "windows-1252" },
  { file: "salzburg-netz.csv", quarters: 92, names: "start", encoding: "UTF-16" },
  { file: "utc.csv", quarters: 96, names: "start", zone: "as stated" },
  { file: "netz-burgenland.csv", quarters: 192, names: "start", encoding: "windows-1252" },
  { file: "cet-all-year.csv", quarters: 192, names: "start", zone: "UTC+1 all year" },
];

describe("kaifa2mqtt compare", () => {
  // The days of the samples within eight months.
  const days = [
    "03-28",
    "03-29",
    "03-30",
    "05-31",
    "06-01",
    "06-02",
    "06-30",
    "07-01",
    "07-02",
    "07-03",
    "10-24",
    "10-25",
    "10-26",
  ];
  beforeEach(() =>
    keep(
      "2026-03-28T00:00:00+01:00",
      "2026-10-27T00:00:00+01:00",
      (at) => !days.includes(new Date(at).toISOString().slice(5, 10)),
    ),
  );

  for (const { file, quarters, names, zone = "local time", encoding } of SAMPLE_FILES) {
    it(`reads the made-up sample ${file}`, async () => {
      const report = await json(join(SAMPLES, file));
      expect(report.stderr).toBe("");
      expect(report.file).toMatchObject({ zone, times_name: names, ...(encoding && { encoding }) });
      const imported = report.quarters.filter(({ register }: { register: string }) => register === "energy_import");
      expect(imported).toHaveLength(quarters);
      expect(report.differing).toBe(0);
      expect(report.compared).toBe(report.quarters.length);
      expect(report.sum.difference_wh).toBe(0);
      expect(report.code).toBe(0);
    });
  }

  it("shows each quarter that differs, and exits with 1", async () => {
    const text = readFileSync(join(SAMPLES, "wiener-netze.csv"), "utf8");
    const lines = text.split("\n");
    lines[10] = (lines[10] as string).replace(/;[^;]*$/, ";9,999");
    const file = join(dataDir, "changed.csv");
    writeFileSync(file, lines.join("\n"));
    const { stdout, code } = await run(file);
    expect(code).toBe(1);
    expect(stdout).toMatch(/2026-06-01T02:15:00\+02:00 {2}energy_import +9999 +\d+ +-\d+/);
    expect(stdout).toContain("96 quarters compared, 1 differ by more than 1 Wh");
    expect((await run(file, { tolerance: "10000" })).code).toBe(0);
    await expect(run(file, { tolerance: "few" })).rejects.toThrow(UsageError);
  });

  it("says so if the ledger does not cover the time of the file", async () => {
    rmSync(join(dataDir, "ledger"), { recursive: true });
    await keep("2025-01-01T00:00:00+01:00", "2025-01-02T00:00:00+01:00");
    const { code, stderr } = await run(join(SAMPLES, "wiener-netze.csv"));
    expect(code).toBe(1);
    expect(stderr).toContain("the ledger has no quarter of this file");
  });

  it("combines adjacent gaps of the ledger, and does not count them as differences", async () => {
    rmSync(join(dataDir, "ledger"), { recursive: true });
    const gap = Date.parse("2026-06-01T10:00:00+02:00");
    await keep("2026-05-01T00:00:00+02:00", "2026-07-01T00:00:00+02:00", (at) => at > gap && at < gap + 4 * QUARTER);
    const { stdout, code } = await run(join(SAMPLES, "wiener-netze.csv"));
    expect(stdout).toContain(
      "gap in the ledger: 2026-06-01T10:00:00+02:00 to 2026-06-01T11:00:00+02:00, energy_import, portal",
    );
    expect(stdout).toContain("92 quarters compared, 0 differ");
    expect(code).toBe(0);
  });
});

describe("a file that cannot be parsed yields an error with the line", () => {
  const cases: readonly (readonly [what: string, text: string, error: RegExp])[] = [
    ["an empty file", "", /the file is empty/],
    ["no columns", "Hallo\nWelt\n", /line 1: there are no columns/],
    ["no times", "Name;Wert\na;1\nb;2\n", /line 2: no line with a date or time and a number/],
    ["days", "Datum;Verbrauch (kWh)\n01.03.2026;1,5\n02.03.2026;1,5\n", /line 2: a date without a time/],
    [
      "hours",
      "Start;Verbrauch (kWh)\n01.03.2026 00:00;1,5\n01.03.2026 01:00;1,5\n01.03.2026 02:00;1,5\n",
      /line 3: the lines are 60 minutes apart/,
    ],
    [
      "a wrong number",
      "Start;Verbrauch (kWh)\n01.03.2026 00:00;1,5\n01.03.2026 00:15;viel\n",
      /line 3: 'viel' is not a number/,
    ],
    [
      "a wrong date",
      "Start;Verbrauch (kWh)\n01.03.2026 00:00;1,5\n31.02.2026 00:15;1,5\n01.03.2026 00:30;1\n",
      /line 3: '31.02.2026 00:15' is not a date and time/,
    ],
    [
      "a wrong order",
      "Start;Verbrauch (kWh)\n01.03.2026 00:00;1\n01.03.2026 00:15;1\n01.03.2026 00:15;1\n01.03.2026 00:30;1\n01.03.2026 00:45;1\n",
      /line 4: the time is not after/,
    ],
    [
      "several numbers without a name",
      "Zeit;A;B\n01.03.2026 00:00;1;2\n01.03.2026 00:15;1;2\n",
      /line 2: no column that names consumption .*'A', 'B'/,
    ],
  ];
  for (const [what, text, error] of cases) {
    it(what, async () => {
      await keep("2026-03-01T00:00:00+01:00", "2026-03-02T00:00:00+01:00");
      const file = join(dataDir, "file.csv");
      writeFileSync(file, text);
      const { code, stderr, stdout } = await run(file);
      expect(stderr).toMatch(error);
      expect(stdout).toBe("");
      expect(code).toBe(1);
    });
  }

  it("a missing file", async () => {
    await keep("2026-03-01T00:00:00+01:00", "2026-03-02T00:00:00+01:00");
    expect((await run("missing.csv")).stderr).toBe("error: missing.csv: cannot be read (ENOENT)\n");
  });
});
