import { describe, expect, it } from "vitest";
import { createDecoder } from "../../src/codec/decoder.ts";
import type { DecoderEvent } from "../../src/codec/decoder-event.ts";
import { PartialStart } from "../../src/meter/partial-start.ts";
import { loadFixture } from "../helpers/fixtures.ts";

const types = (events: readonly DecoderEvent[]): string[] =>
  events.flatMap((event) => (event.type === "skipped" ? [] : [event.type === "fault" ? event.code : event.type]));

describe("a start in the middle of a telegram", () => {
  // M-Bus in two segments, HDLC segmented, block transfer, P1, a bare APDU.
  it.each([
    "kaifa-netz-noe",
    "iskra-am550-ch-pushlist",
    "lg-e450-at-steiermark-gbt",
    "dsmr5-nl-iskra-p1",
    "sagemcom-t210d-raw-plain",
  ])("is not a fault, at every twentieth byte of %s", (name) => {
    const { wire, keys } = loadFixture(name);
    const complete = types([...createDecoder(keys).feed(wire)]).filter((type) => type === "telegram").length;
    for (let cut = 1; cut < wire.length; cut += 20) {
      const decoder = new PartialStart(createDecoder(keys));
      const seen = types([...decoder.feed(wire.subarray(cut)), ...decoder.silence(), ...decoder.feed(wire)]);
      const telegrams = seen.filter((type) => type === "telegram").length;
      expect({ cut, faults: seen.filter((type) => type !== "telegram") }).toEqual({ cut, faults: [] });
      expect(telegrams).toBeGreaterThanOrEqual(complete);
    }
  });

  it("counts all its bytes as skipped", () => {
    const { wire, keys } = loadFixture("kaifa-netz-noe");
    const decoder = new PartialStart(createDecoder(keys));
    const events = [...decoder.feed(wire.subarray(30)), ...decoder.feed(wire)];
    const skipped = events.reduce((sum, event) => sum + (event.type === "skipped" ? event.length : 0), 0);
    expect(skipped).toBe(wire.length - 30);
  });

  it("is damage after the first telegram, also on a source that was reopened", () => {
    const { wire, keys } = loadFixture("kaifa-netz-noe");
    const decoder = new PartialStart(createDecoder(keys));
    const twice = (): string[] => [
      ...types([...decoder.feed(wire.subarray(30)), ...decoder.feed(wire)]),
      ...types([...decoder.feed(wire.subarray(30)), ...decoder.feed(wire)]),
    ];
    const expected = ["telegram", "segmentation", "telegram"];
    expect(twice()).toEqual(expected);
    decoder.reset();
    expect(twice()).toEqual(expected);
  });
});
