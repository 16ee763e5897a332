import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openBrowser } from "../helpers/browser.ts";
import { freePort } from "../helpers/free-port.ts";
import { accessibilityFaults, builtPage, DAY_MS, KEY, openPage, Stage, type StageOptions } from "./stage.ts";

/** The page never looks healthier than the bridge is: each case is a regression test. */

/** `PICTURES=folder` keeps screenshots. */
const PICTURES = process.env.PICTURES ?? mkdtempSync(join(tmpdir(), "kaifa-honest-"));
const OTHER_KEY = "000102030405060708090A0B0C0D0E0F";
const PHONE = { viewport: { width: 390, height: 844 } };

let assetsDir = "";
let browser: Browser;
let stage: Stage | null = null;
let page: Page;
const stops: (() => void)[] = [];

beforeAll(async () => {
  assetsDir = await builtPage();
  browser = await openBrowser();
  mkdirSync(PICTURES, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  rmSync(assetsDir, { recursive: true, force: true });
  if (process.env.PICTURES === undefined) rmSync(PICTURES, { recursive: true, force: true });
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop();
  await page.close();
  await stage?.close();
  stage = null;
});

async function open(
  options: Partial<StageOptions> = {},
  browserOptions: Parameters<Browser["newPage"]>[0] = {},
): Promise<Stage> {
  ({ page } = await openPage(browser, browserOptions));
  stage = await Stage.open({ assetsDir, ...options });
  await page.goto(stage.url);
  return stage;
}

const text = (selector: string) => page.locator(selector).textContent();
const verdict = () => text("#diagnosis-text");
const lights = () =>
  page
    .locator("#stages .stage")
    .evaluateAll((items) => items.map((item) => (item as HTMLElement).dataset.light).join(" "));
const labels = () =>
  page.locator("#stages .light").evaluateAll((items) => items.map((item) => item.getAttribute("aria-label")).join(" "));
const picture = (name: string) => page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
const banners = () => page.locator(".banner:visible").count();
/** Vertical position of an element on the page. */
const top = (selector: string) => page.locator(selector).evaluate((element) => element.getBoundingClientRect().top);

/** The page is accessible in a state of fault, too: runs axe in both languages, then restores the language. */
async function accessible(): Promise<void> {
  for (let language = 0; language < 2; language++) {
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.locator("#language").click();
  }
}

/** All is well and complete. */
async function well(): Promise<void> {
  await expect.poll(verdict, { timeout: 15_000 }).toMatch(/^(All well|Alles gut)/);
  await expect.poll(() => text("#phase-l1 .volts"), { timeout: 15_000 }).toMatch(/\d/);
  await expect.poll(() => text("#total-import"), { timeout: 15_000 }).toMatch(/\d/);
}

/** Asserts that measured values are not shown as current. */
async function nothingLooksLive(): Promise<void> {
  expect(await text("#power")).toBe("–");
  expect(await text("#phase-l1 .volts")).toMatch(/^– V$/);
  expect(await page.locator(".phase meter:visible").count()).toBe(0);
  expect(await page.locator(".phase dd").allTextContents()).not.toContainEqual(expect.stringMatching(/\d/));
  expect(await page.locator("#more dd").allTextContents()).not.toContainEqual(expect.stringMatching(/\d/));
  expect(await page.locator(".pairs.stale").count()).toBe(1);
  expect(await page.locator("#power-card.stale, #energy-card.stale").count()).toBe(2);
  expect(await page.locator("#values tr:not(.stale)").count()).toBe(0);
}

describe("outdated values are not shown as current", () => {
  it("the bridge stopped, the page left open: one verdict, no lights, no live values", async () => {
    const bridge = await open({ pastMs: DAY_MS });
    stops.push(bridge.play(700));
    await well();
    for (const card of ["diagnosis", "values", "telegrams"]) await page.locator(`#${card}-card summary`).click();
    await expect.poll(() => text("#diagnosis-facts")).toMatch(/All well/);
    await bridge.stopBridge();
    await expect.poll(verdict, { timeout: 25_000 }).toMatch(/^The bridge has not answered for \d+ s/);
    await nothingLooksLive();
    expect(await banners()).toBe(1);
    expect(await page.content()).not.toContain("All well");
    expect(await text("#direction")).toMatch(/^last: -?[\d,]+ W, \d+ s ago$/);
    expect(await text("#energy-age")).toMatch(/^as of \d+ s ago$/);
    expect(await lights()).toBe("wait wait wait wait wait wait");
    expect(await labels()).toMatch(/^(unknown ?){6}$/);
    expect(await page.locator("#diagnosis-facts.stale").count()).toBe(1);
    await accessible();
    await picture("bridge-stopped");
  });

  it("the meter silent for longer than its limit: the same, with its age, also in German", async () => {
    const bridge = await open({ pastMs: DAY_MS }, { locale: "de-AT" });
    stops.push(bridge.play(700));
    await well();
    for (const stop of stops.splice(0)) stop();
    await expect.poll(verdict, { timeout: 50_000 }).toMatch(/nichts mehr an|sendet aber nichts|kein Telegramm/);
    await nothingLooksLive();
    expect(await banners()).toBe(1);
    expect(await text("#direction")).toMatch(/^zuletzt -?[\d.]+ W, vor \d+ s$/);
    expect(await text("#energy-age")).toMatch(/^Stand vor \d+ s$/);
    expect(await text("#power-card .ends")).toMatch(/^Seit \d+ s nichts Neues\.$/);
    expect(await page.locator("#values tr .number").first().textContent()).toMatch(/ · vor \d+ s$/);
    expect(await lights(), bridge.log).toBe("ok bad wait wait wait ok");
    expect(await top("#path-card")).toBeLessThan(await top("#columns"));
    await accessible();
    await picture("meter-silent-de");
  }, 90_000);
});

describe("several meters", () => {
  it("a light for each, the worst first and selected, one overall verdict, all fitting on a phone", async () => {
    const gone = `tcp://127.0.0.1:${await freePort()}`;
    const names = { KAIFA2MQTT_METERS_0_NAME: "House", KAIFA2MQTT_METERS_1_NAME: "Garage" };
    const bridge = await open({ second: gone, env: names }, PHONE);
    stops.push(bridge.play(700));
    const chips = page.locator("#meters button");
    await expect.poll(() => chips.first().getAttribute("data-level"), { timeout: 20_000 }).toBe("bad");
    expect(await chips.first().locator(".meter-name").textContent()).toBe("Garage");
    await expect.poll(() => chips.nth(1).getAttribute("data-level"), { timeout: 20_000 }).toBe("ok");
    expect(await verdict()).toMatch(/^Problem with 1 of 2 meters\. Garage: .* refuses the connection\.$/);
    expect(await banners()).toBe(1);
    await page.reload();
    await expect.poll(() => text("#name")).toBe("Garage");
    expect(await chips.first().getAttribute("aria-pressed")).toBe("true");

    await chips.nth(1).click();
    await expect.poll(() => text("#total-import"), { timeout: 10_000 }).toMatch(/\d/);
    expect(await text("#name")).toBe("House");
    expect(await verdict()).toMatch(/Garage/);
    // Nothing covers the title, nothing is wider than the screen, no code is broken.
    const boxes = await page.evaluate(() => {
      const box = (selector: string) => document.querySelector(selector)?.getBoundingClientRect().toJSON();
      return { title: box("#name"), meters: box("#meters"), buttons: box("#language") };
    });
    expect(boxes.title.bottom).toBeLessThanOrEqual(boxes.meters.top);
    expect(boxes.title.right).toBeLessThanOrEqual(boxes.buttons.left);
    await page.locator("#values-card summary").click();
    const code = page.getByText("1-0:1.8.0", { exact: true });
    expect((await code.boundingBox())?.height).toBeLessThan(24);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await accessible();
    await picture("two-meters-phone");
  });

  it("says that all are well, and opens with the one selected last", async () => {
    const bridge = await open({ second: "simulator:?layout=tinetz&interval=1" });
    stops.push(bridge.play(700));
    await expect
      .poll(verdict, { timeout: 20_000 })
      .toBe("All well: telegrams of all 2 meters arrive and are accepted.");
    await page.locator('#meters [data-meter="1"]').click();
    await page.reload();
    await expect.poll(() => text("#about")).toContain("simulator:");
  });
});

describe("if something is wrong", () => {
  it("the lights are above the plots, and below them when all is well", async () => {
    const bridge = await open({ key: OTHER_KEY, env: { KAIFA2MQTT_METERS_0_NAME: "My house" } });
    // Before the first telegram, the meter has its configured name.
    await expect.poll(() => text("#name")).toBe("My house");
    stops.push(bridge.play(700));
    await expect.poll(lights, { timeout: 15_000 }).toBe("ok ok ok bad wait ok");
    expect(await top("#path-card")).toBeLessThan(await top("#columns"));
    expect(await text("#name")).toBe("My house");
    await accessible();
    await picture("wrong-key");
    // The matching help section, served by the bridge itself.
    const [help] = await Promise.all([page.waitForEvent("popup"), page.locator("#diagnosis-help").click()]);
    await help.getByRole("heading", { name: "The key does not fit" }).waitFor();
    expect(help.url()).toMatch(/\/help\.html#key-wrong$/);
    await help.screenshot({ path: `${PICTURES}/help.png` });
    await help.close();
    await page.close();
    await bridge.close();

    const healthy = await open();
    stops.push(healthy.play(700));
    await well();
    expect(await top("#path-card")).toBeGreaterThan(await top("#energy-card"));
  });

  it("a missing device and a silent one have different lights, and German words", async () => {
    const bridge = await open({}, { locale: "de-AT" });
    stops.push(bridge.play(700));
    await well();
    await bridge.unplug();
    await expect.poll(verdict, { timeout: 20_000 }).toMatch(/lehnt die Verbindung ab|nicht erreichbar|abgebrochen/);
    // In the test above a silent meter has "ok bad wait wait wait ok".
    await expect.poll(lights).toBe("bad wait wait wait wait ok");
    expect(await page.locator("#diagnosis-help").getAttribute("href")).toMatch(/^help\.de\.html#unreachable$/);
    expect(await banners()).toBe(1);
    await accessible();
    await picture("no-device-de");
  });

  it("a start in the middle of a telegram is not damage: no red number, no warning", async () => {
    const bridge = await open();
    await bridge.send(bridge.telegram().subarray(100));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    stops.push(bridge.play(1_500));
    await well();
    expect((await page.locator("#stages .failed").allTextContents()).join("")).toBe("");
    expect(bridge.log).not.toMatch(/ warn| error/i);
  });

  it("for an unknown list, the diagnosis shows a template to complete", async () => {
    const bridge = await open();
    const unknown = Buffer.from("0F000000010C07EA0B1A040C000000FFC40002030A064E45575F30311208FC0600012345", "hex");
    const timer = setInterval(() => void bridge.send(unknown), 1_000);
    stops.push(() => clearInterval(timer));
    await page.locator("#diagnosis-card summary").click();
    await expect.poll(() => text("#template"), { timeout: 15_000 }).toMatch(/^lists:\n {2}- name: my-list\n/);
    expect(await page.locator("#template-box").isVisible()).toBe(true);
    await expect.poll(verdict, { timeout: 15_000 }).not.toMatch(/^(All well|Waiting)/);
    await accessible();
  });

  it("a refusal by the broker is explained in German in a German browser", async () => {
    const bridge = await open({}, { ...PHONE, locale: "de-AT" });
    stops.push(bridge.play(700));
    await well();
    await bridge.stopBroker();
    await expect
      .poll(verdict, { timeout: 20_000 })
      .toMatch(/^Der Broker mqtt:\/\/127\.0\.0\.1:\d+ ist nicht erreichbar: /);
    expect(await verdict()).not.toMatch(/broker at|cannot|Trying on/);
    await accessible();
    await picture("broker-de-phone");
  });

  it("the byte table and refusal reasons are German in a German browser", async () => {
    const bridge = await open({}, { locale: "de-AT" });
    await bridge.send();
    await bridge.send();
    const damaged = bridge.telegram();
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    await bridge.send(damaged);
    await page.locator("#telegrams-card summary").click();
    const list = page.locator("#telegram-list button");
    await list.filter({ hasText: "Prüfsumme" }).click();
    await expect.poll(() => text("#telegram .wrong")).toMatch(/^Prüfsumme: eine Prüfsumme stimmt nicht$/);
    await list.last().click();
    await expect
      .poll(() => text("#telegram"))
      .toMatch(/verschlüsselter Inhalt.*Aufrufzähler|Aufrufzähler.*verschlüsselter Inhalt/s);
    expect(await text("#telegram")).not.toMatch(/invocation counter|ciphertext|system title|checksum/);
    await picture("byte-table-de");
  });

  it("log, effective configuration and diagnosis are shown, without secrets", async () => {
    const settings = {
      file: "/config/kaifa2mqtt.yaml",
      values: [{ path: "meters[0].key", value: "***", origin: "/config/kaifa2mqtt.yaml, line 3" }],
    };
    const bridge = await open({ settings }, { locale: "de-AT" });
    stops.push(bridge.play(700));
    await well();
    for (const card of ["diagnosis", "log", "settings"]) await page.locator(`#${card}-card summary`).click();
    await expect.poll(() => text("#log-lines")).toMatch(/listening at tcp:.*connected to the broker/s);
    await expect.poll(() => text("#diagnosis-facts")).toMatch(/Alles gut.*mbus.*verschlüsselt.*System-Titel/s);
    await expect.poll(() => text("#settings")).toMatch(/meters\[0\]\.key\*\*\*/);
    await page.locator("#log-level").selectOption("warn");
    await expect.poll(() => page.locator("#log-lines li").count()).toBe(0);
    expect(await page.content()).not.toMatch(new RegExp(KEY, "i"));
    const download = page.waitForEvent("download");
    await page.locator("#energy-csv").click();
    expect((await download).suggestedFilename()).toMatch(/^kaifa2mqtt-energy-.*\.csv$/);
    await page.locator("#log-level").selectOption("debug");
    await picture("panels-de");
    await page.setViewportSize(PHONE.viewport);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await picture("panels-de-phone");
  });

  it("the first day shows since when it counts", async () => {
    const bridge = await open();
    await bridge.send();
    await bridge.send();
    await expect.poll(() => text("#today-import"), { timeout: 15_000 }).toMatch(/\d/);
    expect(await text(".pairs .import dt")).toMatch(/^Import today, since \d\d:\d\d$/);
  });
});
