/**
 * Publications that the broker refuses (MQTT 5: a PUBACK with a reason code from 0x80): reported once with the cure, tried
 * again after growing pauses, and reported when they are accepted again. Topics of one kind are refused for one reason, so
 * the kinds are what is reported, not each topic.
 */
import type { ComponentLog } from "../../log/component-log.ts";
import { type Phrase, publishRefusal } from "./reason-codes.ts";

/** What is published: readings, discovery messages, and what is about the bridge itself. */
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

  /** @param label the broker as it is named in messages */
  constructor(log: ComponentLog, label: () => string) {
    this.#log = log;
    this.#label = label;
  }

  /** A sentence with its cure; `null` while everything is accepted. */
  get problem(): Phrase | null {
    for (const { text } of this.#refused.values()) return text;
    return null;
  }

  /** The broker refuses a topic. @param code reason code of MQTT 5 */
  refused(kind: PublicationKind, id: string, topic: string, code: number): void {
    const key = `${kind} ${id}`;
    const { text: refusal, cure } = publishRefusal(topic, code);
    const text = {
      en: `the broker at ${this.#label()} refuses ${refusal.en}. Cure: ${cure.en}`,
      de: `Der Broker ${this.#label()} verweigert, ${refusal.de}. Abhilfe: ${cure.de}`,
    };
    const before = this.#refused.get(key);
    // Several messages of one attempt are one refusal.
    if (before !== undefined && performance.now() < before.retryAt) return;
    const pauseMs = before === undefined ? FIRST_PAUSE_MS : Math.min(before.pauseMs * 2, LONGEST_PAUSE_MS);
    this.#refused.set(key, { text, pauseMs, retryAt: performance.now() + pauseMs });
    if (this.#reported.has(kind)) return;
    this.#reported.add(kind);
    this.#log.warn(`${text.en}. Retrying every few minutes`);
  }

  /** The broker has accepted one. */
  accepted(kind: PublicationKind, id: string): void {
    if (this.#refused.size === 0 || !this.#refused.delete(`${kind} ${id}`)) return;
    if ([...this.#refused.keys()].some((key) => key.startsWith(`${kind} `))) return;
    this.#reported.delete(kind);
    this.#log.info(`the broker at ${this.#label()} accepts our ${kind === "bridge" ? "state" : kind} again`);
  }

  /** Milliseconds until it may be tried again; 0 if it may be sent now. */
  pause(kind: PublicationKind, id: string): number {
    if (this.#refused.size === 0) return 0;
    const refused = this.#refused.get(`${kind} ${id}`);
    return refused === undefined ? 0 : Math.max(0, refused.retryAt - performance.now());
  }

  /** A new connection: perhaps with other rights. */
  reconnected(): void {
    for (const refused of this.#refused.values()) refused.retryAt = 0;
  }
}
