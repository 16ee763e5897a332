/**
 * `npm run bench`: all figures, or those named (`decode garbage line memory start return many parts ledger answer`), as a table beside their aims;
 * `--quick` with fewer repetitions; `--write` puts the table into docs/benchmarks.md. What each row means stands there.
 */
import { execFileSync } from "node:child_process";
import { createDecipheriv } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { benchAnswer } from "./answer.ts";
import { benchDecode } from "./decode.ts";
import { benchGarbage } from "./garbage.ts";
import { benchLedger } from "./ledger.ts";
import { benchMany } from "./many-meters.ts";
import { benchMemoryByPart } from "./memory-by-part.ts";
import { quantile, startBroker } from "./processes.ts";
import { benchLine, benchMemory, benchReturn, benchStart } from "./serial-line.ts";

const NAMES = ["decode", "garbage", "line", "memory", "start", "return", "many", "parts", "ledger", "answer"] as const;
const DOCUMENT = "docs/benchmarks.md";
const MARKS = ["<!-- bench: begin -->", "<!-- bench: end -->"] as const;

interface Row {
  readonly what: string;
  readonly aim: string;
  readonly found: string;
  readonly reached: boolean;
}

const args = process.argv.slice(2);
const quick = args.includes("--quick");
const wanted = args.filter((arg) => !arg.startsWith("--"));
const unknown = wanted.filter((name) => !NAMES.some((one) => one === name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(", ")}; there are ${NAMES.join(", ")}`);
  process.exit(2);
}
const asked = (name: (typeof NAMES)[number]): boolean => wanted.length === 0 || wanted.includes(name);

/** What the machine makes of the same work, again and again: slowest and fastest of twenty rounds against their median. */
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
const broker = await startBroker();
try {
  if (asked("line")) {
    const { medianMs, p95Ms, mostMs, cpuPer1000 } = await benchLine(broker, quick ? 10 : 60, quick ? 1500 : 5000);
    const found = `median ${ms(medianMs)}, 95 % ${ms(p95Ms)}, worst ${ms(mostMs)}`;
    row(`last byte on the PTY to the message (${broker.name})`, "< 2 ms, < 5 ms", found, medianMs < 2 && p95Ms < 5);
    row("CPU per 1000 telegrams, byte by byte", "< 8 s", `${cpuPer1000.toFixed(1)} s`, cpuPer1000 < 8);
  }
  if (asked("answer")) {
    for (const busy of [false, true]) {
      const { medianMs, mostMs, missing } = await benchAnswer(broker, quick ? 20 : 100, busy);
      const found = `median ${ms(medianMs)}, worst ${ms(mostMs)}, ${missing} too late`;
      const what = `last byte of an AMIS telegram to E5${busy ? ", two busy processes a core" : ""}`;
      row(what, "< 500 ms", found, missing === 0 && mostMs < 500);
    }
  }
  if (asked("memory")) {
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
  }
  if (asked("ledger")) {
    const cost = await benchLedger(broker, quick ? 200 : 400, quick ? 1 : 5);
    const [more, anonymous] = [cost.withMb - cost.withoutMb, cost.withAnonymousMb - cost.withoutAnonymousMb];
    const memory = `${more.toFixed(1)} MB (${anonymous.toFixed(1)} MB without mapped files)`;
    row(`the ledger: resident after ${cost.telegrams} telegrams`, "+ 2 MB at most", memory, more <= 2);
    const latency = `${ms(cost.withMs)}, without it ${ms(cost.withoutMs)}`;
    row("the ledger: telegram to the message", "unchanged", latency, cost.withMs < cost.withoutMs * 1.1);
  }
  if (asked("start")) {
    const times = await benchStart(broker, quick ? 3 : 15);
    const found = `median ${ms(quantile(times, 0.5))}, worst ${ms(Math.max(...times))}`;
    row("start to first power published", "< 300 ms", found, quantile(times, 0.5) < 300);
  }
  if (asked("return")) {
    const time = await benchReturn(broker, 8000);
    row("adapter away for 8 s: back after", "< 2 s", ms(time), time < 2000);
  }
  if (asked("many")) {
    const { meters, share, medianMs, p95Ms, lost, rss } = await benchMany(broker, 100, quick ? 10 : 60);
    row(`${meters} meters over tcp`, "< 20 % of a core", `${percent(share)}, ${lost} lost`, share < 0.2 && lost === 0);
    const found = `median ${ms(medianMs)}, 95 % ${ms(p95Ms)}`;
    row(`${meters} meters: latency`, "< 2 ms, < 5 ms", found, medianMs < 2 && p95Ms < 5);
    row(`${meters} meters: resident`, "told", `${rss.toFixed(1)} MB`, true);
  }
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
