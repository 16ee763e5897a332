/** Parses the cells of a portal's file: dates, times, numbers. Local times are milliseconds as if they were UTC. */

const DATE = /^(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[./](\d{1,2})[./](\d{4}|\d{2}))$/;
const TIME = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?$/;
const STAMP = /^(\S+?)(?:[T ,]+)(\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/;
const DAY_MS = 86_400_000;

/** The time in a cell. */
export interface Stamp {
  /** Milliseconds of the local time, as if it were UTC. */
  readonly local: number;
  /** Minutes east of UTC; `null` if the cell has no offset. */
  readonly offset: number | null;
}

/** `2026-03-01`, `01.03.2026`, `1.3.26`, `01/03/2026` → its midnight; `null` for anything else. */
export function parseDate(cell: string): number | null {
  const match = DATE.exec(cell);
  if (match === null) return null;
  const year = Number(match[1] ?? match[6]);
  const [month, day] = [Number(match[2] ?? match[5]), Number(match[3] ?? match[4])];
  const at = Date.UTC(year < 100 ? 2000 + year : year, month - 1, day);
  return month >= 1 && month <= 12 && new Date(at).getUTCDate() === day ? at : null;
}

/** `00:15`, `23:59:59`, `24:00` → milliseconds since midnight; `null` for anything else. */
export function parseTime(cell: string): number | null {
  const match = TIME.exec(cell);
  if (match === null) return null;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  const ms = ((hour * 60 + minute) * 60 + second) * 1000;
  return minute < 60 && second < 60 && ms <= DAY_MS ? ms : null;
}

/** `01.03.2026 00:15`, `2026-03-01T00:15:00+01:00`; `null` for anything else. */
export function parseStamp(cell: string): Stamp | null {
  const match = STAMP.exec(cell);
  const date = parseDate(match?.[1] ?? "");
  const time = parseTime(match?.[2] ?? "");
  return date === null || time === null ? null : { local: date + time, offset: parseOffset(match?.[3]) };
}

function parseOffset(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (text === "Z" || text === "UTC") return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2));
  return text.startsWith("-") ? -minutes : minutes;
}

/** A number with either decimal separator, optionally followed by a unit. */
export const NUMBER = /^-?\d{1,3}(?:[.,' ]?\d{3})*(?:[.,]\d+)?(?:\s*(?:kWh|Wh|kW))?$|^-?\d+(?:[.,]\d+)?$/i;

/**
 * The decimal separator of a column: a comma if one of its numbers can only be read that way.
 * @param cells the numbers as text
 */
export function decimalSign(cells: readonly string[]): "," | "." {
  let dots = false;
  for (const cell of cells) {
    const [comma, dot] = [cell.lastIndexOf(","), cell.lastIndexOf(".")];
    if (comma >= 0 && dot >= 0) return comma > dot ? "," : ".";
    if (comma >= 0) return ",";
    dots ||= dot >= 0;
  }
  return dots ? "." : ",";
}

/** `null` for a text that is not a number. */
export function parseNumber(cell: string, sign: "," | "."): number | null {
  if (!NUMBER.test(cell)) return null;
  const bare = cell.replace(/\s*(?:kWh|Wh|kW)$/i, "").replace(/[' ]/g, "");
  const plain = sign === "," ? bare.replaceAll(".", "").replace(",", ".") : bare.replaceAll(",", "");
  const value = Number(plain);
  return plain === "" || Number.isNaN(value) ? null : value;
}
