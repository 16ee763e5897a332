/** State of the source: open or the last error, since when, with which line settings. Times are milliseconds, monotonic. */
import type { LineSettings } from "../sources/source.ts";
import { formatLine, type Observations } from "./diagnosis.ts";

/** Debounce: after an error, a source counts as open once bytes arrive or it has stayed open this long. */
const STABLE_MS = 3_000;

export class SourceState {
  #state: Observations["source"] = "opening";
  #openedAt = 0;
  #lastError: Observations["source"] | null = null;
  #line: LineSettings | null = null;
  /** Line settings tried since the last accepted telegram; bounded, because few exist. */
  readonly #triedLines = new Set<string>();

  /** @returns `false` if it was open already */
  opened(at: number, line: LineSettings | null): boolean {
    const wasClosed = this.#state !== "open";
    if (wasClosed) this.#openedAt = at;
    this.#state = "open";
    this.#line = line;
    if (line !== null) this.#triedLines.add(formatLine(line));
    return wasClosed;
  }

  closed(reason: Exclude<Observations["source"], "open" | "opening">): void {
    this.#state = reason;
    this.#lastError = reason;
  }

  /** Bytes were received: the source really is open. */
  received(): void {
    this.#lastError = null;
  }

  /** A telegram was accepted: the current line settings are right. */
  accepted(): void {
    this.#lastError = null;
    if (this.#triedLines.size <= 1) return;
    this.#triedLines.clear();
    if (this.#line !== null) this.#triedLines.add(formatLine(this.#line));
  }

  observe(at: number): Pick<Observations, "source" | "line" | "listeningMs"> {
    return {
      source: this.state(at),
      line: this.#triedLines.size > 1 ? null : this.#line,
      listeningMs: this.#listeningMs(at),
    };
  }

  /** `observe` for the state alone. */
  state(at: number): Observations["source"] {
    const isUnstable = this.#state === "open" && this.#lastError !== null && this.#listeningMs(at) < STABLE_MS;
    return isUnstable && this.#lastError !== null ? this.#lastError : this.#state;
  }

  #listeningMs(at: number): number {
    return this.#state === "open" ? at - this.#openedAt : 0;
  }
}
