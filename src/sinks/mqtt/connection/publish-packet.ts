/**
 * The messages of a reading as PUBLISH packets, encoded into one buffer. MQTT.js writes a packet in five pieces,
 * and a reading has a dozen or more packets: encoding and writing them one by one takes longer than everything else
 * between the last byte and the socket (docs/benchmarks.md). Everything else goes through MQTT.js. To do without this
 * file, let `Outbox` call the client's `publish` for each message.
 */
import type { Message } from "../message.ts";

const PUBLISH = 0x30;
const RETAIN = 0x01;
const QOS_1 = 0x02;
/** Packet type, up to four bytes of length, length of the topic, packet identifier, property length. */
const MAX_OVERHEAD = 10;
/** Bytes per UTF-16 code unit. */
const MAX_UTF8 = 3;

export interface PacketOptions {
  /** 5 adds a property length (of 0) to each packet; 4 is MQTT 3.1.1. */
  readonly protocolVersion: 4 | 5;
  /** Whether the broker retains messages. */
  readonly retain: boolean;
  /** Packet identifier of a single message, which then has QoS 1; without one, all have QoS 0. */
  readonly identifier?: number;
}

/** Encodes PUBLISH packets, one after the other (MQTT 3.1.1 and MQTT 5, 3.3). */
export function publishPackets(
  messages: readonly Message[],
  { protocolVersion, retain, identifier }: PacketOptions,
): Buffer {
  let bound = 0;
  for (const { topic, payload } of messages) bound += MAX_OVERHEAD + MAX_UTF8 * (topic.length + payload.length);
  const buffer = Buffer.allocUnsafe(bound);
  let at = 0;
  const qos = identifier === undefined ? 0 : QOS_1;
  for (const message of messages) {
    const topicBytes = Buffer.byteLength(message.topic);
    const properties = protocolVersion === 5 ? 1 : 0;
    let left = 2 + topicBytes + (qos > 0 ? 2 : 0) + properties + Buffer.byteLength(message.payload);
    buffer[at++] = PUBLISH | qos | (retain && message.retain !== false ? RETAIN : 0);
    do {
      buffer[at++] = (left & 0x7f) | (left > 0x7f ? 0x80 : 0);
      left >>>= 7;
    } while (left > 0);
    at = buffer.writeUInt16BE(topicBytes, at);
    at += buffer.write(message.topic, at);
    if (identifier !== undefined) at = buffer.writeUInt16BE(identifier, at);
    if (properties > 0) buffer[at++] = 0;
    at += buffer.write(message.payload, at);
  }
  return buffer.subarray(0, at);
}
