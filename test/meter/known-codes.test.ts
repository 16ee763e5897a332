import { describe, expect, it } from "vitest";
import { KnownCodes } from "../../src/meter/known-codes.ts";
import { NETZ_NOE, type Row, readingOf } from "../helpers/readings.ts";

const topicsOf = (codes: KnownCodes, rows: readonly Row[], complete = true) =>
  codes.admit(readingOf(rows, { complete })).values.map(({ topic }) => topic);
const NEW: Row = ["1-0:99.7.0*255", 5, 0, "W"];
const unknown = (from: number, count: number): Row[] =>
  Array.from({ length: count }, (_, i) => [
    `1-0:${100 + ((from + i) % 100)}.${Math.floor((from + i) / 100)}.0*255`,
    1,
    0,
    "V",
  ]);

describe("the codes of a meter", () => {
  it("in its first telegram are published at once, known or not", () => {
    const codes = new KnownCodes();
    expect(topicsOf(codes, [...NETZ_NOE, NEW])).toContain("99.7.0");
    expect(codes.admit(readingOf([...NETZ_NOE, NEW])).values).toHaveLength(readingOf([...NETZ_NOE, NEW]).values.length);
  });

  it("that appear later are published the third time, but quantities in the table at once", () => {
    const codes = new KnownCodes();
    topicsOf(codes, [["1-0:1.7.0*255", 5, 0, "W"]]);
    const later: Row[] = [NEW, ["1-0:1.8.0*255", 5, 0, "Wh"]];
    expect(topicsOf(codes, [["1-1:2.8.0*255", 5, 0, "Wh"]])).toEqual(["1-1:2.8.0"]);
    expect(topicsOf(codes, later)).toEqual(["1.8.0"]);
    expect(topicsOf(codes, later)).toEqual(["1.8.0"]);
    expect(topicsOf(codes, later)).toEqual(["99.7.0", "1.8.0"]);
    expect(topicsOf(codes, later)).toEqual(["99.7.0", "1.8.0"]);
  });

  it("that are different in each telegram create no topics", () => {
    const codes = new KnownCodes();
    const known = topicsOf(codes, NETZ_NOE);
    for (let round = 0; round < 200; round++)
      expect(topicsOf(codes, [...NETZ_NOE, ...unknown(50 * round, 50)])).toEqual(known);
  });

  it("are limited to 300, with one warning", () => {
    const warnings: string[] = [];
    const codes = new KnownCodes((message) => void warnings.push(message));
    const published = new Set<string>();
    for (let round = 0; round < 40; round++) {
      for (let times = 0; times < 3; times++)
        for (const topic of topicsOf(codes, unknown(50 * round, 50))) published.add(topic);
    }
    expect(published.size).toBe(300);
    expect(warnings).toEqual([expect.stringContaining("more than 300 codes")]);
  });

  it("announced as numbers never publish a text; those in the table from the start", () => {
    const codes = new KnownCodes();
    expect(topicsOf(codes, [NEW, ["1-0:1.8.0*255", "7137.694*kWh x"]])).toEqual(["99.7.0"]);
    expect(topicsOf(codes, [["1-0:99.7.0*255", "n/a"]])).toEqual([]);
    expect(topicsOf(codes, [NEW])).toEqual(["99.7.0"]);
  });
});
