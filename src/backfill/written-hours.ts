/**
 * Journal of the rows that backfill has written: `<data_dir>/ledger/<meter>/backfill.ndjson`, one JSON object per line.
 * A row is recorded before it is sent, so that the next run recognises the rows of a killed run.
 */
import { mkdir, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { EnergyUnit, NewRow } from "./plan.ts";

/** At 100 bytes a row, about ten years with one missing hour a day. A larger file is neither read nor written. */
const LARGEST_BYTES = 8 * 1024 * 1024;

export interface WrittenRow extends NewRow {
  readonly entity: string;
  readonly unit: EnergyUnit;
}

export class WrittenHours {
  readonly #folder: string;
  readonly #path: string;

  /** @param folder the meter's folder in the ledger */
  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, "backfill.ndjson");
  }

  /** Oldest first; if a row was written twice, the newer entry counts. Truncated lines are skipped. */
  async read(): Promise<WrittenRow[]> {
    let text = "";
    try {
      if ((await stat(this.#path)).size <= LARGEST_BYTES) text = await readFile(this.#path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    const rows = new Map<string, WrittenRow>();
    for (const line of text.split("\n")) {
      const row = parse(line);
      if (row !== null) rows.set(`${row.entity} ${row.start}`, row);
    }
    return [...rows.values()].sort((a, b) => a.start - b.start || (a.entity < b.entity ? -1 : 1));
  }

  /** The rows of an entity by start, as the planner expects them. */
  async of(entity: string, unit: EnergyUnit): Promise<Map<number, NewRow>> {
    const rows = (await this.read()).filter((row) => row.entity === entity && row.unit === unit);
    return new Map(rows.map((row) => [row.start, row]));
  }

  /** @throws the file system's error; in that case nothing may be sent */
  async note(rows: readonly WrittenRow[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const lines = rows.map(({ entity, start, unit, state, sum }) =>
      JSON.stringify({ entity, start: new Date(start).toISOString(), unit, state, sum }),
    );
    const file = await open(this.#path, "a", 0o600);
    try {
      const text = `${lines.join("\n")}\n`;
      if ((await file.stat()).size + text.length > LARGEST_BYTES) {
        throw new Error(`${this.#path} is full (8 MB): move it away to go on`);
      }
      // Terminates a truncated line.
      await file.appendFile(`\n${text}`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

function parse(line: string): WrittenRow | null {
  try {
    const { entity, start, unit, state, sum } = JSON.parse(line) as Record<string, unknown>;
    const at = Date.parse(String(start));
    if (typeof entity !== "string" || Number.isNaN(at) || typeof state !== "number" || typeof sum !== "number")
      return null;
    return { entity, start: at, unit: unit as EnergyUnit, state, sum };
  } catch {
    return null;
  }
}
