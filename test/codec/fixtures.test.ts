/** Decodes every folder of test/fixtures/telegrams: to add a meter, add a folder. */
import { describe, expect, it } from "vitest";
import type { DecoderEvent } from "../../src/codec/decoder-event.ts";
import { fixtureNames, loadFixture, summarize } from "../helpers/fixtures.ts";
import { randomBytes, seededRandom } from "../helpers/random.ts";
import { decodePieces, join } from "../helpers/splits.ts";

const fixtures = fixtureNames().map(loadFixture);
const good = fixtures.filter(({ expected }) => expected.length > 0 && expected.every((one) => "values" in one));
/** A body without its APDU is accepted only if it is the whole input. */
const repeatable = good.filter(({ name }) => !name.endsWith("-body"));
/** Noise may look like part of a frame around a bare APDU, which is then refused. */
const embeddable = repeatable.filter(({ expected }) => expected[0]?.transport !== "raw");

function telegrams(events: readonly DecoderEvent[]): Record<string, unknown>[] {
  return summarize(events).filter((one) => "values" in one);
}

describe.each(fixtures)("the capture $name", ({ wire, keys, expected }) => {
  it("gives exactly its expected reading or fault in one piece", () => {
    expect(summarize(decodePieces([wire], keys))).toEqual(expected);
  });

  it("gives the same byte by byte", () => {
    const bytes = Array.from(wire, (byte) => Uint8Array.of(byte));
    expect(summarize(decodePieces(bytes, keys))).toEqual(expected);
  });
});

describe.each(embeddable)("the telegram $name", ({ wire, keys, expected }) => {
  it("is found between noise", () => {
    const random = seededRandom(wire.length);
    for (let run = 0; run < 10; run++) {
      const before = randomBytes(random, 1 + Math.floor(random() * 100));
      const after = randomBytes(random, 1 + Math.floor(random() * 100));
      expect(telegrams(decodePieces([join(before, wire, after)], keys))).toEqual(expected);
    }
  });
});

describe.each(repeatable)("the telegram $name", ({ wire, keys, expected }) => {
  it("is read twice when it is sent twice in a row", () => {
    expect(summarize(decodePieces([join(wire, wire)], keys))).toEqual([...expected, ...expected]);
  });
});
