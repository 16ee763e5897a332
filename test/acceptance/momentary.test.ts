import { describe, expect, test } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import type { Telegram } from "../../src/codec/telegram.ts";
import { buildReading } from "../../src/meter/reading.ts";
import { METER } from "../helpers/readings.ts";
import { netzNoe, PERIOD_MS } from "../helpers/telegrams.ts";

/** With reactive energy and without reactive power, as at KSM-West. */
function ksmWest(counter: number, reactive: number): Telegram {
  const told = netzNoe({ counter });
  const added = { obis: "1-0:3.8.0*255", value: { coefficient: reactive, exponent: 0 }, unit: "varh", scaler: 0 };
  return { ...told, registers: [...told.registers, added] };
}

describe("values of the moment never wait", () => {
  test("a reactive energy jumps, as when a heat pump starts: the power at once, the energies with the next telegram", () => {
    const acceptance = createAcceptance();
    const hear = (counter: number, reactive: number) =>
      acceptance.judge(ksmWest(counter, reactive), counter * PERIOD_MS);
    for (const counter of [0, 1, 2, 3]) hear(counter, 700_000);
    const [first, ...more] = hear(4, 700_006);
    expect(more).toEqual([]);
    if (first === undefined) throw new Error("no verdict");
    expect(first.type).toBe("provisional");
    const reading = buildReading(first.telegram, { meter: METER, receivedAt: 0, complete: false });
    expect(reading.values.filter(({ unit }) => unit === "W").map(({ text }) => text)).toContain("720");
    expect(reading.values.filter(({ unit }) => unit?.endsWith("h"))).toEqual([]);
    expect(hear(5, 700_006).map(({ type }) => type)).toEqual(["accepted", "accepted"]);
  });

  test("an energy that is more likely damaged than true: the powers of this telegram wait, too", () => {
    const acceptance = createAcceptance();
    for (const counter of [0, 1, 2, 3]) acceptance.judge(netzNoe({ counter }), counter * PERIOD_MS);
    expect(acceptance.judge(netzNoe({ counter: 4, import: 1_000_050 }), 4 * PERIOD_MS)).toEqual([]);
  });
});
