/** Files of the ledger: `<data_dir>/ledger/<meter>/YYYY-MM.csv`, one per month of local time. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type LocalInstant, localText } from "./local-time.ts";
import { type LedgerContent, readLines } from "./point-line.ts";

const MONTH_FILE = /^\d{4}-\d{2}\.csv$/;
const METER = /^[A-Za-z0-9_-]{1,64}$/;
/** A month takes about 150 kB; a larger file is not read. */
const LARGEST_BYTES = 4 * 1024 * 1024;

/** The folder of all meters. */
export function ledgerFolder(dataDir: string): string {
  return join(dataDir, "ledger");
}

/** `2026-03.csv` */
export function monthFile(instant: LocalInstant): string {
  return `${localText(instant).slice(0, 7)}.csv`;
}

/** Names of the month files in a meter's folder, oldest first; empty if there is no such folder. */
export function monthFilesSync(folder: string): string[] {
  try {
    return sortMonths(readdirSync(folder));
  } catch {
    return [];
  }
}

export async function monthFiles(folder: string): Promise<string[]> {
  return sortMonths(await readdir(folder).catch(() => []));
}

/** The ids of the meters that have a ledger. */
export async function ledgerMeters(dataDir: string): Promise<string[]> {
  const entries = await readdir(ledgerFolder(dataDir), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && METER.test(entry.name)).map(({ name }) => name);
}

/**
 * Adds the content of a file. A file that has vanished or cannot be read counts as empty.
 * @param onUnreadable called with the error, unless the file has vanished
 */
export function readMonthSync(
  folder: string,
  name: string,
  content: LedgerContent,
  onUnreadable: (error: Error) => void,
): void {
  const path = join(folder, name);
  try {
    checkSize(path, statSync(path).size);
    readLines(readFileSync(path, "utf8"), content);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") onUnreadable(error as Error);
  }
}

/** Adds the content of a file; one that has vanished counts as empty. @throws any other error, also for a file that is too large */
export async function readMonth(folder: string, name: string, content: LedgerContent): Promise<void> {
  const path = join(folder, name);
  try {
    checkSize(path, (await stat(path)).size);
    readLines(await readFile(path, "utf8"), content);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function checkSize(path: string, bytes: number): void {
  if (bytes <= LARGEST_BYTES) return;
  throw new RangeError(`${path} has more than ${LARGEST_BYTES} bytes: restore it from a backup, or move it away`);
}

function sortMonths(names: readonly string[]): string[] {
  return names.filter((name) => MONTH_FILE.test(name)).sort();
}
