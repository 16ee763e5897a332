import { describe, expect, it } from "vitest";
import type { Reading } from "../../../src/meter/events.ts";
import { PowerAggregation, type PowerChoice } from "../../../src/sinks/mqtt/power-aggregation.ts";
import { readingOf } from "../../helpers/readings.ts";

/** A reading with this import and export power, in tenths of a watt, and an increasing register. */
const reading = (importDeciW: number, exportDeciW: number, wh: number): Reading =>
  readingOf([
    ["1-0:1.7.0*255", importDeciW, -1, "W"],
    ["1-0:2.7.0*255", exportDeciW, -1, "W"],
    ["1-0:1.8.0*255", wh, 0, "Wh"],
    ["1-0:32.7.0*255", 2300 + wh, -1, "V"],
  ]);
const texts = (one: Reading | undefined): Record<string, string> =>
  Object.fromEntries((one?.values ?? []).map(({ key, text }) => [key, text]));

function collect(choice: PowerChoice, readings: readonly Reading[]): Record<string, string> {
  const window = new PowerAggregation(choice);
  return texts(readings.map((one) => window.add(one)).at(-1));
}

describe("power between two publications", () => {
  const readings = [reading(1000, 0, 1), reading(92_005, 0, 2), reading(0, 500, 3)];

  it("is the latest by default, unchanged", () => {
    const window = new PowerAggregation("newest");
    for (const one of readings) expect(window.add(one)).toBe(one);
  });

  it("is the largest, so that a peak is not lost", () => {
    expect(collect("maximum", readings)).toMatchObject({
      power_import: "9200.5",
      power_export: "50.0",
      power_net: "9200.5",
    });
  });

  it("is the smallest", () => {
    expect(collect("minimum", readings)).toMatchObject({
      power_import: "0.0",
      power_export: "0.0",
      power_net: "-50.0",
    });
  });

  it("is the mean, with no more digits than the meter sends", () => {
    expect(collect("mean", readings)).toMatchObject({
      power_import: "3100.2",
      power_export: "16.7",
      power_net: "3083.5",
    });
    expect(collect("mean", [reading(0, 1, 1), reading(0, 0, 2), reading(0, 0, 3)])).toMatchObject({ power_net: "0.0" });
  });

  it("leaves other values unchanged", () => {
    for (const choice of ["mean", "minimum", "maximum"] as const) {
      expect(collect(choice, readings)).toMatchObject({ energy_import: "0.003", voltage_l1: "230.3" });
    }
  });

  it("starts over after each publication", () => {
    const window = new PowerAggregation("maximum");
    window.add(reading(92_000, 0, 1));
    window.clear();
    expect(texts(window.add(reading(1000, 0, 2)))).toMatchObject({ power_import: "100.0" });
  });
});
