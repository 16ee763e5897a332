/** Compares the statistics of a meter's energy entities with its ledger once; writes missing rows if allowed. */
import { join } from "node:path";
import { ledgerFolder } from "../ledger/ledger-files.ts";
import type { LedgerReader } from "../ledger/ledger-reader.ts";
import type { EnergyEntity, HomeAssistant } from "./home-assistant.ts";
import { type EnergyUnit, HOUR_MS, type NewRow, planBackfill, type StatisticsRow } from "./plan.ts";
import { REASONS, type ReasonCode } from "./reasons.ts";
import { WrittenHours } from "./written-hours.ts";

export interface RunOptions {
  readonly homeAssistant: HomeAssistant;
  readonly reader: Pick<LedgerReader, "points">;
  readonly dataDir: string;
  readonly meter: string;
  /** Whether to write, or only to report. */
  readonly apply: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Start of the comparison, milliseconds since 1970; default: as far back as the ledger reaches. */
  readonly since?: number | undefined;
  readonly isAfterFrom?: ((start: number) => boolean) | undefined;
  readonly isBeforeTo?: ((start: number) => boolean) | undefined;
}

/** An hour without a row. */
export interface MissingHour {
  readonly entity: string;
  readonly key: string;
  readonly unit: EnergyUnit;
  readonly start: number;
  /** What is, or would be, written; `null` if nothing may be. */
  readonly row: NewRow | null;
  /** Energy of the hour, in the unit. */
  readonly change: number | null;
  /** Why nothing may be written. */
  readonly reason: ReasonCode | null;
}

/** The English words for a reason. */
export function reasonText(reason: ReasonCode): string {
  return REASONS[reason].en;
}

export interface RunResult {
  /** By entity and time. */
  readonly hours: readonly MissingHour[];
  /** The entities that were compared. */
  readonly entities: readonly string[];
}

/** Margin around the ledger, so that the rows next to a hole are found even if it is long. */
const MARGIN_MS = 40 * 24 * HOUR_MS;

/** @throws HomeAssistantError; the error of the file system */
export async function runBackfill(options: RunOptions): Promise<RunResult> {
  const { homeAssistant, reader, meter, now, since } = options;
  const points = await reader.points(meter, { from: since });
  const oldest = points[0];
  const entities = await homeAssistant.entities(meter);
  if (oldest === undefined) return { hours: [], entities: entities.map(({ entityId }) => entityId) };
  const memory = new WrittenHours(join(ledgerFolder(options.dataDir), meter));
  const hours: MissingHour[] = [];
  for (const entity of entities) {
    const { entityId, key, unit } = entity;
    const from = Math.floor((oldest.at - MARGIN_MS) / HOUR_MS) * HOUR_MS;
    const rows = await homeAssistant.rows(entity, from, now + HOUR_MS);
    const written = await memory.of(entityId, unit);
    const { isAfterFrom, isBeforeTo } = options;
    const plan = planBackfill({
      rows,
      points,
      key,
      unit,
      now,
      written,
      ...(isAfterFrom === undefined ? {} : { isAfterFrom }),
      ...(isBeforeTo === undefined ? {} : { isBeforeTo }),
    });
    if (options.apply && !entity.hasCosts && plan.write.length > 0) await write(entity, plan.write, options, memory);
    const base = { entity: entityId, key, unit };
    const missing = plan.left.map(({ start, reason }) => ({ ...base, start, row: null, change: null, reason }));
    hours.push(...[...withChanges(entity, rows, plan.write), ...missing].sort((a, b) => a.start - b.start));
  }
  return { hours, entities: entities.map(({ entityId }) => entityId) };
}

function withChanges(entity: EnergyEntity, rows: readonly StatisticsRow[], write: readonly NewRow[]): MissingHour[] {
  const sums = new Map([...rows, ...write].map(({ start, sum }) => [start, sum ?? 0]));
  const { entityId, key, unit, hasCosts } = entity;
  return write.map((row) => {
    const change = Number((row.sum - (sums.get(row.start - HOUR_MS) ?? row.sum)).toFixed(6));
    const base = { entity: entityId, key, unit, start: row.start };
    return hasCosts
      ? { ...base, row: null, change: null, reason: "costs" as const }
      : { ...base, row, change, reason: null };
  });
}

/** Sends the rows and waits until the recorder has written them. */
async function write(
  entity: EnergyEntity,
  rows: readonly NewRow[],
  { homeAssistant, now }: RunOptions,
  memory: WrittenHours,
): Promise<void> {
  const { entityId, unit } = entity;
  const first = rows[0]?.start ?? now;
  // The hours may have been filled since they were read: never overwrite an existing row.
  const present = new Set((await homeAssistant.rows(entity, first, now + HOUR_MS)).map(({ start }) => start));
  if (rows.some(({ start }) => present.has(start))) {
    throw new Error(`${entityId}: somebody else has just changed its statistics; run it again`);
  }
  await memory.note(rows.map((row) => ({ ...row, entity: entityId, unit })));
  await homeAssistant.write(entity, rows);
  for (let attempt = 0; attempt < WAITS; attempt++) {
    const there = new Set((await homeAssistant.rows(entity, first, now + HOUR_MS)).map(({ start }) => start));
    if (rows.every(({ start }) => there.has(start))) return;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  throw new Error(`${entityId}: Home Assistant has accepted the rows, but its recorder has not written them yet`);
}

const WAIT_MS = 250;
const WAITS = 120;
