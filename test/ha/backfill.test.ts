/**
 * A day that a real Home Assistant missed, filled from the ledger of a real bridge. Home Assistant is stopped for the
 * meter's day. Because the clock cannot be moved, the meter's clock is a day behind, and the rows that the recorder would
 * have compiled are imported, with the meter's registers.
 */
import { execFileSync } from "node:child_process";
import mqtt, { type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { openBrowser } from "../helpers/browser.ts";
import { freePort } from "../helpers/free-port.ts";
import { Mosquitto } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram, run } from "../helpers/program.ts";
import { FedMeter, type Registers } from "./fed-meter.ts";
import { HomeAssistant, pause } from "./home-assistant.ts";
import { KEY } from "./simulated-meter.ts";

const NAME = "sensor.kaifa_ma309_";
const KEYS = ["energy_import", "energy_export"] as const;
const HOUR_MS = 3_600_000;
const STEP_MS = 300_000;
/** The meter's last hour ends three hours ago, so that the recorder itself compiles none of them. */
const HOURS = 26;
const BEGIN = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - (HOURS + 3) * HOUR_MS;
const LEAVES = BEGIN + 5 * HOUR_MS + 4 * STEP_MS;
const RETURNS = BEGIN + 19 * HOUR_MS + 8 * STEP_MS;
const MISSED = [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

interface Row {
  readonly start: number;
  readonly state: number;
  readonly sum: number;
  readonly change?: number;
}
const bare = (rows: readonly Row[]): Row[] => rows.map(({ start, state, sum }) => ({ start, state, sum }));

describe("a day that a real Home Assistant missed", () => {
  let program: BuiltProgram;
  let broker: Mosquitto;
  let home: HomeAssistant;
  let meter: FedMeter;
  let bridge: BridgeProcess;
  let client: MqttClient;
  /** The meter's registers by time. */
  const sent = new Map<number, Registers>();
  /** The latest published reading. */
  let reading: Record<string, unknown> = {};
  let clock = BEGIN - 6 * STEP_MS;
  /** The rows before filling. */
  const before = new Map<string, Row[]>();

  const configuration = (automatic: boolean): string =>
    [
      `meter: { port: "${meter.url}", key: ${KEY} }`,
      `mqtt: { server: "mqtt://127.0.0.1:${broker.port}" }`,
      'tariff_windows: [{ name: day, from: "00:00", to: "24:00", time_zone: Europe/Vienna }]',
      "time_zone: Europe/Vienna",
      ...(automatic ? [`homeassistant: { backfill: true, url: "${home.url}", token: "${home.token}" }`] : []),
    ].join("\n");
  const command = (name: string, ...args: string[]) =>
    run(program.main, [name, ...args], {
      env: {
        KAIFA2MQTT_DATA_DIR: bridge.dataDir,
        KAIFA2MQTT_TIME_ZONE: "Europe/Vienna",
        KAIFA2MQTT_HOMEASSISTANT_URL: home.url,
        KAIFA2MQTT_HOMEASSISTANT_TOKEN: home.token,
      },
    });
  const backfill = (...args: string[]) => command("backfill", ...args);
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
  /** kWh of each hour according to `kaifa2mqtt export`. */
  const ledgerBars = async (key: string): Promise<number[]> => {
    const from = new Date(BEGIN).toISOString().replace(".000", "");
    const to = new Date(BEGIN + HOURS * HOUR_MS).toISOString().replace(".000", "");
    const { stdout } = await command("export", "--json", "--step", "hour", "--from", from, "--to", to);
    const hours = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(hours.map(({ mark }) => mark)).toEqual(Array(HOURS).fill(""));
    return hours.map((hour) => Number(hour[`${key}_wh`]) / 1000);
  };

  /** Advances the meter's time with a telegram every five minutes; returns when the ledger is complete. */
  const pass = async (until: number): Promise<void> => {
    for (; clock <= until; clock += STEP_MS) {
      sent.set(clock, meter.send(clock));
      await pause(25);
    }
    // Acceptance doubts such a fast clock: the last telegram's energies are published after the hold time.
    await home.until(
      "the last telegram is published",
      async () => KEYS.every((key) => reading[key] === sent.get(clock - STEP_MS)?.[key]),
      60_000,
    );
  };
  /** Resolves when Home Assistant shows the registers of that telegram. */
  const seen = async (time: number): Promise<void> => {
    for (const key of KEYS) {
      const wanted = sent.get(time)?.[key];
      await home.until(
        `${key} is ${wanted}`,
        async () => Number((await home.state(NAME + key))?.state) === wanted,
        60_000,
      );
    }
  };
  /** The rows that Home Assistant's recorder would have compiled while it was running. */
  const compiled = (key: (typeof KEYS)[number]): Row[] => {
    const states = new Map<number, number>();
    for (const [time, registers] of sent) {
      if (time > LEAVES && time < RETURNS) continue;
      const start = Math.ceil(time / HOUR_MS) * HOUR_MS - HOUR_MS;
      states.set(start, registers[key]);
    }
    const first = states.get(BEGIN - HOUR_MS) ?? Number.NaN;
    return [...states]
      .map(([start, state]) => ({ start, state, sum: Number((state - first).toFixed(3)) }))
      .filter(({ start }) => start >= BEGIN);
  };
  const importPast = async (key: string, stats: readonly Row[]): Promise<void> => {
    const common = {
      has_sum: true,
      unit_of_measurement: "kWh",
      name: null,
      source: "recorder",
      statistic_id: NAME + key,
    };
    const send = (more: object) =>
      home.ask({
        type: "recorder/import_statistics",
        metadata: { ...common, ...more },
        stats: stats.map(({ start, state, sum }) => ({ start: new Date(start).toISOString(), state, sum })),
      });
    // Home Assistant before 2025.11 uses the older form.
    await send({ mean_type: 0, unit_class: "energy" }).catch(() => send({ has_mean: false }));
    await home.until("the past is there", async () => (await rows(key)).length === stats.length);
  };
  /** With KAIFA_PICTURES=1, renews the pictures of docs/backfill.md. */
  const picture = async (name: string): Promise<void> => {
    if (process.env.KAIFA_PICTURES !== "1") return;
    const browser = await openBrowser();
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, locale: "en-GB" });
    const date = new Date(BEGIN + 12 * HOUR_MS).toLocaleDateString("sv-SE", { timeZone: "Europe/Vienna" });
    await page.goto(`${home.url}/energy?start_date=${date}`);
    await page.getByText("Energy distribution").first().waitFor({ state: "attached", timeout: 45_000 });
    await page.waitForTimeout(4000);
    await page.screenshot({ path: `docs/images/${name}.png`, animations: "disabled" });
    await browser.close();
  };

  beforeAll(async () => {
    // One after the other, so that a failure leaves nothing running that afterAll does not stop.
    program = await buildProgram();
    broker = await (await Mosquitto.prepare()).start();
    const haPort = process.env.KAIFA_HA_PORT === undefined ? await freePort() : Number(process.env.KAIFA_HA_PORT);
    home = new HomeAssistant(haPort);
    await home.begin(broker.port);
    client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`);
    client.on("message", (topic, payload) => {
      if (!/^kaifa2mqtt\/\d+$/.test(topic)) return;
      reading = JSON.parse(payload.toString());
    });
    await client.subscribeAsync("kaifa2mqtt/+");
    meter = await FedMeter.listen(clock);
    bridge = new BridgeProcess(program.main);
    bridge.start(configuration(false));
    await meter.connected();
    await bridge.says(/connected to the broker/);
    await pass(LEAVES);
    await seen(LEAVES);
    await home.end();
    // Home Assistant is stopped for fourteen hours of the meter's time.
    await pass(RETURNS);
    await home.restart();
    // After such a long silence the meter is unavailable until the next telegram.
    await pass(clock);
    await seen(clock - STEP_MS);
    await pass(BEGIN + HOURS * HOUR_MS);
    for (const key of KEYS) {
      await importPast(key, compiled(key));
      before.set(key, await rows(key));
    }
    await home
      .ask({
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
      })
      .catch(() => undefined);
  });

  afterAll(async () => {
    await bridge?.close();
    await client?.endAsync(true);
    await meter?.stop();
    await home?.remove();
    await broker?.close();
    program?.remove();
  });

  /** Asserts that each bar equals the ledger's, and that the day's sum and all earlier rows are unchanged. */
  const expectFilled = async (): Promise<void> => {
    for (const key of KEYS) {
      const [after, earlier, bars] = [await rows(key), before.get(key) ?? [], await ledgerBars(key)];
      expect(after.map(({ start }) => (start - BEGIN) / HOUR_MS)).toEqual(
        Array.from({ length: HOURS }, (_, hour) => hour),
      );
      const change = (hour: number): number => after[hour]?.change ?? Number.NaN;
      for (let hour = 1; hour < HOURS; hour++) {
        // The missed part of the hour in which Home Assistant stopped stays in the hour of its return.
        if (hour !== 5 && hour !== 19) expect(change(hour), `${key} ${hour}`).toBeCloseTo(bars[hour] ?? Number.NaN, 6);
      }
      expect(change(5) + change(19)).toBeCloseTo((bars[5] ?? 0) + (bars[19] ?? 0), 6);
      const kept = bare(after);
      for (const row of bare(earlier)) expect(kept).toContainEqual(row);
      const total = (list: readonly Row[]): number => list.slice(1).reduce((sum, row) => sum + (row.change ?? 0), 0);
      expect(total(after)).toBeCloseTo(total(earlier), 6);
    }
  };

  it("has the energy counted since midnight in its tariff window's entity", async () => {
    const end = BEGIN + HOURS * HOUR_MS;
    const hour = Number(new Date(end).toLocaleString("en-GB", { hour: "2-digit", timeZone: "Europe/Vienna" })) % 24;
    const [now, midnight] = [end, end - hour * HOUR_MS].map((time) => sent.get(time)?.energy_import ?? Number.NaN);
    await home.until(
      "the energy in the window",
      async () => {
        const state = Number((await home.state(`${NAME}window_day_today`))?.state);
        return Math.abs(state - ((now ?? 0) - (midnight ?? 0))) < 0.0005;
      },
      60_000,
    );
  });

  it("is one bar with the energy of all hours, which are only listed without --apply", async () => {
    await picture("backfill-before");
    const { code, stdout, stderr } = await backfill("--json");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ applied: false, to_write: MISSED.length * 2, left: 0 });
    for (const key of KEYS) {
      expect(bare(await rows(key))).toEqual(bare(before.get(key) ?? []));
      expect(before.get(key)).toHaveLength(HOURS - MISSED.length);
    }
  });

  it("is filled by --apply: each bar equals the ledger's, the day's sum and all other rows are unchanged", async () => {
    const { code, stdout, stderr } = await backfill("--apply");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toContain(`${MISSED.length * 2} hours written, 0 left as they are`);
    await expectFilled();
    await picture("backfill-after");
  });

  it("is complete for a second run", async () => {
    const { code, stdout } = await backfill("--apply");
    expect(code).toBe(0);
    expect(stdout).toBe("nothing is missing in 2 statistics\n");
  });

  it("is restored by the SQL of --undo", async () => {
    const { stdout } = await backfill("--undo");
    const statements = stdout.split("\n").filter((line) => line.startsWith("DELETE"));
    expect(statements).toHaveLength(MISSED.length * 2);
    // An edited row is no longer ours and stays.
    await home.end();
    execFileSync("python3", ["-c", RUN_SQL, home.database], { input: statements.join("\n") });
    await home.restart();
    for (const key of KEYS) expect(bare(await rows(key))).toEqual(bare(before.get(key) ?? []));
  });

  it("is filled by the bridge itself when Home Assistant returns, which is logged in one line", async () => {
    await home.end();
    await bridge.stop();
    bridge.start(configuration(true));
    await meter.connected();
    await bridge.says(/connected to the broker/);
    for (let telegram = 0; telegram < 3; telegram++, clock += STEP_MS) meter.send(clock);
    await bridge.says(/holes in the energy statistics are not filled: Home Assistant cannot be reached/, 60_000);
    await home.restart();
    await bridge.says(/energy_export: Home Assistant missed .*; these hours were filled from the ledger/, 60_000);
    await bridge.says(/energy_import: Home Assistant missed .*; these hours were filled from the ledger/, 60_000);
    expect(bridge.count(/these hours were filled/)).toBe(2);
    await expectFilled();
  });

  it("causes no log messages in Home Assistant", async () => {
    expect(await home.warnings()).not.toMatch(/import_statistics|statistic|kaifa/i);
  });
});

/** Reads the statements from standard input. */
const RUN_SQL = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.executescript(sys.stdin.read())
database.commit()
`;
