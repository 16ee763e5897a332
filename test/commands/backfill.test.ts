import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { accessOf } from "../../src/backfill/access.ts";
import { webSocketUrl } from "../../src/backfill/connect.ts";
import { command } from "../../src/commands/backfill.ts";
import { LedgerStore } from "../../src/ledger/ledger-store.ts";
import type { Point } from "../../src/ledger/point.ts";
import { runCommand } from "../helpers/command-context.ts";
import { FakeHomeAssistant, type FakeRow } from "../helpers/fake-home-assistant.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
const HOUR = 3_600_000;
/** Two days ago; the ledger has 24 hours from then on. */
const BEGIN = Math.floor(Date.now() / HOUR) * HOUR - 48 * HOUR;
const IMPORT = "sensor.kaifa_ma309_energy_import";
const EXPORT = "sensor.renamed_export";
const hourOf = (start: number) => (start - BEGIN) / HOUR;

let home: FakeHomeAssistant;
let dataDir: string;

/** Imports 100 Wh per quarter, exports 10. */
async function keepLedger(meter = "house", without: (quarter: number) => boolean = () => false): Promise<void> {
  const store = new LedgerStore({ dataDir, meter, log });
  const points: Point[] = Array.from({ length: 24 * 4 + 1 }, (_, quarter) => ({
    at: BEGIN + quarter * 900_000,
    offset: 0,
    registers: { energy_import: 12_937 + quarter * 100, energy_export: quarter * 10 },
    mark: quarter === 0 ? "begin" : "ok",
  }));
  store.append(
    points.filter((_, quarter) => !without(quarter)),
    null,
  );
  await store.stop();
}
function rows(first: number, step: number, missing: readonly number[], factor = 1): FakeRow[] {
  return Array.from({ length: 24 }, (_, hour) => ({
    start: BEGIN + hour * HOUR,
    state: (first + (hour + 1) * step) / factor,
    sum: ((hour + 1) * step) / factor,
  })).filter(({ start }) => !missing.includes(hourOf(start)));
}
const run = (options: Record<string, unknown> = {}, env: Record<string, string> = {}) =>
  runCommand(command, {
    options,
    env: {
      KAIFA2MQTT_DATA_DIR: dataDir,
      KAIFA2MQTT_TIME_ZONE: "UTC",
      KAIFA2MQTT_HOMEASSISTANT_URL: home.url,
      KAIFA2MQTT_HOMEASSISTANT_TOKEN: home.token,
      ...env,
    },
  });

beforeEach(async () => {
  dataDir = temporaryFolder("kaifa2mqtt-backfill-");
  home = await FakeHomeAssistant.start();
  await keepLedger();
});
afterEach(() => home.stop());

describe("kaifa2mqtt backfill", () => {
  it("prints what is missing and writes nothing", async () => {
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [10, 11, 12]));
    home.add(EXPORT, "kaifa2mqtt_house_energy_export", rows(0, 40, [11], 1), "Wh");
    const { code, stdout, stderr } = await run();
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(home.imports()).toEqual([]);
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^entity +hour +there +would be written \(state, sum\) +why$/);
    expect(lines.filter((line) => line.startsWith(IMPORT))).toHaveLength(3);
    expect(lines[1]).toContain(`${new Date(BEGIN + 10 * HOUR).toISOString().slice(0, 19)}+00:00`);
    expect(lines[1]).toContain("17.337 4.4 kWh (+0.4)");
    expect(lines[4]).toContain("480 480 Wh (+40)");
    expect(stdout).toContain("4 hours can be filled, 0 cannot; nothing is written without --apply");
  });

  it("--apply fills the hours, changes nothing else, and does nothing the second time", async () => {
    const whole = rows(12.937, 0.4, []);
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [10, 11, 12, 20]));
    home.add("sensor.other", "somebody_energy_import", rows(12.937, 0.4, [3]));
    home.add("sensor.template", "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [3]), "kWh", "template");
    home.registry.push({ entity_id: "light.odd", unique_id: 17, platform: "hue" });
    const { code, stdout } = await run({ apply: true });
    expect(code).toBe(0);
    expect(stdout).toContain("4 hours written, 0 left as they are");
    expect(home.imports().map(({ metadata }) => metadata)).toEqual([
      {
        statistic_id: IMPORT,
        source: "recorder",
        name: null,
        has_sum: true,
        mean_type: 0,
        unit_class: "energy",
        unit_of_measurement: "kWh",
      },
    ]);
    for (const [index, row] of (home.rows.get(IMPORT) ?? []).entries()) {
      expect(row.start).toBe(whole[index]?.start);
      expect(row.sum).toBeCloseTo(whole[index]?.sum ?? Number.NaN, 9);
      expect(row.state).toBeCloseTo(whole[index]?.state ?? Number.NaN, 9);
    }
    const again = await run({ apply: true });
    expect(again.stdout).toBe("nothing is missing in 1 statistics\n");
    expect(home.imports()).toHaveLength(1);
  });

  it("--json prints the same as JSON", async () => {
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [10]));
    const { stdout } = await run({ json: true });
    const start = `${new Date(BEGIN + 10 * HOUR).toISOString().slice(0, 19)}+00:00`;
    expect(JSON.parse(stdout)).toMatchObject({
      applied: false,
      entities: [IMPORT],
      hours: [
        {
          entity: IMPORT,
          meter: "house",
          start,
          present: null,
          state: 17.337,
          sum: 4.4,
          change: 0.4,
          unit: "kWh",
          reason: null,
        },
      ],
      written: 0,
      to_write: 1,
      left: 0,
    });
  });

  it("exits with 1 and the reason if the ledger has a gap", async () => {
    dataDir = temporaryFolder("kaifa2mqtt-backfill-");
    await keepLedger("house", (quarter) => quarter > 41 && quarter < 46);
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [10, 11]));
    const { code, stdout } = await run({ apply: true });
    expect(code).toBe(1);
    expect(stdout).toContain("the ledger has a gap in this hour");
    expect(home.imports()).toEqual([]);
  });

  it.each([
    ["a sensor of its costs", () => Object.assign(home, { costSensors: { [IMPORT]: "sensor.cost" } })],
    [
      "a price",
      () =>
        Object.assign(home, {
          prefs: { energy_sources: [{ type: "grid", stat_energy_from: IMPORT, number_energy_price: 0.25 }] },
        }),
    ],
    [
      "a price in the form of older versions",
      () =>
        Object.assign(home, {
          prefs: {
            energy_sources: [{ type: "grid", flow_from: [{ stat_energy_from: IMPORT, stat_cost: "sensor.cost" }] }],
          },
        }),
    ],
  ])("leaves an entity that has %s", async (_, setUp) => {
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [10]));
    setUp();
    const { code, stdout } = await run({ apply: true });
    expect(code).toBe(1);
    expect(stdout).toContain("Home Assistant books costs for this entity");
    expect(home.imports()).toEqual([]);
  });

  it("fills an entity whose dashboard has no price", async () => {
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [10]));
    home.prefs = {
      energy_sources: [
        {
          type: "grid",
          stat_energy_from: IMPORT,
          stat_energy_to: EXPORT,
          stat_cost: null,
          number_energy_price: null,
          number_energy_price_export: 0.1,
        },
      ],
    };
    expect((await run({ apply: true })).code).toBe(0);
  });

  it("imports in the form that Home Assistant before 2025.11 requires", async () => {
    home.old = true;
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [10]));
    expect((await run({ apply: true })).code).toBe(0);
    expect(home.imports().at(-1)?.metadata).toMatchObject({ has_mean: false });
    expect(home.rows.get(IMPORT)).toHaveLength(24);
  });

  it("resumes after a lost connection", async () => {
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [10, 11]));
    home.onImport = (socket) => socket.terminate();
    const broken = await run({ apply: true });
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(/^error: /);
    home.onImport = null;
    expect((await run({ apply: true })).code).toBe(0);
    expect(home.rows.get(IMPORT)).toHaveLength(24);
  });

  it("--undo lists the written rows, and how to remove them", async () => {
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, [10]));
    expect((await run({ undo: true })).stdout).toBe("house: backfill has written nothing\n");
    await run({ apply: true });
    const { code, stdout } = await run({ undo: true });
    expect(code).toBe(0);
    expect(stdout).toContain(
      `statistic_id = '${IMPORT}') AND start_ts = ${(BEGIN + 10 * HOUR) / 1000} AND abs(sum - 4.4)`,
    );
    const { written } = JSON.parse((await run({ undo: true, json: true })).stdout);
    expect(written).toEqual([{ entity: IMPORT, start: BEGIN + 10 * HOUR, unit: "kWh", state: 17.337, sum: 4.4 }]);
  });

  it("reports missing or wrong access, and never shows the token", async () => {
    const none = await run(
      {},
      { KAIFA2MQTT_HOMEASSISTANT_URL: home.url, KAIFA2MQTT_HOMEASSISTANT_TOKEN: "wrong-token-of-ours" },
    );
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("refuses the token");
    expect(none.stdout + none.stderr).not.toContain("wrong-token-of-ours");
    expect(none.hidden).toContain("wrong-token-of-ours");
    const away = await run({}, { KAIFA2MQTT_HOMEASSISTANT_URL: "http://127.0.0.1:9" });
    expect(away.code).toBe(1);
    expect(away.stderr).toContain("cannot be reached at http://127.0.0.1:9");
    const empty = await run();
    expect(empty.code).toBe(1);
    expect(empty.stderr).toContain("no energy statistics of house");
  });

  it("reads the token from a file", async () => {
    home.add(IMPORT, "kaifa2mqtt_house_energy_import", rows(12.937, 0.4, []));
    const path = join(dataDir, "token");
    writeFileSync(path, `${home.token}\n`);
    const { code } = await runCommand(command, {
      env: {
        KAIFA2MQTT_DATA_DIR: dataDir,
        KAIFA2MQTT_HOMEASSISTANT_URL: home.url,
        KAIFA2MQTT_HOMEASSISTANT_TOKEN_FILE: path,
      },
    });
    expect(code).toBe(0);
  });
});

describe("the access to Home Assistant", () => {
  it("in the app uses the Supervisor's proxy, and sends its token nowhere else", () => {
    expect(accessOf({}, "secret")).toEqual({ url: "http://supervisor/core", token: "secret" });
    expect(webSocketUrl("http://supervisor/core")).toBe("ws://supervisor/core/websocket");
    expect(accessOf({ url: "http://elsewhere:8123" }, "secret")).toContain("homeassistant.token must be set");
    expect(accessOf({}, undefined)).toContain("homeassistant.url and homeassistant.token must be set");
    expect(webSocketUrl("https://ha.example/")).toBe("wss://ha.example/api/websocket");
  });
});
