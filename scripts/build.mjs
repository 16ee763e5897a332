// Builds dist/: the program as one ES module per command (code split, so that a command loads only what it uses), the
// codec for programmers, and its types.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { build } from "esbuild";
import { buildPage } from "./build-page.mjs";
import { BUNDLE_OPTIONS } from "./bundle-options.mjs";

const outdir = process.env.OUTDIR ?? "dist";
rmSync(outdir, { recursive: true, force: true });
await build({ ...BUNDLE_OPTIONS, outdir, entryPoints: { main: "src/main.ts", codec: "src/codec/index.ts" } });
// `--program`: without page and types, for tests of the program.
if (!process.argv.includes("--program")) {
  await buildPage(`${outdir}/page`);
  execFileSync("node_modules/.bin/tsc", ["-p", "scripts/tsconfig.types.json", "--outDir", `${outdir}/types`], {
    stdio: "inherit",
  });
}
