import { describe, expect, it } from "vitest";
import { subscribePackets } from "../../../../src/sinks/mqtt/connection/subscribe-packets.ts";

describe("filters of a subscription", () => {
  const filters = Array.from({ length: 20 }, (_, n) => `homeassistant/+/kaifa2mqtt_meter${n}/+/config`);

  it("are sent eight per packet", () => {
    const packets = subscribePackets(filters, 268_435_460);
    expect(packets.map(({ length }) => length)).toEqual([8, 8, 4]);
    expect(packets.flat()).toEqual(filters);
  });

  it("respect the broker's packet size limit, and none is lost", () => {
    const packets = subscribePackets(filters, 150);
    expect(packets.every((packet) => packet.join("").length + packet.length * 3 + 16 <= 150)).toBe(true);
    expect(packets.flat()).toEqual(filters);
    expect(subscribePackets(["x".repeat(200)], 150)).toEqual([["x".repeat(200)]]);
    expect(subscribePackets([], 150)).toEqual([]);
  });
});
