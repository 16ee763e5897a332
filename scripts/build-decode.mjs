// Builds the decode page: one HTML file that needs no server and may not connect to anything. It contains script and style,
// and its Content-Security-Policy allows only these two, by their hashes.
import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const root = new URL("../", import.meta.url).pathname;
const source = join(root, "src/decode-page");

/** Replaces the codec's AES, which uses Node, with @noble/ciphers. */
const browserAes = {
  name: "browser-aes",
  setup(build) {
    build.onResolve({ filter: /\/aes\.ts$/ }, () => ({ path: join(source, "browser-aes.ts") }));
  },
};

/**
 * Writes `decode.html` into a folder.
 * @param {string} outdir @param {import("esbuild").Plugin[]} plugins for its script
 */
export async function buildDecodePage(outdir, plugins = []) {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const bundle = async (entry, options = {}) => {
    const file = join(outdir, entry.endsWith(".css") ? "decode.css" : "decode.js");
    await build({
      entryPoints: { decode: join(source, entry) },
      outdir,
      bundle: true,
      minify: true,
      target: ["es2022", "chrome105", "firefox115", "safari16"],
      logLevel: "warning",
      ...options,
    });
    const text = (await readFile(file, "utf8")).trim();
    await rm(file);
    return text;
  };
  const script = await bundle("main.ts", {
    format: "iife",
    define: { KAIFA2MQTT_VERSION: JSON.stringify(version) },
    // The licence of the included library.
    legalComments: "eof",
    plugins: [browserAes, ...plugins],
  });
  const style = await bundle("style.css");
  if (/<\/(?:script|style)/i.test(script + style))
    throw new Error("script or style would end too early in the document");
  const icon = (await readFile(join(root, "src/http/page/icon.svg"), "utf8")).trim();
  const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const document = (await readFile(join(source, "index.html"), "utf8"))
    .replace(/\n\s+/g, "\n")
    // The policy comes first, because it applies only to what follows.
    .replace(/<meta charset="utf-8" \/>/, (charset) => {
      return `${charset}\n<meta http-equiv="Content-Security-Policy" content="${policy}" />`;
    })
    .replace("</head>", () => {
      return `<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}" />\n<style>${style}</style>\n</head>`;
    })
    .replace("</body>", () => `<script>${script}</script>\n</body>`);
  await writeFile(join(outdir, "decode.html"), document);
}
