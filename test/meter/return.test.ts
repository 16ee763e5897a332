/** How soon readings resume once a device or server is back: each layout, with the real decoder and a fake clock. */
import { afterEach, describe, expect, it } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import { createDecoder } from "../../src/codec/decoder.ts";
import { Observer } from "../../src/diagnosis/observer.ts";
import { Meter } from "../../src/meter/meter.ts";
import { PartialStart } from "../../src/meter/partial-start.ts";
import { buildReading } from "../../src/meter/reading.ts";
import { SourceError } from "../../src/sources/source.ts";
import { FakeClock, flushPromises } from "../helpers/fake-clock.ts";
import { promisedLayouts } from "../helpers/promised-layouts.ts";
import { METER } from "../helpers/readings.ts";
import { ScriptedSource } from "../helpers/scripted-source.ts";

const START = Date.UTC(2026, 10, 22, 12, 0, 0);
const PERIOD = 5_000;
/** How often the path of a missing device is checked (serial.ts). */
const DEVICE_POLL_MS = 500;
const OUTAGES = [
  ["5 s", 5_000],
  ["1 min", 60_000],
  ["30 min", 30 * 60_000],
] as const;

const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
const meters: Meter[] = [];
afterEach(async () => {
  for (const meter of meters.splice(0)) await meter.stop();
});

describe.each(promisedLayouts(START).map(({ name }, index) => [name, index] as const))("%s", (_, index) => {
  describe.each([
    ["a device node", true],
    ["a server", false],
  ])("once %s is back", (_, hasLine) => {
    it.each(OUTAGES)("after %s, the first value arrives within one period and half a second", async (_, outage) => {
      const line = promisedLayouts(START)[index];
      if (line === undefined) throw new Error("no such layout");
      const source = new ScriptedSource(hasLine);
      const clock = new FakeClock();
      const readings: number[] = [];
      const meter = new Meter({
        index: 0,
        source,
        line: { baudRate: line.baudRate, dataBits: 8, parity: "auto", stopBits: 1 },
        decoder: new PartialStart(createDecoder({ key: Buffer.from(line.key, "hex") })),
        acceptance: createAcceptance(),
        observer: new Observer(source.label, hasLine ? "serial" : "tcp"),
        toReading: (telegram, complete, receivedAt) => buildReading(telegram, { meter: METER, receivedAt, complete }),
        emit: ({ type }) => void (type === "reading" && readings.push(clock.now())),
        log: silent,
        clock,
      });
      meters.push(meter);
      meter.start();
      await flushPromises();
      let open = true;
      /** The meter keeps sending regardless; a server that is down loses the telegrams sent in that time. */
      const send = async (): Promise<void> => {
        const bytes = line.telegram(START + clock.now());
        if (open) source.push(bytes);
        await flushPromises();
      };
      for (let n = 0; n < 4; n++) {
        await send();
        await clock.pass(PERIOD);
      }
      await send();
      const before = readings.length;
      expect(before).toBeGreaterThanOrEqual(4);

      open = false;
      source.refusal = new SourceError("no-device", "away");
      source.fail(new SourceError("lost", "away"));
      for (let passed = PERIOD; passed <= outage; passed += PERIOD) {
        await clock.pass(PERIOD);
        await send();
      }
      expect(readings).toHaveLength(before);
      // It returns at the worst moment: just after a telegram.
      await clock.pass(1);
      open = true;
      source.refusal = null;
      const back = clock.now();
      if (hasLine) {
        await clock.pass(DEVICE_POLL_MS);
        source.change();
      }
      await clock.pass(back - 1 + PERIOD - clock.now());
      await send();
      expect(readings.slice(before).map((at) => at - back)).toEqual([PERIOD - 1]);
    });
  });
});
