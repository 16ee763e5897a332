// Builds the status page into a folder: script and style bundled, every file also precompressed (the server sends the encoding
// that the browser accepts, and compresses nothing at run time).
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { buildDecodePage } from "./build-decode.mjs";
import { helpPage } from "./help-page.mjs";

const source = new URL("../src/http/page/", import.meta.url).pathname;

/**
 * @param {string} outdir
 * @param {{ page?: import("esbuild").Plugin[], decode?: import("esbuild").Plugin[] }} plugins for the two scripts
 */
export async function buildPage(outdir, { page = [], decode = [] } = {}) {
  await mkdir(outdir, { recursive: true });
  await buildDecodePage(outdir, decode);
  await build({
    entryPoints: { page: join(source, "main.ts") },
    outdir,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome105", "firefox115", "safari16"],
    legalComments: "none",
    logLevel: "warning",
    plugins: page,
  });
  await build({
    entryPoints: { page: join(source, "style.css") },
    outdir,
    bundle: true,
    minify: true,
    target: ["chrome105", "firefox115", "safari16"],
    logLevel: "warning",
  });
  const html = await readFile(join(source, "index.html"), "utf8");
  await writeFile(join(outdir, "index.html"), html.replace(/\n\s+/g, "\n"));
  for (const [language, suffix] of /** @type {const} */ ([
    ["en", ""],
    ["de", ".de"],
  ])) {
    const text = await readFile(new URL(`../docs/troubleshooting${suffix}.md`, import.meta.url), "utf8");
    await writeFile(join(outdir, `help${suffix}.html`), helpPage(text, language));
  }
  await writeFile(join(outdir, "openapi.yaml"), await readFile(new URL("../docs/openapi.yaml", import.meta.url)));
  await writeFile(join(outdir, "icon.svg"), await readFile(join(source, "icon.svg")));
  for (const name of (await readdir(outdir)).filter((file) => /\.(?:html|js|css|svg|yaml)$/.test(file))) {
    const plain = await readFile(join(outdir, name));
    await writeFile(join(outdir, `${name}.gz`), gzipSync(plain, { level: 9 }));
    const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    await writeFile(join(outdir, `${name}.br`), brotliCompressSync(plain, { params: quality }));
  }
}
