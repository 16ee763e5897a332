import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeTelegrams } from "../../src/codec/decoder.ts";
import { formatHex, parseHex } from "../../src/codec/hex.ts";
import { formatDecimal } from "../../src/codec/values/decimal.ts";
import { EXAMPLE } from "../../src/decode-page/example.ts";
import { openBrowser } from "../helpers/browser.ts";
import { fixtureNames, loadFixture } from "../helpers/fixtures.ts";
import { fakeSerial, type SerialPlan } from "./fake-serial.ts";
import { accessibilityFaults, builtPage, KEY, openPage, openProxy, Stage } from "./stage.ts";

/** The decode page: as a standalone file, and served by the bridge. */

const OTHER_KEY = "000102030405060708090A0B0C0D0E0F";
/** `SCREENSHOTS=docs/images npm run test:browser` renews the picture of the documentation. */
const PICTURES = process.env.PICTURES ?? mkdtempSync(join(tmpdir(), "kaifa-decode-"));

const IMAGES = process.env.SCREENSHOTS ?? PICTURES;

let assetsDir = "";
let address = "";
let browser: Browser;
beforeAll(async () => {
  assetsDir = await builtPage();
  address = `file://${assetsDir}/decode.html`;
  browser = await openBrowser();
  mkdirSync(PICTURES, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  rmSync(assetsDir, { recursive: true, force: true });
  if (process.env.PICTURES === undefined) rmSync(PICTURES, { recursive: true, force: true });
});

async function open(options: Parameters<Browser["newPage"]>[0] = {}, plan?: SerialPlan) {
  const opened = await openPage(browser, options);
  const requests: string[] = [];
  opened.page.on("request", (request) => requests.push(request.url()));
  if (plan !== undefined) await opened.page.addInitScript(fakeSerial, plan);
  await opened.page.goto(address);
  return { ...opened, requests };
}

const text = (page: Page, selector: string) => page.locator(selector).textContent();
const spaced = (bytes: Uint8Array) => formatHex(bytes).replace(/..(?=.)/g, "$& ");

async function enter(page: Page, input: string, key = "", authenticationKey = ""): Promise<void> {
  await page.locator("#key").fill(key);
  await page.locator("#authentication-key").fill(authenticationKey);
  await page.locator("#input").fill(input);
}

/** The table of readings as rows of [code, digits, unit]. */
const readings = (page: Page) =>
  page.locator("#entry .readings tbody tr").evaluateAll((rows) =>
    rows.map((row) => {
      const cells = [...row.children].map((cell) => cell.textContent ?? "");
      return [cells[0], cells[2], cells[3]];
    }),
  );

describe("the decode page as a file", () => {
  it("is smaller than 250 KB, and 90 KB compressed", () => {
    expect(statSync(join(assetsDir, "decode.html")).size).toBeLessThan(250_000);
    expect(statSync(join(assetsDir, "decode.html.gz")).size).toBeLessThan(90_000);
  });

  it("decodes every fixture like the codec in Node", async () => {
    const { page, complaints } = await open();
    for (const name of fixtureNames()) {
      const { wire, keys } = loadFixture(name);
      const telegram = decodeTelegrams(wire, keys).flatMap((event) =>
        event.type === "telegram" ? event.telegram : [],
      )[0];
      const hex = (bytes?: Uint8Array) => (bytes === undefined ? "" : formatHex(bytes));
      await enter(page, spaced(wire), hex(keys.key), hex(keys.authenticationKey));
      await page.locator("#form").evaluate((form) => (form as HTMLFormElement).requestSubmit());
      const expected = (telegram?.registers ?? []).map(({ obis, value, unit }) => [
        obis,
        typeof value === "string" ? value : formatDecimal(value),
        unit ?? "",
      ]);
      expect(await readings(page), name).toEqual(expected);
      if (telegram === undefined) expect(await page.locator("#entry .wrong").count(), name).toBe(1);
    }
    expect(complaints).toEqual([]);
    await page.close();
  }, 120_000);

  it("explains the example byte by byte, without any request", async () => {
    const { page, complaints, requests } = await open();
    await page.locator("#example").click();
    await expect.poll(() => page.locator("#entry .chip.register").count()).toBeGreaterThan(8);
    expect(await text(page, "#entry")).toMatch(/ciphertext.*data-notification.*1-0:1\.8\.0 Energy import12937 Wh/s);
    // The key leaves no trace, neither on the page nor in the browser's storage.
    expect(
      await page.evaluate(() => document.getElementById("content")?.textContent + JSON.stringify(localStorage)),
    ).not.toContain(EXAMPLE.key);
    expect(requests).toEqual([address]);
    // Its policy would block any request.
    const refused = await page.evaluate(async () => {
      const image = new Promise((resolve) => {
        const element = new Image();
        element.onload = () => resolve("loaded");
        element.onerror = () => resolve("refused");
        element.src = "http://127.0.0.1:9/x.png";
      });
      return [await fetch("http://127.0.0.1:9/").catch(() => "refused"), await image];
    });
    expect(refused).toEqual(["refused", "refused"]);
    expect(
      complaints.filter((line) => !/Content Security Policy|violates the (following|document's)/.test(line)),
    ).toEqual([]);
    expect(complaints.join()).toMatch(/Content Security Policy/);
    const clip = { x: 0, y: 0, width: 1180, height: 1300 };
    await page.screenshot({ path: `${IMAGES}/decode.png`, fullPage: true, clip });
    await page.close();
  });

  it("a wrong, missing or invalid key: says which, where, and shows no value", async () => {
    const { page } = await open();
    await enter(page, `00 00 00\n${EXAMPLE.hex}`, OTHER_KEY);
    await expect.poll(() => text(page, "#entry .wrong")).toMatch(/^wrong key: .*not this meter's/);
    expect(await text(page, "#entry")).toMatch(/Bytes 3 to 284 of the input, from line 2 on\./);
    expect(await readings(page)).toEqual([]);
    await page.locator("#key").fill("");
    await expect.poll(() => text(page, "#entry .wrong")).toMatch(/^no key: /);
    await page.locator("#key").fill(`30${EXAMPLE.key}`);
    await expect.poll(() => text(page, "#key-wrong")).toMatch(/Luxembourg/);
    expect(await page.locator("#key").getAttribute("aria-invalid")).toBe("true");
    await page.locator("#language").click();
    expect(await text(page, "#key-wrong")).toMatch(/32 Hex-Ziffern \(0-9, A-F\), hier sind es 34 Zeichen/);
    await page.locator("#key").fill(EXAMPLE.key);
    await expect.poll(() => text(page, "#entry")).toMatch(/Energie Bezug/);
    await page.close();
  });

  it("reads bytes from a pasted log, and P1 text from a text field", async () => {
    const { page } = await open();
    const wire = parseHex(EXAMPLE.hex);
    const log = [
      "[21:14:10][I][app:102]: ESPHome version 2026.10.1",
      `[21:14:11][D][uart_debug:114]: <<< ${spaced(wire).replaceAll(" ", ":")}`,
      "[21:14:12][D][sensor:094]: 'Power': Sending state 230",
    ];
    await enter(page, log.join("\n"), EXAMPLE.key);
    await expect.poll(() => text(page, "#summary")).toMatch(/^Read as a log: 282 bytes .*Telegrams: 1\. Faults: 0\./);
    expect(await text(page, "#entry")).toMatch(/from line 2 on/);
    const p1 = new TextDecoder().decode(loadFixture("dsmr5-nl-iskra-p1").wire);
    await enter(page, p1);
    await expect.poll(() => text(page, "#summary")).toMatch(/^Read as is, .*Telegrams: 1\. Faults: 0\./);
    expect(await text(page, "#entry .facts")).toContain("p1");
    await page.close();
  });

  it("reads an opened or dropped capture", async () => {
    const { page } = await open();
    const file = join(PICTURES, "capture.bin");
    const noise = Uint8Array.of(0, 255, 0);
    writeFileSync(file, Buffer.concat([noise, parseHex(EXAMPLE.hex), noise, parseHex(EXAMPLE.hex)]));
    await page.locator("#key").fill(EXAMPLE.key);
    await page.locator("#file").setInputFiles(file);
    await expect
      .poll(() => text(page, "#summary"))
      .toMatch(/^Read as is, 570 bytes\. Telegrams: 2\. Faults: 0\. 6 bytes/);
    const dropped = await page.evaluateHandle((hex) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([hex], "capture.txt"));
      return transfer;
    }, EXAMPLE.hex);
    await page.dispatchEvent("body", "drop", { dataTransfer: dropped });
    await expect.poll(() => text(page, "#summary")).toMatch(/^Read as hex digits, 282 bytes\. Telegrams: 1\./);
    expect(await page.locator("#input").getAttribute("placeholder")).toBe("capture.txt");
    await page.close();
  });

  it("writes a template for an unknown list", async () => {
    const { page } = await open();
    await enter(page, "0F000000010C07EA0B1A040C000000FFC40002030A064E45575F30311208FC0600012345");
    await expect.poll(() => page.locator("#template-box").isVisible()).toBe(true);
    expect(await text(page, "#template")).toMatch(/^lists:\n {2}- name: my-list\n.*- \{ text: "NEW_01" \}/s);
    expect(await text(page, "#entry .wrong")).toMatch(/^unknown layout: /);
    await page.close();
  });

  it.each([
    ["en-GB", "light"],
    ["de-AT", "dark"],
  ] as const)("fits 390 pixels, and axe finds nothing, %s, %s", async (locale, colorScheme) => {
    const { page } = await open({ locale, colorScheme, viewport: { width: 390, height: 844 } });
    expect(await accessibilityFaults(page)).toEqual([]);
    const unknown = "0F000000010C07EA0B1A040C000000FFC40002030A064E45575F30311208FC0600012345";
    for (const [input, key] of [
      [`${EXAMPLE.hex}\n${unknown}`, EXAMPLE.key],
      [EXAMPLE.hex, OTHER_KEY],
    ] as const) {
      await enter(page, input, key);
      await page.locator("#entry .chip").first().waitFor();
      await expect.poll(() => page.locator("#entry .wrong").count()).toBe(key === OTHER_KEY ? 1 : 0);
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    }
    await page.screenshot({ path: `${PICTURES}/decode-${locale}.png`, fullPage: true });
    await page.close();
  });
});

describe("listening to an adapter (a fake port; the rest is real)", () => {
  const wire = EXAMPLE.hex.replaceAll("\n", "");
  const written = (page: Page) => page.evaluate(() => (window as unknown as { written: number[] }).written);
  const opened = (page: Page) => page.evaluate(() => (window as unknown as { opened: string[] }).opened);

  it("finds the settings, says that all is well, continues, and stops on request; nothing is sent", async () => {
    const { page, complaints } = await open({}, { line: "2400 even", telegrams: [wire], everyMs: 400 });
    await page.locator("#key").fill(EXAMPLE.key);
    await page.locator("#listen").click();
    await expect
      .poll(() => text(page, "#listen-diagnosis"), { timeout: 10_000 })
      .toBe("All well: telegrams of meter KFM6750000009 arrive and are accepted. Telegrams arrive at 2400 8E1.");
    await expect.poll(() => text(page, "#summary"), { timeout: 10_000 }).toMatch(/Telegrams: [3-9]\./);
    expect((await readings(page))[0]).toEqual(["1-0:1.8.0*255", "12937", "Wh"]);
    await page.locator("#stop").click();
    await expect.poll(() => page.locator("#listen").isVisible()).toBe(true);
    await expect.poll(() => opened(page)).toEqual(["2400 even", "closed", "2400 even", "closed"]);
    expect(await written(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("line settings other than the bridge's: says what to set, also in German", async () => {
    const p1 = formatHex(loadFixture("dsmr5-nl-iskra-p1").wire);
    const { page } = await open({ locale: "de-AT" }, { line: "115200 none", telegrams: [p1], everyMs: 500 });
    await page.locator("#listen").click();
    await expect.poll(() => text(page, "#listen-progress"), { timeout: 5_000 }).toMatch(/^2400 8E1: \d s, 0 Bytes$/);
    await expect
      .poll(() => text(page, "#listen-diagnosis"), { timeout: 40_000 })
      .toMatch(/^Alles gut.*Telegramme kommen mit 115200 8N1\.$/);
    expect(await text(page, "#listen-cure")).toBe("baud_rate: 115200 und parity: none setzen.");
    await page.close();
  }, 60_000);

  it("a wrong key, a silent line and a port that cannot be opened: the diagnosis of doctor", async () => {
    const wrong = await open({}, { line: "2400 even", telegrams: [wire], everyMs: 400 });
    await wrong.page.locator("#key").fill(OTHER_KEY);
    await wrong.page.locator("#listen").click();
    await expect
      .poll(() => text(wrong.page, "#listen-diagnosis"), { timeout: 20_000 })
      .toMatch(/the key does not fit meter KFM6750000009/);
    expect(await readings(wrong.page)).toEqual([]);
    expect(await accessibilityFaults(wrong.page)).toEqual([]);
    await wrong.page.close();

    const silent = await open({}, { line: "2400 even", telegrams: [], everyMs: 400 });
    await silent.page.locator("#line").selectOption("115200 8N1");
    await silent.page.locator("#listen").click();
    await expect
      .poll(() => text(silent.page, "#listen-diagnosis"), { timeout: 20_000 })
      .toMatch(/is open, but nothing arrives/);
    await silent.page.close();

    const taken = await open({}, { line: "", telegrams: [], everyMs: 400 });
    await taken.page.locator("#listen").click();
    await expect.poll(() => text(taken.page, "#listen-diagnosis")).toMatch(/^The browser cannot open the port/);
    await taken.page.close();
  }, 60_000);

  it("continues after parity errors, on which the browser ends its stream", async () => {
    const plan = { line: "2400 even", telegrams: [wire], everyMs: 400, parityErrors: 3 };
    const { page } = await open({}, plan);
    await page.locator("#key").fill(EXAMPLE.key);
    await page.locator("#listen").click();
    await expect.poll(() => text(page, "#listen-diagnosis"), { timeout: 10_000 }).toMatch(/^All well/);
    await page.close();
  });

  it("an AMIS meter that searches gets its E5, and other meters get nothing", async () => {
    const { wire: amis, keys } = loadFixture("siemens-amis-netz-ooe");
    const plan = { line: "9600 even", telegrams: ["1040F03016", formatHex(amis)], everyMs: 900, untilAnswered: true };
    const { page } = await open({}, plan);
    await page.locator("#key").fill(formatHex(keys.key ?? new Uint8Array()));
    await page.locator("#line").selectOption("9600 8E1");
    await page.locator("#listen").click();
    await expect.poll(() => text(page, "#listen-diagnosis"), { timeout: 20_000 }).toMatch(/^All well/);
    expect(new Set(await written(page))).toEqual(new Set([0xe5]));
    expect(await readings(page)).not.toEqual([]);
    await page.close();
  }, 40_000);
});

describe("the decode page served by the bridge", () => {
  it("is linked from the status page, works below a path, can be saved, and has its own policy", async () => {
    const stage = await Stage.open({ assetsDir, supervised: true });
    const proxy = await openProxy(stage.url, "/api/hassio_ingress/abc/");
    const { page, complaints } = await openPage(browser);
    await page.goto(proxy.url);
    await page.locator("#telegrams-card summary").click();
    await page.locator('#telegrams-card a[href="decode"]').click();
    await page.locator("#example").click();
    await expect.poll(() => page.locator("#entry .chip.register").count()).toBeGreaterThan(8);
    const response = await page.request.get(`${proxy.url}decode`);
    const policy = response.headers()["content-security-policy"] ?? "";
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; .*frame-ancestors 'self'$/,
    );
    const download = page.waitForEvent("download");
    await page.locator("#save").click();
    const saved = await download;
    expect(saved.suggestedFilename()).toBe("kaifa2mqtt-decode.html");
    expect(readFileSync(await saved.path(), "utf8")).toBe(readFileSync(join(assetsDir, "decode.html"), "utf8"));
    expect(complaints).toEqual([]);
    await page.close();
    await proxy.close();
    await stage.close();
  });

  it("asks for the token if one is set", async () => {
    const stage = await Stage.open({ assetsDir, token: "open sesame", key: KEY });
    const { page } = await openPage(browser);
    expect((await page.request.get(`${stage.url}decode`)).status()).toBe(401);
    const headers = { authorization: "Bearer open sesame" };
    expect((await page.request.get(`${stage.url}decode`, { headers })).status()).toBe(200);
    await page.close();
    await stage.close();
  });
});
