// Imports a TypeScript module, for scripts that generate files from the program's tables.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

/** What a module loads only when it is used stays where it is: scripts read tables, they run nothing. */
const withoutDynamicImports = {
  name: "without-dynamic-imports",
  setup(build) {
    build.onResolve({ filter: /./ }, ({ kind, path }) => (kind === "dynamic-import" ? { path, external: true } : null));
  },
};
/** For CommonJS packages such as commander. */
const banner = { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" };

export async function bundled(entry) {
  const folder = mkdtempSync(join(tmpdir(), "kaifa2mqtt-"));
  try {
    const outfile = join(folder, "module.mjs");
    const plugins = [withoutDynamicImports];
    await build({ entryPoints: [entry], bundle: true, platform: "node", format: "esm", outfile, banner, plugins });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
