/** Ring buffer of the latest log lines, for the status page. The logger fills it after redaction. */
import { printable } from "./printable.ts";

/** Lines to keep: several days of a healthy run at level info. */
const MAX_LINES = 500;
/** Maximum message length in characters; longer ones (stack traces, hex dumps at debug) are cut. */
const MAX_MESSAGE = 1_000;

/** One line of the log; secrets are masked. */
export interface LogEntry {
  /** Increases by one per line. */
  readonly id: number;
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly level: string;
  readonly component: string | null;
  readonly meter: string | null;
  readonly message: string;
}

export class LogTail {
  readonly #lines: LogEntry[] = [];
  #nextId = 1;

  /** @param entry with secrets already masked */
  add(entry: Omit<LogEntry, "id">): void {
    const message = printable(
      entry.message.length > MAX_MESSAGE ? `${entry.message.slice(0, MAX_MESSAGE)}…` : entry.message,
    );
    this.#lines.push({ ...entry, message, id: this.#nextId++ });
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  /** The lines after the one with this id, oldest first. */
  after(id: number): readonly LogEntry[] {
    return this.#lines.filter((line) => line.id > id);
  }
}
