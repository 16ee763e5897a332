/** Resident memory that each part of the bridge adds to a bare Node: the parts are loaded one after the other. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { BUNDLE_OPTIONS } from "../scripts/bundle-options.mjs";
import { quantile } from "./processes.ts";

/** Libraries and modules in startup order. */
const PARTS = [
  ["commander (arguments)", "commander"],
  ["zod (configuration)", "./src/config/options.ts"],
  ["yaml (configuration in a file)", "./src/config/yaml-file.ts"],
  ["winston (log)", "./src/log/log.ts"],
  ["codec", "./src/codec/decoder.ts"],
  ["meter, acceptance, bridge", "./src/bridge.ts"],
  ["our MQTT sink", "./src/sinks/mqtt/mqtt-sink.ts"],
  ["MQTT.js", "mqtt/lib/client"],
  ["the binding of serialport", "./src/sources/serial-binding.ts"],
] as const;
const RUNS = 5;

/** MB (2^20 bytes) added by each, median of five runs; the first row is the bare Node. */
export async function benchMemoryByPart(): Promise<{ part: string; mb: number }[]> {
  const folder = resolve("node_modules/.cache/kaifa2mqtt-memory-by-part");
  mkdirSync(folder, { recursive: true });
  await build({
    ...BUNDLE_OPTIONS,
    entryPoints: Object.fromEntries(PARTS.map(([, module], n) => [`part${n}`, module])),
    outdir: folder,
  });
  const script = join(folder, "measure.mjs");
  writeFileSync(script, MEASURE);
  const modules = PARTS.map((_, n) => `./part${n}.js`);
  const runs = Array.from(
    { length: RUNS },
    () => JSON.parse(execFileSync(process.execPath, [script, ...modules], { encoding: "utf8" })) as number[],
  );
  return ["a bare Node", ...PARTS.map(([name]) => name)].map((part, n) => ({
    part,
    mb: quantile(
      runs.map((run) => (run[n] ?? 0) - (n === 0 ? 0 : (run[n - 1] ?? 0))),
      0.5,
    ),
  }));
}

const MEASURE = `
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
setFlagsFromString("--no-opt");
setFlagsFromString("--no-memory-reducer");
const rss = async () => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  return Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
};
const found = [await rss()];
for (const part of process.argv.slice(2)) {
  await import(part);
  found.push(await rss());
}
console.log(JSON.stringify(found));
`;
