/**
 * MQTT 3.1.1 has no way to refuse a publication: a broker whose access rules forbid it acknowledges it and drops it. So
 * what we publish on a few topics is subscribed to once, at the start, and what does not come back is reported.
 */

/** A message that has not come back after this time will not come. */
const ECHO_MS = 10_000;

/** Payloads of one topic that are remembered while it is awaited. */
const MAX_PAYLOADS = 32;

export class EchoCheck {
  readonly #onMissing: (topics: readonly string[]) => void;
  /** What was published since, by topic; `null` where what is retained proves nothing. */
  readonly #awaited = new Map<string, Set<string> | null>();
  #timer: NodeJS.Timeout | null = null;

  /** @param onMissing called with the topics that did not come back */
  constructor(onMissing: (topics: readonly string[]) => void) {
    this.#onMissing = onMissing;
  }

  /** This was published, and the topic is subscribed to. @param payload `null`: it must come back as it is published */
  expect(topic: string, payload: string | null): void {
    this.#awaited.set(topic, payload === null ? null : new Set([payload]));
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      const missing = [...this.#awaited.keys()];
      this.#awaited.clear();
      if (missing.length > 0) this.#onMissing(missing);
    }, ECHO_MS);
  }

  /** This was published afterwards: what is retained by the time of the subscription may be this. */
  published(topic: string, payload: string): void {
    const awaited = this.#awaited.get(topic);
    if (awaited != null && awaited.size < MAX_PAYLOADS) awaited.add(payload);
  }

  /** This came from there. @returns whether it is what was awaited: what is retained must be what we have published */
  seen(topic: string, payload: Buffer, retained: boolean): boolean {
    const awaited = this.#awaited.get(topic);
    if (awaited === undefined || (retained && awaited?.has(payload.toString()) !== true)) return false;
    return this.#awaited.delete(topic);
  }

  /** The connection is gone, or we stop: nothing can be concluded. */
  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#awaited.clear();
  }
}
