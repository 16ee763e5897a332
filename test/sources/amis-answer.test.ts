/** Which bytes are answered with E5, and which are not. */
import { describe, expect, it } from "vitest";
import { AmisAnswer, SEARCH } from "../../src/sources/amis-answer.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { LAYOUTS } from "../../src/sources/simulator-layouts.ts";
import { fixtureNames, loadFixture } from "../helpers/fixtures.ts";
import { randomBytes, seededRandom } from "../helpers/random.ts";
import { join } from "../helpers/splits.ts";

const DATA = loadFixture("siemens-amis-netz-ooe").wire;
const BYTE_MS = 11_000 / 2400;

/** Number of answers if the pieces arrive this many milliseconds apart. */
function answers(pieces: readonly Uint8Array[], pauseMs = 0, byteMs = 0): number {
  const answer = new AmisAnswer();
  let at = 0;
  let count = 0;
  for (const piece of pieces) {
    at += pauseMs + piece.length * byteMs;
    if (answer.heard(piece, at, byteMs)) count++;
  }
  return count;
}
const bytewise = (bytes: Uint8Array) => Array.from(bytes, (byte) => Uint8Array.of(byte));
const changed = (bytes: Uint8Array, at: number, to: number, sum = false): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at] = to;
  if (sum) copy[copy.length - 2] = copy.subarray(4, -2).reduce((total, byte) => total + byte, 0) & 0xff;
  return copy;
};

describe("an AMIS meter is answered", () => {
  it("when it searches, and after each telegram with either count bit", () => {
    expect(answers([SEARCH])).toBe(1);
    expect(answers([SEARCH, DATA, changed(DATA, 4, 0x73, true), DATA], 1000)).toBe(4);
  });

  it("however its frames are split, and when our answer is echoed", () => {
    expect(answers(bytewise(SEARCH))).toBe(1);
    expect(answers(bytewise(DATA), 1, 1)).toBe(1);
    expect(answers([SEARCH, Uint8Array.of(0xe5), DATA, Uint8Array.of(0xe5)], 20)).toBe(2);
    for (let at = 1; at < DATA.length; at++) expect(answers([DATA.subarray(0, at), DATA.subarray(at)], 50)).toBe(1);
  });

  it("again after noise, once the line was idle", () => {
    expect(answers([randomBytes(seededRandom(1), 20), SEARCH], 1000)).toBe(1);
    expect(answers([DATA.subarray(40), SEARCH, DATA], 1000)).toBe(2);
  });

  it("once, if two frames arrived together", () => {
    expect(answers([join(SEARCH, DATA)])).toBe(1);
  });
});

describe("there is no answer to", () => {
  it.each([
    ["a search to another address", changed(changed(SEARCH, 2, 0xf1), 3, 0x31)],
    ["another short frame", Uint8Array.of(0x10, 0x5b, 0xf0, 0x4b, 0x16)],
    ["a search with a wrong sum", changed(SEARCH, 3, 0x31)],
    ["a search without its stop byte", changed(SEARCH, 4, 0x17)],
    ["data with a wrong sum", changed(DATA, 50, (DATA[50] as number) ^ 1)],
    ["data to another address", changed(DATA, 5, 0xff, true)],
    ["data of another direction", changed(DATA, 4, 0x08, true)],
    ["data of another application", changed(DATA, 6, 0x72, true)],
    ["a frame that is cut short", DATA.subarray(0, 100)],
    ["an answer of another reader", Uint8Array.of(0xe5)],
    ["nothing", new Uint8Array(0)],
  ])("%s", (_, bytes) => {
    expect(answers([bytes])).toBe(0);
    expect(answers(bytewise(bytes))).toBe(0);
  });

  it("a frame already followed by other bytes", () => {
    expect(answers([join(SEARCH, Uint8Array.of(0))])).toBe(0);
  });

  it("a frame inside other bytes, wherever they are split", () => {
    const random = seededRandom(7);
    for (let turn = 0; turn < 500; turn++) {
      const before = randomBytes(random, 1 + Math.floor(random() * 60));
      if (before[0] === 0xe5 || before[0] === 0x10) continue;
      expect(answers([before, SEARCH, DATA], 50)).toBe(0);
    }
    const foreign = loadFixture("kaifa-netz-noe").wire;
    for (let at = 1; at < foreign.length; at++) {
      expect(answers([foreign.subarray(0, at), SEARCH, foreign.subarray(at)], 100)).toBe(0);
    }
  });

  it.each(fixtureNames().filter((name) => name !== "siemens-amis-netz-ooe"))("the meter of %s", (name) => {
    const { wire } = loadFixture(name);
    expect(answers([wire])).toBe(0);
    for (const byteMs of [0, BYTE_MS]) {
      expect(answers(bytewise(wire), 0, byteMs)).toBe(0);
      for (const size of [2, 5, 16, 64]) {
        const pieces = Array.from({ length: Math.ceil(wire.length / size) }, (_, i) =>
          wire.subarray(i * size, (i + 1) * size),
        );
        for (const pauseMs of [0, 100, 300]) expect(answers(pieces, pauseMs, byteMs)).toBe(0);
      }
    }
  });

  it.each(LAYOUTS.filter(({ name }) => name !== "amis").map(({ name }) => name))("a simulated meter, %s", (layout) => {
    const meter = new SimulatedMeter({ layout, start: Date.UTC(2026, 10, 22) });
    for (let i = 0; i < 200; i++) expect(answers(bytewise(meter.telegram(Date.UTC(2026, 10, 22) + i * 5000)))).toBe(0);
  });
});
