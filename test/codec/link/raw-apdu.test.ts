/** Bare APDUs are self-delimiting, whatever their layout and wherever reads are split. */
import { describe, expect, it } from "vitest";
import { scanRawApdu } from "../../../src/codec/link/raw-apdu.ts";
import { fixtureNames, loadFixture, summarize } from "../../helpers/fixtures.ts";
import { decodePieces, join, splits } from "../../helpers/splits.ts";

const bare = fixtureNames()
  .map(loadFixture)
  .filter(({ name, expected }) => expected[0]?.transport === "raw" && !name.endsWith("-body"));

/** Landis+Gyr ZMF100 (esphome-libs/dlms_parser, MIT) without its HDLC frame: codes with swapped tag and length. */
const SWAPPED = loadFixture("lg-zmf100-swapped-tags").wire.slice(12, -3);

describe.each(bare)("the bare APDU $name", ({ wire, keys, expected }) => {
  it("is complete at its end, without silence, and never requests more than its remaining bytes", () => {
    const long = join(wire, new Uint8Array(8));
    for (let end = 1; end <= wire.length; end++) {
      const scan = scanRawApdu(long, 0, end, false);
      if (scan.kind !== "more") throw new Error(`${scan.kind} after ${end} bytes`);
      expect(scan.bytes).toBeGreaterThan(end);
      expect(scan.bytes).toBeLessThanOrEqual(wire.length + 3);
    }
    expect(scanRawApdu(long, 0, long.length, false)).toMatchObject({ kind: "frame", length: wire.length });
  });

  it("gives the same however it is split", () => {
    for (const { how, pieces } of splits(wire)) expect(summarize(decodePieces(pieces, keys)), how).toEqual(expected);
  });
});

it("a bare APDU after noise is found however it is split; its tail alone is not an APDU", () => {
  const telegram = loadFixture("iskra-am550-si-raw-9-energy");
  const noise = Uint8Array.of(0xaa, 0x55, 0x99, 0xaa, 0x77);
  for (const { how, pieces } of splits(join(noise, telegram.wire))) {
    expect(summarize(decodePieces(pieces, {})), how).toEqual(telegram.expected);
  }
  // From this byte on it looks like a notification without time.
  expect(summarize(decodePieces([telegram.wire.subarray(5)], {}))).toEqual([]);
});

it("bare APDUs may follow each other even if the end of one looks like a frame header", () => {
  const telegram = loadFixture("sagemcom-t210d-raw-plain");
  // Meter number "…A?\x13??": an address, a control byte and a header checksum, as in an HDLC frame.
  const wire = telegram.wire.slice();
  wire.set([0x41, 0x13, 0x20, 0x20], wire.length - 4);
  const events = decodePieces([join(wire, wire, wire)], {});
  expect(events.map(({ type }) => type)).toEqual(["telegram", "telegram", "telegram"]);
});

it("swapped tags do not hide the end of an APDU", () => {
  for (const { how, pieces } of splits(SWAPPED)) {
    const [first, ...others] = summarize(decodePieces(pieces, {}));
    expect(others, how).toEqual([]);
    expect(first, how).toMatchObject({ transport: "raw", meterId: "40799390" });
  }
});
