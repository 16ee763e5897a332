/** Parses a CSV file into rows of cells; detects encoding and separator. */
import { parse } from "csv-parse/sync";
import { PortalError } from "./portal-error.ts";

export interface Row {
  /** Line number in the file, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

export interface Table {
  readonly encoding: "UTF-8" | "UTF-16" | "windows-1252";
  readonly separator: string;
  /** Without empty lines. */
  readonly rows: readonly Row[];
}

const SEPARATORS = [";", "\t", ",", "|"] as const;
/** Number of lines from which the separator is detected. */
const SAMPLE_LINES = 200;

/** @throws PortalError for a file that is not a table */
export function readTable(bytes: Uint8Array): Table {
  const { text, encoding } = decodeText(bytes);
  if (text.trim() === "") throw new PortalError("the file is empty");
  const sample = text
    .split(/\r\n|\n|\r/)
    .slice(0, SAMPLE_LINES)
    .join("\n");
  const [best] = SEPARATORS.map((separator) => ({ separator, columns: columnsOf(sample, separator) }))
    .filter(({ columns }) => columns > 1)
    .sort((a, b) => b.columns - a.columns);
  if (best === undefined) throw new PortalError("there are no columns: none of ; , | and tab separates the lines", 1);
  // Decimal commas look like more columns, so any other separator takes precedence.
  const other = SEPARATORS.find((separator) => separator !== "," && columnsOf(sample, separator) > 1);
  const separator = best.separator === "," && other !== undefined ? other : best.separator;
  return { encoding, separator, rows: rowsOf(text, separator) };
}

/** The most frequent number of cells in a row; 0 if the text cannot be split that way. */
function columnsOf(sample: string, separator: string): number {
  const counts = new Map<number, number>();
  try {
    for (const { cells } of rowsOf(sample, separator)) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  } catch {
    return 0;
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}

function rowsOf(text: string, separator: string): Row[] {
  try {
    const parsed = parse(text, {
      delimiter: separator,
      info: true,
      trim: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      record_delimiter: ["\r\n", "\n", "\r"],
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return parsed
      .map(({ record, info }) => ({ line: info.lines, cells: record }))
      .filter(({ cells }) => cells.some((cell) => cell !== ""));
  } catch (error) {
    const { lines } = error as { lines?: number };
    throw new PortalError(error instanceof Error ? error.message : String(error), lines ?? null);
  }
}

function decodeText(bytes: Uint8Array): { text: string; encoding: Table["encoding"] } {
  const [a, b] = bytes;
  const decode = (label: string, fatal = false): string => new TextDecoder(label, { fatal }).decode(bytes);
  if (a === 0xff && b === 0xfe) return { text: decode("utf-16le"), encoding: "UTF-16" };
  if (a === 0xfe && b === 0xff) return { text: decode("utf-16be"), encoding: "UTF-16" };
  // Without a byte order mark: the characters of a table are below 256, so every second byte is 0.
  const zeros = [0, 0];
  for (const [index, byte] of bytes.subarray(0, 1_000).entries())
    if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const half = Math.min(bytes.length, 1_000) / 2;
  if ((zeros[1] as number) > half * 0.8) return { text: decode("utf-16le"), encoding: "UTF-16" };
  if ((zeros[0] as number) > half * 0.8) return { text: decode("utf-16be"), encoding: "UTF-16" };
  try {
    return { text: decode("utf-8", true), encoding: "UTF-8" };
  } catch {
    return { text: decode("windows-1252"), encoding: "windows-1252" };
  }
}
