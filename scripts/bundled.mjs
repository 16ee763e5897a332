// Imports a TypeScript module, for scripts that make files from what the program knows.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

export async function bundled(entry) {
  const folder = mkdtempSync(join(tmpdir(), "kaifa2mqtt-"));
  try {
    const outfile = join(folder, "module.mjs");
    await build({ entryPoints: [entry], bundle: true, platform: "node", format: "esm", outfile });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
