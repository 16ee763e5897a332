import { rmSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QUARTER_MS } from "../../src/ledger/point.ts";
import { openBrowser } from "../helpers/browser.ts";
import { accessibilityFaults, builtPage, DAY_MS, openPage, Stage } from "./stage.ts";

/** Midnight of yesterday by the meter's clock (UTC+1). */
const yesterday = Math.floor((Date.now() + 3_600_000) / DAY_MS - 1) * DAY_MS - 3_600_000;
const date = new Date(yesterday + 12 * 3_600_000).toISOString().slice(0, 10);

let assetsDir = "";
let browser: Browser;
let stage: Stage;
let stop: () => void = () => undefined;
beforeAll(async () => {
  assetsDir = await builtPage();
  browser = await openBrowser();
  stage = await Stage.open({
    assetsDir,
    pastMs: 3 * DAY_MS,
    // A gap from 03:00 to 04:00.
    missing: (quarter) => quarter > yesterday + 12 * QUARTER_MS && quarter < yesterday + 16 * QUARTER_MS,
    env: {
      KAIFA2MQTT_TARIFF_WINDOWS_0_NAME: "midday",
      KAIFA2MQTT_TARIFF_WINDOWS_0_FROM: "10:00",
      KAIFA2MQTT_TARIFF_WINDOWS_0_TO: "16:00",
    },
  });
  stop = stage.play(700);
});
afterAll(async () => {
  stop();
  await stage?.close();
  await browser?.close();
  rmSync(assetsDir, { recursive: true, force: true });
});

async function open(locale: string, width: number): Promise<{ page: Page; complaints: string[] }> {
  const opened = await openPage(browser, { locale, viewport: { width, height: 844 } });
  await opened.page.goto(stage.url);
  await opened.page.locator("#ledger-card summary").click();
  await opened.page.locator("#ledger-date").fill(date);
  // Today is shown until then.
  await opened.page.locator("#ledger-rows td").filter({ hasText: date }).first().waitFor();
  await opened.page.locator("#ledger-plot svg .window").first().waitFor();
  return opened;
}

describe("the ledger card", () => {
  it("shows the quarters of a day: the gap hatched without a bar, the peak marked, the window shaded", async () => {
    const { page, complaints } = await open("en-GB", 1180);
    expect(await page.locator("#ledger-rows tr").count()).toBe(93);
    const gap = page.locator('#ledger-rows tr[data-mark="gap"]');
    expect(await gap.count()).toBe(1);
    expect(await gap.textContent()).toMatch(/03:00.*04:00[0-9.]+.*gap$/);
    expect(await page.locator("#ledger-plot .marked").count()).toBe(1);
    expect(await page.locator("#ledger-plot .window").count()).toBe(24);
    expect(await page.locator("#ledger-plot rect.peak").count()).toBe(1);
    expect(await page.locator("#ledger-plot path.peak").count()).toBe(1);
    const labels = () => page.locator("#ledger-plot text").allTextContents();
    expect(await labels()).toEqual(expect.arrayContaining(["00", "03", "12", "21", "0.0 kWh"]));
    expect(await page.locator("#ledger-text").textContent()).toMatch(/Highest quarter hour: [\d.]+ kW, .*midday/);
    const csv = await page.request.get(stage.url + (await page.locator("#ledger-csv").getAttribute("href")));
    expect((await csv.text()).trim().split("\n")).toHaveLength(94);
    await page.getByLabel("Month", { exact: true }).check();
    await expect.poll(() => page.locator("#ledger-rows tr").count()).toBeLessThan(6);
    await page.getByLabel("Year", { exact: true }).check();
    await expect.poll(() => page.locator("#ledger-rows tr").count()).toBeLessThan(3);
    expect(await labels()).toEqual(expect.arrayContaining(["Jan", "Jun", "Dec"]));
    expect(await page.locator("#ledger-rows").textContent()).toContain("peak");
    await page.getByLabel("Day", { exact: true }).check();
    for (let days = 0; days < 9; days++) await page.getByLabel("Back").click();
    await expect.poll(() => page.locator("#ledger-text").textContent()).toBe("No data for this period.");
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("fits a 390-pixel phone, supports German, and passes axe", async () => {
    const { page } = await open("de-AT", 390);
    expect(await page.locator("#ledger-text").textContent()).toMatch(/Höchste Viertelstunde: .*Schraffiert/);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.close();
  });
});
