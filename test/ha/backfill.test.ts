/**
 * Holes in the statistics of a real Home Assistant, filled from a ledger. The past is imported: a day in which Home Assistant
 * was away for hours, and booked their energy in the hour in which it came back.
 */
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LedgerStore } from "../../src/ledger/ledger-store.ts";
import type { Point } from "../../src/ledger/point.ts";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { freePort } from "../helpers/free-port.ts";
import { Mosquitto } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram, run } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { HomeAssistant } from "./home-assistant.ts";
import { KEY, SimulatedMeterProcess } from "./simulated-meter.ts";

const NAME = "sensor.kaifa_ma309_";
const METER = "181210207919";
const HOUR_MS = 3_600_000;
const QUARTER_MS = 900_000;
const HOURS = 26;
/** The last imported hour ends three hours ago: nothing of it is compiled by the recorder itself. */
const BEGIN = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - (HOURS + 3) * HOUR_MS;
const AWAY = [5, 15, 16, 17, 18];
const log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };

interface Row {
  readonly start: number;
  readonly state: number;
  readonly sum: number;
  readonly change: number;
}

describe("holes in the statistics of a real Home Assistant", () => {
  let program: BuiltProgram;
  let broker: Mosquitto;
  let home: HomeAssistant;
  let meter: SimulatedMeterProcess;
  let bridge: BridgeProcess;
  const dataDir = temporaryFolder("kaifa-backfill-ha-");
  const points: Point[] = Array.from({ length: HOURS * 4 + 1 }, (_, quarter) => ({
    at: BEGIN + quarter * QUARTER_MS,
    offset: 60,
    registers: { energy_import: 9_000_000 + quarter * 131 + (quarter % 5), energy_export: 500_000 + quarter * 17 },
    mark: quarter === 0 ? "begin" : "ok",
  }));
  const register = (key: string, at: number): number =>
    points.find((point) => point.at === at)?.registers[key] ?? Number.NaN;
  /** kWh of each hour, by the ledger. */
  const bars = (key: string): number[] =>
    Array.from(
      { length: HOURS },
      (_, hour) => (register(key, BEGIN + (hour + 1) * HOUR_MS) - register(key, BEGIN + hour * HOUR_MS)) / 1000,
    );
  const backfill = (...args: string[]) =>
    run(program.main, ["backfill", ...args], {
      env: {
        KAIFA2MQTT_DATA_DIR: dataDir,
        KAIFA2MQTT_TIME_ZONE: "Europe/Vienna",
        KAIFA2MQTT_HOMEASSISTANT_URL: home.url,
        KAIFA2MQTT_HOMEASSISTANT_TOKEN: home.token,
      },
    });
  const rows = async (key: string): Promise<Row[]> => {
    const answer = await home.ask<Record<string, Row[]>>({
      type: "recorder/statistics_during_period",
      start_time: new Date(BEGIN).toISOString(),
      end_time: new Date(BEGIN + HOURS * HOUR_MS).toISOString(),
      statistic_ids: [NAME + key],
      period: "hour",
      types: ["state", "sum", "change"],
    });
    return answer[NAME + key] ?? [];
  };
  const importPast = async (key: string): Promise<void> => {
    const all = Array.from({ length: HOURS }, (_, hour) => {
      const end = register(key, BEGIN + (hour + 1) * HOUR_MS);
      const start = new Date(BEGIN + hour * HOUR_MS).toISOString();
      return { start, state: end / 1000, sum: (end - register(key, BEGIN)) / 1000 };
    });
    await home.ask({
      type: "recorder/import_statistics",
      metadata: {
        mean_type: 0,
        has_sum: true,
        unit_of_measurement: "kWh",
        unit_class: "energy",
        name: null,
        source: "recorder",
        statistic_id: NAME + key,
      },
      stats: all.filter((_, hour) => !AWAY.includes(hour)),
    });
    await home.until("the past is there", async () => (await rows(key)).length === HOURS - AWAY.length);
  };

  /** With KAIFA_PICTURES=1 the pictures of docs/backfill.md are taken anew. */
  const picture = async (name: string): Promise<void> => {
    if (process.env.KAIFA_PICTURES !== "1") return;
    const browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu"],
    });
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, locale: "en-GB" });
    await page.goto(`${home.url}/energy`);
    await page.getByText("Energy distribution").first().waitFor({ state: "attached", timeout: 45_000 });
    await page.waitForTimeout(4000);
    await page.screenshot({ path: `docs/images/${name}.png`, animations: "disabled" });
    await browser.close();
  };

  beforeAll(async () => {
    // One after the other: what fails leaves nothing running that nobody knows.
    program = await buildProgram();
    broker = await (await Mosquitto.prepare()).start();
    const haPort = process.env.KAIFA_HA_PORT === undefined ? await freePort() : Number(process.env.KAIFA_HA_PORT);
    home = new HomeAssistant(haPort);
    await home.begin(broker.port);
    meter = await SimulatedMeterProcess.start(program.main, "--interval", "1");
    bridge = new BridgeProcess(program.main);
    bridge.start(
      [`meter: { port: "${meter.url}", key: ${KEY} }`, `mqtt: { server: "mqtt://127.0.0.1:${broker.port}" }`].join(
        "\n",
      ),
    );
    await home.numeric(`${NAME}energy_import`);
    await home.numeric(`${NAME}energy_export`);
    const store = new LedgerStore({ dataDir, meter: METER, log });
    store.append(points, null);
    await store.stop();
    await importPast("energy_import");
    await importPast("energy_export");
    await home.ask({
      type: "energy/save_prefs",
      energy_sources: [
        {
          type: "grid",
          stat_energy_from: `${NAME}energy_import`,
          stat_energy_to: `${NAME}energy_export`,
          number_energy_price: null,
          cost_adjustment_day: 0,
        },
      ],
    });
  });

  afterAll(async () => {
    await bridge?.close();
    await meter?.stop();
    await home?.end();
    await broker?.close();
    program?.remove();
  });

  it("are listed and left without --apply", async () => {
    const { code, stdout, stderr } = await backfill("--json");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ applied: false, to_write: AWAY.length * 2, left: 0 });
    expect(await rows("energy_import")).toHaveLength(HOURS - AWAY.length);
  });

  it("are filled by --apply: each bar is the ledger's, the sum of the day and all other rows are what they were", async () => {
    await picture("backfill-before");
    const keys = ["energy_import", "energy_export"];
    const before = new Map<string, Row[]>();
    for (const key of keys) before.set(key, await rows(key));
    const { code, stdout, stderr } = await backfill("--apply");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toContain(`${AWAY.length * 2} hours written, 0 left as they are`);
    for (const key of keys) {
      const after = await rows(key);
      expect(after).toHaveLength(HOURS);
      // The first hour has no row before it, so its bar is not compared.
      for (const [hour, bar] of bars(key).entries()) {
        if (hour > 0) expect(after[hour]?.change).toBeCloseTo(bar, 6);
      }
      const kept = after.map(({ start, state, sum }) => ({ start, state, sum }));
      for (const { start, state, sum } of before.get(key) ?? []) expect(kept).toContainEqual({ start, state, sum });
      const total = (list: readonly Row[] | undefined) =>
        (list ?? []).slice(1).reduce((sum, { change }) => sum + change, 0);
      expect(total(after)).toBeCloseTo(total(before.get(key)), 6);
    }
    await picture("backfill-after");
  });

  it("are gone for a second run", async () => {
    const { code, stdout } = await backfill("--apply");
    expect(code).toBe(0);
    expect(stdout).toBe("nothing is missing in 2 statistics\n");
  });

  it("leave nothing of ours in the log of Home Assistant", async () => {
    expect(await home.warnings()).not.toMatch(/import_statistics|statistic|kaifa/i);
  });
});
