/** Whether the source is open, since when, and with which line settings. Times are milliseconds, monotonic. */
import type { LineSettings } from "../sources/source.ts";
import { formatLine, type Observations } from "./diagnosis.ts";

/** A source that broke off at once is not open: its last error stands until bytes come or it has stayed open this long. */
const STEADY_MS = 3_000;

export class SourceState {
  #state: Observations["source"] = "opening";
  #openedAt = 0;
  #lastError: Observations["source"] | null = null;
  #line: LineSettings | null = null;
  /** Since the last accepted telegram; only a few can be tried. */
  readonly #linesTried = new Set<string>();

  /** @returns whether it was not open before */
  opened(at: number, line: LineSettings | null): boolean {
    const isNew = this.#state !== "open";
    if (isNew) this.#openedAt = at;
    this.#state = "open";
    this.#line = line;
    if (line !== null) this.#linesTried.add(formatLine(line));
    return isNew;
  }

  closed(reason: Exclude<Observations["source"], "open" | "opening">): void {
    this.#state = reason;
    this.#lastError = reason;
  }

  /** Bytes have arrived: it really is open. */
  received(): void {
    this.#lastError = null;
  }

  /** A telegram was accepted: the line settings in use are right. */
  accepted(): void {
    this.#lastError = null;
    if (this.#linesTried.size <= 1) return;
    this.#linesTried.clear();
    if (this.#line !== null) this.#linesTried.add(formatLine(this.#line));
  }

  observe(at: number): Pick<Observations, "source" | "line" | "listeningMs"> {
    const listeningMs = this.#state === "open" ? at - this.#openedAt : 0;
    const unsteady = this.#state === "open" && this.#lastError !== null && listeningMs < STEADY_MS;
    return {
      source: unsteady && this.#lastError !== null ? this.#lastError : this.#state,
      line: this.#linesTried.size > 1 ? null : this.#line,
      listeningMs,
    };
  }
}
