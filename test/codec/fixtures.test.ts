/** Every folder of test/fixtures/telegrams goes through the decoder: a new meter is a new folder. */
import { describe, expect, it } from "vitest";
import type { DecoderEvent } from "../../src/codec/decoder-event.ts";
import { fixtureNames, loadFixture, summarize } from "../helpers/fixtures.ts";
import { randomBytes, seededRandom } from "../helpers/random.ts";
import { decodePieces, join } from "../helpers/splits.ts";

const fixtures = fixtureNames().map(loadFixture);
const good = fixtures.filter(({ expected }) => expected.length > 0 && expected.every((one) => "values" in one));
/** Bodies alone are believed only where they are all there is. */
const repeatable = good.filter(({ name }) => !name.endsWith("-body"));
/** Noise may look like the remains of a frame around a bare APDU, which is then not believed. */
const checked = repeatable.filter(({ expected }) => expected[0]?.transport !== "raw");

function telegrams(events: readonly DecoderEvent[]): Record<string, unknown>[] {
  return summarize(events).filter((one) => "values" in one);
}

describe.each(fixtures)("the capture $name", ({ wire, keys, expected }) => {
  it("gives exactly its reading, or its fault, when it is fed whole", () => {
    expect(summarize(decodePieces([wire], keys))).toEqual(expected);
  });

  it("gives the same byte by byte", () => {
    const bytes = Array.from(wire, (byte) => Uint8Array.of(byte));
    expect(summarize(decodePieces(bytes, keys))).toEqual(expected);
  });
});

describe.each(checked)("the telegram $name", ({ wire, keys, expected }) => {
  it("comes out of noise before and behind it", () => {
    const random = seededRandom(wire.length);
    for (let run = 0; run < 10; run++) {
      const before = randomBytes(random, 1 + Math.floor(random() * 100));
      const behind = randomBytes(random, 1 + Math.floor(random() * 100));
      expect(telegrams(decodePieces([join(before, wire, behind)], keys))).toEqual(expected);
    }
  });
});

describe.each(repeatable)("the telegram $name", ({ wire, keys, expected }) => {
  it("comes out twice when it is sent twice in a row", () => {
    expect(summarize(decodePieces([join(wire, wire)], keys))).toEqual([...expected, ...expected]);
  });
});
