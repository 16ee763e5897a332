// node scripts/icons.mjs: draws the app's icon.png (128 x 128) and logo.png (250 x 100) from icon.svg, with Chromium.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const root = join(import.meta.dirname, "..");
const drawing = readFileSync(join(root, "scripts/icon.svg"), "utf8");
const logo = `<div style="display:flex;align-items:center;gap:10px;height:100px;padding:0 6px">
  <style>svg { display: block }</style><div style="width:72px;height:72px;flex:none">${drawing}</div>
  <div style="font:600 26px/1 'DejaVu Sans',sans-serif;letter-spacing:-1.2px;color:#2f6f92">kaifa<span style="color:#ef7d2d">2</span>mqtt</div></div>`;

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
for (const [name, width, height, html] of [
  ["icon", 128, 128, drawing],
  ["logo", 250, 100, logo],
]) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.setContent(`<body style="margin:0;background:transparent">${html}</body>`);
  await page.screenshot({ path: join(root, `hassio-addon/${name}.png`), omitBackground: true });
}
await browser.close();
