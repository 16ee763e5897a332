import { describe, expect, it } from "vitest";
import { crcX25, encodeHdlcFrame, scanHdlcFrame } from "../../../src/codec/link/hdlc-frame.ts";
import { randomBytes, seededRandom } from "../../helpers/random.ts";
import { join } from "../../helpers/splits.ts";

const random = seededRandom(11);

it("the checksum is CRC-16/X-25", () => {
  expect(crcX25(Buffer.from("123456789"))).toBe(0x906e); // catalogue of parametrised CRC algorithms
});

describe("a frame", () => {
  it("survives encoding and scanning, for every size and address length", () => {
    for (const size of [0, 1, 2, 117, 118, 245, 246, 500, 2030]) {
      for (const [destination, source] of [
        [[0x41], [0x03]],
        [[0xce, 0xff], [0x03]],
        [[0xcf], [0x02, 0x23]],
        [
          [0x02, 0x04, 0x06, 0x09],
          [0x00, 0x02, 0xfe, 0xff],
        ],
      ] as const) {
        for (const segmented of [false, true]) {
          const information = randomBytes(random, size);
          const header = { destination: Uint8Array.from(destination), source: Uint8Array.from(source), segmented };
          const wire = encodeHdlcFrame(information, header);
          const scan = scanHdlcFrame(wire, 0, wire.length, false);
          if (scan.kind !== "frame") throw new Error(`${scan.kind} for ${size} bytes`);
          expect(scan.length).toBe(wire.length);
          expect([...scan.frame.information]).toEqual([...information]);
          expect([...scan.frame.destination]).toEqual([...destination]);
          expect([...scan.frame.source]).toEqual([...source]);
          expect(scan.frame).toMatchObject({ segmented, control: segmented ? 0x03 : 0x13 });
        }
      }
    }
  });

  it("may contain flag bytes, which do not end it", () => {
    const wire = encodeHdlcFrame(new Uint8Array(60).fill(0x7e));
    expect(scanHdlcFrame(wire, 0, wire.length, false)).toMatchObject({ kind: "frame", length: wire.length });
  });

  it("requests at most its own length, and exactly that once its header is complete", () => {
    const wire = encodeHdlcFrame(randomBytes(random, 100));
    for (let end = 1; end < wire.length; end++) {
      const scan = scanHdlcFrame(wire, 0, end, false);
      if (scan.kind !== "more") throw new Error(`${scan.kind} after ${end} bytes`);
      expect(scan.bytes).toBeGreaterThan(end);
      expect(scan.bytes).toBeLessThanOrEqual(wire.length);
      if (end >= 12) expect(scan.bytes).toBe(wire.length);
    }
  });

  it("too long for its length field cannot be encoded", () => {
    expect(() => encodeHdlcFrame(new Uint8Array(2040))).toThrow(RangeError);
  });
});

it("noise is not reported as damaged frames", () => {
  const noise = randomBytes(random, 400_000);
  let bad = 0;
  for (let at = noise.indexOf(0x7e); at >= 0; at = noise.indexOf(0x7e, at + 1)) {
    if (scanHdlcFrame(noise, at, noise.length, true).kind === "bad") bad++;
  }
  // A flag, format type A, a control byte and a flag at the claimed end coincide once in some millions of bytes.
  expect(bad).toBeLessThan(3);
});

it("a wrong header checksum is a fault if the rest looks like a frame, otherwise noise", () => {
  const wire = encodeHdlcFrame(join(Uint8Array.of(0xe6, 0xe7, 0x00), randomBytes(random, 50)));
  const header = wire.slice();
  header[6] = 0x12; // the control byte
  expect(scanHdlcFrame(header, 0, wire.length, true)).toMatchObject({ kind: "bad", code: "checksum", part: "first" });
  header[9] = 0x00; // the LLC
  expect(scanHdlcFrame(header, 0, wire.length, true)).toMatchObject({ kind: "no" });
});
