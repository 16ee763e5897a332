// Builds dist/: the program as one ES module per command (code split, so that a command loads only what it uses), the
// codec as a library with its types, the status page, and the decode page as one file.
import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { cyclonedxEsbuildPlugin } from "@cyclonedx/cyclonedx-esbuild";
import { build } from "esbuild";
import { buildPage } from "./build-page.mjs";
import { BUNDLE_OPTIONS } from "./bundle-options.mjs";
import { fewFiles } from "./few-files.mjs";

const outdir = process.env.OUTDIR ?? "dist";
rmSync(outdir, { recursive: true, force: true });
const isWhole = !process.argv.includes("--program");
// The packages in the bundle with their licence texts (CycloneDX): scanners of the image or package find no node_modules.
const listPackages = (outputFile) =>
  cyclonedxEsbuildPlugin({ outputFile, gatherLicenseTexts: true, outputReproducible: true, logLevel: "silent" });
const program = {
  ...BUNDLE_OPTIONS,
  outdir,
  entryPoints: { main: "src/main.ts", codec: "src/codec/index.ts" },
};
await build({
  ...program,
  plugins: [
    ...(BUNDLE_OPTIONS.plugins ?? []),
    await fewFiles(program),
    ...(isWhole ? [listPackages("sbom.cdx.json")] : []),
  ],
});
// `--program`: without page, types and SBOM, for tests of the program.
if (isWhole) {
  await buildPage(`${outdir}/page`, {
    page: [listPackages("../sbom-page.cdx.json")],
    decode: [listPackages("../sbom-decode.cdx.json")],
  });
  // Served by the bridge, and distributed as a standalone file.
  copyFileSync(`${outdir}/page/decode.html`, `${outdir}/decode.html`);
  execFileSync("node_modules/.bin/tsc", ["-p", "scripts/tsconfig.types.json", "--outDir", `${outdir}/types`], {
    stdio: "inherit",
  });
}
