/**
 * `npm run bench`: all figures, or those named (`NAMES` below), as a table with their targets;
 * `--quick` with fewer repetitions; `--write` puts the table into docs/benchmarks.md, which explains each row.
 */
import { execFileSync } from "node:child_process";
import { createDecipheriv } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { benchAnswer } from "./answer.ts";
import { benchDecode } from "./decode.ts";
import { benchGarbage } from "./garbage.ts";
import { benchLayouts } from "./layouts.ts";
import { benchLedger } from "./ledger.ts";
import { BARE_METERS, benchMany, benchManyReturn, benchManyStart, type Topics } from "./many-meters.ts";
import { benchMemoryByPart } from "./memory-by-part.ts";
import { OUTPUTS } from "./output-protocol.ts";
import { benchOutputs } from "./outputs.ts";
import { Broker, quantile } from "./processes.ts";
import { benchMemory, benchReturn, benchStart } from "./serial-line.ts";

const NAMES = [
  "decode",
  "garbage",
  "layouts",
  "memory",
  "start",
  "return",
  "many",
  "many-start",
  "many-return",
  "parts",
  "ledger",
  "answer",
  "outputs",
] as const;
const DOCUMENT = "docs/benchmarks.md";
const MARKS = ["<!-- bench: begin -->", "<!-- bench: end -->"] as const;

/** Fleets of `many`, with their aims: share of a core, median latency in milliseconds. `many:1000,json` is one of them. */
const FLEETS: readonly [meters: number, topics: Topics, share: number, medianMs: number][] = [
  [100, "all", 0.05, 2],
  [1000, "all", 0.2, 3],
  [1000, "values", 0.2, 3],
  [1000, "json", 0.08, 3],
  [5000, "json", 0.4, 3],
];
const fleetName = (meters: number, topics: Topics): string => `many:${meters},${topics}`;
const FLEET_NAMES = FLEETS.map(([meters, topics]) => fleetName(meters, topics));

interface Row {
  readonly what: string;
  readonly aim: string;
  readonly found: string;
  readonly reached: boolean;
}

const args = process.argv.slice(2);
const quick = args.includes("--quick");
const wanted = args.filter((arg) => !arg.startsWith("--"));
const OUTPUT_NAMES = OUTPUTS.map(({ name }) => `outputs:${name}`);
const unknown = wanted.filter((name) => ![...NAMES, ...OUTPUT_NAMES, ...FLEET_NAMES].some((one) => one === name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(", ")}; there are ${[...NAMES, ...OUTPUT_NAMES].join(", ")}`);
  process.exit(2);
}
const asked = (name: (typeof NAMES)[number]): boolean =>
  wanted.length === 0 || wanted.some((one) => one === name || one.startsWith(`${name}:`));

/** Noise of the machine: slowest and fastest of twenty rounds of the same work, relative to their median. */
function machineNoise(): { rate: number; slowest: number; fastest: number } {
  const key = Buffer.alloc(16, 1);
  const data = Buffer.alloc(243, 2);
  const rates = Array.from({ length: 20 }, () => {
    const begun = performance.now();
    for (let i = 0; i < 20_000; i++) createDecipheriv("aes-128-ctr", key, Buffer.alloc(16, 3)).update(data);
    return 20_000_000 / (performance.now() - begun);
  });
  const rate = quantile(rates, 0.5);
  return { rate, slowest: Math.min(...rates) / rate - 1, fastest: Math.max(...rates) / rate - 1 };
}

const rows: Row[] = [];
const row = (what: string, aim: string, found: string, reached: boolean): void => {
  rows.push({ what, aim, found, reached });
  console.error(`${what}: ${found}`);
};
const parts: { part: string; mb: number }[] = [];
const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const thousands = (value: number): string => Math.round(value).toLocaleString("en");
/** A failed measurement is a row that misses its target; the others continue. */
const attempt = async (name: (typeof NAMES)[number], measure: () => Promise<void>): Promise<void> => {
  if (!asked(name)) return;
  await measure().catch((error: unknown) => row(name, "measured", `failed: ${String(error)}`, false));
};
const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 && share > -0.1 ? 1 : 0)} %`;

const noise = machineNoise();
if (asked("decode")) {
  for (const { name, decodeRate, aesRate, ratio } of benchDecode()) {
    const found = `${thousands(decodeRate)}/s, ${percent(ratio)} of bare AES-CTR (${thousands(aesRate)}/s)`;
    row(`decode, ${name}`, "a third of bare AES-CTR", found, ratio >= 1 / 3);
  }
}
if (asked("garbage")) {
  for (const { garbage, rate, growth, heldMb, telegrams } of benchGarbage()) {
    const found = `${rate.toFixed(1)} MB/s, ${growth.toFixed(2)} times the time per byte, ${heldMb.toFixed(1)} MB held, ${thousands(telegrams)} telegrams`;
    row(`10 MB of captures amid ${garbage}`, "time per byte of 2.5 MB", found, growth < 1.5 && heldMb < 2);
  }
}
if (asked("parts")) parts.push(...(await benchMemoryByPart()));
const broker = await Broker.open();
try {
  await attempt("layouts", async () => {
    for (const one of await benchLayouts(broker, quick ? 5 : 25)) {
      const ratio = `${(one.medianMs / one.bareMedianMs).toFixed(1)} times a bare program`;
      const found = `median ${ms(one.medianMs)}, 95 % ${ms(one.p95Ms)}; ${ratio} (${ms(one.bareMedianMs)}, ${ms(one.bareP95Ms)}); ${one.messages} messages`;
      row(`last byte to message: ${one.name}`, "< 2 ms, < 4 ms", found, one.medianMs < 2 && one.p95Ms < 4);
      row(`CPU per 1000 telegrams: ${one.name}`, "< 8 s", `${one.cpuMs.toFixed(1)} s`, one.cpuMs < 8);
    }
  });
  await attempt("answer", async () => {
    for (const busy of [false, true]) {
      const { medianMs, mostMs, missing } = await benchAnswer(broker, quick ? 20 : 100, busy);
      const found = `median ${ms(medianMs)}, worst ${ms(mostMs)}, ${missing} too late`;
      const what = `last byte of an AMIS telegram to E5${busy ? ", two busy processes a core" : ""}`;
      row(what, "< 500 ms", found, missing === 0 && mostMs < 500);
    }
  });
  await attempt("outputs", async () => {
    const only = wanted.filter((name) => name.startsWith("outputs:")).map((name) => name.slice("outputs:".length));
    const { latencies, loads } = await benchOutputs(broker, only, quick ? 5 : 9, quick ? 4 : 5);
    for (const { output, medianMs, p95Ms, bareMedianMs, bareP95Ms, polls } of latencies) {
      const ratio = `${(medianMs / bareMedianMs).toFixed(1)} times a bare program`;
      const asked = polls > 0 ? `; ${Math.round(polls)} answers before it` : "";
      const found = `median ${ms(medianMs)}, 95 % ${ms(p95Ms)}; ${ratio} (${ms(bareMedianMs)}, ${ms(bareP95Ms)})${asked}`;
      row(`last byte on the PTY to a client of ${output}`, "< 3 ms", found, medianMs < 3);
    }
    for (const { output, share, bareShare, answered } of loads) {
      const found = `${percent(share)}, bare program ${percent(bareShare)}; ${percent(answered)} of the answers in time`;
      row(
        `50 clients of ${output}, 10 requests a second each`,
        "< 10 % of a core",
        found,
        share < 0.1 && answered > 0.9,
      );
    }
  });
  await attempt("memory", async () => {
    const { after200, afterAll, telegrams } = await benchMemory(broker, quick ? 1000 : 10_000);
    const found = `${after200.rss.toFixed(1)} MB (${after200.anonymous.toFixed(1)} MB without mapped files)`;
    const loaded = parts.reduce((sum, { mb }) => sum + mb, 0);
    if (loaded > 0) {
      parts.push({
        part: "at work: buffers, sockets, compiled code, the telegrams' garbage",
        mb: after200.rss - loaded,
      });
      parts.push({ part: "resident after 200 telegrams", mb: after200.rss });
    }
    row("resident after 200 telegrams", "< 65 MB", found, after200.rss < 65);
    const growth = afterAll.rss - after200.rss;
    row(`growth up to ${thousands(telegrams)} telegrams`, "none that goes on", `${growth.toFixed(1)} MB`, growth < 8);
  });
  await attempt("ledger", async () => {
    const cost = await benchLedger(broker, quick ? 200 : 400, quick ? 1 : 5);
    const [more, anonymous] = [cost.withMb - cost.withoutMb, cost.withAnonymousMb - cost.withoutAnonymousMb];
    const memory = `${more.toFixed(1)} MB (${anonymous.toFixed(1)} MB without mapped files)`;
    row(`the ledger: resident after ${cost.telegrams} telegrams`, "+ 2 MB at most", memory, more <= 2);
    const latency = `${ms(cost.withMs)}, without it ${ms(cost.withoutMs)}`;
    row("the ledger: telegram to the message", "unchanged", latency, cost.withMs < cost.withoutMs * 1.1);
  });
  await attempt("start", async () => {
    const times = await benchStart(broker, quick ? 3 : 15);
    const found = `median ${ms(quantile(times, 0.5))}, worst ${ms(Math.max(...times))}`;
    row("start to first power published", "< 300 ms", found, quantile(times, 0.5) < 300);
  });
  await attempt("return", async () => {
    const time = await benchReturn(broker, 8000);
    row("adapter away for 8 s: back after", "< 2 s", ms(time), time < 2000);
  });
  await attempt("many", async () => {
    const seconds = quick ? 10 : 30;
    const one = await benchMany(broker, 1, "all", 5);
    const only = wanted.filter((name) => name.startsWith("many:"));
    for (const [meters, topics, share, medianMs] of FLEETS) {
      if (only.length > 0 && !only.includes(fleetName(meters, topics))) continue;
      const result = await benchMany(broker, meters, topics, seconds);
      const name = `${thousands(meters)} meters, ${topics}`;
      const bare = topics === "json" ? await benchMany(broker, meters, topics, seconds, BARE_METERS) : null;
      const others = `meters ${percent(result.farmShare)}, subscriber ${percent(result.logShare)}, broker ${percent(result.brokerShare)}`;
      const ratio =
        bare === null
          ? ""
          : `, ${(result.share / bare.share).toFixed(1)} times a bare program (${percent(bare.share)})`;
      const each = `${((result.share * seconds * 1000) / result.telegrams).toFixed(2)} ms a telegram`;
      const cpu = `${percent(result.share)}${ratio}, ${each}; ${others}; ${result.lost} of ${thousands(result.telegrams)} lost`;
      row(name, `< ${percent(share)} of a core, none lost`, cpu, result.share < share && result.lost === 0);
      const latency = `median ${ms(result.medianMs)}, 95 % ${ms(result.p95Ms)}; sent at most ${ms(result.worstLateMs)} late`;
      row(`${name}: latency`, `< ${ms(medianMs)}`, latency, result.medianMs < medianMs);
      if (meters < 1000) continue;
      const mb = (result.rss - one.rss) / (meters - 1);
      const memory = `${mb.toFixed(3)} MB a meter (${result.rss.toFixed(0)} MB, with one meter ${one.rss.toFixed(0)} MB)`;
      row(`${name}: resident`, "< 0.06 MB a meter", memory, mb < 0.06);
    }
  });
  await attempt("many-start", async () => {
    const { connectedS, announcedS } = await benchManyStart(broker, 1000);
    const found = `connected after ${connectedS.toFixed(1)} s, announced after ${announcedS.toFixed(1)} s`;
    row("start with 1,000 new meters", "< 10 s", found, announcedS < 10);
  });
  await attempt("many-return", async () => {
    const { firstMs, allS, telegrams, lost, dropped, retained } = await benchManyReturn(broker, 1000, 9000);
    const found = `first value after ${ms(firstMs)}, all meters after ${allS.toFixed(1)} s; ${lost} of ${thousands(telegrams)} new readings lost, ${dropped} messages dropped by Mosquitto, ${retained} readings retained`;
    const reached = firstMs < 5500 && lost === 0 && dropped === 0 && retained === 1000;
    row("broker away for 9 s, 1,000 meters", "first value < 5.5 s, none lost or dropped", found, reached);
  });
} finally {
  await broker.stop();
}

const table = [
  "| what | aim | found | |",
  "| --- | --- | --- | --- |",
  ...rows.map(({ what, aim, found, reached }) => `| ${what} | ${aim} | ${found} | ${reached ? "✓" : "✗"} |`),
].join("\n");
const account =
  parts.length < 2
    ? ""
    : `\n\n| resident memory | MB |\n| --- | --- |\n${parts.map(({ part, mb }) => `| ${part} | ${mb.toFixed(1)} |`).join("\n")}`;
const cpu = cpus();
const machine = `Node ${process.version}, ${cpu.length} × ${cpu[0]?.model.trim() ?? "?"}; the same AES work twenty times: ${percent(
  noise.slowest,
)} to +${percent(noise.fastest)} around ${thousands(noise.rate)}/s.`;
console.log(`\n${machine}\n\n${table}${account}`);
if (args.includes("--write")) {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const before = readFileSync(DOCUMENT, "utf8");
  const [head, tail] = [before.split(MARKS[0])[0], before.split(MARKS[1])[1]];
  if (tail === undefined) throw new Error(`${DOCUMENT} lacks ${MARKS.join(" … ")}`);
  writeFileSync(
    DOCUMENT,
    `${head}${MARKS[0]}\n\n${machine} Commit ${commit}.\n\n${table}${account}\n\n${MARKS[1]}${tail}`,
  );
}
process.exitCode = rows.every(({ reached }) => reached) ? 0 : 1;
