/** Maximum number of meters in one process. */
export const MAX_METERS = 10_000;

/**
 * For how many meters of one bridge something is kept that costs memory or files. Readings and discovery have no such
 * limit. `advice` (src/config/derive-defaults.ts) warns if a configuration exceeds one; docs/scale.md explains them.
 */
export const METER_LIMITS = {
  /** Quarter hours (src/ledger/ledger.ts). */
  ledger: 16,
  /** Power plots of the status page, about 70 kB per meter (src/http/history.ts). */
  powerPlots: 16,
  /** Current values on the status page (src/http/live-state.ts). */
  statusPage: 32,
  /** Meters remembered as published, for cleaning up (src/sinks/mqtt/discovery/publication-history.ts). */
  publicationHistory: 256,
} as const;
