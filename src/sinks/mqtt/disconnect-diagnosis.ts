/**
 * Why a broker closes the connection soon after it was made, again and again, without giving a reason: either another
 * client uses the same client id, or a certain message makes the broker close it (Mosquitto with `max_packet_size` and
 * MQTT 3.1.1). To tell one from the other, messages are then sent one at a time, each after the acknowledgement of the one
 * before: the one that is unacknowledged at the close is the suspect. If it is larger than all that were acknowledged, its
 * size is taken for the cause, and everything as large or larger is left out.
 */
import { type Message, packetBytes } from "./message.ts";

/** A connection that held for this long was a good one. */
export const STABLE_MS = 10_000;
const CAREFUL_AFTER = 2;
const THROWN_OUT_AFTER = 3;
/** Topics that are left out. */
const MAX_AVOIDED = 100;

export type CloseVerdict =
  | "closed"
  | "thrown-out"
  /** `known`: a larger message was found before; this one only narrows the limit down. */
  | { readonly culprit: string; readonly bytes: number; readonly known: boolean };

export class DisconnectDiagnosis {
  #count = 0;
  #suspect: string | null = null;
  readonly #avoided = new Set<string>();
  /** Bytes of the largest packet that the broker has acknowledged while messages were sent one at a time. */
  #largestAnswered = 0;
  /** A packet of so many bytes, larger than all that were acknowledged, made the broker close. */
  #tooLarge = Number.POSITIVE_INFINITY;

  /** Whether messages are to be sent one at a time. */
  get careful(): boolean {
    return this.#count >= CAREFUL_AFTER;
  }

  /** Whether the broker closes because of such a message. */
  avoids(message: Message): boolean {
    return this.#avoided.has(message.topic) || packetBytes(message) >= this.#tooLarge;
  }

  /** The broker has acknowledged a message. */
  answered(message: Message): void {
    if (this.careful) this.#largestAnswered = Math.max(this.#largestAnswered, packetBytes(message));
  }

  /**
   * The connection was closed.
   * @param heldMs for how long it was established
   * @param unanswered the message that was on its way, if messages were sent one at a time
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

  /** The connection holds: messages need not be sent one at a time any longer. What is avoided stays avoided. */
  stable(): void {
    this.#count = 0;
    this.#suspect = null;
  }

  /** Something else is the matter, or the broker was restarted: what was avoided is tried again. */
  forget(): void {
    this.stable();
    this.#avoided.clear();
    this.#largestAnswered = 0;
    this.#tooLarge = Number.POSITIVE_INFINITY;
  }
}
