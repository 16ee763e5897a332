/**
 * The table of quantities: key, published unit, kind and names for each OBIS code. It is the only source for topics, JSON
 * keys, discovery, the status page, metrics and the documentation. Keys are stable and must never change.
 *
 * Codes follow IEC 62056-6-1 (OBIS) and the tables in EN 62056-61 for A = 1 (electricity).
 */

/** A counter only increases (total_increasing); a gauge is instantaneous (measurement); a text describes the meter. */
export type QuantityKind = "counter" | "gauge" | "text";

export interface Quantity {
  /** `energy_import`: used in JSON, discovery and entity IDs. */
  readonly key: string;
  /** C.D.E of the OBIS code, such as `1.8.0` (A = 1; lookups ignore B); `A-B:C.D.E` if A is not 1. */
  readonly code: string;
  readonly kind: QuantityKind;
  /** Required unit in the telegram: `Wh`, `W` … (`null`: a number without unit, or text). */
  readonly wireUnit: string | null;
  /** Published unit: `kWh`, `W` … */
  readonly unit: string | null;
  /** Power of ten from wire unit to published unit: -3 for Wh → kWh. */
  readonly shift: number;
  /** Home Assistant device class; `null` if there is none. */
  readonly deviceClass: string | null;
  /** Decimal places that Home Assistant should display. */
  readonly precision: number;
  readonly icon?: `mdi:${string}`;
  readonly name: { readonly en: string; readonly de: string };
}

/** Properties that depend on the physical quantity. */
type Dimension = Pick<Quantity, "kind" | "wireUnit" | "unit" | "shift" | "deviceClass" | "precision">;

const DIMENSIONS = {
  energy: { kind: "counter", wireUnit: "Wh", unit: "kWh", shift: -3, deviceClass: "energy", precision: 3 },
  reactiveEnergy: {
    kind: "counter",
    wireUnit: "varh",
    unit: "kvarh",
    shift: -3,
    deviceClass: "reactive_energy",
    precision: 3,
  },
  /** Home Assistant has no device class for apparent energy. */
  apparentEnergy: { kind: "counter", wireUnit: "VAh", unit: "kVAh", shift: -3, deviceClass: null, precision: 3 },
  power: { kind: "gauge", wireUnit: "W", unit: "W", shift: 0, deviceClass: "power", precision: 0 },
  reactivePower: {
    kind: "gauge",
    wireUnit: "var",
    unit: "var",
    shift: 0,
    deviceClass: "reactive_power",
    precision: 0,
  },
  apparentPower: { kind: "gauge", wireUnit: "VA", unit: "VA", shift: 0, deviceClass: "apparent_power", precision: 0 },
  powerFactor: {
    kind: "gauge",
    wireUnit: null,
    unit: null,
    shift: 0,
    deviceClass: "power_factor",
    precision: 3,
  },
  frequency: { kind: "gauge", wireUnit: "Hz", unit: "Hz", shift: 0, deviceClass: "frequency", precision: 2 },
  voltage: { kind: "gauge", wireUnit: "V", unit: "V", shift: 0, deviceClass: "voltage", precision: 1 },
  current: { kind: "gauge", wireUnit: "A", unit: "A", shift: 0, deviceClass: "current", precision: 2 },
  /** Remaining energy credit of a prepayment meter; it decreases and may be negative. */
  energyBalance: { kind: "gauge", wireUnit: "Wh", unit: "kWh", shift: -3, deviceClass: null, precision: 3 },
  text: { kind: "text", wireUnit: null, unit: null, shift: 0, deviceClass: null, precision: 0 },
} as const satisfies Record<string, Dimension>;

type Row = readonly [code: string, key: string, dimension: keyof typeof DIMENSIONS, en: string, de: string];

/**
 * Rows that have no key in product.md use the generic key of unnamed codes (`obis_` plus the code), so that adding a row
 * here never changes a key. They still define name, unit and device class.
 */
const ROWS: readonly Row[] = [
  ["1.8.0", "energy_import", "energy", "Energy import", "Energie Bezug"],
  ["2.8.0", "energy_export", "energy", "Energy export", "Energie Einspeisung"],
  ["1.128.0", "obis_1_128_0", "energyBalance", "Prepayment register", "Inkassozählwerk"],
  ["3.8.0", "reactive_energy_import", "reactiveEnergy", "Reactive energy import", "Blindenergie Bezug"],
  ["4.8.0", "reactive_energy_export", "reactiveEnergy", "Reactive energy export", "Blindenergie Einspeisung"],
  ["5.8.0", "obis_5_8_0", "reactiveEnergy", "Reactive energy quadrant I", "Blindenergie Quadrant I"],
  ["6.8.0", "obis_6_8_0", "reactiveEnergy", "Reactive energy quadrant II", "Blindenergie Quadrant II"],
  ["7.8.0", "obis_7_8_0", "reactiveEnergy", "Reactive energy quadrant III", "Blindenergie Quadrant III"],
  ["8.8.0", "obis_8_8_0", "reactiveEnergy", "Reactive energy quadrant IV", "Blindenergie Quadrant IV"],
  ["9.8.0", "obis_9_8_0", "apparentEnergy", "Apparent energy import", "Scheinenergie Bezug"],
  ["10.8.0", "obis_10_8_0", "apparentEnergy", "Apparent energy export", "Scheinenergie Einspeisung"],
  ["15.8.0", "obis_15_8_0", "energy", "Energy absolute", "Energie absolut"],
  ["1.7.0", "power_import", "power", "Power import", "Leistung Bezug"],
  ["2.7.0", "power_export", "power", "Power export", "Leistung Einspeisung"],
  ["16.7.0", "power_net", "power", "Power net", "Leistung netto"],
  ["15.7.0", "obis_15_7_0", "power", "Power absolute", "Leistung absolut"],
  ["3.7.0", "reactive_power_import", "reactivePower", "Reactive power import", "Blindleistung Bezug"],
  ["4.7.0", "reactive_power_export", "reactivePower", "Reactive power export", "Blindleistung Einspeisung"],
  ["9.7.0", "obis_9_7_0", "apparentPower", "Apparent power import", "Scheinleistung Bezug"],
  ["10.7.0", "obis_10_7_0", "apparentPower", "Apparent power export", "Scheinleistung Einspeisung"],
  ["13.7.0", "power_factor", "powerFactor", "Power factor", "Leistungsfaktor"],
  ["14.7.0", "frequency", "frequency", "Frequency", "Netzfrequenz"],
  ["11.7.0", "obis_11_7_0", "current", "Current", "Strom"],
  ["12.7.0", "obis_12_7_0", "voltage", "Voltage", "Spannung"],
  ["91.7.0", "obis_91_7_0", "current", "Current neutral", "Strom Neutralleiter"],
  ["0-0:96.14.0", "obis_0_0_96_14_0", "text", "Active tariff", "Aktueller Tarif"],
];

/** The rows of one phase. `C` is given for L1; L2 adds 20 and L3 adds 40. */
const PHASE_ROWS: readonly (readonly [
  c: number,
  d: string,
  ...rest: [string, keyof typeof DIMENSIONS, string, string],
])[] = [
  [32, "7.0", "voltage", "voltage", "Voltage", "Spannung"],
  [31, "7.0", "current", "current", "Current", "Strom"],
  [21, "7.0", "power_import", "power", "Power import", "Leistung Bezug"],
  [22, "7.0", "power_export", "power", "Power export", "Leistung Einspeisung"],
  [36, "7.0", "power_net", "power", "Power net", "Leistung netto"],
  [23, "7.0", "reactive_power_import", "reactivePower", "Reactive power import", "Blindleistung Bezug"],
  [24, "7.0", "reactive_power_export", "reactivePower", "Reactive power export", "Blindleistung Einspeisung"],
  [29, "7.0", "", "apparentPower", "Apparent power import", "Scheinleistung Bezug"],
  [30, "7.0", "", "apparentPower", "Apparent power export", "Scheinleistung Einspeisung"],
  [33, "7.0", "power_factor", "powerFactor", "Power factor", "Leistungsfaktor"],
  [21, "8.0", "energy_import", "energy", "Energy import", "Energie Bezug"],
  [22, "8.0", "energy_export", "energy", "Energy export", "Energie Einspeisung"],
  [23, "8.0", "reactive_energy_import", "reactiveEnergy", "Reactive energy import", "Blindenergie Bezug"],
  [24, "8.0", "reactive_energy_export", "reactiveEnergy", "Reactive energy export", "Blindenergie Einspeisung"],
];

/** Tariffs with a row for each register: E = 1 … 8 (IEC 62056-6-1 allows 63; no more than 6 have been observed). */
const TARIFFS = 8;

function row([code, key, dimension, en, de]: Row): Quantity {
  return { key, code, ...DIMENSIONS[dimension], name: { en, de } };
}

/** Tariff rows `x.8.1` … for each total register; unnamed ones use the generic key of their code. */
function tariffRows(total: Row): Row[] {
  const [code, key, dimension, en, de] = total;
  const rows: Row[] = [];
  for (let tariff = 1; tariff <= TARIFFS; tariff++) {
    const tariffCode = code.replace(/\.0$/, `.${tariff}`);
    const tariffKey = key.startsWith("obis_") ? keyOfCode(tariffCode) : `${key}_t${tariff}`;
    rows.push([tariffCode, tariffKey, dimension, `${en} tariff ${tariff}`, `${de} Tarif ${tariff}`]);
  }
  return rows;
}

function phaseRows(phase: 1 | 2 | 3): Row[] {
  return PHASE_ROWS.map(([c, rest, key, dimension, en, de]) => {
    const code = `${c + 20 * (phase - 1)}.${rest}`;
    return [code, key === "" ? keyOfCode(code) : `${key}_l${phase}`, dimension, `${en} L${phase}`, `${de} L${phase}`];
  });
}

/** Generic key of an unnamed code: `81.7.1` → `obis_81_7_1`, `0-0:96.14.0` → `obis_0_0_96_14_0`. */
export function keyOfCode(topic: string): string {
  return `obis_${topic.replace(/[^A-Za-z0-9]+/g, "_")}`;
}

/** All quantities, in display order. */
export const QUANTITIES: readonly Quantity[] = [
  ...ROWS,
  ...phaseRows(1),
  ...phaseRows(2),
  ...phaseRows(3),
  ...ROWS.filter(([code]) => /^([1-9]|10|15)\.8\.0$/.test(code)).flatMap(tariffRows),
].map(row);

const BY_CODE: ReadonlyMap<string, Quantity> = new Map(QUANTITIES.map((quantity) => [quantity.code, quantity]));

/** What the table says of an OBIS code. */
export interface Place {
  /**
   * Topic segment: `1.8.0` for 1-0:1.8.0*255, `A-B:C.D.E` if A-B is not 1-0, `…*F` if F is not 255. Never contains
   * characters that MQTT reserves.
   */
  readonly topic: string;
  /** As `quantityOf`. */
  readonly quantity: Quantity | null;
}

/** Codes whose place is cached: some 300 are in use, and a damaged or forged telegram may hold any. */
const MAX_PLACES = 1024;
/** Shared by all meters, which then share the texts of their topics, too. */
const PLACES = new Map<string, Place>();

/** Topic segment and row of an OBIS code (`1-0:1.8.0*255`). */
export function placeOf(obis: string): Place {
  const known = PLACES.get(obis);
  if (known !== undefined) return known;
  const colon = obis.indexOf(":");
  const code = obis.slice(obis.startsWith("1-") ? colon + 1 : 0, presentEnd(obis));
  const topic = obis.slice(obis.startsWith("1-0:") ? 4 : 0, presentEnd(obis)).replace(/[^0-9A-Za-z:.*_-]/g, "_");
  const place = { topic, quantity: (colon < 0 ? undefined : BY_CODE.get(code)) ?? null };
  if (PLACES.size < MAX_PLACES) PLACES.set(obis, place);
  return place;
}

/**
 * The row of an OBIS code (`1-0:1.8.0*255`); `null` if there is none. B (the channel) is ignored. Values of earlier billing
 * periods (F below 255) are not current values and have no row.
 */
export function quantityOf(obis: string): Quantity | null {
  return placeOf(obis).quantity;
}

/** End of the code without its `*255`, for `slice`. */
function presentEnd(obis: string): number | undefined {
  return obis.endsWith("*255") ? -4 : undefined;
}

/**
 * Power of ten to convert a value from `unit` to the published unit; `null` if the unit does not fit the quantity. Wh and
 * kWh (P1) both become kWh; a power factor may be sent in percent.
 */
export function shiftOf(quantity: Quantity, unit: string | null): number | null {
  const { wireUnit, shift } = quantity;
  if (unit === wireUnit || unit?.toLowerCase() === wireUnit?.toLowerCase()) return shift;
  if (unit === null) return null;
  if (wireUnit === null) return unit === "%" ? -2 : null;
  const prefix = unit.slice(0, -wireUnit.length);
  if (unit.slice(-wireUnit.length).toLowerCase() !== wireUnit.toLowerCase()) return null;
  if (prefix === "k") return shift + 3;
  return prefix === "M" ? shift + 6 : null;
}
