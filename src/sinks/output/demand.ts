/**
 * Demand as Belgian P1 meters send it: average import of the current quarter hour so far, and the highest quarter hour of
 * the month. Other meters don't send it; the ledger derives it from the energy register (docs/ledger.md).
 */
import type { LedgerState } from "../../ledger/ledger-state.ts";
import { formatLocal, localText } from "../../ledger/local-time.ts";
import type { MeterFeed } from "./meter-feed.ts";

const QUARTER_MS = 900_000;

export interface Demand {
  /** W: energy of the current quarter so far, divided by a full quarter hour; `null` if unknown. */
  readonly average: number | null;
  /** W, and the end of that quarter (ISO 8601); `null` while no complete quarter of this month is known. */
  readonly peak: { readonly power: number; readonly end: string } | null;
}

/** The ledger reports once a minute, after the reading; a report about the previous quarter or month is ignored. */
export function demandOf(feed: MeterFeed): Demand {
  const state = feed.ledger;
  if (state === null) return { average: null, peak: null };
  const { quarterStart, quarterImport } = state;
  const meterTime = feed.reading?.meterTime ?? null;
  const current = meterTime === null || startOfQuarter(meterTime) === localText(quarterStart).slice(0, 16);
  const sameMonth = meterTime === null || meterTime.slice(0, 7) === localText(quarterStart).slice(0, 7);
  return {
    average: current && quarterImport !== null ? quarterImport * 4 : null,
    peak: sameMonth ? peakOf(state) : null,
  };
}

function peakOf({ peak }: LedgerState): Demand["peak"] {
  if (peak === null) return null;
  const { start, power } = peak;
  return { power, end: formatLocal({ at: start.at + QUARTER_MS, offset: start.offset }) };
}

/** `2026-03-29T12:17:03+02:00` is in the quarter `2026-03-29T12:15`. */
function startOfQuarter(time: string): string {
  const minute = Math.floor(Number(time.slice(14, 16)) / 15) * 15;
  return `${time.slice(0, 14)}${String(minute).padStart(2, "0")}`;
}
