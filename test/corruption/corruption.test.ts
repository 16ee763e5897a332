/**
 * The corruption test: CORRUPTION_TELEGRAMS telegrams (100,000 unless told otherwise) over bad lines. By hand:
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
const LAYOUTS = ["netz-noe", "ksm-west"] as const;

describe.each(LAYOUTS)("%s", (layout) => {
  test.each(LINES)(
    "$name: no register falls or jumps, no intact telegram is lost",
    { timeout: 30_000 + TELEGRAMS },
    ({ name, ...line }) => {
      const telegrams = Math.ceil(TELEGRAMS / (LINES.length * LAYOUTS.length));
      const report = runLine({ layout, telegrams, seed: seedOf(`${layout}, ${name}`), ...line });
      write(`${layout}, ${name}`, report);
      expect(report.violations).toEqual([]);
      expect(report.lost).toEqual([]);
      expect(report.damaged).toBeGreaterThan(telegrams * 0.2);
      // Nearly all that got past the sums is found; what is not is a digit of a gauge.
      expect(report.wrongDecoded).toBeGreaterThan(telegrams / 1000);
      expect(report.wrongReadings).toBeLessThan(report.wrongDecoded / 10);
      expect(report.wrongEnergies).toBeLessThan(Math.max(4, report.published / 1000));
    },
  );
});

/** Each line has a seed of its own, so that none repeats another. */
function seedOf(name: string): number {
  return [...name].reduce((seed, letter) => (seed * 31 + letter.charCodeAt(0)) % 2 ** 31, SEED);
}

/** The figures for docs/acceptance.md, if a file is named. */
function write(name: string, report: Report): void {
  const file = process.env.CORRUPTION_REPORT;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ name, ...report })}\n`);
}
