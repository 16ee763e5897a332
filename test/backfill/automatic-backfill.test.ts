import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AutomaticBackfill, type AutomaticBackfillOptions } from "../../src/backfill/automatic-backfill.ts";
import { HOUR_MS } from "../../src/backfill/plan.ts";
import type { Point } from "../../src/ledger/point.ts";
import type { ComponentLog } from "../../src/log/component-log.ts";
import { FakeHomeAssistant } from "../helpers/fake-home-assistant.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const BEGIN = Date.parse("2026-03-02T00:00:00Z");
const IMPORT = "sensor.house_energy_import";
const points: Point[] = Array.from({ length: 12 * 4 + 1 }, (_, quarter) => ({
  at: BEGIN + quarter * 900_000,
  offset: 0,
  registers: { energy_import: 12_000 + quarter * 100 },
  mark: quarter === 0 ? "begin" : "ok",
}));
const rows = Array.from({ length: 12 }, (_, hour) => ({
  start: BEGIN + hour * HOUR_MS,
  state: 12 + (hour + 1) * 0.4,
  sum: (hour + 1) * 0.4,
}));

let home: FakeHomeAssistant;
let told: string[];
let automatic: AutomaticBackfill;
let now: number;
let timers: { ms: number; act: () => void }[];
/** Fires the timer that waits and resolves when the next one does, which is after the check. */
let waits: () => void = () => undefined;

const log: ComponentLog = {
  error: (message) => void told.push(`error ${String(message)}`),
  warn: (message) => void told.push(`warn ${String(message)}`),
  info: (message) => void told.push(`info ${String(message)}`),
  debug: () => undefined,
};
const start = (more: Partial<AutomaticBackfillOptions> = {}): void => {
  automatic = new AutomaticBackfill({
    access: { url: home.url, token: home.token },
    reader: { points: async () => points },
    dataDir: temporaryFolder("kaifa2mqtt-automatic-"),
    meters: () => ["house"],
    log,
    wall: () => now,
    after: (ms, act) => {
      timers.push({ ms, act });
      waits();
      return () => undefined;
    },
    ...more,
  });
  automatic.start();
};
const passHour = async (): Promise<void> => {
  const timer = timers.pop();
  now += timer?.ms ?? 0;
  await new Promise<void>((resolve) => {
    waits = resolve;
    timer?.act();
  });
};

beforeEach(async () => {
  home = await FakeHomeAssistant.start();
  [told, timers, now] = [[], [], BEGIN + 12 * HOUR_MS + 5 * 60_000];
});
afterEach(async () => {
  await automatic.stop();
  await home.stop();
});

describe("the bridge with homeassistant.backfill", () => {
  it("fills a hole twenty minutes past the hour, and says so in one sentence", async () => {
    home.add(
      IMPORT,
      "kaifa2mqtt_house_energy_import",
      rows.filter((_, hour) => hour !== 5 && hour !== 6),
    );
    start();
    expect(timers.map(({ ms }) => ms)).toEqual([15 * 60_000]);
    await passHour();
    expect(home.rows.get(IMPORT)).toHaveLength(12);
    expect(told).toEqual([
      `info ${IMPORT}: Home Assistant missed 2026-03-02T05:00Z to 2026-03-02T07:00Z; these hours were filled from the ledger`,
    ]);
    await passHour();
    expect(timers.map(({ ms }) => ms)).toEqual([HOUR_MS]);
    expect(told).toHaveLength(1);
  });

  it("says once what is left, and why", async () => {
    const edited = rows.map((row, hour) => (hour > 6 ? { ...row, sum: row.sum + 0.01 } : row));
    home.add(
      IMPORT,
      "kaifa2mqtt_house_energy_import",
      edited.filter((_, hour) => hour !== 5 && hour !== 6),
    );
    start();
    await passHour();
    await passHour();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^warn .*missed 2026-03-02T05:00Z to 2026-03-02T07:00Z; these hours are left: from the row before/,
    );
    expect(home.imports()).toEqual([]);
  });

  it("says once that Home Assistant does not answer or lacks an access, never with the token, and goes on", async () => {
    start({ access: { url: home.url, token: "wrong-token" } });
    await passHour();
    await passHour();
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("refuses the token");
    expect(told[0]).not.toContain("wrong-token");
    await automatic.stop();
    timers = [];
    start({ access: "homeassistant.token must be set" });
    expect(told[1]).toBe("error holes in the energy statistics are not filled: homeassistant.token must be set");
    expect(timers).toEqual([]);
  });
});
