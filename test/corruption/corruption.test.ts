/**
 * The corruption test: CORRUPTION_TELEGRAMS telegrams (default 100,000) over bad lines. By hand:
 * `CORRUPTION_TELEGRAMS=1000000 npx vitest run --project unit test/corruption`
 */
import { appendFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DAMAGES, type DamageName, UNSEEN } from "./damage.ts";
import { type Report, runLine } from "./run.ts";

const TELEGRAMS = Number(process.env.CORRUPTION_TELEGRAMS ?? 100_000);
const SEED = Number(process.env.CORRUPTION_SEED ?? 20261122);
const ALL = Object.keys(DAMAGES) as DamageName[];

const LINES = [
  { name: "a bad line", share: 0.3, damages: ALL, silence: true },
  { name: "a bad line without pauses between telegrams", share: 0.3, damages: ALL, silence: false },
  { name: "damage that keeps both sums right", share: 0.3, damages: UNSEEN, silence: true },
  { name: "a bad line, with restarts", share: 0.3, damages: ALL, silence: true, restartEvery: 97 },
] as const;
const LAYOUTS = ["netz-noe", "ksm-west", "amis"] as const;
/** An AMIS telegram is one frame without a meter number: telegrams of another meter with the same key are not detected. */
const NOT_AMIS: readonly DamageName[] = ["two streams, byte by byte", "two streams, frame by frame", "a splice"];

describe.each(LAYOUTS)("%s", (layout) => {
  test.each(LINES)(
    "$name: no register falls or jumps, no intact telegram is lost",
    { timeout: 30_000 + TELEGRAMS },
    ({ name, damages, ...line }) => {
      const amis = layout === "amis";
      const telegrams = Math.ceil(TELEGRAMS / (LINES.length * LAYOUTS.length));
      const kinds = damages.filter((damage) => !amis || !NOT_AMIS.includes(damage));
      const report = runLine({ layout, telegrams, seed: seedOf(`${layout}, ${name}`), damages: kinds, ...line });
      write(`${layout}, ${name}`, report);
      expect(report.violations).toEqual([]);
      expect(report.lost).toEqual([]);
      expect(report.damaged).toBeGreaterThan(telegrams * 0.2);
      // Acceptance finds nearly everything that passed the checksums; the rest are digits of gauges.
      expect(report.wrongDecoded).toBeGreaterThan(telegrams / (amis ? 3000 : 1000));
      // The clock of an AMIS telegram is verified by its weekday and earlier clocks; its header, on which deciphering the
      // clock depends, only by an 8-bit checksum.
      const clocks = amis ? (report.wrongBy.time ?? 0) : 0;
      expect(clocks).toBeLessThan(Math.max(4, telegrams / 200));
      expect(report.wrongReadings - clocks).toBeLessThan(Math.max(1, report.wrongDecoded / 10));
      expect(report.wrongEnergies).toBeLessThan(Math.max(4, report.published / 1000));
    },
  );
});

/** Each line has its own seed, so that no two are alike. */
function seedOf(name: string): number {
  return [...name].reduce((seed, letter) => (seed * 31 + letter.charCodeAt(0)) % 2 ** 31, SEED);
}

/** Writes the figures for docs/acceptance.md if a file is given. */
function write(name: string, report: Report): void {
  const file = process.env.CORRUPTION_REPORT;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ name, ...report })}\n`);
}
