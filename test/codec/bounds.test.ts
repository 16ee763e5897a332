/** Memory limits of the decoder on a hostile line, and its recovery afterwards. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createDecoder } from "../../src/codec/decoder.ts";
import { encodeHdlcFrame } from "../../src/codec/link/hdlc-frame.ts";
import { encodeMbusFrames } from "../../src/codec/link/mbus-frame.ts";
import { scanP1Telegram } from "../../src/codec/link/p1-telegram.ts";
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";

const key = Buffer.from(DEMO_KEY, "hex");
const good = new SimulatedMeter({ key, start: 0 }).telegram(0);

const LLC = Buffer.from("E6E700", "hex");
const segment = (bytes: number) => encodeHdlcFrame(Buffer.alloc(bytes, 0x0f), { segmented: true });
const first = encodeHdlcFrame(Buffer.concat([LLC, Buffer.from([0x0f])]), { segmented: true });
const empty = encodeHdlcFrame(new Uint8Array(0));
const block = (number: number, data: number) =>
  encodeHdlcFrame(Buffer.from([0xe0, 0x40, number >> 8, number & 0xff, 0, 0, data, ...Array(data).fill(1)]));

const ones = encodeMbusFrames(Buffer.alloc(300, 1), { maxData: 1 });

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const ENDLESS: [string, Uint8Array, Uint8Array | ((round: number) => Uint8Array)][] = [
  ["HDLC segments of one byte", first, segment(1)],
  ["empty HDLC frames after a segment", first, empty],
  ["blocks without content", new Uint8Array(0), (round) => block((round % 65_535) + 1, 0)],
  ["M-Bus segments of one byte", new Uint8Array(0), (round) => ones[round % 299] ?? good],
];

describe("a telegram that never ends", () => {
  it.each(ENDLESS)("%s: buffers at most 4 bytes per byte fed", (_, opening, endless) => {
    const decoder = createDecoder({ key, keepBytes: true });
    decoder.feed(opening);
    const heap = () => {
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const frame = (round: number) => (typeof endless === "function" ? endless(round) : endless);
    for (let round = 0; round < 500; round++) decoder.feed(frame(round));
    const before = heap();
    let fed = 0;
    for (let round = 500; round < 20_000; round++) {
      const bytes = frame(round);
      decoder.feed(bytes);
      fed += bytes.length;
    }
    // The heap of the engine itself varies by half a megabyte.
    expect(heap() - before).toBeLessThan(Math.min(4 * fed, 500_000));
    decoder.silence();
    expect(decoder.feed(good)).toMatchObject([{ type: "telegram" }]);
  });

  it("carries the bytes of its frames up to a limit, and none beyond it", () => {
    const decoder = createDecoder({ keepBytes: true });
    const short = [...decoder.feed(first), ...decoder.feed(segment(5)), ...decoder.silence()];
    expect(short).toMatchObject([{ type: "fault", code: "segmentation" }]);
    expect((short[0] as { bytes: Uint8Array }).bytes).toHaveLength(first.length + segment(5).length);
    decoder.feed(first);
    for (let i = 0; i < 3_000; i++) decoder.feed(empty);
    const long = decoder.silence();
    expect(long).toMatchObject([{ type: "fault", code: "segmentation" }]);
    expect(long[0]).not.toHaveProperty("bytes");
  });
});

it("the end of a P1 telegram is searched for only in the new bytes", () => {
  const text = Buffer.from(`/AAA5\r\n1${"0".repeat(2_000)}`);
  // Without an offset this end line is found; with one it counts as searched already.
  text.write("\n!\n", 500);
  expect(scanP1Telegram(text, 0, text.length, false)).toMatchObject({ kind: "bad" });
  expect(scanP1Telegram(text, 0, text.length, false, 600)).toMatchObject({ kind: "more" });
});
