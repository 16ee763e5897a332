/**
 * What one meter counts, and how it tells of dropped telegrams: the first of a kind at once with its reason, the rest
 * summed up after pauses that grow, so that a bad wire does not fill the log.
 */
import type { MeterCounters } from "./events.ts";

/** Pauses between sums. After a quiet stretch as long as the last, the next fault is told at once again. */
const SUM_AFTER_MS = [60_000, 600_000, 3_600_000] as const;

/** The part of a logger that is used here. */
interface TallyLog {
  error(message: string): void;
  warn(message: string): void;
  debug(message: string | (() => string)): void;
}

export class MeterTally {
  readonly #log: TallyLog;
  readonly #rejectedBy: Record<string, number> = {};
  #bytes = 0;
  #telegrams = 0;
  #accepted = 0;
  #rejected = 0;
  #skippedBytes = 0;
  #connections = 0;
  /** Opened, and neither a telegram nor a fault since: the next may be the rest of a telegram that was under way. */
  #joining = false;
  /** Kinds already told of, and when last; those that came since by kind. */
  readonly #told = new Set<string>();
  readonly #since = new Map<string, number>();
  #toldAt = 0;
  #step = 0;
  /** The unexpected error that was logged last. */
  #lastUnexpected: string | null = null;

  constructor(log: TallyLog) {
    this.#log = log;
  }

  get counters(): MeterCounters {
    return {
      bytes: this.#bytes,
      telegrams: this.#telegrams,
      accepted: this.#accepted,
      rejected: this.#rejected,
      rejectedBy: { ...this.#rejectedBy },
      skippedBytes: this.#skippedBytes,
      connections: this.#connections,
    };
  }

  connected(): void {
    this.#connections++;
    this.#joining = true;
  }

  heard(bytes: number): void {
    this.#bytes += bytes;
  }

  skipped(bytes: number): void {
    this.#skippedBytes += bytes;
  }

  decoded(): void {
    this.#telegrams++;
    this.#joining = false;
  }

  accepted(_at: number): void {
    this.#accepted++;
  }

  /**
   * A telegram was dropped. Not counted: frames without a beginning right after the port was opened, the rest of a
   * telegram that was under way on a healthy line. `at`: milliseconds, monotonic.
   */
  fault(code: string, reason: string, at: number): void {
    // A telegram whose beginning was missed shows as this and nothing else, whatever the transport.
    const joined = this.#joining && code === "segmentation";
    this.#joining = false;
    if (joined) {
      this.#log.debug(() => `the rest of a telegram that was under way when the port was opened: ${code}: ${reason}`);
      return;
    }
    this.#rejected++;
    this.#rejectedBy[code] = (this.#rejectedBy[code] ?? 0) + 1;
    this.#log.debug(() => `telegram dropped: ${code}: ${reason}`);
    if (!this.#told.has(code)) {
      this.#told.add(code);
      this.#toldAt = at;
      this.#log.warn(`telegram dropped (${code}): ${reason}`);
    } else {
      this.#since.set(code, (this.#since.get(code) ?? 0) + 1);
    }
  }

  /** An error of this program, not of the line: told once with its stack, and the telegram at hand counts as dropped. */
  unexpected(error: unknown, at: number): void {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (message !== this.#lastUnexpected) {
      this.#log.error(error instanceof Error ? (error.stack ?? message) : message);
    }
    this.#lastUnexpected = message;
    this.fault("malformed", `an unexpected error, see the log (${message})`, at);
  }

  /** To be called now and then: tells how many more there were. */
  sumUp(at: number): void {
    const pause = SUM_AFTER_MS[Math.min(this.#step, SUM_AFTER_MS.length - 1)] ?? 0;
    if (this.#told.size === 0 || at - this.#toldAt < pause) return;
    if (this.#since.size === 0) {
      this.#told.clear();
      this.#step = 0;
      return;
    }
    const counts = [...this.#since].map(([code, count]) => `${count} × ${code}`).join(", ");
    const minutes = Math.round((at - this.#toldAt) / 60_000);
    this.#log.warn(`telegrams dropped in the last ${minutes} min: ${counts}`);
    this.#since.clear();
    this.#toldAt = at;
    this.#step++;
  }
}
