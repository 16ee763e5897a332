/** Feeds with readings. */
import { MeterFeed } from "../../../src/sinks/output/meter-feed.ts";
import type { OutputParts } from "../../../src/sinks/output/output.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { type Row, readingOf } from "../../helpers/readings.ts";

export const V = (phase: 1 | 2 | 3, decivolts: number): Row => [`1-0:${12 + 20 * phase}.7.0*255`, decivolts, -1, "V"];
export const A = (phase: 1 | 2 | 3, centiamperes: number): Row => [
  `1-0:${11 + 20 * phase}.7.0*255`,
  centiamperes,
  -2,
  "A",
];
export const W = (code: string, watts: number): Row => [`1-0:${code}*255`, watts, 0, "W"];
export const WH = (code: string, wattHours: number): Row => [`1-0:${code}*255`, wattHours, 0, "Wh"];

/** All values of three phases, importing. */
export const THREE_PHASES: readonly Row[] = [
  WH("1.8.0", 12_937_123),
  WH("2.8.0", 4_567_890),
  W("1.7.0", 2_300),
  W("2.7.0", 0),
  V(1, 2301),
  V(2, 2312),
  V(3, 2323),
  A(1, 500),
  A(2, 300),
  A(3, 230),
];

export const SILENT = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };

export function partsOf(clock: FakeClock, periodMs: number | null = 5_000): OutputParts {
  return { periodMs: () => periodMs, version: "1.2.3", log: SILENT, clock };
}

export function feedOf(rows: readonly Row[], clock = new FakeClock()): MeterFeed {
  const feed = new MeterFeed(undefined, () => 5_000, clock);
  feed.take({ type: "reading", reading: readingOf(rows) });
  return feed;
}
