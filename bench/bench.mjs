// npm run bench [-- NAME…] [--write]: bundles the benchmarks (Node 20 runs no TypeScript) and runs them against dist/.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { build } from "esbuild";

const outfile = "node_modules/.cache/kaifa2mqtt-bench/bench.mjs";
mkdirSync("node_modules/.cache/kaifa2mqtt-bench", { recursive: true });
await build({
  entryPoints: ["bench/main.ts"],
  outfile,
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  packages: "external",
  logLevel: "warning",
});
process.exitCode = spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1;
