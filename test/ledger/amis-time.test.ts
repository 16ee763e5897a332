/** AMIS meters send local time and a summer-time bit, but no offset: the zone's offset yields the instant. */
import { describe, expect, it } from "vitest";
import { decodeTelegrams } from "../../src/codec/decoder.ts";
import { parseLocal, zoneOffset } from "../../src/ledger/local-time.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";

const key = Uint8Array.from({ length: 16 }, (_, i) => i);
const zone = zoneOffset("Europe/Vienna");

describe("the clock of an AMIS telegram", () => {
  it.each([
    ["in summer", "2026-07-01T10:00:00Z", 120],
    ["in winter", "2026-12-01T10:00:00Z", 60],
    ["before the hour that spring skips", "2026-03-29T00:59:59Z", 60],
    ["behind it", "2026-03-29T01:00:00Z", 120],
    ["in the first of the hours that autumn repeats", "2026-10-25T00:30:00Z", 120],
    ["in the second", "2026-10-25T01:30:00Z", 60],
  ])("%s is the instant at which it was sent, and the bit agrees with the offset", (_, time, offset) => {
    const at = Date.parse(time);
    const [event] = decodeTelegrams(new SimulatedMeter({ layout: "amis", key, start: at }).telegram(at), { key });
    if (event?.type !== "telegram") throw new Error("the telegram is not decoded");
    const { meterTime, clockStatus } = event.telegram;
    expect(meterTime).not.toMatch(/[+Z]/);
    expect(parseLocal(meterTime ?? "", zone, at + 700)).toEqual({ at, offset });
    expect(((clockStatus ?? 0) & 0x80) !== 0).toBe(offset === 120);
  });
});
