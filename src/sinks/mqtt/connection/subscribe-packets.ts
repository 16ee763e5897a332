/** Splits the topic filters of one subscription into SUBSCRIBE or UNSUBSCRIBE packets that every broker accepts. */

/** Maximum filters per packet, as in AWS IoT. */
const MAX_FILTERS = 8;
/** Overhead in bytes of a packet, and of each filter (its length and its options; MQTT 5, 3.8). */
const PACKET_BYTES = 16;
const FILTER_BYTES = 3;

/** @param maximumBytes maximum packet size of the broker; a larger single filter gets its own packet */
export function subscribePackets(filters: readonly string[], maximumBytes: number): string[][] {
  const packets: string[][] = [];
  let packet: string[] = [];
  let bytes = PACKET_BYTES;
  for (const filter of filters) {
    const size = Buffer.byteLength(filter) + FILTER_BYTES;
    if (packet.length > 0 && (packet.length >= MAX_FILTERS || bytes + size > maximumBytes)) {
      packets.push(packet);
      packet = [];
      bytes = PACKET_BYTES;
    }
    packet.push(filter);
    bytes += size;
  }
  if (packet.length > 0) packets.push(packet);
  return packets;
}
