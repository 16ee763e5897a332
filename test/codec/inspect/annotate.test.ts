import { describe, expect, it } from "vitest";
import { formatHex } from "../../../src/codec/hex.ts";
import { type AnnotatedBytes, annotate } from "../../../src/codec/inspect/annotate.ts";
import { dissect, joinSlices, replaceApdu, withCheckSums } from "../../../src/codec/inspect/dissect.ts";
import { seededRandom } from "../../../src/sources/load-profile.ts";
import { fixtureNames, loadFixture } from "../../helpers/fixtures.ts";

function spansOf(part: AnnotatedBytes | undefined): string[] {
  return part?.spans.map(({ kind, label, value }) => `${kind}: ${label} = ${value}`) ?? [];
}

describe("annotate", () => {
  it.each(fixtureNames())("covers every byte of %s exactly once and names every register", (name) => {
    const { wire, keys, expected } = loadFixture(name);
    const parts = annotate(wire, keys);
    for (const part of parts) {
      let at = 0;
      for (const { start, end } of part.spans) {
        expect(start).toBe(at);
        expect(end).toBeGreaterThan(start);
        at = end;
      }
      expect(at).toBe(part.hex.length / 2);
    }
    const key = keys.key === undefined ? null : formatHex(keys.key);
    if (key !== null) expect(JSON.stringify(parts)).not.toContain(key);
    const values = (expected[0]?.values ?? []) as { obis: string }[];
    const labels = parts.flatMap(({ spans }) => spans.map(({ label }) => label));
    const found = values.filter(({ obis }) => labels.some((label) => obis.startsWith(label.replace(/\*255$/, ""))));
    expect(found.length).toBe(values.length);
  });

  it("names frame, header, ciphertext and each register of the documented telegram", () => {
    const { wire, keys } = loadFixture("kaifa-netz-noe");
    const [onWire, plaintext, ...more] = annotate(wire, keys);
    expect(more).toEqual([]);
    expect(spansOf(onWire)).toEqual(
      expect.arrayContaining([
        "frame: M-Bus start, length = 250",
        "frame: CI field = segment 0",
        "header: system title = KFM 6750000009",
        "header: security control = encrypted, suite 0",
        "header: invocation counter = 35",
        "ciphertext: ciphertext = 243 bytes",
        "frame: CI field = segment 1, last",
        "ciphertext: ciphertext (continued) = ",
        "checksum: checksum = right",
      ]),
    );
    expect(spansOf(plaintext)).toEqual(
      expect.arrayContaining([
        "notification: date-time = 2021-09-27 09:47:15",
        "register: 1-0:1.8.0*255 = 12937 Wh",
        "register: 1-0:32.7.0*255 = 233.7 V",
      ]),
    );
  });

  it("shows only the ciphertext without a key or with a wrong one", () => {
    const { wire } = loadFixture("kaifa-netz-noe");
    expect(annotate(wire)).toHaveLength(1);
    expect(annotate(wire, { key: new Uint8Array(16) })).toHaveLength(1);
  });

  it("accepts any bytes", () => {
    const random = seededRandom(1);
    const { wire, keys } = loadFixture("kaifa-netz-noe");
    for (let run = 0; run < 300; run++) {
      const bytes = wire.slice(0, Math.floor(random() * wire.length) + 1);
      for (let hit = 0; hit < 4; hit++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const [part] = annotate(bytes, keys);
      expect(part?.spans.at(-1)?.end).toBe(bytes.length);
    }
    expect(annotate(new Uint8Array(0))).toEqual([{ title: "wire", hex: "", spans: [] }]);
  });
});

it("an empty compact array has no span", () => {
  const wire = Buffer.from("0F000000000002020906010001080" + "0FF130600", "hex");
  for (const { spans } of annotate(wire)) {
    expect(spans.every(({ start, end }) => end > start)).toBe(true);
    expect(spans.at(-1)?.end).toBe(wire.length);
  }
});

describe("dissect", () => {
  it.each(fixtureNames())("finds valid checksums in %s", (name) => {
    const { wire } = loadFixture(name);
    const { seals, slices } = dissect(wire);
    expect(formatHex(withCheckSums(wire, seals))).toBe(formatHex(wire));
    expect(formatHex(replaceApdu(wire, { spans: [], seals: [], slices }, joinSlices(wire, slices)))).toBe(
      formatHex(wire),
    );
  });

  it("refuses an APDU of another length", () => {
    const { wire } = loadFixture("kaifa-netz-noe");
    expect(() => replaceApdu(wire, dissect(wire), new Uint8Array(3))).toThrow(RangeError);
  });
});
