import { describe, expect, it } from "vitest";
import { LinePacer } from "../../src/meter/line-pacer.ts";

const LINE = { baudRate: 2400, dataBits: 8, parity: "even", stopBits: 1 } as const;
const TELEGRAM = 282;
/** Header of the first frame: from here on its length is known. */
const HEADER = 4;

/** What is still wanted after so many bytes of a telegram of two frames, 256 and 26 bytes, as the decoder says it. */
function wantedAfter(bytes: number): number {
  if (bytes === 0 || bytes >= TELEGRAM) return 0;
  if (bytes < HEADER) return HEADER - bytes + 6;
  if (bytes < 256) return 256 - bytes + 10;
  return bytes < 256 + HEADER ? 10 : TELEGRAM - bytes;
}

/** Plays telegrams whose bytes arrive at `byteMs`, read as the pacer says. */
function play(pacer: LinePacer, byteMs: number, telegrams: number): { reads: number[]; lateMs: number[] } {
  const reads: number[] = [];
  const lateMs: number[] = [];
  let now = 0;
  for (let n = 0; n < telegrams; n++) {
    const begin = n * 5000 + 100;
    const arrival = (index: number): number => begin + (index + 1) * byteMs;
    let taken = 0;
    let count = 0;
    while (taken < TELEGRAM) {
      now = Math.max(now, arrival(taken));
      const there = Math.min(TELEGRAM, Math.floor((now - begin) / byteMs + 1e-9));
      const got = there - taken;
      taken = there;
      count += 1;
      now += pacer.pause(got, now, wantedAfter(taken));
    }
    reads.push(count);
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
    expect(reads[0]).toBe(TELEGRAM); // the first is watched
    expect(Math.max(...reads.slice(1))).toBeLessThanOrEqual(28);
    expect(Math.max(...lateMs)).toBeLessThan(0.01);
  });

  it.each([1.02, 1.1, 1.5, 4, 50])("never delay bytes that come %s times as fast as the line", (factor) => {
    const { lateMs } = play(new LinePacer(LINE), 10_000 / 2400 / factor, 20);
    expect(Math.max(...lateMs)).toBeLessThan(0.01);
  });

  it("stop when a steady line begins to hurry, and delay one telegram at most", () => {
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

  it("last no longer than two seconds, whatever a length says", () => {
    const pacer = new LinePacer({ ...LINE, baudRate: 300 });
    for (let byte = 0; byte < 100; byte++) pacer.pause(1, byte * 34, byte === 99 ? 0 : 1);
    expect(pacer.pause(1, 10_000, 2000)).toBe(2000);
  });

  it("are never asked for between telegrams", () => {
    const pacer = new LinePacer(LINE);
    expect(pacer.pause(282, 0, 0)).toBe(0);
    expect(pacer.pause(1, 5000, 0)).toBe(0);
  });
});
