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
let logged: string[];
let automatic: AutomaticBackfill;
let now: number;
let timers: { ms: number; act: () => void }[];
/** Resolves when the next timer is set, after the comparison. */
let waits: () => void = () => undefined;

const log: ComponentLog = {
  error: (message) => void logged.push(`error ${String(message)}`),
  warn: (message) => void logged.push(`warn ${String(message)}`),
  info: (message) => void logged.push(`info ${String(message)}`),
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
/** Lets the pending timer fire. */
const next = async (): Promise<void> => {
  const timer = timers.pop();
  now += timer?.ms ?? 0;
  await new Promise<void>((resolve) => {
    waits = resolve;
    timer?.act();
  });
};

beforeEach(async () => {
  home = await FakeHomeAssistant.start();
  [logged, timers, now] = [[], [], BEGIN + 12 * HOUR_MS + 5 * 60_000];
});
afterEach(async () => {
  await automatic.stop();
  await home.stop();
});

describe("the bridge with homeassistant.backfill", () => {
  it("fills a hole soon after startup and logs one line", async () => {
    home.add(
      IMPORT,
      "kaifa2mqtt_house_energy_import",
      rows.filter((_, hour) => hour !== 5 && hour !== 6),
    );
    start();
    expect(timers.map(({ ms }) => ms)).toEqual([15_000]);
    await next();
    expect(home.rows.get(IMPORT)).toHaveLength(12);
    expect(logged).toEqual([
      `info ${IMPORT}: Home Assistant missed 2026-03-02T05:00Z to 2026-03-02T07:00Z; these hours were filled from the ledger`,
    ]);
    const hole = { hours: 2, from: BEGIN + 5 * HOUR_MS, to: BEGIN + 7 * HOUR_MS };
    expect(automatic.status()).toMatchObject({ error: null, missed: hole, filled: hole, left: [] });
    await next();
    expect(logged).toHaveLength(1);
    expect(automatic.status()).toMatchObject({ missed: hole, filled: hole, left: [] });
  });

  it("compares shortly after each return, two minutes past the next hour, and twenty minutes past every hour", async () => {
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows);
    const times: string[] = [];
    const nextFour = async (): Promise<void> => {
      for (let count = 0; count < 4; count++) {
        await next();
        times.push(new Date(automatic.status().comparedAt ?? 0).toISOString().slice(11, 19));
      }
    };
    start();
    await nextFour();
    expect(times).toEqual(["12:05:15", "12:20:00", "13:02:00", "13:20:00"]);
    automatic.returned();
    automatic.returned();
    await nextFour();
    expect(times.slice(4)).toEqual(["13:20:15", "14:02:00", "14:20:00", "15:20:00"]);
  });

  it("waits until Home Assistant has the row after the hole, without a warning", async () => {
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows.slice(0, 8));
    start();
    await next();
    expect(logged).toEqual([
      `info ${IMPORT}: Home Assistant missed 2026-03-02T08:00Z to 2026-03-02T11:00Z; these hours cannot be filled: Home Assistant has no later row yet; it writes one after the first full hour with values`,
    ]);
    expect(automatic.status().left).toMatchObject([{ hours: 3, pending: true }]);
    home.rows.set(IMPORT, [...rows.slice(0, 8), ...rows.slice(11)]);
    await next();
    expect(logged[1]).toContain("these hours were filled");
    expect(home.rows.get(IMPORT)).toHaveLength(12);
    expect(automatic.status()).toMatchObject({ filled: { hours: 3 }, left: [] });
  });

  it("logs once what is not filled, and why", async () => {
    const edited = rows.map((row, hour) => (hour > 6 ? { ...row, sum: row.sum + 0.01 } : row));
    home.add(
      IMPORT,
      "kaifa2mqtt_house_energy_import",
      edited.filter((_, hour) => hour !== 5 && hour !== 6),
    );
    start();
    await next();
    await next();
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatch(
      /^warn .*missed 2026-03-02T05:00Z to 2026-03-02T07:00Z; these hours cannot be filled: from the row before/,
    );
    expect(home.imports()).toEqual([]);
    expect(automatic.status()).toMatchObject({
      missed: { hours: 2 },
      filled: null,
      left: [{ hours: 2, pending: false }],
    });
  });

  it("logs once that Home Assistant does not answer or access is missing, without the token, and continues", async () => {
    start({ access: { url: home.url, token: "wrong-token" } });
    await next();
    await next();
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain("refuses the token");
    expect(logged[0]).not.toContain("wrong-token");
    expect(automatic.status().error).toContain("refuses the token");
    await automatic.stop();
    timers = [];
    start({ access: "homeassistant.token must be set" });
    expect(logged[1]).toBe("error holes in the energy statistics are not filled: homeassistant.token must be set");
    expect(timers).toEqual([]);
  });
});
