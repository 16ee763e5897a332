import { describe, expect, test } from "vitest";
import { ApduDecoder } from "../../src/codec/apdu/apdu.ts";
import { createDecoder, decodeTelegrams } from "../../src/codec/decoder.ts";
import type { DecoderEvent } from "../../src/codec/decoder-event.ts";
import { MbusAssembler } from "../../src/codec/link/mbus-assembler.ts";
import { encodeMbusFrames, type MbusFrame, scanMbusFrame } from "../../src/codec/link/mbus-frame.ts";
import { loadFixture, summarize } from "../helpers/fixtures.ts";
import { decodePieces, join, splits } from "../helpers/splits.ts";

const noe = loadFixture("kaifa-netz-noe");
const ksm = loadFixture("kaifa-ksm-west");
const t210 = loadFixture("sagemcom-t210d-length-overflow");
const NOE_SECOND = 256;
const KSM_SECOND = 256;

/** The events in short form: `telegram@offset` and `code@offset`. */
function shortEvents(events: readonly DecoderEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === "skipped") return [];
    return [event.type === "telegram" ? `telegram@${event.offset}` : `${event.code}@${event.offset}`];
  });
}

const decode = (...parts: Uint8Array[]) => shortEvents(decodeTelegrams(join(...parts), noe.keys));

/** A copy with one byte changed. */
function changed(bytes: Uint8Array, at: number, value = (bytes[at] as number) ^ 0x01): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

const first = noe.wire.subarray(0, NOE_SECOND);
const second = noe.wire.subarray(NOE_SECOND);
const noise = Uint8Array.from([0x00, 0x68, 0x16, 0x68, 0x68, 0xfa, 0x12, 0x7e, 0xdb, 0x2f, 0x0f]);

describe("a read may end anywhere", () => {
  for (const fixture of [noe, ksm, t210]) {
    test(`${fixture.name}, every split`, () => {
      for (const { how, pieces } of splits(fixture.wire)) {
        expect(summarize(decodePieces(pieces, fixture.keys)), how).toEqual(fixture.expected);
      }
    });
  }

  test("two telegrams with noise around and between them, every split", () => {
    const stream = join(noise, ksm.wire, noise, ksm.wire, noise);
    const expected = [...ksm.expected, ...ksm.expected];
    for (const { how, pieces } of splits(stream)) {
      expect(summarize(decodePieces(pieces, ksm.keys)), how).toEqual(expected);
    }
  });

  test("a telegram is emitted at its last byte", () => {
    const decoder = createDecoder(noe.keys);
    expect(decoder.feed(noe.wire.subarray(0, -1))).toEqual([]);
    expect(shortEvents(decoder.feed(noe.wire.subarray(-1)))).toEqual(["telegram@0"]);
  });

  test("several telegrams in one read are emitted in order with their offsets", () => {
    expect(decode(noe.wire, noe.wire, noe.wire)).toEqual(["telegram@0", "telegram@282", "telegram@564"]);
  });
});

describe("a stream may start anywhere", () => {
  test("at any byte of a telegram: no wrong telegram, and the next one is read", () => {
    for (let at = 1; at < noe.wire.length; at++) {
      const events = decodeTelegrams(join(noe.wire.subarray(at), noe.wire), noe.keys);
      const telegrams = events.filter((event) => event.type === "telegram");
      expect(
        telegrams.map((event) => event.offset),
        `from byte ${at}`,
      ).toEqual([noe.wire.length - at]);
      expect(summarize(telegrams)).toEqual(noe.expected);
      expect(events.filter((event) => event.type === "fault").length, `from byte ${at}`).toBeLessThanOrEqual(1);
    }
  });

  test("at the second frame: one segmentation fault", () => {
    expect(decode(second, noe.wire)).toEqual(["segmentation@0", "telegram@26"]);
  });

  test("in noise before the second frame: still one segmentation fault", () => {
    expect(decode(noise, second, noe.wire)).toEqual([`segmentation@${noise.length}`, `telegram@${noise.length + 26}`]);
  });
});

describe("a truncated telegram does not affect the next one", () => {
  test("truncated at any byte, followed by an intact one: one fault, one telegram", () => {
    // Without only its stop byte it is accepted (see the deviations).
    for (let length = 1; length < noe.wire.length - 1; length++) {
      const events = decodeTelegrams(join(noe.wire.subarray(0, length), noe.wire), noe.keys);
      const telegrams = events.filter((event) => event.type === "telegram");
      expect(
        telegrams.map((event) => event.offset),
        `${length} bytes`,
      ).toEqual([length]);
      expect(events.filter((event) => event.type === "fault").length, `${length} bytes`).toBeLessThanOrEqual(1);
      if (length > 9) expect(events.filter((event) => event.type === "fault")).toHaveLength(1);
    }
  });

  test("truncated by the end of the input", () => {
    expect(decode(noe.wire.subarray(0, 100))).toEqual(["framing@0"]);
    expect(decode(first)).toEqual(["segmentation@0"]);
    expect(decode(noe.wire.subarray(0, 270))).toEqual(["framing@256"]);
  });

  test("truncated by silence, then an intact one", () => {
    const decoder = createDecoder(noe.keys);
    expect(decoder.feed(noe.wire.subarray(0, 200))).toEqual([]);
    expect(shortEvents(decoder.silence())).toEqual(["framing@0"]);
    expect(shortEvents(decoder.feed(noe.wire))).toEqual(["telegram@200"]);
  });

  test("a first frame discards what was collected", () => {
    expect(decode(first, noe.wire)).toEqual(["segmentation@0", "telegram@256"]);
  });

  test("a false start hides a good telegram until silence ends it", () => {
    const decoder = createDecoder(noe.keys);
    const falseStart = Uint8Array.of(0x68, 0xf0, 0xf0, 0x68);
    expect(decoder.feed(join(falseStart, noe.wire.subarray(0, 240)))).toEqual([]);
    expect(shortEvents(decoder.feed(noe.wire.subarray(240)))).toEqual(["telegram@4"]);
    const single = encodeMbusFrames(noe.wire.slice(9, 40))[0] as Uint8Array;
    expect(decoder.feed(join(falseStart, single))).toEqual([{ type: "skipped", offset: 0, length: 4 }].slice(1));
    expect(shortEvents(decoder.silence())).toEqual(["malformed@290"]);
  });
});

describe("one faulty telegram is one fault", () => {
  test("each byte of the two-frame telegram changed, then an intact one", () => {
    for (let at = 0; at < noe.wire.length; at++) {
      const events = decodeTelegrams(join(changed(noe.wire, at), noe.wire), noe.keys);
      const entries = shortEvents(events);
      expect(entries.at(-1), `byte ${at}`).toBe(`telegram@${noe.wire.length}`);
      expect(entries.slice(0, -1), `byte ${at}`).toHaveLength(1);
      const [code] = (entries[0] as string).split("@");
      expect(["checksum", "framing", "segmentation"], `byte ${at}`).toContain(code);
    }
  });

  test("content changed: checksum, at the damaged frame", () => {
    expect(decode(noe.wire, changed(noe.wire, 100))).toEqual(["telegram@0", "checksum@282"]);
    expect(decode(changed(noe.wire, NOE_SECOND + 12))).toEqual(["checksum@256"]);
    expect(decode(changed(noe.wire, 254))).toEqual(["checksum@0"]);
  });

  test("stop byte changed: framing", () => {
    expect(decode(changed(noe.wire, 255, 0x17), noe.wire)).toEqual(["framing@0", "telegram@282"]);
    expect(decode(changed(noe.wire, 281, 0x17), noe.wire)).toEqual(["framing@256", "telegram@282"]);
  });

  test("length fields that differ: framing", () => {
    expect(decode(changed(noe.wire, 1), noe.wire)).toEqual(["framing@0", "telegram@282"]);
    expect(decode(changed(noe.wire, NOE_SECOND + 2), noe.wire)).toEqual(["framing@256", "telegram@282"]);
  });

  test("a byte lost or inserted at any position: one fault, then the next telegram", () => {
    for (let at = 10; at < noe.wire.length; at++) {
      const without = join(noe.wire.subarray(0, at), noe.wire.subarray(at + 1));
      const withExtra = join(noe.wire.subarray(0, at), Uint8Array.of(0x55), noe.wire.subarray(at));
      for (const damaged of [without, withExtra]) {
        const events = decodeTelegrams(join(damaged, noe.wire), noe.keys);
        const good = events.filter((event) => event.type === "telegram");
        expect(good.at(-1)?.offset, `byte ${at}`).toBe(damaged.length);
        expect(summarize(good), `byte ${at}`).toEqual(good.map(() => noe.expected[0]));
        // A missing stop byte before a header is tolerated, and so is noise between two frames.
        const faults = events.length - good.length - events.filter((event) => event.type === "skipped").length;
        expect(faults + good.length, `byte ${at}`).toBe(2);
      }
    }
  });

  test("two damaged frames of one telegram are one fault", () => {
    expect(decode(changed(changed(noe.wire, 100), 270), noe.wire)).toEqual(["checksum@0", "telegram@282"]);
  });

  test("two damaged telegrams are two faults", () => {
    const damaged = changed(noe.wire, 100);
    expect(decode(damaged, damaged, noe.wire)).toEqual(["checksum@0", "checksum@282", "telegram@564"]);
  });

  test("two telegrams without their first frame are two faults", () => {
    expect(decode(second, second, noe.wire)).toEqual(["segmentation@0", "segmentation@26", "telegram@52"]);
  });

  test("noise alone is not a fault", () => {
    expect(decode(noise, noise)).toEqual([]);
    const events = decodeTelegrams(join(noise, noise));
    expect(events.filter((event) => event.type !== "skipped")).toEqual([]);
    expect(events.reduce((sum, event) => sum + event.length, 0)).toBe(22);
  });
});

describe("deviations seen in the field", () => {
  test("a missing stop byte before the next frame or at the end of the input is tolerated", () => {
    const withoutFirst = join(noe.wire.subarray(0, 255), noe.wire.subarray(256));
    expect(decode(withoutFirst, noe.wire)).toEqual(["telegram@0", "telegram@281"]);
    const withoutLast = noe.wire.subarray(0, -1);
    expect(decode(withoutLast)).toEqual(["telegram@0"]);
    expect(decode(withoutLast, noe.wire)).toEqual(["telegram@0", "telegram@281"]);
  });

  test("single E5 bytes and short frames are ignored", () => {
    const fill = Uint8Array.of(0xe5, 0x10, 0x40, 0x01, 0x41, 0x16, 0xe5);
    const events = decodeTelegrams(join(fill, first, fill, second, fill), noe.keys);
    expect(events.map((event) => event.type)).toEqual(["telegram"]);
    expect(summarize(events)).toEqual(noe.expected);
  });

  test("a frame with length field 0, as sent by some firmware, is not a frame of 256 bytes", () => {
    const printed = changed(changed(noe.wire.slice(0, 262), 1, 0), 2, 0);
    expect(decode(printed, noe.wire).at(-1)).toBe("telegram@262");
  });

  test("the length overflow is tried only if the length is impossible", () => {
    // 20 + 256 + 6 bytes from a damaged second frame happen to end at the stop byte of the next first frame.
    const damaged = changed(noe.wire, NOE_SECOND + 12);
    expect(decode(damaged, noe.wire)).toEqual(["checksum@256", "telegram@282"]);
  });
});

describe("segments", () => {
  const apdu = apduOf(ksm.wire);

  function apduOf(wire: Uint8Array): Uint8Array {
    return join(wire.subarray(9, KSM_SECOND - 2), wire.subarray(KSM_SECOND + 9, -2));
  }

  test("any number and size of frames, also beyond sixteen", () => {
    for (const maxData of [1, 5, 10, 20, 23, 60, 120, 245, 250, 251, 252, 253, 254, 255]) {
      const wire = join(...encodeMbusFrames(apdu, { maxData }));
      expect(summarize(decodeTelegrams(join(wire, wire), ksm.keys)), `${maxData}`).toEqual([
        ...ksm.expected,
        ...ksm.expected,
      ]);
    }
  });

  test("a telegram of twenty segments that loses its last four does not affect the next one", () => {
    const frames = encodeMbusFrames(apdu, { maxData: 18 });
    expect(frames).toHaveLength(20);
    const entries = shortEvents(decodeTelegrams(join(...frames.slice(0, 16), ksm.wire), ksm.keys));
    expect(entries).toEqual(["segmentation@0", `telegram@${join(...frames.slice(0, 16)).length}`]);
  });

  test("a frame lost, repeated, or swapped with the next: one fault, never a wrong telegram", () => {
    const frames = encodeMbusFrames(apdu, { maxData: 60 });
    for (let at = 0; at < frames.length - 1; at++) {
      const lost = frames.filter((_, index) => index !== at);
      const repeated = frames.flatMap((frame, index) => (index === at ? [frame, frame] : [frame]));
      const swapped = frames.map(
        (frame, index) => frames[index === at ? at + 1 : index === at + 1 ? at : index] ?? frame,
      );
      for (const damaged of [lost, repeated, swapped]) {
        const events = decodeTelegrams(join(...damaged, ksm.wire), ksm.keys);
        const good = events.filter((event) => event.type === "telegram");
        expect(summarize(good)).toEqual(good.map(() => ksm.expected[0]));
        expect(good.at(-1)?.offset).toBe(join(...damaged).length);
        // A repeated first frame restarts the telegram, which is then complete. A first frame in second place starts a
        // second faulty telegram, and so does a frame after the last.
        const faults = shortEvents(events).filter((entry) => !entry.startsWith("telegram"));
        expect(faults).toHaveLength(damaged === swapped && (at === 0 || at === frames.length - 2) ? 2 : 1);
        for (const fault of faults) expect(fault).toMatch(/^segmentation@/);
      }
    }
  });

  test("frames of different access points are not mixed", () => {
    const [a] = encodeMbusFrames(apdu);
    const [, b] = encodeMbusFrames(apdu, { dtsap: 0x68 });
    expect(shortEvents(decodeTelegrams(join(a as Uint8Array, b as Uint8Array, ksm.wire), ksm.keys))).toEqual([
      "segmentation@0",
      "telegram@376",
    ]);
  });

  test("a frame of another M-Bus application is unsupported, and does not affect the others", () => {
    const heat = (encodeMbusFrames(Uint8Array.of(1, 2, 3, 4))[0] as Uint8Array).slice();
    const heatMeter = changed(changed(heat, 6, 0x72), heat.length - 2, ((heat.at(-2) as number) + 0x72 - 0x10) & 0xff);
    expect(shortEvents(decodeTelegrams(join(ksm.wire, heatMeter, ksm.wire), ksm.keys))).toEqual([
      "telegram@0",
      "unsupported@376",
      `telegram@${376 + heatMeter.length}`,
    ]);
    const between = join(ksm.wire.subarray(0, KSM_SECOND), heatMeter, ksm.wire.subarray(KSM_SECOND));
    expect(shortEvents(decodeTelegrams(between, ksm.keys))).toEqual(["unsupported@256", "telegram@0"]);
  });

  test("other control fields, addresses and access points are accepted", () => {
    const wire = join(...encodeMbusFrames(apdu, { control: 0x73, address: 0x01, stsap: 0x02, dtsap: 0x03 }));
    expect(summarize(decodeTelegrams(wire, ksm.keys))).toEqual(ksm.expected);
  });
});

describe("how many bytes a source may wait for", () => {
  test("the smallest frame, then the length from the header, then none", () => {
    const decoder = createDecoder(noe.keys);
    expect(decoder.wanted).toBe(0);
    decoder.feed(noe.wire.subarray(0, 1));
    expect(decoder.wanted).toBe(11);
    decoder.feed(noe.wire.subarray(1, 12));
    // A segment without FIN: another frame must follow.
    expect(decoder.wanted).toBe(256 - 12 + 12);
    decoder.feed(noe.wire.subarray(12, 256));
    expect(decoder.wanted).toBe(12);
    decoder.feed(noe.wire.subarray(256, 268));
    expect(decoder.wanted).toBe(26 - 12);
    decoder.feed(noe.wire.subarray(268));
    expect(decoder.wanted).toBe(0);
  });

  test("never more than the rest of the telegram", () => {
    for (const fixture of [noe, ksm, t210]) {
      const decoder = createDecoder(fixture.keys);
      const events: DecoderEvent[] = [];
      for (let at = 0; at < fixture.wire.length; ) {
        const length = Math.max(1, decoder.wanted);
        events.push(...decoder.feed(fixture.wire.subarray(at, at + length)));
        at += length;
        expect(at).toBeLessThanOrEqual(fixture.wire.length);
      }
      expect(summarize(events)).toEqual(fixture.expected);
    }
  });
});

describe("before the stop byte arrives", () => {
  const newDecoder = (): ApduDecoder => new ApduDecoder(noe.keys);
  const apdu = join(first.subarray(9, -2), second.subarray(9, -2));

  test("the APDU is decoded in advance, and not again when it is complete", () => {
    const apdus = newDecoder();
    apdus.prepare(apdu, "mbus", "sum");
    const [telegram] = apdus.decode(apdu.slice(), "mbus", "sum");
    expect([telegram]).toEqual(newDecoder().decode(apdu, "mbus", "sum"));
    expect(apdus.systemTitle).toBe(telegram?.systemTitle);
    apdus.prepare(apdu, "mbus", "sum");
    apdus.prepare(apdu, "mbus", "sum");
    const [prepared] = apdus.decode(apdu, "mbus", "sum");
    // A prepared telegram is used once: the next one with the same bytes is decoded again.
    expect(apdus.decode(apdu, "mbus", "sum")[0]).not.toBe(prepared);
  });

  test("a prepared telegram is not used for another APDU, nor for the same one with another proof", () => {
    for (let at = 0; at < apdu.length; at++) {
      const apdus = newDecoder();
      apdus.prepare(apdu, "mbus", "sum");
      const other = changed(apdu, at);
      const outcome = (decoder: ApduDecoder): unknown => {
        try {
          return decoder.decode(other, "mbus", "sum");
        } catch (error) {
          return (error as Error).message;
        }
      };
      expect(outcome(apdus), `byte ${at}`).toEqual(outcome(newDecoder()));
    }
    const apdus = newDecoder();
    apdus.prepare(apdu, "mbus", "sum");
    expect(apdus.decode(apdu, "mbus", "none")[0]?.proof).toBe("none");
  });

  test("an APDU that cannot be decoded gives its fault once, at the stop byte", () => {
    const decoder = createDecoder({ key: new Uint8Array(16) });
    expect(decoder.feed(noe.wire.subarray(0, -1))).toEqual([]);
    expect(shortEvents(decoder.feed(noe.wire.subarray(-1)))).toEqual(["key-wrong@0"]);
  });

  test("any other byte instead gives no telegram and does not affect the next one", () => {
    for (let byte = 0; byte < 256; byte++) {
      const decoder = createDecoder(noe.keys);
      decoder.feed(noe.wire.subarray(0, -1));
      const events = [...decoder.feed(Uint8Array.of(byte)), ...decoder.feed(ksm.wire), ...decoder.silence()];
      const telegrams = events.filter(({ type }) => type === "telegram");
      expect(summarize(telegrams), `byte ${byte}`).toEqual(byte === 0x16 ? noe.expected : []);
      expect(summarize(decoder.feed(noe.wire)), `after byte ${byte}`).toEqual(noe.expected);
    }
  });

  test("looking ahead at a frame does not change the collected segments", () => {
    const frameOf = (bytes: Uint8Array): MbusFrame => {
      const scan = scanMbusFrame(bytes, 0, bytes.length, false);
      if (scan.kind !== "frame" || scan.frame === null) throw new Error("no frame");
      return scan.frame;
    };
    const assembler = new MbusAssembler();
    expect(assembler.foresee(frameOf(first))).toBeUndefined();
    expect(assembler.foresee(frameOf(second))).toBeUndefined();
    assembler.accept(frameOf(first));
    expect(assembler.foresee(frameOf(second))?.apdu).toEqual(apdu);
    expect(assembler.foresee(frameOf(first))).toBeUndefined();
    expect(assembler.pending).toBe(true);
    expect(assembler.accept(frameOf(second))?.apdu).toEqual(apdu);
  });
});

test("reset forgets everything", () => {
  const decoder = createDecoder(noe.keys);
  decoder.feed(noe.wire.subarray(0, 270));
  decoder.reset();
  expect(decoder.wanted).toBe(0);
  expect(shortEvents(decoder.feed(noe.wire))).toEqual(["telegram@0"]);
});

test("telegrams and faults carry a copy of their bytes with keepBytes", () => {
  const decoder = createDecoder({ ...noe.keys, keepBytes: true });
  const [telegram] = decoder.feed(join(noise, noe.wire)).slice(1);
  expect(telegram).toMatchObject({ type: "telegram", bytes: noe.wire });
  const damaged = changed(noe.wire, 100);
  const [fault] = decoder.feed(damaged);
  expect(fault).toMatchObject({ type: "fault", code: "checksum", bytes: damaged.subarray(0, 256) });
});
