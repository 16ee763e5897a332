/** Limits the size of packets from the broker: MQTT.js buffers a whole packet before checking anything. */

/**
 * Tracks packet boundaries in an incoming byte stream: one byte of type and flags, the remaining length in one to four
 * bytes of 7 bits, then that many bytes (MQTT 3.1.1, 2.2; the same in MQTT 5). Stores no packets.
 */
export class PacketSizeLimit {
  readonly #limit: number;
  #state: "type" | "length" | "body" = "type";
  /** Bytes of the body still to come. */
  #left = 0;
  #shift = 0;

  /** @param limit maximum remaining length in bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @returns the remaining length of a packet that exceeds the limit, as soon as its header has arrived; otherwise
   *   `null`
   */
  feed(chunk: Uint8Array): number | null {
    for (let at = 0; at < chunk.length; ) {
      if (this.#state === "body") {
        const taken = Math.min(this.#left, chunk.length - at);
        at += taken;
        this.#left -= taken;
        if (this.#left === 0) this.#state = "type";
        continue;
      }
      const byte = chunk[at++] as number;
      if (this.#state === "type") {
        this.#state = "length";
        this.#left = 0;
        this.#shift = 0;
        continue;
      }
      this.#left += (byte & 0x7f) * 2 ** this.#shift;
      this.#shift += 7;
      if (byte & 0x80 && this.#shift < 28) continue;
      if (this.#left > this.#limit) return this.#left;
      this.#state = this.#left === 0 ? "type" : "body";
    }
    return null;
  }
}
