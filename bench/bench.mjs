// npm run bench [-- NAME…] [--write]: bundles the benchmarks (Node 20 runs no TypeScript) and runs them against dist/.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { build } from "esbuild";

const outdir = "node_modules/.cache/kaifa2mqtt-bench";
mkdirSync(outdir, { recursive: true });
await build({
  // Parts that must not disturb the measurement run as separate processes.
  entryPoints: [
    "main",
    "bare-program",
    "meter-farm",
    "message-log",
    "output-clients",
    "bare-outputs",
    "bare-meters",
  ].map((name) => `bench/${name}.ts`),
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  packages: "external",
  logLevel: "warning",
});
process.exitCode =
  spawnSync(process.execPath, [`${outdir}/main.mjs`, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1;
