import { expect, it } from "vitest";
import { StatusOfBackfill } from "../../src/backfill/backfill-status.ts";
import { backfillSentences } from "../../src/http/page/backfill-sentences.ts";

const HOUR_MS = 3_600_000;
const BEGIN = Date.parse("2026-03-02T00:00:00Z");

it("the page has one sentence each for missed, filled and unfilled hours, in both languages", () => {
  const status = new StatusOfBackfill();
  const sentences = (language: "en" | "de") => backfillSentences(status.status(), language);
  expect(sentences("en")).toEqual(["Not compared yet."]);
  status.compared(BEGIN, []);
  expect(sentences("en")).toEqual(["Home Assistant has every hour."]);
  const hour = (index: number, reason: "ledger-gap" | "no-row-after" | null) => ({
    start: BEGIN + index * HOUR_MS,
    reason,
  });
  // Import and export lack the same hour, which counts once.
  status.compared(BEGIN, [hour(1, null), hour(1, null), hour(2, null), hour(3, "ledger-gap"), hour(8, "no-row-after")]);
  expect(sentences("en").map((text) => text.replace(/between .*/, "between …"))).toEqual([
    "Home Assistant missed 4 h between …",
    "2 h were filled from the ledger.",
    "1 h cannot be filled: the ledger has a gap in this hour, whose energy is not divided.",
    "1 h must wait: Home Assistant has no later row yet; it writes one after the first full hour with values.",
  ]);
  expect(sentences("de")[1]).toBe("2 h wurden aus der Aufzeichnung nachgetragen.");
  status.fail("Home Assistant cannot be reached at http://127.0.0.1:8123 (no answer)");
  expect(sentences("en").at(-1)).toBe(
    "The statistics cannot be compared: Home Assistant cannot be reached at http://127.0.0.1:8123 (no answer)",
  );
});
