/** Identifies the columns of a portal's file by their headings and content. */
import { NUMBER, parseDate, parseStamp, parseTime } from "./cells.ts";
import { PortalError } from "./portal-error.ts";
import type { Row, Table } from "./table.ts";

export type Register = "energy_import" | "energy_export";

export interface ValueColumn {
  readonly index: number;
  readonly register: Register;
  readonly heading: string;
  /** Factor to Wh per quarter: 1000 for kWh, 1 for Wh, 250 for mean power in kW. */
  readonly factor: number;
}

/** The columns with date and time of one end of a quarter: one combined column, or two. */
export interface TimeColumn {
  readonly date: number;
  readonly time: number | null;
}

export interface Columns {
  readonly start: TimeColumn | null;
  readonly end: TimeColumn | null;
  /** A time whose heading does not say which end it is. */
  readonly either: TimeColumn | null;
  readonly values: readonly ValueColumn[];
  /** The zone stated in the headings or the lines above them. */
  readonly zone: "utc" | "cet" | null;
  readonly data: readonly Row[];
}

const START = /\b(von|start|startzeit|beginn|ab|from|begin)\b/;
const END = /\b(bis|ende|endzeit|end|to|until)\b/;
const IMPORT = /verbrauch|bezug|import|consumption|entnahme|1\.[89]\.0/;
const EXPORT = /einspeis|export|erzeug|lieferung|ruckspeis|feed|2\.[89]\.0/;
/** Headings of energy community shares and the like, which the meter does not count. */
const SHARE = /rest|eigen|gemeinschaft|anteil|uberschuss|zugeordnet|zahlerstand/;
const VALUE = /energie|menge|messwert|wert|value|energy|kwh|\bwh\b|\bkw\b|leistung|power/;
const UNIT = /\b(?:kwh|wh|kw)\b/i;
const SAMPLE = 50;

/** @throws PortalError with the line of the headings or first values */
export function findColumns({ rows }: Table): Columns {
  const first = rows.findIndex(
    ({ cells }) => cells.some(isTimeCell) && cells.some((cell) => NUMBER.test(cell) && !isTimeCell(cell)),
  );
  const row = rows[first];
  if (row === undefined) {
    const line = rows[1]?.line ?? rows[0]?.line ?? null;
    throw new PortalError(
      "no line with a date or time and a number; dates such as 01.03.2026 00:15 or 2026-03-01T00:15 are accepted",
      line,
    );
  }
  const head = rows.slice(0, first).findLast(({ cells }) => cells.filter((cell) => /\p{L}/u.test(cell)).length > 1);
  const headings = row.cells.map((_, index) => head?.cells[index] ?? "");
  const data = rows.slice(first);
  const above = rows
    .slice(0, first)
    .flatMap(({ cells }) => cells)
    .join(" ");
  const times = timeColumns(row, headings);
  return { ...times, values: valueColumns(data, headings, row.line), zone: zoneOf(above), data };
}

function timeColumns({ cells, line }: Row, headings: readonly string[]): Pick<Columns, "start" | "end" | "either"> {
  const stamps: TimeColumn[] = [];
  let date: number | null = null;
  for (const [index, cell] of cells.entries()) {
    if (parseStamp(cell) !== null) stamps.push({ date: index, time: null });
    else if (parseDate(cell) !== null) date = index;
    else if (parseTime(cell) !== null && date !== null) stamps.push({ date, time: index });
  }
  const named = (pattern: RegExp) =>
    stamps.find(
      ({ date: at, time }) =>
        pattern.test(plain(headings[time ?? at] ?? "")) || (time !== null && pattern.test(plain(headings[at] ?? ""))),
    );
  const [first, second] = stamps;
  if (first === undefined)
    throw new PortalError(`a date without a time: '${cells.join("; ")}'. Quarter hours are needed`, line);
  const start = named(START) ?? (second === undefined || named(END) === first ? null : first);
  const end = named(END) ?? (second !== undefined && start === first ? second : null);
  return { start, end, either: start === null && end === null ? first : null };
}

function valueColumns(data: readonly Row[], headings: readonly string[], line: number): ValueColumn[] {
  const sample = data.slice(0, SAMPLE);
  const unitCell = sample[0]?.cells.find((cell) => /^(?:kwh|wh|kw)$/i.test(cell)) ?? "";
  const candidates = headings.flatMap((heading, index) => {
    const cells = sample.map(({ cells: all }) => all[index] ?? "").filter((cell) => cell !== "");
    const numbers = cells.filter((cell) => NUMBER.test(cell) && !isTimeCell(cell)).length;
    const numeric = numbers > 0 && numbers >= cells.length / 2;
    const name = plain(heading);
    return numeric ? [{ index, heading, name, unit: name === "" ? plain(cells[0] ?? "") : name }] : [];
  });
  const ours = candidates.filter(({ name }) => !SHARE.test(name));
  const exported = ours.find(({ name }) => EXPORT.test(name));
  const rest = ours.filter((column) => column !== exported);
  const named = rest.find(({ name }) => IMPORT.test(name)) ?? rest.find(({ name }) => VALUE.test(name));
  const imported = named ?? (exported === undefined && rest.length === 1 ? rest[0] : undefined);
  const found: ValueColumn[] = [];
  for (const [column, register] of [
    [imported, "energy_import"],
    [exported, "energy_export"],
  ] as const) {
    if (column === undefined) continue;
    const { index, heading, unit } = column;
    found.push({ index, heading, register, factor: factorOf(UNIT.test(unit) ? unit : unitCell) });
  }
  if (found.length > 0) return found;
  const names = candidates.map(({ heading }) => `'${heading}'`).join(", ");
  throw new PortalError(
    `no column that names consumption or feed-in${names === "" ? "" : `; numbers are in ${names}`}`,
    line,
  );
}

function factorOf(unit: string): number {
  if (/\bkwh\b/i.test(unit)) return 1000;
  if (/\bwh\b/i.test(unit)) return 1;
  return /\bkw\b/i.test(unit) ? 250 : 1000;
}

function zoneOf(text: string): Columns["zone"] {
  if (/\bUTC\b|\bGMT\b/.test(text)) return "utc";
  return /\b(?:MEZ|CET)\b/.test(text) && !/\b(?:MESZ|CEST)\b/.test(text) ? "cet" : null;
}

function isTimeCell(cell: string): boolean {
  return parseStamp(cell) !== null || parseDate(cell) !== null || parseTime(cell) !== null;
}

/** Lower case, without diacritics, with spaces for punctuation. */
function plain(heading: string): string {
  return heading
    .toLowerCase()
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[_/()[\]-]/g, " ");
}
