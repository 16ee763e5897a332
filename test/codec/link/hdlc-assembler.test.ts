import { describe, expect, test } from "vitest";
import { CodecError } from "../../../src/codec/codec-error.ts";
import { BlockTransfer, encodeBlock } from "../../../src/codec/link/block-transfer.ts";
import { HdlcAssembler } from "../../../src/codec/link/hdlc-assembler.ts";
import { type HdlcFrame, scanHdlcFrame } from "../../../src/codec/link/hdlc-frame.ts";
import type { Accepted } from "../../../src/codec/link/scan.ts";
import { fixtureNames, loadFixture } from "../../helpers/fixtures.ts";
import { randomBytes, seededRandom } from "../../helpers/random.ts";

const names = fixtureNames();

/** The intact HDLC frames of a capture, in order. */
function framesOf(wire: Uint8Array): HdlcFrame[] {
  const frames: HdlcFrame[] = [];
  for (let at = 0; at < wire.length; ) {
    const scan = scanHdlcFrame(wire, at, wire.length, true);
    if (scan.kind === "frame") frames.push(scan.frame);
    at += scan.kind === "frame" ? scan.length : 1;
  }
  return frames;
}

function outcome(assembler: HdlcAssembler, frame: HdlcFrame): Accepted | string | undefined {
  try {
    const done = assembler.accept(frame);
    return done && { ...done, apdu: done.apdu.slice() };
  } catch (error) {
    if (error instanceof CodecError) return error.message;
    throw error;
  }
}

describe("before the closing flag, foresee", () => {
  test("changes nothing, and what it returns is the APDU that accept returns, for all captures", () => {
    let foreseen = 0;
    for (const name of names) {
      const [looking, plain] = [new HdlcAssembler(), new HdlcAssembler()];
      for (const frame of framesOf(loadFixture(name).wire)) {
        const ahead = looking.foresee(frame)?.apdu.slice();
        const expected = outcome(plain, frame);
        expect(outcome(looking, frame), name).toEqual(expected);
        expect(looking.pending).toBe(plain.pending);
        if (ahead === undefined) continue;
        expect(expected, name).toMatchObject({ apdu: ahead });
        foreseen++;
      }
    }
    expect(foreseen).toBeGreaterThan(20);
  });

  test("returns the APDU at the last frame of a block transfer, and nothing before", () => {
    const assembler = new HdlcAssembler();
    const frames = framesOf(loadFixture("lg-e450-at-steiermark-gbt").wire);
    const found = frames.map((frame) => {
      const ahead = assembler.foresee(frame);
      assembler.accept(frame);
      return ahead !== undefined;
    });
    expect(found).toEqual([...frames.slice(1).map(() => false), true]);
  });

  test("returns the APDU at the last of several segments", () => {
    const random = seededRandom(5);
    const assembler = new HdlcAssembler();
    const frame = (information: Uint8Array, segmented: boolean): HdlcFrame => {
      const address = Uint8Array.of(3);
      return { destination: address, source: address, control: 0x13, segmented, information };
    };
    const [first, second] = [randomBytes(random, 100), randomBytes(random, 50)];
    const start = frame(Uint8Array.of(0xe6, 0xe7, 0x00, 0xdb, 0x08, ...first), true);
    const last = frame(second, false);
    expect(assembler.foresee(start)).toBeUndefined();
    assembler.accept(start);
    const ahead = assembler.foresee(last)?.apdu.slice();
    expect(ahead).toEqual(Uint8Array.of(0xdb, 0x08, ...first, ...second));
    expect(assembler.accept(last)?.apdu).toEqual(ahead);
  });
});

test("a block transfer foresees nothing in a damaged, repeated or early block", () => {
  const blocks = new BlockTransfer();
  const data = Uint8Array.of(1, 2, 3);
  blocks.accept({ number: 1, last: false, data, length: 10 });
  expect(blocks.foresee(encodeBlock(2, true, data))).toEqual(Uint8Array.of(1, 2, 3, 1, 2, 3));
  expect(blocks.foresee(encodeBlock(2, false, data))).toBeUndefined();
  expect(blocks.foresee(encodeBlock(1, true, data))).toBeUndefined();
  expect(blocks.foresee(encodeBlock(3, true, data))).toBeUndefined();
  const whole = encodeBlock(2, true, data);
  for (let length = 0; length < whole.length; length++) {
    expect(blocks.foresee(whole.subarray(0, length))).toBeUndefined();
  }
  expect(blocks.foresee(encodeBlock(2, true, new Uint8Array(8192)))).toBeUndefined();
});
