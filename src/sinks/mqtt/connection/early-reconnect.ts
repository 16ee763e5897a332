/**
 * Connects earlier than scheduled when a reading is waiting, at most once a second. An attempt to reach an unresponsive
 * host is replaced by a new one, because the operating system retries only at growing intervals.
 */
import type { MqttClient } from "mqtt";
import type { ReconnectBackoff } from "./reconnect-backoff.ts";

/** When a reading is waiting, abort an attempt that hasn't reached the host after this time. */
const STALE_ATTEMPT_MS = 2_000;

export class EarlyReconnect {
  readonly #backoff: ReconnectBackoff;
  #timer: NodeJS.Timeout | null = null;
  /** The attempt was aborted in favor of a new one. */
  #again = false;
  #stopped = false;

  constructor(backoff: ReconnectBackoff) {
    this.#backoff = backoff;
  }

  /** There is something to publish. */
  hurry(client: MqttClient): void {
    if (this.#stopped || client.connected) return;
    if (this.#backoff.attemptMs > STALE_ATTEMPT_MS && (client.stream as { connecting?: boolean }).connecting === true) {
      this.#again = true;
      client.stream.destroy();
      return;
    }
    const wait = this.#backoff.hurryMs;
    if (wait === 0) client.reconnect();
    else if (wait !== null) this.#timer ??= setTimeout(() => this.#hurryOnce(client), wait);
  }

  /** An attempt starts. */
  attempt(): void {
    this.#clearTimer();
  }

  /** The attempt, or the connection, has ended. */
  closed(client: MqttClient): void {
    if (this.#again) setImmediate(() => this.#hurryOnce(client));
    this.#again = false;
  }

  stop(): void {
    this.#stopped = true;
    this.#clearTimer();
  }

  #hurryOnce(client: MqttClient): void {
    this.#clearTimer();
    this.hurry(client);
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
