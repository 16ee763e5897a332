import { describe, expect, test } from "vitest";
import { formatHex, parseHex } from "../../../src/codec/hex.ts";
import {
  clockStatus,
  encodeDateTime,
  formatDate,
  formatDateTime,
  formatTime,
  looksLikeDateTime,
} from "../../../src/codec/values/date-time.ts";

describe("ISO 8601 from twelve bytes", () => {
  test.each([
    ["summer time in Austria", "07E5091B01092F0F00FF8880", "2021-09-27T09:47:15+02:00"],
    ["winter time", "07E60B0C0610360000FFC400", "2022-11-12T16:54:00+01:00"],
    ["no deviation: local time", "07E7031C02130B14FF800000", "2023-03-28T19:11:20"],
    ["deviation 0", "07E7031C02130B14FF000000", "2023-03-28T19:11:20+00:00"],
    ["west of Greenwich", "07E7031C02130B14FF00D200", "2023-03-28T19:11:20-03:30"],
    ["hundredths", "07E7031C02130B1419800000", "2023-03-28T19:11:20.25"],
    ["weekday not specified", "07E7031CFF130B14FF800000", "2023-03-28T19:11:20"],
    ["an impossible deviation is ignored", "07E7031C02130B14FF7FFF00", "2023-03-28T19:11:20"],
    ["a leap day", "07E8021D04000000FF800000", "2024-02-29T00:00:00"],
  ])("%s", (_, hex, iso) => {
    expect(formatDateTime(parseHex(hex))).toBe(iso);
  });

  test.each([
    ["year not specified", "FFFF031C02130B14FF800000"],
    ["month not specified", "07E7FF1C02130B14FF800000"],
    ["day not specified", "07E703FF02130B14FF800000"],
    ["hour not specified", "07E7031C02FF0B14FF800000"],
    ["minute not specified", "07E7031C0213FF14FF800000"],
    ["second not specified", "07E7031C02130BFFFF800000"],
    ["no such day", "07E7021D02130B14FF800000"],
    ["hour 24", "07E7031C02180B14FF800000"],
    ["all zeros", "000000000000000000000000"],
  ])("%s: no time", (_, hex) => {
    expect(formatDateTime(parseHex(hex))).toBeNull();
  });

  test("date and time alone", () => {
    expect(formatDate(parseHex("07E7031C02"))).toBe("2023-03-28");
    expect(formatTime(parseHex("130B1400"))).toBe("19:11:20");
  });

  test("the clock status, if there is one", () => {
    expect(clockStatus(parseHex("07E5091B01092F0F00FF8880"))).toBe(0x80);
    expect(clockStatus(parseHex("07E5091B01092F0F00FF88FF"))).toBeNull();
  });

  test("twelve digits are not a clock", () => {
    expect(looksLikeDateTime(new TextEncoder().encode("181220000009"))).toBe(false);
    expect(looksLikeDateTime(parseHex("07E5091B01092F0F00FF8880"))).toBe(true);
  });
});

test("the encoder reproduces the documented example", () => {
  const fields = {
    year: 2021,
    month: 9,
    day: 27,
    hour: 9,
    minute: 47,
    second: 15,
    hundredths: 0,
    offset: 120,
    status: 0x80,
  };
  expect(formatHex(encodeDateTime(fields))).toBe("07E5091B01092F0F00FF8880");
  const sunday = { year: 2026, month: 11, day: 22, hour: 0, minute: 0, second: 0, offset: null };
  expect(formatHex(encodeDateTime(sunday))).toBe("07EA0B1607000000FF800000");
});
