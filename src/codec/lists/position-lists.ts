/**
 * Documented lists that contain values without OBIS codes; the position defines the meaning (layout F). A list is
 * identified by the number and types of its elements and, if present, its name. A list that matches no table is unknown;
 * nothing is guessed. docs/meters.md gives the source of each table and the capture that tests it. User-defined lists
 * have the same format (list-definition.ts) and take precedence.
 */
import { type AxdrNode, TAG } from "../axdr/axdr-node.ts";
import { CodecError } from "../codec-error.ts";
import {
  type CompiledList,
  compileList,
  couldOverlap,
  fitsList,
  type PositionReading,
  readList,
} from "./compiled-list.ts";
import type { BuiltInElement, BuiltInList, ElementType, ListDefinition } from "./list-definition.ts";

type Types = NonNullable<BuiltInElement["type"]>;

/** CT meters send energies as 8 bytes (observed on Kaifa MA304T4). */
const U32_OR_U64: readonly ElementType[] = ["u32", "u64"];

const value = (obis: string, unit: string | null, scaler = 0, type: Types = "u32"): BuiltInElement => ({
  obis,
  unit,
  scaler,
  type,
});
const values = (codes: string, unit: string, scaler = 0, type: Types = "u32"): BuiltInElement[] =>
  codes.split(" ").map((code) => value(code, unit, scaler, type));
const named = (pattern: RegExp): BuiltInElement => ({ skip: true, type: "text", pattern });
const skip = (type: Types): BuiltInElement => ({ skip: true, type });

const POWERS = [...values("1.7.0 2.7.0", "W"), ...values("3.7.0 4.7.0", "var")];
const ENERGIES = [...values("1.8.0 2.8.0", "Wh", 0, U32_OR_U64), ...values("3.8.0 4.8.0", "varh", 0, U32_OR_U64)];
const VOLTAGES = values("32.7.0 52.7.0 72.7.0", "V", -1, "u16");
const CURRENTS = values("31.7.0 51.7.0 71.7.0", "A", -2, "u16");
const PHASE_POWERS = [...values("21.7.0 41.7.0 61.7.0", "W"), ...values("22.7.0 42.7.0 62.7.0", "W")];

const METER_NUMBER: BuiltInElement = { role: "meter_id", type: "text", pattern: /^[0-9A-Za-z]{4,20}$/ };
const CLOCK: BuiltInElement = { role: "clock", type: "octets" };
const TIME: BuiltInElement = { skip: true, type: "octets", length: 4 };
const DATE: BuiltInElement = { skip: true, type: "octets", length: 5 };

/** Kaifa, Norway and Sweden (Kaifa KFM_001 HAN-NVE interface description, lists 1 to 3; telegrams of Mälarenergi). */
const KFM_TYPE: BuiltInElement = { role: "meter_type", type: "text", pattern: /^M/ };
const KFM_HEAD: readonly BuiltInElement[] = [{ text: "KFM_001" }, METER_NUMBER, KFM_TYPE];
const KFM_3 = [...POWERS, ...values("31.7.0 51.7.0 71.7.0", "A", -3), ...values("32.7.0 52.7.0 72.7.0", "V", -1)];
const KFM_1 = [...POWERS, value("31.7.0", "A", -3), value("32.7.0", "V", -1)];

/** Iskraemeco lists begin with the logical device name (observed on AM550, Slovenia); the next number is not unique to a meter. */
const ISK_NAME: BuiltInElement = { role: "meter_id", type: "text", pattern: /^ISK\d{10,13}$/ };
const ANY_TEXT: BuiltInElement = { skip: true, type: "text" };

const KAERNTEN: readonly BuiltInElement[] = [
  { bytes: "000619", type: "octets", length: 6 },
  METER_NUMBER,
  TIME,
  DATE,
  ...values("1.8.0 2.8.0", "Wh"),
  ...values("3.8.0 4.8.0", "varh"),
  ...values("1.7.0 2.7.0", "W"),
];

/** Iskraemeco IE.5, Croatia: register table attached to amsreader-firmware #1072; the last five elements are skipped. */
const IE5_HEAD = [METER_NUMBER, TIME, DATE, ...values("1.8.0 1.8.1 1.8.2 2.8.0 2.8.1 2.8.2", "Wh")];
const IE5_TAIL = [
  ...PHASE_POWERS,
  ...VOLTAGES,
  ...CURRENTS,
  skip("u32"),
  skip("array"),
  skip("array"),
  skip("array"),
  skip("bool"),
];

const LISTS: readonly BuiltInList[] = [
  { name: "KFM-1", elements: [value("1.7.0", "W")] },
  { name: "KFM_001-9", elements: [...KFM_HEAD, ...KFM_1] },
  { name: "KFM_001-13", elements: [...KFM_HEAD, ...KFM_3] },
  { name: "KFM_001-14", elements: [...KFM_HEAD, ...KFM_1, CLOCK, ...ENERGIES] },
  { name: "KFM_001-18", elements: [...KFM_HEAD, ...KFM_3, CLOCK, ...ENERGIES] },
  // Netz Burgenland, "Beschreibung Endkundenschnittstelle": whole volts; the three u16 before the meter number are skipped.
  {
    name: "LGZ-NetzBurgenland-14",
    elements: [
      ...values("32.7.0 52.7.0 72.7.0", "V", 0, "u16"),
      ...CURRENTS,
      ...values("1.7.0 2.7.0", "W"),
      ...values("1.8.0 2.8.0", "Wh"),
      skip("u16"),
      skip("u16"),
      skip("u16"),
      METER_NUMBER,
    ],
  },
  {
    name: "LGZ-NetzBurgenland-11",
    elements: [
      ...values("32.7.0 52.7.0 72.7.0", "V", 0, "u16"),
      ...CURRENTS,
      ...values("1.7.0 2.7.0", "W"),
      ...values("1.8.0 2.8.0", "Wh"),
      METER_NUMBER,
    ],
  },
  // Wiener Netze, all makes: the same nine values, energies before powers.
  {
    name: "Wien-9",
    elements: [
      CLOCK,
      ...values("1.8.0 2.8.0", "Wh"),
      ...values("3.8.0 4.8.0", "varh"),
      ...values("1.7.0 2.7.0", "W"),
      ...values("3.7.0 4.7.0", "var"),
    ],
  },
  // Wien-9 preceded by the logical device name (observed on Siemens IM350).
  {
    name: "Wien-10",
    elements: [
      { role: "meter_id", type: "text", pattern: /^[A-Z]{3}\d{10,13}$/ },
      CLOCK,
      ...values("1.8.0 2.8.0", "Wh"),
      ...values("3.8.0 4.8.0", "varh"),
      ...values("1.7.0 2.7.0", "W"),
      ...values("3.7.0 4.7.0", "var"),
    ],
  },
  // Landis+Gyr E450, Slovenia: registers from the grid operator's push object list.
  { name: "LGZ-SI-9", elements: [{ ...METER_NUMBER, pattern: /^\d{8,16}$/ }, ...POWERS, ...ENERGIES] },
  {
    name: "LGZ-SI-14",
    elements: [
      named(/^\d{8,16}$/),
      value("14.7.0", "Hz", 0, "u16"),
      ...CURRENTS,
      ...values("32.7.0 52.7.0 72.7.0", "V", 0, "u16"),
      ...PHASE_POWERS,
    ],
  },
  // Kärnten Netz: the list starts with the logical name of the push setup, which must not be read as an OBIS code with a
  // value. Wels Strom omits the two empty texts at the end.
  { name: "ISK-Kaernten-12", elements: [...KAERNTEN, ANY_TEXT, ANY_TEXT] },
  { name: "Wels-10", elements: KAERNTEN },
  { name: "ISK-18", elements: [ISK_NAME, ANY_TEXT, ...POWERS, ...VOLTAGES, ...CURRENTS, ...PHASE_POWERS] },
  { name: "ISK-12-power", elements: [ISK_NAME, ANY_TEXT, ...VOLTAGES, ...CURRENTS, ...POWERS] },
  {
    name: "ISK-12-energy",
    elements: [
      ISK_NAME,
      ANY_TEXT,
      skip(["enum", "bool"]),
      { skip: true, type: "octets", length: 2 },
      ...values("1.8.0 1.8.1 1.8.2 2.8.0 2.8.1 2.8.2", "Wh"),
      ...values("3.8.0 4.8.0", "varh"),
    ],
  },
  {
    name: "ISK-10-power",
    elements: [
      ISK_NAME,
      ANY_TEXT,
      ...POWERS,
      value("32.7.0", "V", -1, "u16"),
      value("31.7.0", "A", -2, "u16"),
      ...values("21.7.0 22.7.0", "W"),
    ],
  },
  {
    name: "ISK-9-power",
    elements: [ISK_NAME, ANY_TEXT, ...POWERS, value("32.7.0", "V", -1, "u16"), ...values("2.8.1 2.8.2", "Wh")],
  },
  // In every capture, the totals equal the sum of the tariffs and match the ISK-4 list from the same meter.
  {
    name: "ISK-9-energy",
    elements: [ISK_NAME, ...values("1.7.0 2.7.0", "W"), ...values("1.8.0 1.8.1 1.8.2 2.8.0 2.8.1 2.8.2", "Wh")],
    sums: [
      [3, 4, 5],
      [6, 7, 8],
    ],
  },
  {
    name: "ISK-4",
    elements: [{ ...METER_NUMBER, pattern: /^\d{8}$/ }, skip("u8"), ...values("1.8.0 2.8.0", "Wh")],
  },
  {
    name: "ISK-IE5-33",
    elements: [
      ...IE5_HEAD,
      ...values("5.8.0 6.8.0 7.8.0 8.8.0", "varh"),
      ...values("1.7.0 2.7.0", "W"),
      value("13.7.0", null, -3, "u16"),
      ...IE5_TAIL,
    ],
  },
  // As ISK-IE5-33, without reactive energies and power factor (amsreader-firmware #1174).
  { name: "ISK-IE5-28", elements: [...IE5_HEAD, ...values("1.7.0 2.7.0", "W"), ...IE5_TAIL] },
];

const BY_LENGTH = new Map<number, CompiledList[]>();
for (const list of LISTS.map(compileList)) {
  const same = BY_LENGTH.get(list.count);
  if (same) same.push(list);
  else BY_LENGTH.set(list.count, [list]);
}

/** Names of all documented lists; used by the documentation and its test. */
export const POSITION_LIST_NAMES: readonly string[] = LISTS.map((list) => list.name);

/** Names of the documented lists whose telegrams could also match this list. @throws RangeError as `UserLists` */
export function overlappingDocumentedLists(list: ListDefinition): string[] {
  const compiled = compileList(list);
  const same = BY_LENGTH.get(compiled.count) ?? [];
  return same.filter((other) => couldOverlap(compiled, other)).map(({ name }) => name);
}

/** User-defined lists. They are tried before the documented ones. */
export class UserLists {
  readonly #lists: readonly CompiledList[];

  /** @throws RangeError for an invalid list; `listProblems` reports why */
  constructor(lists: readonly ListDefinition[] = []) {
    this.#lists = lists.map(compileList);
  }

  /**
   * Reads a body with the list that it matches.
   * @param bytes the bytes that the nodes point into
   * @returns undefined if it matches none
   * @throws CodecError `unsupported` if it matches two of them
   */
  match(root: AxdrNode, bytes: Uint8Array): PositionReading | undefined {
    if (this.#lists.length === 0) return undefined;
    const [list, second] = this.#lists.filter((candidate) => fitsList(candidate, root, bytes));
    if (list !== undefined && second !== undefined) {
      throw new CodecError(
        "unsupported",
        `the body matches two of the configured lists: ${list.name} and ${second.name}`,
      );
    }
    return list && readList(list, root, bytes);
  }
}

/**
 * Reads a body without OBIS codes with the documented list that it matches.
 * @param bytes the bytes that the nodes point into
 * @returns undefined if it matches none
 */
export function matchDocumented(root: AxdrNode, bytes: Uint8Array): PositionReading | undefined {
  if (root.tag !== TAG.structure) return undefined;
  const list = BY_LENGTH.get(root.items.length)?.find((candidate) => fitsList(candidate, root, bytes));
  return list && readList(list, root, bytes);
}
