/**
 * Tracks publications that the broker refuses (MQTT 5: a PUBACK with a reason code from 0x80): reports them once with
 * the fix, retries with increasing pauses, and reports when they are accepted again. Topics of the same kind are
 * refused for the same reason, so reports are per kind, not per topic.
 */
import type { ComponentLog } from "../../../log/component-log.ts";
import { type Phrase, publishRefusal } from "./reason-codes.ts";

/** Kinds of publications: readings, discovery messages, and data about the bridge itself. */
export type PublicationKind = "readings" | "discovery" | "bridge";

const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 10 * 60_000;

interface Refused {
  readonly text: Phrase;
  pauseMs: number;
  retryAt: number;
}

export class PublishRefusals {
  readonly #log: ComponentLog;
  readonly #label: () => string;
  /** By kind and meter; the bridge itself has the empty id. Bounded by the number of meters. */
  readonly #refused = new Map<string, Refused>();
  readonly #reported = new Set<PublicationKind>();

  /** @param label the broker's name for messages */
  constructor(log: ComponentLog, label: () => string) {
    this.#log = log;
    this.#label = label;
  }

  /** The problem as a sentence with its fix; `null` while everything is accepted. */
  get problem(): Phrase | null {
    for (const { text } of this.#refused.values()) return text;
    return null;
  }

  /** The broker refuses a topic. @param code MQTT 5 reason code */
  refused(kind: PublicationKind, id: string, topic: string, code: number): void {
    const key = `${kind} ${id}`;
    const { text: refusal, cure } = publishRefusal(topic, code);
    const text = {
      en: `the broker at ${this.#label()} refuses ${refusal.en}. Fix: ${cure.en}`,
      de: `Der Broker ${this.#label()} verweigert, ${refusal.de}. Abhilfe: ${cure.de}`,
    };
    const before = this.#refused.get(key);
    // Several messages of one attempt count as one refusal.
    if (before !== undefined && performance.now() < before.retryAt) return;
    const pauseMs = before === undefined ? FIRST_PAUSE_MS : Math.min(before.pauseMs * 2, LONGEST_PAUSE_MS);
    this.#refused.set(key, { text, pauseMs, retryAt: performance.now() + pauseMs });
    if (this.#reported.has(kind)) return;
    this.#reported.add(kind);
    this.#log.warn(`${text.en}. Retrying every few minutes`);
  }

  /** The broker has accepted a publication. */
  accepted(kind: PublicationKind, id: string): void {
    if (this.#refused.size === 0 || !this.#refused.delete(`${kind} ${id}`)) return;
    if ([...this.#refused.keys()].some((key) => key.startsWith(`${kind} `))) return;
    this.#reported.delete(kind);
    this.#log.info(`the broker at ${this.#label()} accepts our ${kind === "bridge" ? "state" : kind} again`);
  }

  /** Milliseconds until the next attempt; 0 if it may be sent now. */
  pause(kind: PublicationKind, id: string): number {
    if (this.#refused.size === 0) return 0;
    const refused = this.#refused.get(`${kind} ${id}`);
    return refused === undefined ? 0 : Math.max(0, refused.retryAt - performance.now());
  }

  /** A new connection: permissions may have changed. */
  reconnected(): void {
    for (const refused of this.#refused.values()) refused.retryAt = 0;
  }
}
