/** Topic filters of one subscription, divided into SUBSCRIBE or UNSUBSCRIBE packets that every broker takes. */

/** Filters in one packet: AWS IoT takes no more. */
const MAX_FILTERS = 8;
/** Bytes of a packet besides its filters, and of a filter besides its text: its length and its options (MQTT 5, 3.8). */
const PACKET_BYTES = 16;
const FILTER_BYTES = 3;

/** @param maximumBytes the largest packet that the broker takes; a single filter that is larger stands alone */
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
