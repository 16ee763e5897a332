import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Ledger, type LedgerOptions } from "../../src/ledger/ledger.ts";
import { LedgerReader } from "../../src/ledger/ledger-reader.ts";
import { type Appender, fileAppender, LedgerStore } from "../../src/ledger/ledger-store.ts";
import { formatLocal } from "../../src/ledger/local-time.ts";
import type { Point, PointMark } from "../../src/ledger/point.ts";
import { FakeClock } from "../helpers/fake-clock.ts";
import { readingOf } from "../helpers/readings.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const QUARTER = 900_000;
const START = Date.parse("2026-03-02T10:00:00+01:00");
const log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };

let dataDir: string;
beforeEach(() => {
  dataDir = temporaryFolder("kaifa2mqtt-ledger-");
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const point = (at: number, wh: number, mark: PointMark = "ok"): Point => ({
  at,
  offset: 60,
  registers: { energy_import: wh, energy_export: 2 * wh },
  mark,
});
const store = (more: object = {}) => new LedgerStore({ dataDir, meter: "house", log, ...more });
const file = (name = "2026-03.csv") => join(dataDir, "ledger", "house", name);
const rows = async () =>
  (await new LedgerReader(dataDir).intervals("house")).map(
    ({ start, end, energy, mark }) =>
      `${formatLocal(start)} ${(end.at - start.at) / QUARTER} ${energy.energy_import} ${energy.energy_export} ${mark}`,
  );

describe("the files of the ledger", () => {
  it("are readable lines, one per quarter, in one file per month", async () => {
    const kept = store();
    kept.append([point(Date.parse("2026-03-31T23:45:00+01:00"), 100, "begin")], "4B464D00");
    kept.append([point(Date.parse("2026-04-01T00:00:00+01:00"), 150, "interpolated")], "4B464D00");
    await kept.stop();
    expect(readFileSync(file(), "utf8")).toBe(
      "device,4B464D00,ok\ntime,energy_import,energy_export,mark\n2026-03-31T23:45:00+01:00,100,200,begin\n",
    );
    expect(readFileSync(file("2026-04.csv"), "utf8")).toContain("2026-04-01T00:00:00+01:00,150,300,interpolated\n");
    expect(await rows()).toEqual(["2026-03-31T23:45:00+01:00 1 50 100 "]);
  });

  it("that are too large count as empty, and the log says so once", async () => {
    const kept = store();
    kept.append([point(START, 100, "begin")], null);
    await kept.stop();
    appendFileSync(file(), "x".repeat(4 * 1024 * 1024));
    const warnings: string[] = [];
    const next = store({ log: { ...log, warn: (text: string) => void warnings.push(text) } });
    expect(next.load()).toBeNull();
    next.load();
    expect(warnings).toEqual([expect.stringContaining(`${file()} has more than 4194304 bytes`)]);
    await expect(rows()).rejects.toThrow("has more than 4194304 bytes");
  });

  it("a year of one meter takes at most two megabytes", async () => {
    const kept = store();
    const year = Array.from({ length: 35_040 }, (_, index) => point(START + index * QUARTER, 20_000_000 + index * 100));
    let bytes = 0;
    const counting: Appender = {
      append: async (_path, text) => {
        bytes += Buffer.byteLength(text);
      },
    };
    const counted = store({ appender: counting });
    for (const one of year) {
      counted.append([one], "4B464D00");
      if (one.at % (100 * QUARTER) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await counted.stop();
    await kept.stop();
    expect(bytes).toBeLessThan(2_000_000);
  });

  it("a line truncated anywhere is skipped, and the next one is complete", async () => {
    const kept = store();
    kept.append([point(START, 100, "begin"), point(START + QUARTER, 150), point(START + 2 * QUARTER, 275)], "4B");
    await kept.stop();
    const whole = readFileSync(file(), "utf8");
    const lines = whole.trimEnd().split("\n");
    const lastLine = `${lines.at(-1)}\n`;
    for (let length = 0; length < lastLine.length; length++) {
      writeFileSync(file(), whole.slice(0, whole.length - lastLine.length + length));
      const again = store();
      const state = again.load();
      const complete = length >= lastLine.length - 1;
      expect(state?.point.registers.energy_import).toBe(complete ? 275 : 150);
      again.append([point(START + 3 * QUARTER, 300)], "4B");
      await again.stop();
      const last = complete
        ? ["2026-03-02T10:15:00+01:00 1 125 250 ", "2026-03-02T10:30:00+01:00 1 25 50 "]
        : ["2026-03-02T10:15:00+01:00 2 150 300 gap"];
      expect(await rows()).toEqual(["2026-03-02T10:00:00+01:00 1 50 100 ", ...last]);
    }
  });

  it("a block left incomplete by a power failure is skipped", async () => {
    const kept = store();
    kept.append([point(START, 100, "begin")], null);
    await kept.stop();
    appendFileSync(
      file(),
      `${"\0".repeat(64)}\n2026-03-02T10:15:00+01:00,1e9,7,ok\nrubbish,,,\n2026-13-45T99:00:00+01:00,1,1,ok\n`,
    );
    kept.append([point(START + QUARTER, 160)], null);
    await kept.stop();
    expect(await rows()).toEqual(["2026-03-02T10:00:00+01:00 1 60 120 "]);
  });

  it("a full disk loses nothing: pending points are written when there is space again", async () => {
    let full = true;
    const clock = new FakeClock();
    const appender: Appender = {
      async append(path, text) {
        if (!full) return fileAppender.append(path, text);
        // A full disk accepts part of a write.
        await fileAppender.append(path, text.slice(0, text.length - 9));
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      },
    };
    const warnings: string[] = [];
    const kept = store({ appender, clock, log: { ...log, warn: (text: string) => warnings.push(text) } });
    const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
    for (let index = 0; index < 5; index++) {
      kept.append([point(START + index * QUARTER, 100 + index * 10, index === 0 ? "begin" : "ok")], "4B");
      await settled();
    }
    expect(warnings).toHaveLength(1);
    full = false;
    await clock.pass(60_000);
    await settled();
    await kept.stop();
    expect(await rows()).toEqual(
      [0, 1, 2, 3].map((index) => `${formatLocal({ at: START + index * QUARTER, offset: 60 })} 1 10 20 `),
    );
  });

  it("says that quarter hours are dropped once more than 2,000 are waiting, and afterwards how many are missing", async () => {
    let full = true;
    const appender: Appender = {
      append: (path, text) => (full ? Promise.reject(new Error("ENOSPC")) : fileAppender.append(path, text)),
    };
    const lines: string[] = [];
    const note = (text: string) => void lines.push(text);
    const clock = new FakeClock();
    const kept = store({ appender, clock, log: { ...log, warn: note, info: note } });
    kept.append([point(START, 100, "begin")], "4B");
    await expect.poll(() => lines.length).toBe(1);
    for (let index = 1; index <= 2_001; index++) kept.append([point(START + index * QUARTER, 100 + index)], "4B");
    expect(lines[1]).toMatch(/more than 2000 quarter hours are waiting/);
    full = false;
    await kept.stop();
    const missing = 2_002 - kept.recent(25).points.length;
    expect(missing).toBeGreaterThan(900);
    expect(lines.slice(2)).toEqual([
      expect.stringContaining(`can be written again; ${missing} quarter hours are missing`),
    ]);
  });

  it("pending points are bounded, and no energy is lost", async () => {
    const appender: Appender = { append: () => Promise.reject(new Error("ENOSPC")) };
    const kept = store({ appender, clock: new FakeClock() });
    for (let index = 0; index <= 50_000; index++) {
      kept.append([point(START + index * QUARTER, index, index === 0 ? "begin" : "ok")], "4B");
    }
    await kept.stop();
    expect(kept.pending.length).toBeLessThanOrEqual(2_000);
    expect(kept.pending.at(-1)?.registers.energy_import).toBe(50_000);
  });

  it("keeps two years and the current month, no more", async () => {
    const kept = store();
    for (let month = 0; month < 40; month++) {
      kept.append([point(Date.UTC(2024, month, 15), month)], null);
      await kept.stop();
    }
    const points = await new LedgerReader(dataDir).points("house");
    expect(points).toHaveLength(25);
    expect(points.at(-1)?.registers.energy_import).toBe(39);
  });

  it("a span yields the intervals that begin in it, even if they end far outside", async () => {
    const kept = store();
    const day = 96 * QUARTER;
    kept.append(
      [
        point(START, 0, "begin"),
        point(START + QUARTER, 5),
        point(START + 70 * day, 90),
        point(START + 70 * day + QUARTER, 95),
      ],
      null,
    );
    await kept.stop();
    const reader = new LedgerReader(dataDir);
    const starts = async (from?: number, to?: number) =>
      (await reader.intervals("house", { from, to })).map(({ start, energy }) => [
        (start.at - START) / QUARTER,
        energy.energy_import,
      ]);
    expect(await starts()).toEqual([
      [0, 5],
      [1, 85],
      [70 * 96, 5],
    ]);
    expect(await starts(START + QUARTER, START + 2 * QUARTER)).toEqual([[1, 85]]);
    expect(await starts(START + 70 * day)).toEqual([[70 * 96, 5]]);
    expect(await starts(undefined, START + QUARTER)).toEqual([[0, 5]]);
    expect(await reader.meters()).toEqual(["house"]);
  });
});

describe("the ledger of a bridge", () => {
  const ledger = (more: Partial<LedgerOptions> = {}) =>
    new Ledger({ dataDir, windows: [], log, clock: new FakeClock(), ...more });
  const meter = { id: "house", name: "House", manufacturer: null, model: null, serialNumber: null, systemTitle: null };
  const reading = (time: string, wh: number, watts = 0) =>
    readingOf(
      [
        ["1-0:1.8.0*255", wh, 0, "Wh"],
        ["1-0:2.8.0*255", 2 * wh, 0, "Wh"],
        ["1-0:1.7.0*255", watts, 0, "W"],
      ],
      { meter, meterTime: time },
    );
  /** Local time without offset, every ten seconds between two instants. */
  const play = (kept: Ledger, from: string, to: string, text: (at: number) => string) => {
    for (let at = Date.parse(from); at <= Date.parse(to); at += 10_000) {
      kept.take({ ...reading(text(at), (at - Date.parse(from)) / 10_000), receivedAt: at });
    }
  };
  const viennese = (at: number): string =>
    new Date(at).toLocaleString("sv-SE", { timeZone: "Europe/Vienna" }).replace(" ", "T");

  it("handles both clock changes for a meter that sends no offset", async () => {
    for (const [from, to, quarters, first, last] of [
      ["2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z", 12, "2026-03-29T01:45:00+01:00", "2026-03-29T03:00:00+02:00"],
      ["2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z", 16, "2026-10-25T02:45:00+02:00", "2026-10-25T02:00:00+01:00"],
    ] as const) {
      const kept = ledger({ timeZone: "Europe/Vienna" });
      play(kept, from, to, viennese);
      await kept.stop();
      const found = (await rows()).filter((row) => row.startsWith(first.slice(0, 10)));
      expect(found).toHaveLength(quarters);
      expect(found.every((row) => row.endsWith(" 1 90 180 "))).toBe(true);
      const before = found.findIndex((row) => row.startsWith(first));
      expect(found[before + 1]).toContain(last);
      rmSync(join(dataDir, "ledger"), { recursive: true });
    }
  });

  it("the meter's own offset takes precedence over the zone", async () => {
    const kept = ledger({ timeZone: "America/New_York" });
    play(kept, "2026-06-01T10:00:00+02:00", "2026-06-01T10:15:00+02:00", (at) => formatLocal({ at, offset: 120 }));
    await kept.stop();
    expect(await rows()).toEqual(["2026-06-01T10:00:00+02:00 1 90 180 "]);
  });

  it("a meter that sends no time is recorded by our clock", async () => {
    const kept = ledger({ timeZone: "Europe/Vienna" });
    for (let s = 0; s <= 900; s += 10) {
      kept.take({ ...readingOf(undefined, { meter, meterTime: null }), receivedAt: START + s * 1000 });
    }
    await kept.stop();
    expect(await rows()).toEqual(["2026-03-02T10:00:00+01:00 1 0 0 "]);
  });

  it("writes once a quarter", async () => {
    let writes = 0;
    const appender: Appender = { append: async () => void writes++ };
    const kept = ledger({ appender });
    for (let s = 0; s <= 4 * 3600; s += 10) {
      kept.take(reading(formatLocal({ at: START + s * 1000, offset: 60 }), s));
      await new Promise((resolve) => setImmediate(resolve));
      if (s % 900 === 0) await expect.poll(() => writes).toBe(s / 900 + 1);
    }
    await kept.stop();
    expect(writes).toBe(17);
  });

  it("reports the state at each boundary, and at most once a minute in between", async () => {
    const clock = new FakeClock();
    const kept = ledger({ clock });
    const states: string[] = [];
    kept.subscribe((_meter, { quarterStart, quarterImport }) =>
      states.push(`${formatLocal(quarterStart).slice(11, 16)} ${quarterImport}`),
    );
    for (let s = 0; s <= 1800; s += 10) {
      kept.take(reading(formatLocal({ at: START + s * 1000, offset: 60 }), s));
      await clock.pass(10_000);
    }
    await kept.stop();
    expect(states).toHaveLength(31);
    expect(states.slice(0, 3)).toEqual(["10:00 0", "10:00 60", "10:00 120"]);
    expect(states.slice(-2)).toEqual(["10:15 840", "10:30 0"]);
  });

  it("sums up the last quarter, the peak of the month and the windows, also after a restart", async () => {
    const windows = [{ name: "noon", months: [3], weekdays: ["mon"] as "mon"[], from: "10:15", to: "16:00" }];
    const states: unknown[] = [];
    let wh = 0;
    const play = async (minutes: number[], watts: number) => {
      const kept = ledger({ windows });
      kept.subscribe((_meter, state) => {
        states[0] = state;
      });
      for (const minute of minutes) {
        for (let s = 0; s < 60; s += 10) {
          kept.take(
            reading(formatLocal({ at: START + minute * 60_000 + s * 1000, offset: 60 }), Math.round(wh), watts),
          );
          wh += watts / 360;
        }
      }
      await kept.stop();
    };
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
    await play(range(0, 15), 720);
    await play(range(15, 30), 3600);
    await play(range(30, 46), 1440);
    const quarter = (minute: number) => ({ at: START + minute * 60_000, offset: 60 });
    expect(states[0]).toMatchObject({
      quarterStart: quarter(45),
      lastQuarter: { start: quarter(30), import: 360, export: 720 },
      peak: { start: quarter(15), power: 3600 },
      windows: { noon: { today: 900 + 360, month: 900 + 360 } },
    });
  });

  it("forecasts the mean power of the quarter from the energy so far and the current power", async () => {
    const clock = new FakeClock();
    const kept = ledger({ clock });
    let forecast: number | null = null;
    kept.subscribe((_meter, state) => {
      forecast = state.forecast;
    });
    for (let s = 0; s <= 300; s += 10) {
      kept.take(reading(formatLocal({ at: START + s * 1000, offset: 60 }), Math.floor(s / 3), s < 300 ? 1200 : 3000));
      await clock.pass(10_000);
    }
    await kept.stop();
    // 100 Wh in 5 minutes, then 3 kW for 10 minutes: 600 Wh, a mean of 2.4 kW.
    expect(forecast).toBe(2400);
  });
});
