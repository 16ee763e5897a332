/**
 * MQTT 3.1.1 has no way to refuse a publication: a broker whose ACL forbids it acknowledges and drops it. So at startup
 * we subscribe once to a few of our own topics, and report those whose messages don't come back.
 */

/** A message that hasn't come back after this time is considered missing. */
const ECHO_MS = 10_000;

/** Maximum number of payloads remembered per topic. */
const MAX_PAYLOADS = 32;

export class EchoCheck {
  readonly #onMissing: (topics: readonly string[]) => void;
  /** Published payloads that may come back, by topic; `null` if a retained message proves nothing. */
  readonly #awaited = new Map<string, Set<string> | null>();
  #timer: NodeJS.Timeout | null = null;

  /** @param onMissing called with the topics whose messages didn't come back */
  constructor(onMissing: (topics: readonly string[]) => void) {
    this.#onMissing = onMissing;
  }

  /**
   * Expects an echo of a published message. @param payload `null`: it must come back live, not as a retained message
   */
  expect(topic: string, payload: string | null): void {
    this.#awaited.set(topic, payload === null ? null : new Set([payload]));
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      const missing = [...this.#awaited.keys()];
      this.#awaited.clear();
      if (missing.length > 0) this.#onMissing(missing);
    }, ECHO_MS);
  }

  /** Records a later publication: the message retained at the time of the subscription may be this one. */
  published(topic: string, payload: string): void {
    const awaited = this.#awaited.get(topic);
    if (awaited != null && awaited.size < MAX_PAYLOADS) awaited.add(payload);
  }

  /** Checks a received message. @returns whether it was expected; a retained message must match one of our payloads */
  seen(topic: string, payload: Buffer, retained: boolean): boolean {
    const awaited = this.#awaited.get(topic);
    if (awaited === undefined || (retained && awaited?.has(payload.toString()) !== true)) return false;
    return this.#awaited.delete(topic);
  }

  /** The connection is gone, or we are stopping: no conclusions are possible. */
  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#awaited.clear();
  }
}
