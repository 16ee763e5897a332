/**
 * Reads the ledger, inside the bridge or in another process while the bridge runs. Needs no lock: files are append-only,
 * and an incomplete last line is skipped.
 */
import { join } from "node:path";
import { type Interval, intervalsOf } from "./intervals.ts";
import { ledgerFolder, ledgerMeters, monthFile, monthFiles, readMonth } from "./ledger-files.ts";
import { appendPoint, isBoundary, type Point } from "./point.ts";
import type { LedgerContent } from "./point-line.ts";

/** Files cover months of local time, which differ from UTC months by up to the UTC offset. */
const MARGIN_MS = 2 * 86_400_000;

/** Milliseconds since 1970; `from` is included, `to` is not. */
export interface TimeSpan {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export class LedgerReader {
  readonly #dataDir: string;
  readonly #pending: (meter: string) => readonly Point[];

  /**
   * @param dataDir `data_dir`
   * @param pending points of a meter that are not yet in a file (within the bridge)
   */
  constructor(dataDir: string, pending: (meter: string) => readonly Point[] = () => []) {
    this.#dataDir = dataDir;
    this.#pending = pending;
  }

  /** The ids of the meters that have a ledger. */
  async meters(): Promise<string[]> {
    return (await ledgerMeters(this.#dataDir)).sort();
  }

  /**
   * Quarters and marked intervals that begin in the span, oldest first.
   * @throws the file system's error if a file exists but cannot be read
   */
  async intervals(
    meter: string,
    { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }: TimeSpan = {},
  ): Promise<Interval[]> {
    const points = await this.points(meter, { from, to });
    return intervalsOf(points).filter(({ start }) => start.at >= from && start.at < to);
  }

  /**
   * The points (point.ts) in the span and those around it, oldest first: registers at each boundary.
   * @throws like `intervals`
   */
  async points(meter: string, { from, to }: TimeSpan = {}): Promise<Point[]> {
    const folder = join(ledgerFolder(this.#dataDir), meter);
    const names = await monthFiles(folder);
    const oldest = names[0];
    const first = isGiven(from) ? monthFile({ at: from - MARGIN_MS, offset: 0 }) : "";
    const last = isGiven(to) ? monthFile({ at: to + MARGIN_MS, offset: 0 }) : "~";
    // An interval that overlaps the span may begin or end far outside it.
    const before = names.findLast((name) => name < first);
    const after = names.find((name) => name > last);
    const wanted = names.filter((name) => (name >= first && name <= last) || name === before || name === after);
    const content: LedgerContent = { points: [], device: null };
    for (const name of wanted) await readMonth(folder, name, content);
    if (wanted.at(-1) === names.at(-1)) {
      for (const point of this.#pending(meter)) appendPoint(content.points, point);
    }
    if (wanted[0] === oldest) return content.points;
    return content.points.slice(Math.max(0, content.points.findIndex(isBoundary)));
  }
}

function isGiven(at: number | undefined): at is number {
  return at !== undefined && Number.isFinite(at);
}
