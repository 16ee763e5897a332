/** Counters of one meter since the program started. */
import type { MeterCounters } from "./events.ts";

export class MeterStatistics {
  readonly #rejectedBy: Record<string, number> = {};
  #bytes = 0;
  #telegrams = 0;
  #accepted = 0;
  #rejected = 0;
  #skippedBytes = 0;
  #connections = 0;

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
  }

  received(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Bytes outside telegrams. */
  skipped(bytes: number): void {
    this.#skippedBytes += bytes;
  }

  decoded(): void {
    this.#telegrams++;
  }

  accepted(): void {
    this.#accepted++;
  }

  /** @param code why the telegram was dropped: an error code of the codec, or `implausible` */
  rejected(code: string): void {
    this.#rejected++;
    this.#rejectedBy[code] = (this.#rejectedBy[code] ?? 0) + 1;
  }
}
