/** The error code for each kind of damage, on real captures: truncation, lost frames or blocks, flipped bits, wrong keys. */
import { describe, expect, it } from "vitest";
import type { DecoderOptions } from "../../src/codec/decoder-event.ts";
import { encodeBlock } from "../../src/codec/link/block-transfer.ts";
import { encodeHdlcFrame } from "../../src/codec/link/hdlc-frame.ts";
import { encodeP1 } from "../../src/codec/link/p1-telegram.ts";
import { loadFixture, summarize } from "../helpers/fixtures.ts";
import { randomBytes, seededRandom } from "../helpers/random.ts";
import { decodePieces, join } from "../helpers/splits.ts";

const BURGENLAND = loadFixture("lg-e450-burgenland-14");
const BLOCKS = loadFixture("lg-e450-ch-gbt-encrypted");
const SEGMENTS = loadFixture("iskra-am550-ch-pushlist");
const NORWAY = loadFixture("kaifa-ma304-no-list2");
const DSMR = loadFixture("dsmr5-nl-iskra-p1");
const RAW = loadFixture("sagemcom-t210d-raw-plain");

function codes(wire: Uint8Array, keys: DecoderOptions = {}): unknown[] {
  return summarize(decodePieces([wire], keys)).map((one) => one.error ?? "reading");
}

function flip(wire: Uint8Array, at: number, bit = 0x01): Uint8Array {
  const damaged = wire.slice();
  damaged[at] = (damaged[at] as number) ^ bit;
  return damaged;
}

/** The HDLC frames of a capture, split by their length fields. */
function frames(wire: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < wire.length; ) {
    const length = ((((wire[at + 1] as number) & 7) << 8) | (wire[at + 2] as number)) + 2;
    found.push(wire.subarray(at, at + length));
    at += length;
  }
  return found;
}

function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, i) => i !== index);
}

describe("an HDLC frame", () => {
  it("with a flipped bit anywhere in its information field has a wrong checksum", () => {
    for (let at = 20; at < NORWAY.wire.length - 1; at++) expect(codes(flip(NORWAY.wire, at))).toEqual(["checksum"]);
  });

  it("with a flipped bit in its header has a wrong checksum", () => {
    expect(codes(flip(NORWAY.wire, 3, 0x02))).toEqual(["checksum"]);
    expect(codes(flip(NORWAY.wire, 7))).toEqual(["checksum"]);
  });

  it("that is truncated is a framing error", () => {
    for (const length of [12, 40, NORWAY.wire.length - 2]) {
      expect(codes(NORWAY.wire.subarray(0, length))).toEqual(["framing"]);
    }
  });

  it("is accepted without its closing flag if both checksums are valid", () => {
    expect(codes(NORWAY.wire.subarray(0, NORWAY.wire.length - 1))).toEqual(["reading"]);
  });

  it("may share its flags with its neighbours", () => {
    const wire = NORWAY.wire;
    const shared = join(wire, wire.subarray(1), wire.subarray(1));
    expect(codes(shared)).toEqual(["reading", "reading", "reading"]);
  });

  it("may be surrounded by fill flags, which do not count as noise", () => {
    const fill = new Uint8Array(20).fill(0x7e);
    const events = decodePieces([join(fill, NORWAY.wire, fill, NORWAY.wire, fill)], {});
    expect(events.map(({ type }) => type)).toEqual(["telegram", "telegram"]);
  });

  it("that is damaged does not affect its neighbours, even with shared flags", () => {
    const wire = NORWAY.wire;
    expect(codes(join(wire, flip(wire, 50).subarray(1), wire.subarray(1)))).toEqual(["reading", "checksum", "reading"]);
  });
});

describe("segments of a message", () => {
  it.each([0, 1, 2, 3, 4])("are a segmentation error when number %i is lost; the next message is read", (index) => {
    const damaged = join(...without(frames(SEGMENTS.wire), index), SEGMENTS.wire);
    expect(codes(damaged)).toEqual(["segmentation", "reading"]);
  });

  it("give one fault when one of them is damaged", () => {
    const parts = frames(SEGMENTS.wire);
    for (let i = 0; i < parts.length; i++) {
      const damaged = join(...parts.map((part, k) => (k === i ? flip(part, 30) : part)), SEGMENTS.wire);
      expect(codes(damaged)).toEqual(["checksum", "reading"]);
    }
  });

  it("are not joined across a segment that is damaged beyond recognition", () => {
    const parts = frames(SEGMENTS.wire);
    const wreck = flip(flip(parts[2] as Uint8Array, 0, 0xff), 1, 0xff);
    expect(codes(join(...parts.slice(0, 2), wreck, ...parts.slice(3)))).toEqual(["segmentation"]);
  });
});

describe("a block transfer", () => {
  it.each([0, 1, 2])("is a segmentation error when block %i is lost; the next transfer is read", (index) => {
    const damaged = join(...without(frames(BLOCKS.wire), index), BLOCKS.wire);
    expect(codes(damaged, BLOCKS.keys)).toEqual(["segmentation", "reading"]);
  });

  it("is a segmentation error when a block is repeated", () => {
    const [first, second, third] = frames(BLOCKS.wire) as [Uint8Array, Uint8Array, Uint8Array];
    expect(codes(join(first, second, second, third), BLOCKS.keys)).toEqual(["segmentation"]);
  });

  it("restarts at block 1", () => {
    const [first] = frames(BLOCKS.wire) as [Uint8Array];
    expect(codes(join(first, BLOCKS.wire), BLOCKS.keys)).toEqual(["segmentation", "reading"]);
  });

  it("is reassembled with blocks of any size", () => {
    const apdu = RAW.wire;
    const llc = Uint8Array.of(0xe6, 0xe7, 0x00);
    for (const size of [1, 50, 120, 127, 128, 200, apdu.length]) {
      const count = Math.ceil(apdu.length / size);
      const wire = join(
        ...Array.from({ length: count }, (_, i) => {
          const block = encodeBlock(i + 1, i === count - 1, apdu.subarray(i * size, (i + 1) * size));
          return encodeHdlcFrame(i === 0 ? join(llc, block) : block);
        }),
      );
      expect(summarize(decodePieces([wire], {}))).toMatchObject([
        { transport: "hdlc", values: RAW.expected[0]?.values },
      ]);
    }
  });
});

describe("a ciphered telegram", () => {
  it("without a key is reported as such", () => {
    expect(codes(BURGENLAND.wire)).toEqual(["key-missing"]);
  });

  it("with a wrong key is reported as such, with and without its tag", () => {
    const key = new Uint8Array(16).fill(7);
    expect(codes(BURGENLAND.wire, { key })).toEqual(["key-wrong"]);
    expect(codes(BURGENLAND.wire, { ...BURGENLAND.keys, key })).toEqual(["key-wrong"]);
  });

  it("with a wrong authentication key is refused", () => {
    expect(codes(BURGENLAND.wire, { ...BURGENLAND.keys, authenticationKey: new Uint8Array(16) })).toEqual([
      "authentication",
    ]);
  });

  it("is read without an authentication key, its tag ignored", () => {
    expect(codes(BURGENLAND.wire, { key: BURGENLAND.keys.key })).toEqual(["reading"]);
  });

  it("with a changed byte and corrected checksums fails authentication", () => {
    const information = BURGENLAND.wire.slice(9, -3);
    information[40] = (information[40] as number) ^ 0x10;
    expect(codes(encodeHdlcFrame(information), BURGENLAND.keys)).toEqual(["authentication"]);
  });
});

describe("a list", () => {
  it("that matches no documented table is unsupported", () => {
    const body = NORWAY.wire.slice(9, -3);
    const name = body.indexOf(0x4b);
    body[name] = 0x4c; // "LFM_001"
    expect(codes(encodeHdlcFrame(body))).toEqual(["unsupported"]);
  });

  it("that is too short or too long is malformed", () => {
    const body = NORWAY.wire.slice(9, -3);
    expect(codes(encodeHdlcFrame(body.subarray(0, -1)))).toEqual(["malformed"]);
    expect(codes(encodeHdlcFrame(join(body, Uint8Array.of(0))))).toEqual(["malformed"]);
  });
});

describe("a P1 telegram", () => {
  const text = Buffer.from(DSMR.wire).toString("latin1");

  it("with a changed digit has a wrong checksum", () => {
    expect(codes(Buffer.from(text.replace("004.426", "004.427"), "latin1"))).toEqual(["checksum"]);
  });

  it("that is truncated is a framing error, also when the next one follows at once", () => {
    expect(codes(DSMR.wire.subarray(0, 400))).toEqual(["framing"]);
    expect(codes(join(DSMR.wire.subarray(0, 400), DSMR.wire))).toEqual(["framing", "reading"]);
    const end = text.lastIndexOf("\r\n", 400) + 2;
    expect(codes(join(DSMR.wire.subarray(0, end), DSMR.wire))).toEqual(["framing", "reading"]);
  });

  it("keeps its digits and units as printed, and skips a malformed code", () => {
    const wire = encodeP1("/KAM5", [
      "0-0:1.0.0(240203144940W)",
      "1-0:4:24.7.0(0000.000*kVAr)",
      "1-0:1.8.0(00004996.909*kWh)",
    ]);
    expect(summarize(decodePieces([wire], {}))).toMatchObject([
      { transport: "p1", values: [{ obis: "0-0:1.0.0*255" }, { obis: "1-0:1.8.0*255", value: 4996.909, unit: "kWh" }] },
    ]);
  });

  it("without a checksum is refused if any line is not of the form code(value)", () => {
    const bare = loadFixture("iskra-am550-si-p1-no-crc");
    expect(
      codes(Buffer.from(Buffer.from(bare.wire).toString("latin1").replace("1-0:1.7.0(", "1-0:1.7.0"), "latin1")),
    ).toEqual(["malformed"]);
  });
});

describe("a ciphered P1 text", () => {
  const STYRIA = loadFixture("sagemcom-t210dr-steiermark-p1");
  const SEALED = loadFixture("sagemcom-t210dr-ciphered-p1");

  it("with a flipped bit never gives a wrong value, whether its tag is verified or not", () => {
    for (const { wire, keys, expected } of [STYRIA, SEALED, { ...SEALED, keys: { key: SEALED.keys.key } }]) {
      const { values } = expected[0] as { values: unknown };
      for (let at = 18; at < wire.length - 12; at++) {
        const [one, ...others] = summarize(decodePieces([flip(wire, at, 1 << (at % 7))], keys));
        expect(others).toEqual([]);
        // Changes to the line end after the checksum and to the case of its letters are harmless.
        if (one?.error === undefined) expect(one?.values, `byte ${at}`).toEqual(values);
        else expect(one.error).toBeOneOf(["checksum", "malformed", "authentication", "key-wrong"]);
      }
    }
  });

  it("distinguishes a wrong key from a missing one", () => {
    expect(codes(STYRIA.wire)).toEqual(["key-missing"]);
    expect(codes(STYRIA.wire, { key: new Uint8Array(16) })).toEqual(["key-wrong"]);
    expect(codes(SEALED.wire, { ...SEALED.keys, authenticationKey: new Uint8Array(16) })).toEqual(["authentication"]);
  });
});

describe("a bare APDU", () => {
  it("is not detected within a frame whose header is damaged", () => {
    for (const { wire, keys } of [
      BURGENLAND,
      NORWAY,
      loadFixture("kaifa-netz-noe"),
      loadFixture("aidon-no-1phase-list2"),
    ]) {
      for (let at = 0; at < 9; at++) {
        for (let bit = 1; bit < 256; bit <<= 1) {
          const events = decodePieces([flip(wire, at, bit)], keys);
          expect(events.filter((event) => event.type === "telegram" && event.telegram.transport === "raw")).toEqual([]);
        }
      }
    }
  });

  it("is not detected within a frame whose start is missing", () => {
    for (const { wire, keys } of [BURGENLAND, NORWAY, SEGMENTS, BLOCKS, loadFixture("kaifa-ksm-west")]) {
      for (let from = 1; from < 40; from++) {
        const events = decodePieces([wire.subarray(from)], keys);
        expect(events.filter((event) => event.type === "telegram")).toEqual([]);
      }
    }
  });

  it("that is truncated is a framing error", () => {
    expect(codes(RAW.wire.subarray(0, 100))).toEqual(["framing"]);
  });
});

it("random damage of frames never gives a wrong value", () => {
  const random = seededRandom(4);
  for (const { wire, keys, expected } of [BURGENLAND, NORWAY, SEGMENTS, BLOCKS, DSMR]) {
    const right = JSON.stringify(expected[0]);
    for (let run = 0; run < 400; run++) {
      const damaged = wire.slice();
      const hits = 1 + Math.floor(random() * 6);
      for (let i = 0; i < hits; i++) damaged.set(randomBytes(random, 1), Math.floor(random() * damaged.length));
      for (const one of summarize(decodePieces([damaged], keys))) {
        if ("values" in one) expect(JSON.stringify(one)).toBe(right);
      }
    }
  }
});
