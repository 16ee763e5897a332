/** The state of a meter's ledger, as published on `<base>/<meter>/ledger`. */
import type { LocalInstant } from "./local-time.ts";
import { quarterOf } from "./point.ts";
import type { QuarterRecorder } from "./quarter-recorder.ts";
import type { Peak, Quarter, Summary, WindowEnergy } from "./summary.ts";

const HOUR_MS = 3_600_000;

/** Energy in Wh, power in W; `null`: not known. */
export interface LedgerState {
  readonly quarterStart: LocalInstant;
  /** Since the start of the current quarter. */
  readonly quarterImport: number | null;
  readonly quarterExport: number | null;
  /** Expected mean import of the current quarter, assuming constant power from now on. */
  readonly forecast: number | null;
  readonly lastQuarter: Quarter | null;
  readonly peak: Peak | null;
  /** By name. */
  readonly windows: Readonly<Record<string, WindowEnergy>>;
}

/**
 * @param power import in the newest telegram, W; `null` if it has none
 * @returns `null` before the first telegram
 */
export function ledgerState(recorder: QuarterRecorder, summary: Summary, power: number | null): LedgerState | null {
  const { newest, opening } = recorder;
  if (newest === null) return null;
  const start = quarterOf(newest.at);
  const quarterStart = { at: start, offset: newest.offset };
  const since = (key: string): number | null => {
    const [from, to] = [opening?.registers[key], newest.registers[key]];
    return from === undefined || to === undefined ? null : to - from;
  };
  const quarterImport = since("energy_import");
  return {
    quarterStart,
    quarterImport,
    quarterExport: since("energy_export"),
    forecast: quarterImport === null ? null : forecastOf(quarterImport, newest.at - start, power),
    lastQuarter: summary.quarterBefore(start),
    peak: summary.peak(newest),
    windows: summary.windows(quarterStart, quarterImport),
  };
}

/** Without a power value, extrapolates the mean since the quarter began; `null` while that time is too short. */
function forecastOf(drawn: number, passedMs: number, power: number | null): number | null {
  const rate = power ?? (passedMs >= 60_000 ? (drawn * HOUR_MS) / passedMs : null);
  return rate === null ? null : Math.round(drawn * 4 + (rate * (900_000 - passedMs)) / 900_000);
}
