/**
 * Finds out why a broker repeatedly closes the connection soon after it was established, without giving a reason:
 * either another client uses the same client id, or a certain message makes the broker close it (Mosquitto with
 * `max_packet_size` and MQTT 3.1.1). To distinguish the two, messages are then sent one at a time, each after the
 * previous one was acknowledged; the one still unacknowledged at the close is the suspect. If it is larger than all
 * acknowledged messages, we assume its size is the cause and skip all messages of that size or larger.
 */
import { type Message, packetBytes } from "../message.ts";

/** A connection that lasted this long counts as stable. */
export const STABLE_MS = 10_000;
const CAREFUL_AFTER = 2;
const THROWN_OUT_AFTER = 3;
/** Maximum number of skipped topics. */
const MAX_AVOIDED = 100;

export type CloseVerdict =
  | "closed"
  | "thrown-out"
  /** `known`: a larger message was found before; this one only narrows down the limit. */
  | { readonly culprit: string; readonly bytes: number; readonly known: boolean };

export class DisconnectDiagnosis {
  #count = 0;
  #suspect: string | null = null;
  readonly #avoided = new Set<string>();
  /** Size of the largest packet that the broker acknowledged while messages were sent one at a time. */
  #largestAnswered = 0;
  /** Size of a packet, larger than all acknowledged ones, that made the broker disconnect. */
  #tooLarge = Number.POSITIVE_INFINITY;

  /** Whether to send messages one at a time. */
  get careful(): boolean {
    return this.#count >= CAREFUL_AFTER;
  }

  /** Whether such a message makes the broker disconnect. */
  avoids(message: Message): boolean {
    const isTooLarge = this.#tooLarge < Number.POSITIVE_INFINITY && packetBytes(message) >= this.#tooLarge;
    return isTooLarge || this.#avoided.has(message.topic);
  }

  /** The broker has acknowledged a message. */
  answered(message: Message): void {
    if (this.careful) this.#largestAnswered = Math.max(this.#largestAnswered, packetBytes(message));
  }

  /**
   * The connection was closed.
   * @param heldMs how long it was established
   * @param unanswered the message in flight, if messages were sent one at a time
   */
  closed(heldMs: number, unanswered: Message | null): CloseVerdict {
    if (heldMs >= STABLE_MS) {
      this.forget();
      return "closed";
    }
    const careful = this.careful;
    this.#count++;
    if (!careful || unanswered === null) return this.#count >= THROWN_OUT_AFTER ? "thrown-out" : "closed";
    const bytes = packetBytes(unanswered);
    const bySize = bytes > this.#largestAnswered;
    const known = bySize && this.#tooLarge < Number.POSITIVE_INFINITY;
    if (this.#suspect !== unanswered.topic && !known) {
      this.#suspect = unanswered.topic;
      return "closed";
    }
    this.#suspect = null;
    if (bySize) this.#tooLarge = bytes;
    if (this.#avoided.size < MAX_AVOIDED) this.#avoided.add(unanswered.topic);
    return { culprit: unanswered.topic, bytes, known };
  }

  /** The connection is stable: messages no longer need to be sent one at a time. Skipped messages stay skipped. */
  stable(): void {
    this.#count = 0;
    this.#suspect = null;
  }

  /** There is another cause, or the broker was restarted: skipped messages are tried again. */
  forget(): void {
    this.stable();
    this.#avoided.clear();
    this.#largestAnswered = 0;
    this.#tooLarge = Number.POSITIVE_INFINITY;
  }
}
