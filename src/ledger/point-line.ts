/**
 * The format of the files: readable CSV, with a new header whenever the columns change.
 *
 *     device,4B464D6750000009,ok
 *     time,energy_import,energy_export,mark
 *     2026-03-29T01:45:00+01:00,12937,0,ok
 *     2026-03-29T03:00:00+02:00,13001,0,interpolated
 *
 * The last field of each line is one of a few words, none of which is a prefix of another, so a line truncated by a power
 * failure or a full disk is detected and skipped.
 */
import { formatLocal, parseLocal } from "./local-time.ts";
import { appendPoint, type Point, type PointMark, type Registers } from "./point.ts";

const MARKS: readonly string[] = ["begin", "ok", "interpolated", "clock", "reset", "last"] satisfies PointMark[];
const END = "ok";
/** Maximum number of registers per meter; import and export with four tariffs each make ten. */
const MAX_COLUMNS = 16;

/** Content of files: points in order, and the latest system title or number of the meter. */
export interface LedgerContent {
  readonly points: Point[];
  device: string | null;
}

/** Adds the points of a file to those of earlier files. Lines that cannot be read are skipped. */
export function readLines(text: string, content: LedgerContent): void {
  let columns: string[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(",");
    const end = fields.pop();
    const [first = "", ...rest] = fields;
    if (first === "time") columns = end === "mark" && rest.length <= MAX_COLUMNS ? rest : [];
    else if (first === "device") content.device = end === END ? (rest[0] ?? null) : content.device;
    else if (rest.length === columns.length && rest.length > 0) {
      const point = readPoint(first, columns, rest, end ?? "");
      if (point !== null) appendPoint(content.points, point);
    }
  }
}

function readPoint(time: string, columns: readonly string[], fields: readonly string[], mark: string): Point | null {
  const instant = time.length > 19 ? parseLocal(time, () => 0, 0) : null;
  if (instant === null || !MARKS.includes(mark)) return null;
  const registers: Record<string, number> = {};
  for (const [index, key] of columns.entries()) {
    const field = fields[index] ?? "";
    if (field === "") continue;
    if (!/^\d{1,16}$/.test(field)) return null;
    registers[key] = Number(field);
  }
  return { ...instant, registers, mark: mark as PointMark };
}

/** `device,…,ok` */
export function deviceLine(device: string): string {
  return `device,${device.replace(/[^A-Za-z0-9_-]/g, "").slice(0, 64)},${END}\n`;
}

/** `time,energy_import,mark`: the columns of the lines below. */
export function headerLine(columns: readonly string[]): string {
  return `time,${columns.join(",")},mark\n`;
}

export function pointLine(point: Point, columns: readonly string[]): string {
  return `${formatLocal(point)},${columns.map((key) => point.registers[key] ?? "").join(",")},${point.mark}\n`;
}

/** The keys of registers in a fixed order: import and export first, then those of the tariffs. */
export function columnsOf(registers: Registers): string[] {
  const rank = (key: string): string => `${/_t\d/.test(key) ? 1 : 0}${key.startsWith("energy_import") ? 0 : 1}${key}`;
  return Object.keys(registers)
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
    .slice(0, MAX_COLUMNS);
}
