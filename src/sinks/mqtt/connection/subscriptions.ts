/**
 * What is subscribed to: in packets that the broker accepts, without wildcards if it forbids them, and not at all for a
 * while after it has sent an oversized packet, so that publishing can continue.
 */
import type { MqttClient } from "mqtt";
import type { ComponentLog } from "../../../log/component-log.ts";
import type { BrokerLimits } from "./broker-limits.ts";
import { ANSWER_LIMIT_MS } from "./outbox.ts";
import { subscribePackets } from "./subscribe-packets.ts";

/** After an oversized packet, stop subscribing for this long. */
export const MUTE_MS = 10 * 60_000;

export interface SubscriptionsParts {
  /** `null` before the first connection attempt. */
  readonly client: () => MqttClient | null;
  readonly limits: () => BrokerLimits;
  readonly log: ComponentLog;
  /** Called when the broker doesn't answer. */
  readonly onSilence: () => void;
}

export class Subscriptions {
  readonly #parts: SubscriptionsParts;
  #mutedUntil = 0;

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts;
  }

  /** Whether we subscribe at all: not for a while after `mute`. */
  get allowed(): boolean {
    return performance.now() >= this.#mutedUntil;
  }

  /** The broker has sent an oversized packet. */
  mute(): void {
    this.#mutedUntil = performance.now() + MUTE_MS;
  }

  /** `done` is called when the broker has answered or can no longer answer. */
  subscribe(topics: readonly string[], done: () => void): void {
    const { limits, log, onSilence } = this.#parts;
    const client = this.#parts.client();
    const { wildcards, maximumPacketBytes } = limits();
    const allowed = topics.filter((topic) => wildcards || !/[+#]/.test(topic));
    if (client === null || !this.allowed || allowed.length === 0) {
      done();
      return;
    }
    const timer = setTimeout(onSilence, ANSWER_LIMIT_MS);
    const packets = subscribePackets(allowed, maximumPacketBytes);
    let unanswered = packets.length;
    for (const packet of packets) {
      client.subscribe(packet, { qos: 0 }, (error) => {
        if (error) log.debug(() => `subscription failed: ${error.message}`);
        if (--unanswered > 0) return;
        clearTimeout(timer);
        done();
      });
    }
  }

  unsubscribe(topics: readonly string[]): void {
    const client = this.#parts.client();
    if (!client?.connected) return;
    const packets = subscribePackets(topics, this.#parts.limits().maximumPacketBytes);
    for (const packet of packets) client.unsubscribe(packet);
  }
}
