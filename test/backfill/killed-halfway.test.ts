/** A run killed at any point, with random holes: the next run yields the same statistics as an undisturbed one. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { runBackfill } from "../../src/backfill/backfill.ts";
import { HomeAssistant } from "../../src/backfill/home-assistant.ts";
import { HOUR_MS } from "../../src/backfill/plan.ts";
import { type Point, QUARTER_MS } from "../../src/ledger/point.ts";
import { FakeHomeAssistant, type FakeRow } from "../helpers/fake-home-assistant.ts";
import { seededRandom } from "../helpers/random.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const BEGIN = Date.parse("2026-03-28T00:00:00Z");
const HOURS = 48;
const ENTITIES = ["energy_import", "energy_export"];

let home: FakeHomeAssistant;
beforeEach(async () => {
  home = await FakeHomeAssistant.start();
});
afterEach(() => home.stop());

it("killed after any number of rows, for random holes: a second run yields what an undisturbed one does", async () => {
  const random = seededRandom(21);
  let cut = 0;
  for (let seed = 0; seed < 20; seed++) {
    let registers = { energy_import: 12_937, energy_export: 400 };
    const points: Point[] = Array.from({ length: HOURS * 4 + 1 }, (_, quarter) => {
      if (quarter > 0) {
        const { energy_import, energy_export } = registers;
        registers = {
          energy_import: energy_import + Math.floor(random() * 300),
          energy_export: energy_export + Math.floor(random() * 90),
        };
      }
      return { at: BEGIN + quarter * QUARTER_MS, offset: 60, registers, mark: quarter === 0 ? "begin" : "ok" };
    });
    const holes = new Set(Array.from({ length: HOURS }, (_, hour) => hour).filter(() => random() < 0.4));
    const rowsOf = (key: string): FakeRow[] =>
      points
        .filter(({ at }) => at > BEGIN && at % HOUR_MS === 0)
        .map(({ at, registers: all }) => {
          const state = (all[key] ?? 0) / 1000;
          return {
            start: at - HOUR_MS,
            state,
            sum: Number((state - (points[0]?.registers[key] ?? 0) / 1000).toFixed(6)),
          };
        })
        .filter((_, hour) => !holes.has(hour));
    const setUp = (): void => {
      home.registry.length = 0;
      for (const key of ENTITIES) home.add(`sensor.${key}`, `kaifa2mqtt_house_${key}`, rowsOf(key));
    };
    const runOnce = async (dataDir: string): Promise<void> => {
      const homeAssistant = await HomeAssistant.connect(home, new AbortController().signal);
      try {
        const now = BEGIN + 60 * HOUR_MS;
        const reader = { points: async () => points };
        await runBackfill({ homeAssistant, reader, dataDir, meter: "house", apply: true, now });
      } finally {
        homeAssistant.close();
      }
    };
    const result = (): unknown => ENTITIES.map((key) => home.rows.get(`sensor.${key}`));

    setUp();
    await runOnce(temporaryFolder("kaifa2mqtt-whole-"));
    const whole = structuredClone(result());

    setUp();
    const dataDir = temporaryFolder("kaifa2mqtt-cut-");
    let imports = Math.floor(random() * 2);
    const share = random();
    home.onImport = (socket, write) => {
      // The recorder has received some or all of the rows when the process is killed.
      write(imports-- > 0 ? 1 : share);
      if (imports < 0) socket.terminate();
    };
    await runOnce(dataDir).catch(() => cut++);
    home.onImport = null;
    await runOnce(dataDir);
    expect(result(), `seed ${seed}`).toEqual(whole);
    const before = home.imports().length;
    await runOnce(dataDir);
    expect(home.imports()).toHaveLength(before);
  }
  expect(cut).toBeGreaterThan(15);
});
