import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReplaySource } from "../../src/sources/replay.ts";
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import type { LineSettings } from "../../src/sources/source.ts";

const key = Buffer.from(DEMO_KEY, "hex");
const line: LineSettings = { baudRate: 2400, dataBits: 8, parity: "even", stopBits: 1 };
const start = Date.UTC(2026, 0, 1);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kaifa-replay-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const telegrams = (count: number, stepS: number): Uint8Array[] => {
  const meter = new SimulatedMeter({ key, start });
  return Array.from({ length: count }, (_, n) => meter.telegram(start + n * stepS * 1000));
};
function capture(content: string | Uint8Array): string {
  const path = join(folder, "capture");
  writeFileSync(path, content);
  return path;
}
async function play(source: ReplaySource): Promise<{ chunks: Buffer[]; atMs: number[] }> {
  const begun = performance.now();
  const chunks: Buffer[] = [];
  const atMs: number[] = [];
  for await (const chunk of source.open(new AbortController().signal, line)) {
    if (chunk.length === 0) continue;
    chunks.push(Buffer.from(chunk));
    atMs.push(performance.now() - begun);
  }
  return { chunks, atMs };
}
const hexOf = (bytes: readonly Uint8Array[]): string => Buffer.concat(bytes).toString("hex");

describe("replaying a capture", () => {
  it("yields the bytes of the file, telegram by telegram", async () => {
    const all = telegrams(200, 5);
    const { chunks } = await play(new ReplaySource(capture(Buffer.concat(all)), { interval: 0 }));
    expect(chunks.map((chunk) => chunk.toString("hex"))).toEqual(all.map((one) => Buffer.from(one).toString("hex")));
  });

  it("reads hex text with comments", async () => {
    const all = telegrams(3, 5);
    const text = `# Kaifa MA309\n${all.map((one) => Buffer.from(one).toString("hex").replace(/../g, "$& ")).join("\n")}`;
    const { chunks } = await play(new ReplaySource(capture(text), { interval: 0 }));
    expect(hexOf(chunks)).toBe(hexOf(all));
  });

  it("keeps noise and truncated telegrams unchanged, up to the last byte", async () => {
    const [a, b, c] = telegrams(3, 5) as [Uint8Array, Uint8Array, Uint8Array];
    const bytes = Buffer.concat([Buffer.from("00ff11", "hex"), a, b.subarray(0, 100), c, Buffer.from("6801", "hex")]);
    const { chunks } = await play(new ReplaySource(capture(bytes), { interval: 0 }));
    expect(hexOf(chunks)).toBe(bytes.toString("hex"));
  });

  it("waits between telegrams according to the meter's clock", async () => {
    const { atMs } = await play(new ReplaySource(capture(Buffer.concat(telegrams(3, 1))), { key }));
    expect(atMs[0]).toBeLessThan(900);
    expect((atMs[2] ?? 0) - (atMs[0] ?? 0)).toBeGreaterThan(1900);
  });

  it("ends at once if stopped while waiting", async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    for await (const chunk of new ReplaySource(capture(Buffer.concat(telegrams(3, 30))), { key }).open(
      stop.signal,
      line,
    )) {
      seen.push(chunk.length);
      if (chunk.length > 0) setImmediate(() => stop.abort());
    }
    expect(seen).toEqual([0, 282]);
  });

  it("distinguishes a missing file from something other than a file", async () => {
    await expect(play(new ReplaySource(join(folder, "none")))).rejects.toMatchObject({ code: "no-device" });
    await expect(play(new ReplaySource(folder))).rejects.toMatchObject({ code: "unsupported" });
  });
});
