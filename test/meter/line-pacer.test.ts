import { describe, expect, it } from "vitest";
import { LinePacer } from "../../src/meter/line-pacer.ts";

const LINE = { baudRate: 2400, dataBits: 8, parity: "even", stopBits: 1 } as const;
const TELEGRAM = 282;
/** Header of the first frame, which contains its length. */
const HEADER = 4;

/** `Decoder.wanted` after so many bytes of a telegram of two frames, 256 and 26 bytes. */
function wantedAfter(bytes: number): number {
  if (bytes === 0 || bytes >= TELEGRAM) return 0;
  if (bytes < HEADER) return HEADER - bytes + 6;
  if (bytes < 256) return 256 - bytes + 10;
  return bytes < 256 + HEADER ? 10 : TELEGRAM - bytes;
}

/** Simulates telegrams with one byte every `byteMs`, read with the pauses of the pacer. */
function play(pacer: LinePacer, byteMs: number, telegrams: number): { reads: number[]; lateMs: number[] } {
  const reads: number[] = [];
  const lateMs: number[] = [];
  let now = 0;
  for (let n = 0; n < telegrams; n++) {
    const start = n * 5000 + 100;
    const arrival = (index: number): number => start + (index + 1) * byteMs;
    let taken = 0;
    let readCount = 0;
    while (taken < TELEGRAM) {
      now = Math.max(now, arrival(taken));
      const available = Math.min(TELEGRAM, Math.floor((now - start) / byteMs + 1e-9));
      const count = available - taken;
      taken = available;
      readCount += 1;
      now += pacer.pause(count, now, wantedAfter(taken));
    }
    reads.push(readCount);
    lateMs.push(now - arrival(TELEGRAM - 1));
  }
  return { reads, lateMs };
}

describe("the pauses within a telegram", () => {
  it.each([
    ["8N1", 10],
    ["8E1", 11],
  ])("save nine of ten reads at line rate (%s) and never delay the last byte", (_name, bits) => {
    const { reads, lateMs } = play(new LinePacer(LINE), (bits * 1000) / 2400, 20);
    expect(reads[0]).toBe(TELEGRAM); // the first telegram is only measured
    expect(Math.max(...reads.slice(1))).toBeLessThanOrEqual(28);
    expect(Math.max(...lateMs)).toBeLessThan(0.01);
  });

  it.each([1.02, 1.1, 1.5, 4, 50])("never delay bytes that arrive %s times as fast as the line rate", (factor) => {
    const { lateMs } = play(new LinePacer(LINE), 10_000 / 2400 / factor, 20);
    expect(Math.max(...lateMs)).toBeLessThan(0.01);
  });

  it("stop when a steady line gets faster, and delay at most one telegram", () => {
    const pacer = new LinePacer(LINE);
    play(pacer, 10_000 / 2400, 3);
    let late = 0;
    for (let n = 0; n < 10; n++) {
      const pause = pacer.pause(HEADER, 100_000 + n * 5000, wantedAfter(HEADER));
      if (pause > 0) late += 1;
      pacer.pause(TELEGRAM - HEADER, 100_000 + n * 5000 + Math.max(1, pause), 0);
    }
    expect(late).toBe(1);
  });

  it("last at most two seconds, whatever length a frame claims", () => {
    const pacer = new LinePacer({ ...LINE, baudRate: 300 });
    for (let byte = 0; byte < 100; byte++) pacer.pause(1, byte * 34, byte === 99 ? 0 : 1);
    expect(pacer.pause(1, 10_000, 2000)).toBe(2000);
  });

  it("never occur between telegrams", () => {
    const pacer = new LinePacer(LINE);
    expect(pacer.pause(282, 0, 0)).toBe(0);
    expect(pacer.pause(1, 5000, 0)).toBe(0);
  });
});
