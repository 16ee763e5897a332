/** The template for a list that is not supported yet. */
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { encodeDataNotification } from "../../../src/codec/apdu/data-notification.ts";
import type { AxdrValue } from "../../../src/codec/axdr/axdr-encoder.ts";
import { decodeTelegrams } from "../../../src/codec/decoder.ts";
import { encodeHdlcFrame } from "../../../src/codec/link/hdlc-frame.ts";
import type { ListDefinition } from "../../../src/codec/lists/list-definition.ts";
import { ListSamples } from "../../../src/codec/lists/list-samples.ts";
import { describePositions } from "../../../src/codec/lists/list-template.ts";
import type { ListPosition } from "../../../src/codec/lists/unknown-list.ts";
import { encodeDateTime } from "../../../src/codec/values/date-time.ts";

const text = (value: string): AxdrValue => ({ tag: "octetString", bytes: Buffer.from(value, "latin1") });
const u32 = (value: number): AxdrValue => ({ tag: "doubleLongUnsigned", value });
const u16 = (value: number): AxdrValue => ({ tag: "longUnsigned", value });
const structure = (...items: AxdrValue[]): AxdrValue => ({ tag: "structure", items });
const TIME = encodeDateTime({ year: 2026, month: 11, day: 22, hour: 12, minute: 0, second: 5, offset: 60 });
const wire = (body: AxdrValue): Uint8Array =>
  encodeHdlcFrame(Buffer.concat([Buffer.from("E6E700", "hex"), encodeDataNotification(body)]));

/** A new list: name, number, clock, powers with their sum, voltages, currents, frequency, energy. */
const body = (i: number): AxdrValue =>
  structure(
    text("NEW_LIST"),
    text("6970631409123456"),
    { tag: "octetString", bytes: TIME },
    u32(600 + i),
    ...[100, 200 + i, 300].map(u32),
    ...[2301, 2305, 2312].map(u16),
    ...[
      { tag: "long", value: 12 } as AxdrValue,
      { tag: "long", value: 13 } as AxdrValue,
      { tag: "long", value: 9 } as AxdrValue,
    ],
    { tag: "unsigned", value: 50 } as AxdrValue,
    u16(5001),
    { tag: "long64Unsigned", value: 123_456 + 3 * i } as AxdrValue,
  );

function positionsOf(root: AxdrValue, lists: readonly ListDefinition[] = []): readonly ListPosition[] {
  const [event] = decodeTelegrams(wire(root), { lists });
  if (event?.type !== "fault" || event.positions === undefined) throw new Error("the body fits a list");
  return event.positions;
}
const samples = [0, 1, 2].map((i) => positionsOf(body(i)));

describe("a position in an unknown list", () => {
  it("is described by its type, raw value and possible meanings", () => {
    const rows = describePositions(samples).map(
      ({ path, type, raw, guesses }) => `${path} ${type} ${raw}: ${guesses.join("; ")}`,
    );
    expect(rows).toEqual([
      '0 text "NEW_LIST": the name of the list',
      '1 text "6970631409123456": the meter\'s number',
      "2 octets 2026-11-22T12:00:05+01:00: the meter's clock",
      "3 u32 602: the sum of the three at 4 to 6; a counter, perhaps an energy: it only increased, by 2 in 3 telegrams",
      "4 u32 100: a part of the total at 3",
      "5 u32 202: a part of the total at 3; a counter, perhaps an energy: it only increased, by 2 in 3 telegrams",
      "6 u32 300: a part of the total at 3",
      "7 u16 2301: voltage L1: three alike in a row in 10^-1 V",
      "8 u16 2305: voltage L2: three alike in a row in 10^-1 V",
      "9 u16 2312: voltage L3: three alike in a row in 10^-1 V",
      "10 i16 12: of phase L1, perhaps a current (31.7.0): three of one type in a row",
      "11 i16 13: of phase L2, perhaps a current (51.7.0): three of one type in a row",
      "12 i16 9: of phase L3, perhaps a current (71.7.0): three of one type in a row",
      "13 u8 50: ",
      "14 u16 5001: a frequency in 10^-2 Hz",
      "15 u64 123462: a counter, perhaps an energy: it only increased, by 6 in 3 telegrams",
    ]);
  });

  it("is not guessed to be a counter from one telegram, or if it fell", () => {
    expect(describePositions(samples.slice(0, 1)).some(({ guesses }) => guesses.join().includes("grew"))).toBe(false);
    const fell = describePositions([...samples].reverse());
    expect(fell.some(({ guesses }) => guesses.join().includes("grew"))).toBe(false);
  });
});

describe("the template", () => {
  const collected = new ListSamples();
  for (const sample of samples) collected.add(sample);
  const template = collected.template();

  it("is a block of configuration in which only the name of the list is assumed", () => {
    const { lists } = parseYaml(template) as { lists: ListDefinition[] };
    expect(lists).toHaveLength(1);
    expect(lists[0]?.name).toBe("my-list");
    expect(lists[0]?.elements).toEqual([{ text: "NEW_LIST" }, ...Array(15).fill("skip")]);
    expect(template).toContain("-> { obis: 32.7.0, unit: V, scaler: -1, type: u16 }");
  });

  it("reads the telegram once its guesses are adopted", () => {
    const lines = template.split("\n").map((line) => line.replace(/- skip .*-> ({.*})$/, "- $1"));
    const { lists } = parseYaml(lines.join("\n")) as { lists: ListDefinition[] };
    const [event] = decodeTelegrams(wire(body(7)), { lists });
    expect(event).toMatchObject({
      type: "telegram",
      telegram: { layout: "my-list", meterId: "6970631409123456", meterTime: "2026-11-22T12:00:05+01:00" },
    });
  });

  it("gives paths for nested structures, and matches them", () => {
    const nested = structure(
      text("DEEP"),
      structure(u32(5), structure(u16(2301))),
      { tag: "array", items: [] },
      u32(9),
    );
    const deep = new ListSamples();
    deep.add(positionsOf(nested));
    expect(deep.template()).toContain("path: [1, 1, 0] }");
    const { lists } = parseYaml(deep.template()) as { lists: ListDefinition[] };
    const completed = lists.map((list) => ({
      ...list,
      elements: [...list.elements.slice(0, -1), { obis: "1.7.0", unit: "W" }],
    }));
    const [event] = decodeTelegrams(wire(nested), { lists: completed });
    expect(event).toMatchObject({ type: "telegram", telegram: { registers: [{ obis: "1-0:1.7.0*255" }] } });
  });

  it("contains one list per form, up to a limit", () => {
    const many = new ListSamples();
    for (let i = 0; i < 100; i++) many.add(positionsOf(body(i)));
    for (let n = 1; n < 9; n++) many.add(positionsOf(structure(...Array.from({ length: n + 20 }, () => u32(n)))));
    const { lists } = parseYaml(many.template()) as { lists: ListDefinition[] };
    expect(lists.map(({ name }) => name)).toEqual(["my-list", "my-list-2", "my-list-3", "my-list-4"]);
    expect(many.template()).toContain("by 297 in 16 telegrams");
    expect(new ListSamples().template()).toBe("");
  });
});
