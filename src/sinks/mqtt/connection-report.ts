/** What is logged of the connection, once for each kind of problem, and what is wrong at present. */
import type { ComponentLog } from "../../log/component-log.ts";
import type { ConnectionProblem } from "./connection-errors.ts";
import type { Phrase } from "./reason-codes.ts";

/** Cap on warnings that are never repeated. */
const MAX_WARNED = 20;

export class ConnectionReport {
  readonly #log: ComponentLog;
  /** Kinds of problems that were logged and are not over. */
  readonly #open = new Set<string>();
  readonly #warned = new Set<string>();
  /** What is wrong at present; `null` if nothing is. */
  problem: Phrase | null = null;

  constructor(log: ComponentLog) {
    this.#log = log;
  }

  /** Logs each kind of problem once, until `connected`. @param silent only remembers it: we stop */
  failed({ key, text, de }: ConnectionProblem, silent: boolean): void {
    this.problem = { en: text, de };
    if (silent || this.#open.has(key)) return;
    this.#open.add(key);
    this.#log.warn(text);
  }

  /** Logs that the connection stands (again). */
  connected(label: string): void {
    this.#log.info(`connected to the broker at ${label}${this.#open.size > 0 ? " again" : ""}`);
    this.#open.clear();
  }

  /** Whether a problem of this kind was logged and is not over. */
  isOpen(key: string): boolean {
    return this.#open.has(key);
  }

  /** A problem of this kind is over. */
  close(key: string): void {
    this.#open.delete(key);
  }

  /** Logs a warning of this kind once and for all. */
  warnOnce(key: string, text: string): void {
    if (this.#warned.has(key) || this.#warned.size >= MAX_WARNED) return;
    this.#warned.add(key);
    this.#log.warn(text);
  }
}
