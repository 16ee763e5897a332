/**
 * Reads retained messages: subscribes to filters, each only once, waits until the broker goes quiet, and unsubscribes.
 * What the messages mean is up to retained-cleanup.ts.
 */

import type { WarnOnce } from "../../../process/warn-once.ts";

/** Retained messages are complete when no more have arrived for this long after the broker's answer. */
const QUIET_MS = 300;
/** … or after this time, even if more are arriving. */
const LONGEST_READ_MS = 30_000;

export interface RetainedReaderParts {
  /** All filters to read; those already read are skipped. */
  readonly wanted: () => readonly string[];
  /** Whether messages can be sent now. */
  readonly ready: () => boolean;
  /** @param done called when the broker has answered */
  readonly subscribe: (filters: string[], done: () => void) => void;
  readonly unsubscribe: (filters: string[]) => void;
  /** Called when the filters subscribed to last have been read. */
  readonly onRead: () => void;
  readonly warnOnce: WarnOnce;
}

export class RetainedReader {
  readonly #parts: RetainedReaderParts;
  /** Filters whose retained messages are being read. */
  #reading: readonly string[] = [];
  /** Filters that have been read. */
  readonly #read = new Set<string>();
  #begun = false;
  #quietTimer: NodeJS.Timeout | null = null;
  #limitTimer: NodeJS.Timeout | null = null;

  constructor(parts: RetainedReaderParts) {
    this.#parts = parts;
  }

  /**
   * A connection was established.
   * @returns filters to subscribe to together with everything else, before publishing anything; then call `subscribed`
   */
  begin(): string[] {
    if (this.#begun && !this.reading) return [];
    this.#begun = true;
    this.stop();
    this.#reading = this.#missing();
    return [...this.#reading];
  }

  /** The broker has answered the subscriptions. */
  subscribed(): void {
    if (this.reading) this.#waitForQuiet();
    else this.readMore();
  }

  /** Reads filters that are wanted only now. */
  readMore(): void {
    if (!this.#begun || this.reading || !this.#parts.ready()) return;
    const missing = this.#missing();
    if (missing.length === 0) return;
    this.#reading = missing;
    this.#parts.subscribe(missing, () => this.#waitForQuiet());
  }

  /** Whether retained messages are being read. */
  get reading(): boolean {
    return this.#reading.length > 0;
  }

  /** Whether the retained messages of a filter have been read. */
  hasRead(filter: string): boolean {
    return this.#read.has(filter);
  }

  /** A retained message has arrived. */
  arrived(): void {
    this.#waitForQuiet();
  }

  stop(): void {
    for (const timer of [this.#quietTimer, this.#limitTimer]) if (timer !== null) clearTimeout(timer);
    this.#quietTimer = null;
    this.#limitTimer = null;
  }

  #missing(): string[] {
    return [...new Set(this.#parts.wanted())].filter((filter) => !this.#read.has(filter));
  }

  #waitForQuiet(): void {
    this.#limitTimer ??= setTimeout(() => this.#tooSlow(), LONGEST_READ_MS);
    if (this.#quietTimer !== null) clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => this.#onQuiet(), QUIET_MS);
  }

  #tooSlow(): void {
    this.#parts.warnOnce(
      "reading",
      `the broker is still sending retained messages after ${LONGEST_READ_MS / 1000} s: what comes later is not checked for leftovers of earlier runs until the next start`,
    );
    this.#onQuiet();
  }

  #onQuiet(): void {
    this.stop();
    const { ready, unsubscribe, onRead } = this.#parts;
    // The connection is gone: `begin` starts over on the next one.
    if (!ready()) return;
    unsubscribe([...this.#reading]);
    for (const filter of this.#reading) this.#read.add(filter);
    this.#reading = [];
    onRead();
  }
}
