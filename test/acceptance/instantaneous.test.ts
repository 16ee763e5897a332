import { describe, expect, test } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import type { Telegram } from "../../src/codec/telegram.ts";
import { buildReading } from "../../src/meter/reading.ts";
import { METER } from "../helpers/readings.ts";
import { netzNoe, PERIOD_MS } from "../helpers/telegrams.ts";

/** A list with reactive energy but without reactive power, as sent by KSM-West. */
function ksmWest(counter: number, reactive: number): Telegram {
  const telegram = netzNoe({ counter });
  const reactiveEnergy = {
    obis: "1-0:3.8.0*255",
    value: { coefficient: reactive, exponent: 0 },
    unit: "varh",
    scaler: 0,
  };
  return { ...telegram, registers: [...telegram.registers, reactiveEnergy] };
}

describe("instantaneous values do not wait for confirmation", () => {
  test("a reactive energy jumps when a heat pump starts: power at once, energies with the next telegram", () => {
    const acceptance = createAcceptance();
    const receive = (counter: number, reactive: number) =>
      acceptance.judge(ksmWest(counter, reactive), counter * PERIOD_MS);
    for (const counter of [0, 1, 2, 3]) receive(counter, 700_000);
    const [first, ...more] = receive(4, 700_006);
    expect(more).toEqual([]);
    if (first === undefined) throw new Error("no verdict");
    expect(first.type).toBe("provisional");
    const reading = buildReading(first.telegram, { meter: METER, receivedAt: 0, complete: false });
    expect(reading.values.filter(({ unit }) => unit === "W").map(({ text }) => text)).toContain("720");
    expect(reading.values.filter(({ unit }) => unit?.endsWith("h"))).toEqual([]);
    expect(receive(5, 700_006).map(({ type }) => type)).toEqual(["accepted", "accepted"]);
  });

  test("unless an energy is more likely damaged than true: then the powers of this telegram wait, too", () => {
    const acceptance = createAcceptance();
    for (const counter of [0, 1, 2, 3]) acceptance.judge(netzNoe({ counter }), counter * PERIOD_MS);
    expect(acceptance.judge(netzNoe({ counter: 4, import: 1_000_050 }), 4 * PERIOD_MS)).toEqual([]);
  });
});
