/**
 * In-flight window for QoS 1: at most so many messages are unacknowledged (the broker's receive maximum), each is
 * acknowledged within a limit or the connection is given up, and of those that wait only the newest of each topic is kept. A
 * broker may lose an acknowledgement (Mosquitto drops them for a client with too much queued); without the limit nothing
 * would be sent any more.
 */
import type { Message } from "./message.ts";

/** How a publication ended: the broker has it (QoS 1) or it was written (QoS 0); it is lost; or the broker refuses it. */
export type Outcome = "delivered" | "lost" | { readonly refused: number };

interface Entry {
  readonly message: Message;
  readonly done: (outcome: Outcome) => void;
  sentAt: number;
}

export interface InflightWindowParts {
  /** Sends with QoS 1; `answered` is called once. */
  readonly send: (message: Message, answered: (outcome: Outcome) => void) => void;
  /** The oldest message has been unanswered for too long. */
  readonly onSilence: (oldest: Message) => void;
  readonly limitMs: number;
  /** The oldest message has been unanswered for a while; may be called more than once. */
  readonly onSlow: () => void;
  readonly slowMs: number;
}

export class InflightWindow {
  /** So many messages may be unanswered. */
  size = 1;
  readonly #parts: InflightWindowParts;
  /** Unanswered, oldest first. At most `size`. */
  readonly #flying = new Set<Entry>();
  /** The newest of each topic that waits. Bounded by the number of topics that we publish. */
  readonly #waiting = new Map<string, Entry>();
  #watchdog: NodeJS.Timeout | null = null;

  constructor(parts: InflightWindowParts) {
    this.#parts = parts;
  }

  /** The message that has been unanswered for the longest time. */
  get oldest(): Message | null {
    for (const { message } of this.#flying) return message;
    return null;
  }

  /** Sends, now or as soon as there is room; a later message on the same topic takes the place of one that waits. */
  put(message: Message, done: (outcome: Outcome) => void): void {
    const entry = { message, done, sentAt: 0 };
    if (this.#flying.size < this.size && this.#waiting.size === 0) {
      this.#send(entry);
      return;
    }
    const before = this.#waiting.get(message.topic);
    this.#waiting.set(message.topic, entry);
    before?.done("lost");
    this.#fill();
  }

  /** The connection is gone: everything in here is lost. */
  clear(): void {
    if (this.#watchdog !== null) clearTimeout(this.#watchdog);
    this.#watchdog = null;
    const lost = [...this.#flying, ...this.#waiting.values()];
    this.#flying.clear();
    this.#waiting.clear();
    for (const { done } of lost) done("lost");
  }

  #fill(): void {
    for (const [topic, entry] of this.#waiting) {
      if (this.#flying.size >= this.size) return;
      this.#waiting.delete(topic);
      this.#send(entry);
    }
  }

  #send(entry: Entry): void {
    entry.sentAt = performance.now();
    this.#flying.add(entry);
    this.#watch(this.#parts.slowMs);
    this.#parts.send(entry.message, (outcome) => {
      if (!this.#flying.delete(entry)) return;
      entry.done(outcome);
      this.#fill();
    });
  }

  /** One timer for all of them: it checks the oldest. */
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
