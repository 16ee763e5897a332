import { describe, expect, it } from "vitest";
import type { Logger } from "../../src/log/log.ts";
import { formatDuration, RepeatedFaults } from "../../src/log/repeated-faults.ts";

function recorder() {
  const lines: string[] = [];
  const at = (level: string) => (message: string | (() => string)) => {
    lines.push(`${level}: ${typeof message === "string" ? message : message()}`);
  };
  const log: Logger = { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug"), child: () => log };
  return { lines, log };
}

describe("a fault that repeats", () => {
  it("is logged once, summarized at growing intervals, and its end is logged", () => {
    const { lines, log } = recorder();
    let now = 0;
    const faults = new RepeatedFaults(log, () => now);
    for (; now < 3_600_000; now += 5_000) faults.fault("crc", "telegrams with a wrong checksum");
    faults.over("crc", "telegrams are right again");
    expect(lines).toEqual([
      "warn: telegrams with a wrong checksum",
      "warn: telegrams with a wrong checksum (13 times in 60 s)",
      "warn: telegrams with a wrong checksum (61 times in 5 min)",
      "warn: telegrams with a wrong checksum (253 times in 21 min)",
      "info: telegrams are right again after 60 min (720 times)",
    ]);
  });

  it("of another kind is logged separately, and an end without a beginning is not logged", () => {
    const { lines, log } = recorder();
    const faults = new RepeatedFaults(log, () => 0);
    faults.fault("a", "a is broken", "error");
    faults.fault("b", "b is broken");
    faults.over("c", "c works again");
    faults.over("a", "a works again");
    expect(faults.has("a")).toBe(false);
    expect(faults.has("b")).toBe(true);
    expect(lines).toEqual(["error: a is broken", "warn: b is broken", "info: a works again after 0 s (once)"]);
  });

  it("a million kinds do not exhaust memory", () => {
    const { log } = recorder();
    const faults = new RepeatedFaults(log, () => 0);
    for (let i = 0; i < 1_000; i++) faults.fault(`kind ${i}`, "x");
    expect(faults.has("kind 0")).toBe(false);
    expect(faults.has("kind 999")).toBe(true);
  });
});

it.each([
  [400, "0 s"],
  [8_000, "8 s"],
  [180_000, "3 min"],
  [7_200_000, "2 h"],
  [4 * 86_400_000, "4 d"],
])("%d ms are %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});
