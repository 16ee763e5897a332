import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openBrowser } from "../helpers/browser.ts";
import { accessibilityFaults, builtPage, DAY_MS, KEY, openPage, openProxy, Stage, type StageOptions } from "./stage.ts";

const OTHER_KEY = "000102030405060708090A0B0C0D0E0F";
/** `SCREENSHOTS=docs/images npm run test:browser` renews the pictures of the README. */
const IMAGES = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "kaifa-images-"));

let assetsDir = "";
let browser: Browser;
beforeAll(async () => {
  assetsDir = await builtPage();
  browser = await openBrowser();
  mkdirSync(IMAGES, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  rmSync(assetsDir, { recursive: true, force: true });
  if (process.env.SCREENSHOTS === undefined) rmSync(IMAGES, { recursive: true, force: true });
});

/** Waits for the power value. */
async function firstValue(page: Page): Promise<string> {
  await page.waitForFunction(() => /\d/.test(document.getElementById("power")?.textContent ?? ""));
  return (await page.locator("#power").textContent()) ?? "";
}

/** Number of coloured pixels in a plot's canvas (excluding the grey of the axes). */
async function ink(page: Page, plot: string): Promise<number> {
  return page.locator(`${plot} canvas`).evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const { data } = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [red = 0, green = 0, blue = 0, alpha = 0] = [data[i], data[i + 1], data[i + 2], data[i + 3]];
      if (alpha > 20 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) coloured++;
    }
    return coloured;
  });
}

const light = (page: Page, stage: string) => page.locator(`[data-stage="${stage}"]`).getAttribute("data-light");

describe("a running bridge with three days of history", () => {
  let stage: Stage;
  let stop: () => void;
  beforeAll(async () => {
    stage = await Stage.open({ assetsDir, pastMs: 3 * DAY_MS, supervised: true });
    stop = stage.play(700);
  });
  afterAll(async () => {
    stop();
    await stage.close();
  });

  it("shows values, which update", async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(stage.url);
    const first = await firstValue(page);
    await page.waitForFunction((before) => document.getElementById("power")?.textContent !== before, first);
    await expect.poll(() => page.locator("#phase-l2 .volts").textContent()).toMatch(/^23\d\.\d V$/);
    expect(await page.locator("#total-import").textContent()).toMatch(/^4,3\d\d\.\d{3}$/);
    expect(await page.locator("#today-import").textContent()).toMatch(/^\d+\.\d{3}$/);
    expect(await page.locator("#freshness").textContent()).toMatch(/^Last telegram/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("has the first value within 300 ms, and is smaller than 150 KB", async () => {
    const { page } = await openPage(browser);
    let bytes = 0;
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    session.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await page.goto(stage.url, { waitUntil: "load" });
    await firstValue(page);
    const sinceLoad = await page.evaluate(() => {
      const entries = (name: string) => performance.getEntriesByName(name) as unknown as PerformanceEntry[];
      const [navigation] = performance.getEntriesByType("navigation" as "mark") as unknown as [
        PerformanceNavigationTiming,
      ];
      return (entries("kaifa2mqtt:first-value")[0]?.startTime ?? Number.NaN) - navigation.loadEventEnd;
    });
    expect(sinceLoad).toBeLessThan(300);
    await expect.poll(() => ink(page, "#power-plot")).toBeGreaterThan(500);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(150_000);
    await page.close();
  });

  it("draws power for minutes, hours and days, and energy by hour and by day", async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(stage.url);
    await firstValue(page);
    for (const range of ["10 min", "1 h", "24 h", "7 days", "31 days"]) {
      await page.getByLabel(range, { exact: true }).check();
      await expect.poll(() => page.locator("#power-plot").getAttribute("aria-label")).toMatch(/Power plot: .* W/);
      await expect.poll(() => ink(page, "#power-plot"), { message: range }).toBeGreaterThan(500);
    }
    for (const unit of ["by hour", "by day"]) {
      await page.getByLabel(unit).check();
      await expect.poll(() => ink(page, "#energy-plot"), { message: unit }).toBeGreaterThan(500);
    }
    await page.locator("#energy-plot .u-over").hover({ position: { x: 900, y: 100 } });
    await expect.poll(() => page.locator("#energy-readout").textContent()).toMatch(/Import \d+\.\d{3} kWh/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("explains the bytes of the last telegrams, and shows no key", async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(stage.url);
    await firstValue(page);
    await page.locator("#telegrams-card summary").click();
    const detail = page.locator("#telegram");
    await detail.getByText("ciphertext", { exact: true }).first().waitFor();
    await expect.poll(() => detail.locator(".chip.register").count()).toBeGreaterThan(8);
    expect(await detail.textContent()).toContain("1-0:1.8.0 Energy import");
    expect(await page.content()).not.toContain(KEY);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("tests a key on incoming telegrams, and discards it", async () => {
    const { page } = await openPage(browser);
    await page.goto(stage.url);
    await firstValue(page);
    await page.locator("#key-card summary").click();
    const attempt = async (key: string) => {
      await page.getByLabel("Encryption key").fill(key);
      await page.getByRole("button", { name: "Test" }).click();
    };
    const result = page.locator("#key-result");
    await attempt(KEY.replace(/../g, "$& ").toLowerCase());
    await expect.poll(() => result.textContent()).toBe("This key fits.");
    await attempt(OTHER_KEY);
    await expect.poll(() => result.textContent()).toBe("This key does not fit this meter.");
    await attempt("1234");
    await expect.poll(() => result.textContent()).toMatch(/32 hex digits/);
    expect(stage.log).not.toMatch(new RegExp(`${OTHER_KEY}|${KEY}`, "i"));
    await page.close();
  });

  it("works below a sub-path", async () => {
    const proxy = await openProxy(stage.url, "/api/hassio_ingress/abc/");
    const { page, complaints } = await openPage(browser);
    await page.goto(proxy.url);
    const first = await firstValue(page);
    await page.waitForFunction((before) => document.getElementById("power")?.textContent !== before, first);
    await expect.poll(() => ink(page, "#power-plot")).toBeGreaterThan(500);
    expect(await (await page.request.get(`${proxy.url}openapi.yaml`)).text()).toMatch(/^openapi: 3/);
    expect(complaints).toEqual([]);
    await page.close();
    await proxy.close();
  });

  it("keeps working if a proxy buffers events", async () => {
    const { page } = await openPage(browser);
    await page.route("**/events", (route) => new Promise(() => void route));
    await page.goto(stage.url);
    const first = await firstValue(page);
    await page.waitForFunction((before) => document.getElementById("power")?.textContent !== before, first);
    await page.close();
  });

  it("fits a phone", async () => {
    const { page, complaints } = await openPage(browser, { viewport: { width: 360, height: 740 } });
    await page.goto(stage.url);
    await firstValue(page);
    for (const card of await page.locator("summary").all()) await card.click();
    await page.locator("#telegram .chip").first().waitFor();
    const widest = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(widest).toBeLessThanOrEqual(360);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("is German in a German browser, and English on request", async () => {
    const { page } = await openPage(browser, { locale: "de-AT" });
    await page.goto(stage.url);
    await firstValue(page);
    expect(await page.locator("html").getAttribute("lang")).toBe("de");
    await page.getByRole("heading", { name: "Vom Adapter zum Broker" }).waitFor();
    expect(await page.locator("#diagnosis-text").textContent()).toMatch(/^Alles gut/);
    expect(await page.locator("#total-import").textContent()).toMatch(/^4\.3\d\d,\d{3}$/);
    await page.getByRole("button", { name: "EN: English" }).click();
    await page.getByRole("heading", { name: "From the adapter to the broker" }).waitFor();
    await page.close();
  });

  it("is usable by keyboard alone", async () => {
    const { page } = await openPage(browser);
    await page.goto(stage.url);
    await firstValue(page);
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to content");
    await page.getByLabel("10 min").focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.getByLabel("1 h", { exact: true }).isChecked()).toBe(true);
    await page.locator("#values-card summary").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("cell", { name: "1-0:1.8.0" }).waitFor();
    await page.close();
  });

  it.each(["light", "dark"] as const)("passes axe, %s", async (colorScheme) => {
    const { page } = await openPage(browser, { colorScheme, reducedMotion: "reduce" });
    await page.goto(stage.url);
    await firstValue(page);
    for (const card of await page.locator("summary").all()) await card.click();
    await page.locator("#telegram .chip").first().waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.close();
  });

  it("looks as in the README", async () => {
    const shoot = async (file: string, options: Parameters<Browser["newPage"]>[0], clip: number) => {
      const { page } = await openPage(browser, options);
      await page.goto(stage.url);
      await firstValue(page);
      const day = page.waitForResponse((response) => response.url().includes("span=86400000"));
      await page.getByLabel("24 h").check();
      await (await day).finished();
      // A day has both directions, the minutes before only one.
      await expect.poll(() => page.locator("#power-plot").getAttribute("aria-label")).toMatch(/Power plot: -/);
      const width = options?.viewport?.width ?? 1180;
      await page.screenshot({ path: `${IMAGES}/${file}`, fullPage: true, clip: { x: 0, y: 0, width, height: clip } });
      expect(statSync(`${IMAGES}/${file}`).size).toBeLessThan(200_000);
      await page.close();
    };
    await shoot("page-light.png", { viewport: { width: 1180, height: 900 } }, 1180);
    await shoot("page-dark.png", { viewport: { width: 1180, height: 900 }, colorScheme: "dark" }, 1180);
    await shoot("page-phone.png", { viewport: { width: 390, height: 844 } }, 1500);
  });
});

describe("when something is wrong", () => {
  let stage: Stage | null = null;
  let page: Page;
  const stops: (() => void)[] = [];
  const open = async (options: Partial<StageOptions> = {}): Promise<Stage> => {
    stage = await Stage.open({ assetsDir, ...options });
    await page.goto(stage.url);
    return stage;
  };
  beforeEach(async () => {
    ({ page } = await openPage(browser));
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) stop();
    await page.close();
    await stage?.close();
    stage = null;
  });

  it("a broker that goes down and comes back", async () => {
    const bridge = await open();
    stops.push(bridge.play(700));
    await firstValue(page);
    await expect.poll(() => light(page, "broker")).toBe("ok");
    await bridge.stopBroker();
    await expect.poll(() => light(page, "broker"), { timeout: 15_000 }).toBe("bad");
    expect(await light(page, "acceptance")).toBe("ok");
    await bridge.startBroker();
    await expect.poll(() => light(page, "broker"), { timeout: 30_000 }).toBe("ok");
  });

  it("an adapter that is unplugged and plugged in again", async () => {
    const bridge = await open();
    await bridge.send();
    await firstValue(page);
    await expect.poll(() => light(page, "adapter")).toBe("ok");
    await bridge.unplug();
    await expect.poll(() => light(page, "adapter"), { timeout: 15_000 }).toBe("bad");
    expect(await light(page, "frames")).toBe("wait");
    await bridge.listen();
    await bridge.send();
    await expect.poll(() => light(page, "adapter"), { timeout: 20_000 }).toBe("ok");
  });

  it("a new meter: its day begins with the second telegram", async () => {
    const bridge = await open();
    expect(await page.locator("#phases").textContent()).toMatch(/No values yet/);
    const today = page.locator("#today-import");
    await bridge.send();
    await firstValue(page);
    expect(await today.textContent()).toBe("–");
    await bridge.send();
    // The energy between the two telegrams, a few Wh on a slow machine.
    await expect.poll(() => today.textContent(), { timeout: 10_000 }).toMatch(/^0\.00\d$/);
  });

  it("selects between two meters", async () => {
    const bridge = await open({ second: "simulator:?layout=tinetz&interval=1" });
    stops.push(bridge.play(700));
    await firstValue(page);
    await page.locator('#meters [data-meter="1"]').click();
    await expect.poll(() => page.locator("#about").textContent()).toContain("simulator:");
    await expect.poll(() => page.locator("#total-import").textContent(), { timeout: 10_000 }).toMatch(/\d/);
    await page.reload();
    await expect.poll(() => page.locator("#about").textContent()).toContain("simulator:");
  });

  it("a wrong key: says which meter it does not fit, and what to do", async () => {
    const bridge = await open({ key: OTHER_KEY });
    stops.push(bridge.play(700));
    await expect.poll(() => light(page, "decryption"), { timeout: 15_000 }).toBe("bad");
    expect(await light(page, "frames")).toBe("ok");
    expect(await page.locator("#diagnosis-text").textContent()).toMatch(/the key does not fit meter KFM/);
    expect(await page.locator("#diagnosis-cure").textContent()).toMatch(/Compare all 32 digits/);
    expect(await page.locator('[data-stage="decryption"] .failed').textContent()).toMatch(/not decrypted/);
    expect(await page.locator("#power").textContent()).toBe("–");
  });

  it("damaged frames", async () => {
    const bridge = await open();
    const damaged = () => {
      const bytes = bridge.telegram();
      bytes[60] = (bytes[60] ?? 0) ^ 4;
      void bridge.send(bytes);
    };
    const timer = setInterval(damaged, 700);
    stops.push(() => clearInterval(timer));
    await expect.poll(() => light(page, "frames"), { timeout: 25_000 }).toBe("bad");
    expect(await light(page, "adapter")).toBe("ok");
    await expect.poll(() => page.locator('[data-stage="frames"] .failed').textContent()).toMatch(/\d+ damaged/);
  });

  it("a bridge that does not answer is reported, and the page resumes when it is back", async () => {
    const bridge = await open();
    const proxy = await openProxy(bridge.url, "/meter/");
    await page.goto(proxy.url);
    await bridge.send();
    await firstValue(page);
    await proxy.close();
    const verdict = page.locator("#diagnosis-text");
    await expect.poll(() => verdict.textContent(), { timeout: 20_000 }).toMatch(/^The bridge has not answered for/);
    const again = await openProxy(bridge.url, "/meter/", Number(new URL(proxy.url).port));
    await expect.poll(() => verdict.textContent(), { timeout: 20_000 }).toMatch(/^All well/);
    await again.close();
  });

  it("asks for the token if one is set", async () => {
    const bridge = await open({ token: "open sesame" });
    await bridge.send();
    expect(await page.locator("#page").isVisible()).toBe(false);
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("This token is wrong.").waitFor();
    await page.getByLabel("Token").fill("open sesame");
    await page.getByRole("button", { name: "Log in" }).click();
    await firstValue(page);
    await page.reload();
    await firstValue(page);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
  });
});
