/**
 * The fuzzer for longer runs than in the tests. The corpus (test/fixtures/corpus) grows guided by coverage: an input
 * is kept if it reaches a new block of code (V8's precise coverage through `node:inspector`).
 * jazzer.js would do that faster, but its binary needs glibc 2.38 (version 4.0.0; Debian 12 has 2.36), and older
 * versions cannot be installed from npm alone.
 *
 *     node scripts/fuzz.mjs grow [seconds for each target] [target…]
 *     node scripts/fuzz.mjs run [executions in all] [seed] [target…]      the codec's targets, no coverage
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const [mode, ...rest] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "kaifa-fuzz-"));
const bundle = join(folder, "targets.mjs");
await build({
  stdin: {
    contents:
      'export { TARGETS } from "./targets.ts"; export { CODEC_TARGETS } from "./codec-targets.ts"; export { execute } from "./execute.ts"; export { mutate } from "./mutate.ts";',
    resolveDir: resolve("test/fuzz"),
  },
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "esm",
  external: ["@serialport/bindings-cpp"],
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
});
const { TARGETS, CODEC_TARGETS, execute, mutate } = await import(pathToFileURL(bundle));

const homeOf = (name) => resolve("test/fixtures/corpus", name);
const corpusOf = (name) =>
  readdirSync(homeOf(name)).map((file) => Buffer.from(readFileSync(join(homeOf(name), file), "utf8").trim(), "hex"));

/** In slices, so that a stopped run (SIGTERM) reports its progress. */
async function run(executions, seed, wanted) {
  const names = Object.keys(CODEC_TARGETS).filter((name) => wanted.length === 0 || wanted.includes(name));
  const share = Math.ceil(executions / names.length);
  const slice = Math.min(share, 5_000);
  let stopped = false;
  process.once("SIGTERM", () => {
    stopped = true;
  });
  let total = 0;
  for (const [index, name] of names.entries()) {
    const corpus = corpusOf(name);
    const sum = { done: 0, bytes: 0, us: 0, failures: 0 };
    while (sum.done < share && !stopped) {
      const result = execute(
        CODEC_TARGETS[name],
        corpus,
        Math.min(slice, share - sum.done),
        seed + index + sum.done * 64,
      );
      sum.done += result.executions;
      sum.bytes += result.bytes;
      sum.us += result.usPerByte * result.bytes;
      sum.failures += result.failures.length;
      for (const failure of result.failures) console.log(`  ${name}: ${failure}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    total += sum.done;
    const cost = (sum.us / Math.max(1, sum.bytes)).toFixed(2);
    console.log(`${name}: ${sum.done} executions, ${sum.bytes} bytes, ${cost} µs a byte, ${sum.failures} failures`);
    if (sum.failures > 0) process.exitCode = 1;
  }
  console.log(`${total} executions, seed ${seed}`);
}

async function grow(seconds, wanted) {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });
  for (const [name, target] of Object.entries(TARGETS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    mkdirSync(homeOf(name), { recursive: true });
    const corpus = corpusOf(name);
    const coverage = new Coverage(session);
    const tryOut = async (input) => {
      await target(input, folder);
      return coverage.isNew();
    };
    for (const input of corpus) await tryOut(input);
    const had = corpus.length;
    let runs = 0;
    for (const end = Date.now() + seconds * 1000; Date.now() < end; runs++) {
      const input = corpus.length === 0 ? Buffer.alloc(1) : Buffer.from(mutate(Math.random, corpus));
      try {
        if (!(await tryOut(input))) continue;
      } catch (error) {
        console.log(`${name}: ${error.stack}`);
        process.exitCode = 1;
      }
      corpus.push(input);
      const file = `${createHash("sha256").update(input).digest("hex").slice(0, 16)}.hex`;
      writeFileSync(join(homeOf(name), file), `${input.toString("hex")}\n`);
    }
    console.log(
      `${name}: ${runs} inputs, ${corpus.length - had} kept, ${corpus.length} in the corpus, ${coverage.functions} functions reached`,
    );
  }
}

/** Tracks the code reached so far. */
class Coverage {
  #session;
  /** By function: ranges of its source, as [from, to], that no input has reached. */
  #unreached = new Map();

  constructor(session) {
    this.#session = session;
  }

  get functions() {
    return this.#unreached.size;
  }

  /** Whether the last input reached new code. V8 reports unreached ranges by function. */
  async isNew() {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
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
        const before = this.#unreached.get(name);
        const now = before === undefined ? missed : common(before, missed);
        if (before === undefined || size(now) < size(before)) {
          this.#unreached.set(name, now);
          fresh = true;
        }
      }
    }
    return fresh;
  }
}

function size(pieces) {
  return pieces.reduce((sum, [from, to]) => sum + to - from, 0);
}

function common(a, b) {
  return a.flatMap(([from, to]) =>
    b
      .map(([otherFrom, otherTo]) => [Math.max(from, otherFrom), Math.min(to, otherTo)])
      .filter(([start, end]) => start < end),
  );
}

if (mode === "run") await run(Number(rest[0] ?? 1_000_000), Number(rest[1] ?? 1), rest.slice(2));
else if (mode === "grow") await grow(Number(rest[0] ?? 20), rest.slice(1));
else throw new Error("grow or run");
rmSync(folder, { recursive: true });
