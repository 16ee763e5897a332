/**
 * Whatever arrives over the wire, MQTT or in a file, nothing crashes, hangs or grows. First the corpus, which
 * scripts/fuzz.mjs has grown by coverage; then mutations of it: seeded ones for the codec's targets, fast-check's
 * (with noise) for those that read files or messages. FUZZ_RUNS sets their number (300 per target; ten times that for the
 * codec's, which are fast). docs/codec.md lists the findings of longer runs.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CODEC_TARGETS, timed } from "./codec-targets.ts";
import { execute } from "./execute.ts";
import { TARGETS, type TargetName } from "./targets.ts";

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const SEED = Number(process.env.FUZZ_SEED ?? 5);
const CORPUS = new URL("../fixtures/corpus/", import.meta.url);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kaifa-fuzz-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function corpusOf(name: TargetName): Uint8Array[] {
  const inputs = new URL(`${name}/`, CORPUS);
  return readdirSync(inputs).map((file) => Buffer.from(readFileSync(new URL(file, inputs), "utf8").trim(), "hex"));
}

/** One change of a byte string: bits, bytes, extreme lengths, pieces removed, duplicated or inserted. */
const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  kind: fc.constantFrom("bit", "byte", "extreme", "cut", "double", "insert"),
  value: fc.nat(255),
  length: fc.integer({ min: 1, max: 24 }),
});

function apply(
  bytes: Uint8Array,
  { at, kind, value, length }: { at: number; kind: string; value: number; length: number },
): Uint8Array {
  const place = Math.min(Math.floor(at * bytes.length), Math.max(0, bytes.length - 1));
  const result = Uint8Array.from(bytes);
  const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (kind) {
    case "bit":
      result[place] = (result[place] ?? 0) ^ (1 << (value % 8));
      return result;
    case "byte":
      result[place] = value;
      return result;
    case "extreme":
      result[place] = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff][value % 8] ?? 0;
      return result;
    case "cut":
      return Buffer.concat([head, tail.subarray(length)]);
    case "double":
      return Buffer.concat([head, tail.subarray(0, length), tail]);
    default:
      return Buffer.concat([head, Buffer.alloc(length, value), tail]);
  }
}

describe.each(Object.keys(CODEC_TARGETS) as (keyof typeof CODEC_TARGETS)[])("the codec's target %s", (name) => {
  const corpus = corpusOf(name);

  test("survives every input of the corpus", () => {
    expect(corpus.length).toBeGreaterThan(5);
    for (const input of corpus) CODEC_TARGETS[name](input);
  });

  test("survives mutations: only typed errors, at most 10 µs and 4 bytes kept per byte fed", {
    timeout: 120_000,
  }, () => {
    const { executions, failures } = execute(CODEC_TARGETS[name], corpus, RUNS * 10, SEED);
    expect(failures).toEqual([]);
    expect(executions).toBe(RUNS * 10);
  });
});

test("an input that costs too much or throws is a failure", () => {
  const spin = (ms: number) => {
    for (const end = performance.now() + ms; performance.now() < end; );
  };
  const slow = execute(
    (input) =>
      timed(input.length, () => {
        spin(0.5 + (input.length * 11) / 1000);
      }),
    [new Uint8Array(8)],
    1,
    SEED,
  );
  expect(slow.failures).toEqual([expect.stringContaining("more than 10 µs a byte")]);
  const broken = execute(
    () => {
      throw new TypeError("broken");
    },
    [new Uint8Array(8)],
    3,
    SEED,
  );
  expect(broken.failures).toHaveLength(3);
});

const OTHERS = (Object.keys(TARGETS) as TargetName[]).filter((name) => !(name in CODEC_TARGETS));

describe.each(OTHERS)("%s", (name) => {
  const corpus = corpusOf(name);
  const target = TARGETS[name];

  test("survives every input of the corpus", async () => {
    expect(corpus.length).toBeGreaterThan(5);
    for (const input of corpus) await target(input, folder);
  });

  test("survives their mutations and noise", { timeout: 60_000 + RUNS * 20 }, async () => {
    const mutation = fc
      .tuple(fc.constantFrom(...corpus), fc.array(change, { minLength: 1, maxLength: 6 }))
      .map(([bytes, changes]) => changes.reduce(apply, bytes));
    const input = fc.oneof(
      { weight: 4, arbitrary: mutation },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 600 }) },
    );
    const property = fc.asyncProperty(input, async (bytes) => {
      const begun = performance.now();
      await target(bytes, folder);
      // Far more than any input needs; an endless or quadratic loop exceeds it.
      expect(performance.now() - begun).toBeLessThan(5_000);
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  });
});

test.each(["[", "{a: ", "- ", "? ", "&a [*a, ", "meter:\n ", '"', "!secret "])(
  "100 kB of %j as configuration come to an end",
  async (text) => {
    await TARGETS.config(Buffer.from(text.repeat(100_000 / text.length)), folder);
  },
);

test("a hundred megabytes of input do not make the process grow", { timeout: 120_000 }, async () => {
  const corpus = corpusOf("decoder");
  const { createDecoder } = await import("../../src/codec/decoder.ts");
  const decoder = createDecoder({ key: new Uint8Array(16) });
  const chunk = Buffer.concat(corpus).subarray(0, 100_000);
  const rounds = Math.ceil(Number(process.env.FUZZ_MEGABYTES ?? 100) * 10);
  let before = 0;
  for (let round = 0; round < rounds; round++) {
    decoder.feed(chunk.subarray(round % 97));
    if (round === Math.floor(rounds / 10)) before = process.memoryUsage().rss;
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(60e6);
});
