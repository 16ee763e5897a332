/**
 * Flow control for readings. The values of a reading use QoS 0: the next reading is seconds away, and TCP loses nothing
 * while a connection is up. Only the last message of a reading uses QoS 1, and the meter's next reading waits for its
 * acknowledgement: a broker that is slow, paused or gone gets the latest reading once it is ready, not a backlog. If
 * the broker answers promptly, several readings may be in flight, so that a burst (data buffered on the line while the
 * machine slept) isn't lost.
 */

import type { Outcome } from "./connection/inflight-window.ts";
import type { Message } from "./message.ts";
import { inOrder, type MeterState, type ReadingMessages } from "./meter-state.ts";

/** Maximum number of a meter's unacknowledged readings, provided the oldest was sent within the last `PROMPT_MS`. */
const MAX_IN_FLIGHT = 32;
const PROMPT_MS = 1_000;

export interface ReadingPublisherParts {
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `mqtt.legacy_base_topic` */
  readonly legacyBase: string | undefined;
  /** `publish.interval` in milliseconds; 0: every telegram. */
  readonly intervalMs: number;
  readonly connection: {
    readonly connected: boolean;
    readonly congested: boolean;
    hurry(): void;
    /** Sends nothing until `flush`. */
    hold(): void;
    flush(): void;
  };
  readonly publish: (message: Message, done: (outcome: Outcome) => void) => void;
  /** Sends values with QoS 0, immediately. */
  readonly publishValues: (messages: readonly Message[]) => void;
  /** Milliseconds until a meter may be published again after a refusal; 0: now. */
  readonly pause: (meter: string) => number;
  /** The last message of a reading was acknowledged, refused or lost. */
  readonly onOutcome: (meter: string, message: Message, outcome: Outcome) => void;
}

export class ReadingPublisher {
  readonly #parts: ReadingPublisherParts;
  /** Counts connections: results from an earlier one are ignored. */
  #connections = 0;
  #stopped = false;

  constructor(parts: ReadingPublisherParts) {
    this.#parts = parts;
  }

  /** Publishes the latest reading now, or keeps it until the broker or `publish.interval` allows it. */
  send(meter: MeterState): void {
    if (!meter.waiting || this.#stopped) return;
    const { connection, intervalMs, pause, publishValues } = this.#parts;
    if (!connection.connected) {
      connection.hurry();
      return;
    }
    if (connection.congested) return;
    const now = performance.now();
    const [oldest = now] = meter.inFlight;
    if (meter.inFlight.length >= MAX_IN_FLIGHT || now - oldest > PROMPT_MS) return;
    const wait = Math.max(meter.sentAt + intervalMs - now, pause(meter.info.id));
    if (wait > 0) {
      meter.timer ??= setTimeout(() => {
        meter.timer = null;
        this.send(meter);
      }, wait);
      return;
    }
    const { powers, values, last } = this.#take(meter);
    if (powers.length > 0) publishValues(powers);
    if (values.length > 0 && last !== null) connection.hold();
    if (values.length > 0) publishValues(values);
    if (last !== null) this.#sendAndWait(meter, last);
    connection.flush();
  }

  /** A new connection: nothing is in flight. */
  reconnected(): void {
    this.#connections++;
  }

  /** Stops all timers. @returns the latest readings that `publish.interval` held back */
  stop(meters: Iterable<MeterState>): Message[] {
    this.#stopped = true;
    const held: Message[] = [];
    for (const meter of meters) {
      if (meter.timer !== null) clearTimeout(meter.timer);
      if (meter.waiting && meter.inFlight.length === 0) held.push(...inOrder(this.#take(meter)));
    }
    return held;
  }

  #take(meter: MeterState): ReadingMessages {
    return meter.takeMessages(this.#parts.base, this.#parts.legacyBase, performance.now());
  }

  #sendAndWait(meter: MeterState, message: Message): void {
    meter.inFlight.push(performance.now());
    const connection = this.#connections;
    this.#parts.publish(message, (outcome) => {
      if (connection !== this.#connections) return;
      meter.inFlight.shift();
      this.#parts.onOutcome(meter.info.id, message, outcome);
      this.send(meter);
    });
  }
}
