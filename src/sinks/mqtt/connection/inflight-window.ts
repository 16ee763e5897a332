/**
 * In-flight window for QoS 1: limits the number of unacknowledged messages (the broker's receive maximum), reconnects
 * if an acknowledgement takes too long, and keeps only the latest waiting message per topic. A broker may lose an
 * acknowledgement (Mosquitto drops them for a client with too much queued); without the time limit nothing would be
 * sent any more.
 */
import type { Message } from "../message.ts";

/** Result of a publication: delivered to the broker (QoS 1) or written (QoS 0); lost; or refused by the broker. */
export type Outcome = "delivered" | "lost" | { readonly refused: number };

interface Entry {
  readonly message: Message;
  readonly done: (outcome: Outcome) => void;
  sentAt: number;
}

export interface InflightWindowParts {
  /** Sends with QoS 1; `answered` is called once. */
  readonly send: (message: Message, answered: (outcome: Outcome) => void) => void;
  /** Called when the oldest message has been unacknowledged for too long. */
  readonly onSilence: (oldest: Message) => void;
  readonly limitMs: number;
  /** Called when the oldest message has been unacknowledged for a while; may be called more than once. */
  readonly onSlow: () => void;
  readonly slowMs: number;
}

export class InflightWindow {
  /** Maximum number of unacknowledged messages. */
  size = 1;
  readonly #parts: InflightWindowParts;
  /** Unacknowledged, oldest first. At most `size`: few enough for an array, which leaves less garbage behind than a `Set`. */
  readonly #flying: Entry[] = [];
  /** The latest waiting message per topic. Bounded by the number of topics that we publish. */
  readonly #waiting = new Map<string, Entry>();
  /** Likewise, sent before `#waiting`. A topic is in one of the two at most, so that no message overtakes a later one. */
  readonly #urgent = new Map<string, Entry>();
  #watchdog: NodeJS.Timeout | null = null;

  constructor(parts: InflightWindowParts) {
    this.#parts = parts;
  }

  /** The message that has been unacknowledged the longest. */
  get oldest(): Message | null {
    return this.#flying[0]?.message ?? null;
  }

  /** Number of messages that wait for room. */
  get waiting(): number {
    return this.#waiting.size + this.#urgent.size;
  }

  /** Sends now or as soon as there is room; a later message on the same topic replaces a waiting one. */
  put(message: Message, done: (outcome: Outcome) => void): void {
    const entry = { message, done, sentAt: 0 };
    const { topic } = message;
    if (this.#flying.length < this.size && this.#waiting.size === 0 && this.#urgent.size === 0) {
      this.#send(entry);
      return;
    }
    const before = this.#urgent.get(topic) ?? this.#waiting.get(topic);
    if (message.urgent === true || this.#urgent.has(topic)) {
      this.#waiting.delete(topic);
      this.#urgent.set(topic, entry);
    } else {
      this.#waiting.set(topic, entry);
    }
    before?.done("lost");
    this.#fill();
  }

  /** The connection is gone: all messages in the window are lost. */
  clear(): void {
    if (this.#watchdog !== null) clearTimeout(this.#watchdog);
    this.#watchdog = null;
    const lost = [...this.#flying, ...this.#urgent.values(), ...this.#waiting.values()];
    this.#flying.length = 0;
    this.#urgent.clear();
    this.#waiting.clear();
    for (const { done } of lost) done("lost");
  }

  #fill(): void {
    for (const waiting of [this.#urgent, this.#waiting]) {
      for (const [topic, entry] of waiting) {
        if (this.#flying.length >= this.size) return;
        waiting.delete(topic);
        this.#send(entry);
      }
    }
  }

  #send(entry: Entry): void {
    entry.sentAt = performance.now();
    this.#flying.push(entry);
    this.#watch(this.#parts.slowMs);
    this.#parts.send(entry.message, (outcome) => {
      const at = this.#flying.indexOf(entry);
      if (at < 0) return;
      this.#flying.splice(at, 1);
      entry.done(outcome);
      this.#fill();
    });
  }

  /** A single timer, which checks the oldest message. */
  #watch(ms: number): void {
    this.#watchdog ??= setTimeout(() => {
      this.#watchdog = null;
      const [oldest] = this.#flying;
      if (oldest === undefined) return;
      const { slowMs, limitMs, onSlow, onSilence } = this.#parts;
      const age = performance.now() - oldest.sentAt;
      if (age >= limitMs) return onSilence(oldest.message);
      if (age >= slowMs) onSlow();
      this.#watch((age >= slowMs ? limitMs : slowMs) - age);
    }, ms);
  }
}
