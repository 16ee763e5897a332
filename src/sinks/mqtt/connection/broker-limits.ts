/**
 * The limits that a broker sets in its CONNACK (MQTT 5, 3.2.2.3), and how we handle each (docs/mqtt.md has the same
 * table for users):
 *
 * | property | what we do |
 * | --- | --- |
 * | Maximum Packet Size | a larger message isn't sent, and is reported once |
 * | Receive Maximum | limits unacknowledged QoS 1 messages; the others wait, only the latest per topic |
 * | Maximum QoS | at 0 everything is sent with QoS 0; a refused will is set again with QoS 0 |
 * | Retain Available | at 0 nothing is retained, including the will, and that is reported once |
 * | Topic Alias Maximum | nothing: we don't use aliases |
 * | Server Keep Alive | MQTT.js pings at this interval instead of ours |
 * | Assigned Client Identifier | is kept for the next connection |
 * | Wildcard Subscription Available | at 0 we subscribe only to topics without wildcards |
 */
export interface BrokerLimits {
  /** In bytes. */
  readonly maximumPacketBytes: number;
  /** Maximum number of unacknowledged QoS 1 messages. */
  readonly receiveMaximum: number;
  readonly maximumQos: 0 | 1;
  readonly retain: boolean;
  readonly wildcards: boolean;
  readonly assignedClientId: string | null;
}

/** Defaults for limits that the broker doesn't state, and for MQTT 3.1.1. */
const UNLIMITED: BrokerLimits = {
  maximumPacketBytes: 268_435_460,
  receiveMaximum: 65_535,
  maximumQos: 1,
  retain: true,
  wildcards: true,
  assignedClientId: null,
};

/** Reads the CONNACK properties from MQTT.js; they are external input, so every field is checked. */
export function brokerLimits(properties: unknown): BrokerLimits {
  if (typeof properties !== "object" || properties === null) return UNLIMITED;
  const given = properties as Record<string, unknown>;
  const positive = (value: unknown, otherwise: number): number =>
    typeof value === "number" && value > 0 ? value : otherwise;
  // MQTT.js reports flags as booleans, and Maximum QoS 0 as a number or, in some versions, as false.
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
