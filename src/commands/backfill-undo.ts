/** `kaifa2mqtt backfill --undo`: lists the written rows and explains how to remove them. */
import type { WrittenRow } from "../backfill/written-hours.ts";
import { formatLocal, type ZoneOffset } from "../ledger/local-time.ts";

/**
 * Home Assistant cannot delete single rows (`recorder/clear_statistics` deletes all rows of an entity), so they can only
 * be removed in its database.
 */
export function undoText(meter: string, rows: readonly WrittenRow[], zone: ZoneOffset): string {
  if (rows.length === 0) return `${meter}: backfill has written nothing\n`;
  const lines = [`${meter}: written by backfill; these hours had no row before`, ""];
  const entities = new Map<string, WrittenRow[]>();
  for (const row of rows) entities.set(row.entity, [...(entities.get(row.entity) ?? []), row]);
  for (const [entity, own] of entities) {
    for (const { start, state, sum, unit } of own) {
      lines.push(`  ${entity}  ${formatLocal({ at: start, offset: zone(start) })}  state ${state}, sum ${sum} ${unit}`);
    }
  }
  lines.push(
    "",
    "Home Assistant cannot delete single hours. To restore what was there: make a backup, stop Home Assistant, and run this in its",
    "database (sqlite3 /config/home-assistant_v2.db). It deletes only rows that are still as written:",
    "",
  );
  for (const [entity, own] of entities) {
    const id = `(SELECT id FROM statistics_meta WHERE statistic_id = '${entity.replaceAll("'", "''")}')`;
    for (const { start, sum } of own) {
      lines.push(
        `DELETE FROM statistics WHERE metadata_id = ${id} AND start_ts = ${start / 1000} AND abs(sum - ${sum}) < 0.0000001;`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}
