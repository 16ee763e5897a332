// Builds dist/: the program as one ES module per command (code split, so that a command loads only what it uses), the
// codec for programmers, and its types. Only the serial port's native binding stays outside of the bundle.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { build } from "esbuild";
import { buildPage } from "./build-page.mjs";

const outdir = process.env.OUTDIR ?? "dist";
rmSync(outdir, { recursive: true, force: true });
const common = {
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  splitting: true,
  outdir,
  minifySyntax: true,
  minifyWhitespace: true,
  external: ["@serialport/bindings-cpp"],
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  logLevel: "warning",
};
await build({ ...common, entryPoints: { main: "src/main.ts", codec: "src/codec/index.ts" } });
await buildPage(`${outdir}/page`);
execFileSync("node_modules/.bin/tsc", ["-p", "scripts/tsconfig.types.json", "--outDir", `${outdir}/types`], {
  stdio: "inherit",
});
