import { expect, it } from "vitest";
import { createDecoder } from "../../../src/codec/decoder.ts";
import { buildReading } from "../../../src/meter/reading.ts";
import { inOrder, MeterState } from "../../../src/sinks/mqtt/meter-state.ts";
import { fixtureNames, loadFixture } from "../../helpers/fixtures.ts";
import { METER } from "../../helpers/readings.ts";

const POWER = /\/(1|2|16|21|22|41|42|61|62|36|56|76)\.7\.0$/;

it("publishes the powers before anything else, whatever their position in the telegram", () => {
  const layouts = new Set<string>();
  for (const name of fixtureNames()) {
    const { wire, keys } = loadFixture(name);
    const decoder = createDecoder(keys);
    for (const event of [...decoder.feed(wire), ...decoder.end()]) {
      if (event.type !== "telegram") continue;
      const state = new MeterState(METER, "newest", "all");
      state.take(buildReading(event.telegram, { meter: METER, receivedAt: 0, complete: true }));
      const powers = inOrder(state.takeMessages("base", undefined, 0)).map(({ topic }) => POWER.test(topic));
      const count = powers.filter(Boolean).length;
      expect(powers.slice(0, count), `${name}: ${powers}`).not.toContain(false);
      if (count > 0) layouts.add(`${event.telegram.transport} ${event.telegram.layout}`);
    }
  }
  // Flat, nested, positional and push lists, over M-Bus, HDLC, P1 and bare APDUs.
  expect(layouts.size, [...layouts].join(", ")).toBeGreaterThan(8);
});
