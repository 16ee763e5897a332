/**
 * Documented lists that carry values only, their meaning fixed by the position (layout F). A list is recognised by the
 * number of its elements, the type of each, and, where it has one, its name; a list that fits no table is unknown, and
 * nothing is guessed. Tables: docs/meters.md says for each who documented it and which capture tests it.
 */
import { type AxdrNode, TAG } from "../axdr/axdr.ts";
import type { Register } from "../telegram.ts";
import { looksLikeDateTime } from "../values/date-time.ts";

/** A body that fits a table. */
export interface PositionReading {
  /** Name of the list, for instance `KFM_001-13`. */
  readonly layout: string;
  readonly registers: readonly Register[];
  readonly meterId: string | null;
  readonly meterType: string | null;
  /** Offset of the 12 bytes of a clock in the body, -1 if the list has none. */
  readonly clock: number;
}

const U16 = [TAG.longUnsigned];
const U32 = [TAG.doubleLongUnsigned];
/** CT meters send their energies with 8 bytes (observed on Kaifa MA304T4). */
const U32_OR_U64 = [TAG.doubleLongUnsigned, TAG.long64Unsigned];
const TEXT = [TAG.octetString, TAG.visibleString];

/** What may stand at one position: a value with its code, or something that only helps to recognise the list. */
interface Cell {
  readonly tags: readonly number[];
  readonly obis?: string;
  readonly unit?: string | null;
  readonly scaler?: number;
  readonly role?: "id" | "clock" | "type";
  /** Length of a string in bytes. */
  readonly length?: number;
  readonly text?: RegExp;
  /** First bytes, as hexadecimal digits. */
  readonly bytes?: string;
}

interface PositionList {
  readonly name: string;
  readonly cells: readonly Cell[];
  /** Relations between the values (by position) that hold in every capture and are asked for where the types alone say little. */
  readonly sums?: readonly (readonly [total: number, first: number, second: number])[];
}

const value = (code: string, unit: string | null, scaler = 0, tags: readonly number[] = U32): Cell => ({
  tags,
  obis: `1-0:${code}*255`,
  unit,
  scaler,
});
const values = (codes: string, unit: string, scaler = 0, tags: readonly number[] = U32): Cell[] =>
  codes.split(" ").map((code) => value(code, unit, scaler, tags));
const named = (text: RegExp): Cell => ({ tags: TEXT, text });
const skip = (...tags: number[]): Cell => ({ tags });

const POWERS = [...values("1.7.0 2.7.0", "W"), ...values("3.7.0 4.7.0", "var")];
const ENERGIES = [...values("1.8.0 2.8.0", "Wh", 0, U32_OR_U64), ...values("3.8.0 4.8.0", "varh", 0, U32_OR_U64)];
const VOLTAGES = values("32.7.0 52.7.0 72.7.0", "V", -1, U16);
const CURRENTS = values("31.7.0 51.7.0 71.7.0", "A", -2, U16);
const PHASE_POWERS = [...values("21.7.0 41.7.0 61.7.0", "W"), ...values("22.7.0 42.7.0 62.7.0", "W")];

const METER_NUMBER: Cell = { tags: TEXT, text: /^[0-9A-Za-z]{4,20}$/, role: "id" };
const CLOCK: Cell = { tags: [TAG.octetString], length: 12, role: "clock" };
const TIME: Cell = { tags: [TAG.octetString], length: 4 };
const DATE: Cell = { tags: [TAG.octetString], length: 5 };

/** Kaifa, Norway and Sweden (Kaifa KFM_001 HAN-NVE interface description, lists 1 to 3; telegrams of Mälarenergi). */
const KFM_HEAD = [named(/^KFM_001$/), METER_NUMBER, { ...named(/^M/), role: "type" } as const];
const KFM_3 = [...POWERS, ...values("31.7.0 51.7.0 71.7.0", "A", -3), ...values("32.7.0 52.7.0 72.7.0", "V", -1)];
const KFM_1 = [...POWERS, value("31.7.0", "A", -3), value("32.7.0", "V", -1)];

/** Iskraemeco lists begin with the logical device name (observed on AM550, Slovenia); the number after it is not that of one meter. */
const ISK_NAME: Cell = { tags: TEXT, text: /^ISK\d{10,13}$/, role: "id" };
const ANY_TEXT: Cell = { tags: TEXT };

const KAERNTEN: readonly Cell[] = [
  { tags: [TAG.octetString], length: 6, bytes: "000619" },
  METER_NUMBER,
  TIME,
  DATE,
  ...values("1.8.0 2.8.0", "Wh"),
  ...values("3.8.0 4.8.0", "varh"),
  ...values("1.7.0 2.7.0", "W"),
];

/** Iskraemeco IE.5, Croatia: the table of registers attached to amsreader-firmware #1072; the last five are not named here. */
const IE5_HEAD = [METER_NUMBER, TIME, DATE, ...values("1.8.0 1.8.1 1.8.2 2.8.0 2.8.1 2.8.2", "Wh")];
const IE5_TAIL = [
  ...PHASE_POWERS,
  ...VOLTAGES,
  ...CURRENTS,
  skip(...U32),
  skip(TAG.array),
  skip(TAG.array),
  skip(TAG.array),
  skip(TAG.boolean),
];

const LISTS: readonly PositionList[] = [
  { name: "KFM-1", cells: [value("1.7.0", "W")] },
  { name: "KFM_001-9", cells: [...KFM_HEAD, ...KFM_1] },
  { name: "KFM_001-13", cells: [...KFM_HEAD, ...KFM_3] },
  { name: "KFM_001-14", cells: [...KFM_HEAD, ...KFM_1, CLOCK, ...ENERGIES] },
  { name: "KFM_001-18", cells: [...KFM_HEAD, ...KFM_3, CLOCK, ...ENERGIES] },
  // Netz Burgenland, "Beschreibung Endkundenschnittstelle": whole volts; the three u16 before the number are not named.
  {
    name: "LGZ-NetzBurgenland-14",
    cells: [
      ...values("32.7.0 52.7.0 72.7.0", "V", 0, U16),
      ...CURRENTS,
      ...values("1.7.0 2.7.0", "W"),
      ...values("1.8.0 2.8.0", "Wh"),
      skip(...U16),
      skip(...U16),
      skip(...U16),
      METER_NUMBER,
    ],
  },
  {
    name: "LGZ-NetzBurgenland-11",
    cells: [
      ...values("32.7.0 52.7.0 72.7.0", "V", 0, U16),
      ...CURRENTS,
      ...values("1.7.0 2.7.0", "W"),
      ...values("1.8.0 2.8.0", "Wh"),
      METER_NUMBER,
    ],
  },
  // Wiener Netze, all makes: the same nine values; energies before powers.
  {
    name: "Wien-9",
    cells: [
      CLOCK,
      ...values("1.8.0 2.8.0", "Wh"),
      ...values("3.8.0 4.8.0", "varh"),
      ...values("1.7.0 2.7.0", "W"),
      ...values("3.7.0 4.7.0", "var"),
    ],
  },
  // The same behind the logical device name (observed on Siemens IM350).
  {
    name: "Wien-10",
    cells: [
      { tags: TEXT, text: /^[A-Z]{3}\d{10,13}$/, role: "id" },
      CLOCK,
      ...values("1.8.0 2.8.0", "Wh"),
      ...values("3.8.0 4.8.0", "varh"),
      ...values("1.7.0 2.7.0", "W"),
      ...values("3.7.0 4.7.0", "var"),
    ],
  },
  // Landis+Gyr E450, Slovenia: registers named by the grid operator's push object list.
  { name: "LGZ-SI-9", cells: [{ ...METER_NUMBER, text: /^\d{8,16}$/ }, ...POWERS, ...ENERGIES] },
  {
    name: "LGZ-SI-14",
    cells: [
      named(/^\d{8,16}$/),
      value("14.7.0", "Hz", 0, U16),
      ...CURRENTS,
      ...values("32.7.0 52.7.0 72.7.0", "V", 0, U16),
      ...PHASE_POWERS,
    ],
  },
  // Kärnten Netz: the name of the push set-up, which only looks like an OBIS code with its value, leads the list. Wels
  // Strom leaves the two empty texts at the end out.
  { name: "ISK-Kaernten-12", cells: [...KAERNTEN, ANY_TEXT, ANY_TEXT] },
  { name: "Wels-10", cells: KAERNTEN },
  { name: "ISK-18", cells: [ISK_NAME, ANY_TEXT, ...POWERS, ...VOLTAGES, ...CURRENTS, ...PHASE_POWERS] },
  { name: "ISK-12-power", cells: [ISK_NAME, ANY_TEXT, ...VOLTAGES, ...CURRENTS, ...POWERS] },
  {
    name: "ISK-12-energy",
    cells: [
      ISK_NAME,
      ANY_TEXT,
      skip(TAG.enum, TAG.boolean),
      { tags: [TAG.octetString], length: 2 },
      ...values("1.8.0 1.8.1 1.8.2 2.8.0 2.8.1 2.8.2", "Wh"),
      ...values("3.8.0 4.8.0", "varh"),
    ],
  },
  {
    name: "ISK-10-power",
    cells: [
      ISK_NAME,
      ANY_TEXT,
      ...POWERS,
      value("32.7.0", "V", -1, U16),
      value("31.7.0", "A", -2, U16),
      ...values("21.7.0 22.7.0", "W"),
    ],
  },
  {
    name: "ISK-9-power",
    cells: [ISK_NAME, ANY_TEXT, ...POWERS, value("32.7.0", "V", -1, U16), ...values("2.8.1 2.8.2", "Wh")],
  },
  // The totals are the sums of the tariffs in each capture, and agree with the list of 4 that the same meter sends.
  {
    name: "ISK-9-energy",
    cells: [ISK_NAME, ...values("1.7.0 2.7.0", "W"), ...values("1.8.0 1.8.1 1.8.2 2.8.0 2.8.1 2.8.2", "Wh")],
    sums: [
      [3, 4, 5],
      [6, 7, 8],
    ],
  },
  {
    name: "ISK-4",
    cells: [{ ...METER_NUMBER, text: /^\d{8}$/ }, skip(TAG.unsigned), ...values("1.8.0 2.8.0", "Wh")],
  },
  {
    name: "ISK-IE5-33",
    cells: [
      ...IE5_HEAD,
      ...values("5.8.0 6.8.0 7.8.0 8.8.0", "varh"),
      ...values("1.7.0 2.7.0", "W"),
      value("13.7.0", null, -3, U16),
      ...IE5_TAIL,
    ],
  },
  // The same without reactive energies and power factor (amsreader-firmware #1174).
  { name: "ISK-IE5-28", cells: [...IE5_HEAD, ...values("1.7.0 2.7.0", "W"), ...IE5_TAIL] },
];

const BY_LENGTH = new Map<number, PositionList[]>();
for (const list of LISTS) {
  const same = BY_LENGTH.get(list.cells.length);
  if (same) same.push(list);
  else BY_LENGTH.set(list.cells.length, [list]);
}

/** Names of all documented lists, for the documentation and its test. */
export const POSITION_LIST_NAMES: readonly string[] = LISTS.map((list) => list.name);

/**
 * Reads a body without OBIS codes by the documented list that it fits.
 * @param root the body
 * @param bytes the bytes that the nodes point into
 * @returns undefined if it fits none
 */
export function matchPositionList(root: AxdrNode, bytes: Uint8Array): PositionReading | undefined {
  if (root.tag !== TAG.structure) return undefined;
  const list = BY_LENGTH.get(root.items.length)?.find((candidate) => fits(candidate, root.items, bytes));
  return list && read(list, root.items, bytes);
}

function fits(list: PositionList, items: readonly AxdrNode[], bytes: Uint8Array): boolean {
  for (let i = 0; i < items.length; i++) {
    const cell = list.cells[i] as Cell;
    const item = items[i] as AxdrNode;
    if (!cell.tags.includes(item.tag)) return false;
    if (cell.length !== undefined && item.end - item.start !== cell.length) return false;
    if (cell.role === "clock" && !looksLikeDateTime(bytes, item.start)) return false;
    if (cell.text && !cell.text.test(text(item, bytes))) return false;
    if (cell.bytes && !hex(item, bytes).startsWith(cell.bytes)) return false;
  }
  const at = (i: number): bigint => BigInt((items[i] as AxdrNode).value);
  return (list.sums ?? []).every(([total, first, second]) => at(total) === at(first) + at(second));
}

function read(list: PositionList, items: readonly AxdrNode[], bytes: Uint8Array): PositionReading {
  const registers: Register[] = [];
  let meterId: string | null = null;
  let meterType: string | null = null;
  let clock = -1;
  for (let i = 0; i < items.length; i++) {
    const cell = list.cells[i] as Cell;
    const item = items[i] as AxdrNode;
    if (cell.role === "id") meterId = text(item, bytes);
    else if (cell.role === "type") meterType = text(item, bytes);
    else if (cell.role === "clock") clock = item.start;
    if (cell.obis === undefined) continue;
    const scaler = cell.scaler as number;
    registers.push({
      obis: cell.obis,
      value: { coefficient: item.value, exponent: scaler },
      unit: cell.unit as string | null,
      scaler,
    });
  }
  return { layout: list.name, registers, meterId, meterType, clock };
}

/** A string without the zeros or blanks that fill it. */
function text(item: AxdrNode, bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + item.start, item.end - item.start)
    .toString("latin1")
    .replace(/[\0 ]+$/, "");
}

function hex(item: AxdrNode, bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + item.start, item.end - item.start).toString("hex");
}
