import { describe, expect, it } from "vitest";
import { decodeAxdr } from "../../../src/codec/axdr/axdr.ts";
import { BROKEN, findAxdrEnd } from "../../../src/codec/axdr/axdr-extent.ts";
import { ByteReader } from "../../../src/codec/axdr/byte-reader.ts";
import { CodecError } from "../../../src/codec/codec-error.ts";
import { createDecoder } from "../../../src/codec/decoder.ts";
import { annotate } from "../../../src/codec/inspect/annotate.ts";
import { dissect } from "../../../src/codec/inspect/dissect.ts";
import { encodeMbusFrames } from "../../../src/codec/link/mbus-frame.ts";
import { DEMO_KEY, SimulatedMeter } from "../../../src/sources/simulated-meter.ts";

/** Nested containers, outermost first, around one unsigned. */
const NESTED: Record<string, (levels: number) => number[]> = {
  structures: (levels) => [...Array(levels).fill([0x02, 0x01]).flat(), 0x11, 0x05],
  arrays: (levels) => [...Array(levels).fill([0x01, 0x01]).flat(), 0x11, 0x05],
  "types of a compact array": (levels) => [
    ...[
      0x13,
      ...Array(levels - 1)
        .fill([0x02, 0x01])
        .flat(),
      0x11,
    ],
    ...[0x01, 0x05],
  ],
  "compact arrays": compactArrays,
};

/** Compact arrays whose type is a compact array, each with the length of the rest. */
function compactArrays(levels: number): number[] {
  let bytes = [0x11, 0x01, 0x05];
  for (let level = 0; level < levels; level++) bytes = [0x13, 0x82, bytes.length >> 8, bytes.length & 0xff, ...bytes];
  return [0x13, ...bytes];
}

describe("containers nested deeper than 10 levels", () => {
  it.each(["structures", "arrays", "types of a compact array"])("%s: 10 levels are read, 11 are malformed", (name) => {
    const make = NESTED[name] as (levels: number) => number[];
    const read = (levels: number) => decodeAxdr(new ByteReader(Uint8Array.from(make(levels))));
    expect(read(10).items).toHaveLength(1);
    expect(() => read(11)).toThrow(CodecError);
  });

  it.each(["structures", "arrays"])("%s: the search for the end of a value has the same limit", (name) => {
    const make = NESTED[name] as (levels: number) => number[];
    const end = (levels: number) => {
      const bytes = Uint8Array.from(make(levels));
      return findAxdrEnd(bytes, 0, bytes.length, true);
    };
    expect(end(10)).toBe(22);
    expect(end(11)).toBe(BROKEN);
  });

  it.each(Object.keys(NESTED))(
    "%s: 2,000 levels in one telegram are malformed, and the next telegram is read",
    (name) => {
      const body = (NESTED[name] as (levels: number) => number[])(2_000);
      const wire = Buffer.concat(encodeMbusFrames(Uint8Array.from([0x0f, 0, 0, 0, 0, 0, ...body])));
      const genuine = new SimulatedMeter({ key: Buffer.from(DEMO_KEY, "hex"), start: 0 }).telegram(0);
      for (const cut of [0, 1]) {
        const decoder = createDecoder({ key: Buffer.from(DEMO_KEY, "hex"), keepBytes: true });
        const bytes = wire.subarray(0, wire.length - cut);
        const faults = [...decoder.feed(bytes), ...decoder.silence()].filter(({ type }) => type !== "skipped");
        expect(faults).toMatchObject([{ type: "fault", code: "malformed", transport: "mbus" }]);
        expect(decoder.feed(genuine)).toMatchObject([{ type: "telegram" }]);
        expect(() => dissect(bytes)).not.toThrow();
        expect(() => annotate(bytes)).not.toThrow();
      }
    },
  );
});
