import mqttPacket from "mqtt-packet";
import { describe, expect, test } from "vitest";
import { publishPackets } from "../../../../src/sinks/mqtt/connection/publish-packet.ts";
import type { Message } from "../../../../src/sinks/mqtt/message.ts";

const messages: Message[] = [
  { topic: "kaifa2mqtt/1KFM0200204917/1.7.0", payload: "352" },
  { topic: "haus/zähler/größe", payload: "Zähler läuft, 20 °C" },
  { topic: "a", payload: "" },
  { topic: "kaifa2mqtt/event", payload: "x", retain: false },
  // Around the sizes at which the length takes another byte.
  ...[120, 121, 122, 123, 124, 125, 126, 127, 128, 16_379, 16_380, 16_381, 16_382, 20_000].map((size) => ({
    topic: "a",
    payload: "x".repeat(size),
  })),
];

/** The packets that MQTT.js parses from these bytes. */
function parsed(bytes: Buffer, protocolVersion: 4 | 5): unknown[] {
  const found: unknown[] = [];
  const parser = mqttPacket.parser({ protocolVersion });
  parser.on("packet", (packet) => {
    if (packet.cmd !== "publish") throw new Error(packet.cmd);
    const { topic, payload, qos, retain, dup } = packet;
    found.push({ topic, payload: payload.toString(), qos, retain, dup });
  });
  parser.on("error", (error) => {
    throw error;
  });
  expect(parser.parse(bytes)).toBe(0);
  return found;
}

describe.each([4, 5] as const)("PUBLISH packets of protocol version %d", (protocolVersion) => {
  test.each([true, false])("are parsed by MQTT.js; the broker retains: %s", (retain) => {
    const expected = messages.map(({ topic, payload, retain: wanted = true }) => ({
      topic,
      payload,
      qos: 0,
      retain: retain && wanted,
      dup: false,
    }));
    expect(parsed(publishPackets(messages, { protocolVersion, retain }), protocolVersion)).toEqual(expected);
  });

  test("equal those of MQTT.js byte for byte", () => {
    for (const message of messages) {
      const { topic, payload, retain = true } = message;
      const packet = { cmd: "publish", topic, payload, qos: 0, retain, dup: false } as const;
      expect(publishPackets([message], { protocolVersion, retain: true })).toEqual(
        mqttPacket.generate(packet, { protocolVersion }),
      );
    }
  });

  test.each([1, 255, 256, 65_535])(
    "with QoS 1 and identifier %d equal those of MQTT.js byte for byte",
    (identifier) => {
      for (const message of messages) {
        const { topic, payload, retain = true } = message;
        const packet = { cmd: "publish", topic, payload, qos: 1, messageId: identifier, retain, dup: false } as const;
        expect(publishPackets([message], { protocolVersion, retain: true, identifier })).toEqual(
          mqttPacket.generate(packet, { protocolVersion }),
        );
      }
    },
  );
});
