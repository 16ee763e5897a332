/**
 * Grows the corpus of test/fuzz, guided by coverage: an input is kept if it reaches a block of code that none before it
 * reached (V8's precise coverage, as `node:inspector` gives it).
 *
 *     node scripts/fuzz.mjs [seconds for each target] [target…]
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const seconds = Number(process.argv[2] ?? 20);
const wanted = process.argv.slice(3);
const folder = mkdtempSync(join(tmpdir(), "kaifa-fuzz-"));
const bundle = join(folder, "targets.mjs");
await build({
  entryPoints: ["test/fuzz/targets.ts"],
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "esm",
  external: ["@serialport/bindings-cpp"],
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
});
const { TARGETS } = await import(pathToFileURL(bundle));
const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });

/** By function: the pieces of its text, as [from, to], that no input has reached. */
let unreached = new Map();

/** Whether the last input reached a piece of code that none before it did. V8 tells by function what was not reached. */
async function isNew() {
  const { result } = await session.post("Profiler.takePreciseCoverage");
  let fresh = false;
  for (const { url, functions } of result) {
    if (!url.endsWith("targets.mjs")) continue;
    for (const { ranges } of functions) {
      const [whole, ...parts] = ranges;
      if (whole.count === 0) continue;
      const name = `${whole.startOffset}-${whole.endOffset}`;
      const missed = parts
        .filter(({ count }) => count === 0)
        .map(({ startOffset, endOffset }) => [startOffset, endOffset]);
      const before = unreached.get(name);
      const now = before === undefined ? missed : common(before, missed);
      if (before === undefined || size(now) < size(before)) {
        unreached.set(name, now);
        fresh = true;
      }
    }
  }
  return fresh;
}

const size = (pieces) => pieces.reduce((sum, [from, to]) => sum + to - from, 0);

const common = (a, b) =>
  a.flatMap(([from, to]) =>
    b
      .map(([otherFrom, otherTo]) => [Math.max(from, otherFrom), Math.min(to, otherTo)])
      .filter(([start, end]) => start < end),
  );

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const EXTREMES = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff];

function mutate(bytes, corpus) {
  let result = Buffer.from(bytes);
  for (let times = 1 + Math.floor(Math.random() * 5); times > 0; times--) {
    const at = Math.floor(Math.random() * (result.length + 1));
    const length = 1 + Math.floor(Math.random() * 16);
    switch (Math.floor(Math.random() * 7)) {
      case 0:
        if (at < result.length) result[at] ^= 1 << Math.floor(Math.random() * 8);
        break;
      case 1:
        if (at < result.length) result[at] = Math.floor(Math.random() * 256);
        break;
      case 2:
        if (at < result.length) result[at] = pick(EXTREMES);
        break;
      case 3:
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + length)]);
        break;
      case 4:
        result = Buffer.concat([result.subarray(0, at + length), result.subarray(at)]);
        break;
      case 5: {
        const other = pick(corpus);
        const from = Math.floor(Math.random() * other.length);
        result = Buffer.concat([result.subarray(0, at), other.subarray(from, from + length), result.subarray(at)]);
        break;
      }
      default:
        result = Buffer.concat([result.subarray(0, at), Buffer.alloc(length, pick(EXTREMES)), result.subarray(at)]);
    }
  }
  return result.subarray(0, 2_000);
}

for (const [name, target] of Object.entries(TARGETS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const home = resolve("test/fixtures/corpus", name);
  mkdirSync(home, { recursive: true });
  const corpus = readdirSync(home).map((file) => Buffer.from(readFileSync(join(home, file), "utf8").trim(), "hex"));
  unreached = new Map();
  const tryOut = async (input) => {
    await target(input, folder);
    return isNew();
  };
  for (const input of corpus) await tryOut(input);
  const had = corpus.length;
  let runs = 0;
  for (const end = Date.now() + seconds * 1000; Date.now() < end; runs++) {
    const input = corpus.length === 0 ? Buffer.alloc(1) : mutate(pick(corpus), corpus);
    try {
      if (!(await tryOut(input))) continue;
    } catch (error) {
      console.log(`${name}: ${error.stack}`);
      process.exitCode = 1;
    }
    corpus.push(input);
    writeFileSync(
      join(home, `${createHash("sha256").update(input).digest("hex").slice(0, 16)}.hex`),
      `${input.toString("hex")}\n`,
    );
  }
  console.log(
    `${name}: ${runs} inputs, ${corpus.length - had} kept, ${corpus.length} in the corpus, ${unreached.size} functions reached`,
  );
}
rmSync(folder, { recursive: true });
