/**
 * The limits that a broker sets in its CONNACK (MQTT 5, 3.2.2.3), and what follows from each (docs/mqtt.md has the same
 * table for users):
 *
 * | property | what we do |
 * | --- | --- |
 * | Maximum Packet Size | a message that is larger is not sent, and reported once |
 * | Receive Maximum | no more QoS 1 messages are unanswered; the others wait, the newest of each topic |
 * | Maximum QoS | at 0 everything goes with QoS 0; a refused will is left again with QoS 0 |
 * | Retain Available | at 0 nothing is retained, the will included, and that is reported once |
 * | Topic Alias Maximum | nothing: we use no aliases |
 * | Server Keep Alive | MQTT.js pings at this interval instead of at ours |
 * | Assigned Client Identifier | is kept for the next connection |
 * | Wildcard Subscription Available | at 0 only topics without wildcards are subscribed to |
 */
export interface BrokerLimits {
  /** Bytes of a packet. */
  readonly maximumPacketBytes: number;
  /** QoS 1 messages that may be unanswered. */
  readonly receiveMaximum: number;
  readonly maximumQos: 0 | 1;
  readonly retain: boolean;
  readonly wildcards: boolean;
  readonly assignedClientId: string | null;
}

/** What holds where the broker says nothing, and with MQTT 3.1.1. */
const UNLIMITED: BrokerLimits = {
  maximumPacketBytes: 268_435_460,
  receiveMaximum: 65_535,
  maximumQos: 1,
  retain: true,
  wildcards: true,
  assignedClientId: null,
};

/** As MQTT.js gives the properties of a CONNACK; they come from outside, so nothing is taken for granted. */
export function brokerLimits(properties: unknown): BrokerLimits {
  if (typeof properties !== "object" || properties === null) return UNLIMITED;
  const given = properties as Record<string, unknown>;
  const positive = (value: unknown, otherwise: number): number =>
    typeof value === "number" && value > 0 ? value : otherwise;
  // MQTT.js gives flags as booleans, and 0 of Maximum QoS as a number or, in some versions, as false.
  const off = (value: unknown): boolean => value === false || value === 0;
  return {
    maximumPacketBytes: positive(given.maximumPacketSize, UNLIMITED.maximumPacketBytes),
    receiveMaximum: positive(given.receiveMaximum, UNLIMITED.receiveMaximum),
    maximumQos: off(given.maximumQoS) ? 0 : 1,
    retain: !off(given.retainAvailable),
    wildcards: !off(given.wildcardSubscriptionAvailable),
    assignedClientId:
      typeof given.assignedClientIdentifier === "string" && given.assignedClientIdentifier !== ""
        ? given.assignedClientIdentifier
        : null,
  };
}
