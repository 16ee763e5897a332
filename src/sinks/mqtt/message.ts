/** A message to publish; retained by default. */
export interface Message {
  readonly topic: string;
  readonly payload: string;
  /** Default: 0. */
  readonly qos?: 0 | 1;
  /** Set for events and requests. */
  readonly retain?: false;
  /** The last message of a reading, with QoS 1: goes before all others that wait for the broker, and is encoded by us. */
  readonly urgent?: true;
}

/** Size in bytes of a PUBLISH packet with this message (MQTT 5, 3.3, without properties); 3.1.1 needs one byte less. */
export function packetBytes({ topic, payload, qos = 0 }: Message): number {
  const remaining = 2 + Buffer.byteLength(topic) + (qos > 0 ? 2 : 0) + 1 + Buffer.byteLength(payload);
  let header = 2;
  for (let left = remaining; left >= 128; left = Math.floor(left / 128)) header++;
  return header + remaining;
}
