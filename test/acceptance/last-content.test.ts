import { expect, test } from "vitest";
import { contentOf, LastContent } from "../../src/acceptance/last-content.ts";
import type { Register, Telegram } from "../../src/codec/telegram.ts";
import { netzNoe } from "../helpers/telegrams.ts";

const TELEGRAM: Telegram = netzNoe({ counter: 1_000 });
const [first, ...rest] = TELEGRAM.registers as [Register, ...Register[]];

test.each<[string, Telegram]>([
  ["another time", { ...TELEGRAM, meterTime: "2026-01-01T00:00:00+01:00" }],
  ["no time", { ...TELEGRAM, meterTime: null }],
  ["another value", { ...TELEGRAM, registers: [{ ...first, value: { coefficient: 7n, exponent: 0 } }, ...rest] }],
  ["another exponent", { ...TELEGRAM, registers: [{ ...first, value: { coefficient: 7, exponent: -1 } }, ...rest] }],
  ["a text for a number", { ...TELEGRAM, registers: [{ ...first, value: "" }, ...rest] }],
  ["a register less", { ...TELEGRAM, registers: rest }],
  ["a register more", { ...TELEGRAM, registers: [first, ...TELEGRAM.registers] }],
])("content with %s is not that of the telegram; stored and restored, it stays itself", (_, other) => {
  const content = new LastContent();
  content.set(TELEGRAM);
  expect(content.isThatOf(structuredClone(TELEGRAM))).toBe(true);
  expect(content.isThatOf(other)).toBe(false);

  content.set(other);
  expect(content.isThatOf(other)).toBe(true);
  expect(content.isThatOf(TELEGRAM)).toBe(false);
  expect(String(content)).toBe(contentOf(other));

  const restored = new LastContent(String(content));
  expect(restored.isThatOf(other)).toBe(true);
  expect(restored.isThatOf(TELEGRAM)).toBe(false);
});

test("a copy keeps its content while the original goes on", () => {
  const content = new LastContent();
  content.set(TELEGRAM);
  const copy = content.copy();
  content.set({ ...TELEGRAM, meterTime: null });
  expect(copy.isThatOf(TELEGRAM)).toBe(true);
});
