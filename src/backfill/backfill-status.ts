/** What the automatic backfill has found and done since the start, for page and MQTT. */
import { HOUR_MS } from "./plan.ts";
import { isPending, REASONS, type ReasonCode } from "./reasons.ts";

/** Hours from the first to the last; there may be others in between that are not counted. */
export interface HoleHours {
  /** Each hour counts once, however many entities lack it. */
  readonly hours: number;
  /** Start of the first and end of the last of them, milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
}

/** Hours that were not filled for one reason. */
export interface LeftHours extends HoleHours {
  readonly reason: { readonly en: string; readonly de: string };
  /** Whether a later comparison will fill them. */
  readonly pending: boolean;
}

export interface BackfillStatus {
  /** When the statistics were last compared with the ledger; `null` before the first time. */
  readonly comparedAt: number | null;
  /** Why they cannot be compared, a sentence without secrets. */
  readonly error: string | null;
  /** Since startup: what Home Assistant missed, and how much of it was filled; `null` if nothing. */
  readonly missed: HoleHours | null;
  readonly filled: HoleHours | null;
  /** From the latest comparison, one entry per reason. */
  readonly left: readonly LeftHours[];
}

/** Cap on the remembered hours: each comparison covers 35 days, and a bridge may run for years. */
const MOST_HOURS = 2_000;

export class StatusOfBackfill {
  readonly #filled = new Set<number>();
  #left: ReadonlyMap<ReasonCode, ReadonlySet<number>> = new Map();
  #comparedAt: number | null = null;
  #error: string | null = null;

  /** @param hours what one comparison found missing, `reason` null where it was filled */
  compared(at: number, hours: readonly { readonly start: number; readonly reason: ReasonCode | null }[]): void {
    this.#comparedAt = at;
    this.#error = null;
    const left = new Map<ReasonCode, Set<number>>();
    for (const { start, reason } of hours) {
      if (reason === null) this.#filled.add(start);
      else left.set(reason, (left.get(reason) ?? new Set()).add(start));
    }
    this.#left = left;
    for (const start of this.#filled) {
      if (this.#filled.size <= MOST_HOURS) break;
      this.#filled.delete(start);
    }
  }

  /** @param message a sentence without secrets */
  fail(message: string): void {
    this.#error = message;
  }

  status(): BackfillStatus {
    const left = [...this.#left].flatMap(([code, starts]) => {
      const span = spanOf(starts);
      return span === null ? [] : [{ ...span, reason: REASONS[code], pending: isPending(code) }];
    });
    return {
      comparedAt: this.#comparedAt,
      error: this.#error,
      missed: spanOf(new Set([...this.#filled, ...[...this.#left.values()].flatMap((starts) => [...starts])])),
      filled: spanOf(this.#filled),
      left,
    };
  }
}

function spanOf(starts: ReadonlySet<number>): HoleHours | null {
  if (starts.size === 0) return null;
  const all = [...starts];
  return { hours: starts.size, from: Math.min(...all), to: Math.max(...all) + HOUR_MS };
}
