/** Logs the connection's state, once per kind of problem, and keeps the current problem. */
import type { ComponentLog } from "../../../log/component-log.ts";
import type { ConnectionProblem } from "./connection-errors.ts";
import type { Phrase } from "./reason-codes.ts";

/** Maximum number of one-time warnings. */
const MAX_WARNED = 20;

export class ConnectionReport {
  readonly #log: ComponentLog;
  /** Kinds of problems that were logged and are still open. */
  readonly #open = new Set<string>();
  readonly #warned = new Set<string>();
  /** The current problem; `null` if there is none. */
  problem: Phrase | null = null;

  constructor(log: ComponentLog) {
    this.#log = log;
  }

  /** Logs each kind of problem once, until `connected`. @param silent only records it, because we are stopping */
  failed({ key, text, de }: ConnectionProblem, silent: boolean): void {
    this.problem = { en: text, de };
    if (silent || this.#open.has(key)) return;
    this.#open.add(key);
    this.#log.warn(text);
  }

  /** Logs that the connection is established (again). */
  connected(label: string): void {
    this.#log.info(`connected to the broker at ${label}${this.#open.size > 0 ? " again" : ""}`);
    this.#open.clear();
  }

  /** Whether a problem of this kind was logged and is still open. */
  isOpen(key: string): boolean {
    return this.#open.has(key);
  }

  /** Closes a problem of this kind. */
  close(key: string): void {
    this.#open.delete(key);
  }

  /** Logs a warning of this kind only once. */
  warnOnce(key: string, text: string): void {
    if (this.#warned.has(key) || this.#warned.size >= MAX_WARNED) return;
    this.#warned.add(key);
    const last = this.#warned.size === MAX_WARNED ? `. ${MAX_WARNED} such warnings were logged: this is the last` : "";
    this.#log.warn(text + last);
  }
}
