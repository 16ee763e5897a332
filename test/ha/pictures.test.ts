/**
 * Home Assistant in a real browser, as a user sees it: the device page, the Energy dashboard with data, and the
 * ready-made dashboard of docs/dashboard.yaml. With KAIFA_PICTURES=1, renews the pictures of the README.
 */
import { existsSync, readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { openBrowser } from "../helpers/browser.ts";
import { freePort } from "../helpers/free-port.ts";
import { Mosquitto } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { HomeAssistant } from "./home-assistant.ts";
import { KEY, SimulatedMeterProcess } from "./simulated-meter.ts";

const NAME = "sensor.kaifa_ma309_";
const HOUR_MS = 3_600_000;
/** Maximum row height, pixels; a wrapped label or value makes a row higher. */
const ONE_LINE = 56;
const LARGEST_PICTURE = 300 * 1024;
/** Hourly kWh of a house with solar panels: import at night and in the evening, export at noon. */
const BOUGHT = [
  0.3, 0.3, 0.2, 0.2, 0.3, 0.4, 0.9, 1.1, 0.5, 0.1, 0, 0, 0, 0, 0, 0.2, 0.7, 1.4, 1.9, 1.6, 1.2, 0.9, 0.6, 0.4,
];
const SOLD = [0, 0, 0, 0, 0, 0, 0, 0.1, 0.8, 1.7, 2.6, 3.1, 3.3, 2.9, 2.1, 0.9, 0.1, 0, 0, 0, 0, 0, 0, 0];

describe("in a Home Assistant user's browser", () => {
  let program: BuiltProgram;
  let broker: Mosquitto;
  let home: HomeAssistant;
  let meter: SimulatedMeterProcess;
  let bridge: BridgeProcess;
  let browser: Browser;

  beforeAll(async () => {
    // One after the other, so that a failure leaves nothing running that afterAll does not stop.
    program = await buildProgram();
    broker = await (await Mosquitto.prepare()).start();
    const haPort = process.env.KAIFA_HA_PORT === undefined ? await freePort() : Number(process.env.KAIFA_HA_PORT);
    home = new HomeAssistant(haPort);
    await home.begin(broker.port);
    meter = await SimulatedMeterProcess.start(program.main, "--interval", "1", "--speed", "30");
    bridge = new BridgeProcess(program.main);
    bridge.start(
      [
        `meter: { port: "${meter.url}", key: ${KEY} }`,
        `mqtt: { server: "mqtt://127.0.0.1:${broker.port}" }`,
        "plausibility: { max_power: 10000000 }",
      ].join("\n"),
    );
    await home.numeric(`${NAME}energy_import`);
    await importPast("energy_import", BOUGHT);
    await importPast("energy_export", SOLD);
    await importMeans("power_import", "W", "power", (hour) => 1000 * (BOUGHT[hour] ?? 0));
    await importMeans("power_export", "W", "power", (hour) => 1000 * (SOLD[hour] ?? 0));
    await importMeans("power_net", "W", "power", (hour) => 1000 * ((BOUGHT[hour] ?? 0) - (SOLD[hour] ?? 0)));
    for (const phase of [1, 2, 3]) {
      const volts = (hour: number): number => 230 + phase + 3 * Math.sin((hour * Math.PI) / 12 + phase);
      await importMeans(`voltage_l${phase}`, "V", "voltage", volts);
    }
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await bridge?.close();
    await meter?.stop();
    await home?.remove();
    await broker?.close();
    program?.remove();
  });

  /** The full hours of the last three days: start, and hour of the day in Vienna. */
  const pastHours = (): { start: string; hour: number }[] => {
    const end = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    return Array.from({ length: 72 }, (_, index) => {
      const start = new Date(end - (72 - index) * HOUR_MS);
      const hour = Number(start.toLocaleString("en-GB", { hour: "2-digit", timeZone: "Europe/Vienna" })) % 24;
      return { start: start.toISOString(), hour };
    });
  };

  /** Hourly statistics of a register that end at the meter's current reading. */
  const importPast = async (key: string, amounts: readonly number[]): Promise<void> => {
    const now = await home.numeric(`${NAME}${key}`);
    const hours = pastHours();
    const total = hours.reduce((sum, { hour }) => sum + (amounts[hour] ?? 0), 0);
    let sum = 0;
    const stats = hours.map(({ start, hour }) => {
      sum += amounts[hour] ?? 0;
      return { start, sum, state: now - total + sum };
    });
    const metadata = { mean_type: 0, has_mean: false, has_sum: true, unit_of_measurement: "kWh", unit_class: "energy" };
    await importStatistics(key, metadata, stats);
  };

  const importMeans = async (
    key: string,
    unit: string,
    unitClass: string,
    mean: (hour: number) => number,
  ): Promise<void> => {
    const stats = pastHours().map(({ start, hour }) => ({ start, mean: mean(hour), min: mean(hour), max: mean(hour) }));
    const metadata = { mean_type: 1, has_mean: true, has_sum: false, unit_of_measurement: unit, unit_class: unitClass };
    await importStatistics(key, metadata, stats);
  };

  const importStatistics = async (key: string, metadata: object, stats: readonly object[]): Promise<void> => {
    await home.ask({
      type: "recorder/import_statistics",
      metadata: { ...metadata, name: null, source: "recorder", statistic_id: `${NAME}${key}` },
      stats,
    });
  };

  /** Opens a page of Home Assistant; fails at any error on it. */
  const open = async (path: string, width = 1280): Promise<Page> => {
    const page = await browser.newPage({ viewport: { width, height: 860 }, locale: "en-GB" });
    await page.goto(`${home.url}${path}`);
    return page;
  };

  /** Asserts that a picture is not blank: it has many colours. */
  const picture = async (page: Page, name: string): Promise<void> => {
    // Wait for consistent values, and for charts to finish their animation.
    meter.silence();
    await page.waitForTimeout(2500);
    const path = `docs/images/${name}.png`;
    const target = process.env.KAIFA_PICTURES === "1" ? { path } : {};
    const png = await page.screenshot({ ...target, animations: "disabled" });
    expect(png.length).toBeGreaterThan(20_000);
    expect(png.length).toBeLessThan(LARGEST_PICTURE);
    expect(existsSync(path)).toBe(true);
    meter.speak();
  };

  it("the device page shows values and diagnostics, each with its whole label", async () => {
    const [device] = await home.devices();
    const page = await open(`/config/devices/device/${device?.id}`);
    await page.getByText("Energy import").first().waitFor({ state: "attached", timeout: 45_000 });
    await page.getByText("Telegrams rejected").first().waitFor({ state: "attached" });
    await page.getByText("181210207919").first().waitFor({ state: "attached" });
    // High enough for the diagnostics card.
    await page.setViewportSize({ width: 1280, height: 1400 });
    for (const label of ["Status", "Telegrams arrive", "Telegrams rejected"]) {
      const row = page.locator("hui-generic-entity-row").filter({ hasText: label }).first();
      const { height } = (await row.boundingBox()) ?? { height: Number.NaN };
      expect(height).toBeLessThanOrEqual(ONE_LINE);
    }
    await picture(page, "home-assistant-device");
    await page.close();
  });

  it("the grid connection is set up in the dialog of the Energy settings: import, export, and current power", async () => {
    const page = await open("/config/energy");
    await page.getByText("Add grid connection").click({ timeout: 45_000 });
    const pick = async (name: string): Promise<void> => {
      await page.getByText("Select a statistic").first().click();
      // Before the field has the focus, a letter would trigger one of Home Assistant's shortcuts ("e": the quick bar).
      await page.getByPlaceholder("Search").last().fill(name);
      await page
        .getByRole("option", { name: new RegExp(`${name}.*Kaifa MA309`, "s") })
        .first()
        .click();
      await page.getByText(name, { exact: true }).first().waitFor();
    };
    await pick("Energy import");
    await pick("Energy export");
    await picture(page, "home-assistant-energy-grid");
    await page.getByText("Standard", { exact: true }).first().click();
    await page.getByText("Power measurement", { exact: true }).first().scrollIntoViewIfNeeded();
    await pick("Power net");
    await picture(page, "home-assistant-energy-power");
    await page.getByRole("button", { name: "Save" }).click();
    const [grid] = await home.until("the settings are saved", async () => {
      const { energy_sources: sources } = await home.ask<{ energy_sources: Record<string, unknown>[] }>({
        type: "energy/get_prefs",
      });
      return sources.length > 0 && sources;
    });
    expect(grid).toMatchObject({
      type: "grid",
      stat_energy_from: `${NAME}energy_import`,
      stat_energy_to: `${NAME}energy_export`,
      stat_rate: `${NAME}power_net`,
    });
    const { energy_sources: issues } = await home.ask<{ energy_sources: unknown[][] }>({ type: "energy/validate" });
    expect(issues.flat()).toEqual([]);
    await page.close();
  });

  it("the Energy dashboard shows today's import and export", async () => {
    const page = await open("/energy");
    await page.getByText("Energy distribution").first().waitFor({ state: "attached", timeout: 45_000 });
    await page.getByText(/kWh/).first().waitFor({ state: "attached" });
    await picture(page, "home-assistant-energy");
    await page.close();
  });

  it("the dashboard in docs/dashboard.yaml loads unchanged, and every card works", async () => {
    const view = parse(readFileSync("docs/dashboard.yaml", "utf8"));
    await home.ask({
      type: "lovelace/dashboards/create",
      url_path: "kaifa-power",
      title: "Kaifa",
      mode: "storage",
      show_in_sidebar: true,
      require_admin: false,
    });
    await home.ask({ type: "lovelace/config/save", url_path: "kaifa-power", config: { views: [view] } });
    const states = await home.states();
    const named = JSON.stringify(view).match(/sensor\.[a-z0-9_]+/g) ?? [];
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((id) => !states.has(id))).toEqual([]);
    const page = await open("/kaifa-power/electricity", 1640);
    for (const text of ["Now", "Today", "Phases", "Meter reading, import"]) {
      await page.getByText(text, { exact: true }).first().waitFor({ state: "attached", timeout: 45_000 });
    }
    await page.getByText("OK", { exact: true }).first().waitFor({ state: "attached", timeout: 45_000 });
    const cards = {
      "hui-gauge-card ha-gauge": 1,
      "hui-statistic-card": 2,
      "hui-glance-card": 2,
      "hui-history-graph-card canvas": 2,
      "hui-statistics-graph-card canvas": 1,
    };
    for (const [card, count] of Object.entries(cards)) {
      await expect.poll(() => page.locator(card).count(), { timeout: 30_000, message: card }).toBe(count);
    }
    expect(await page.locator("hui-error-card, hui-warning").count()).toBe(0);
    await picture(page, "home-assistant-dashboard");
    await page.close();
  });
});
