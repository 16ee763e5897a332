/**
 * Decodes a VIF and its extensions (EN 13757-3, 6.4 and annex C): quantity, unit, power of ten, direction and phase.
 * The tables contain electricity quantities only; records of other quantities are listed but not decoded.
 */

/** The measured quantity; it determines the OBIS code (record-registers.ts). */
export type Quantity =
  | "energy"
  | "reactive energy"
  | "apparent energy"
  | "power"
  | "reactive power"
  | "apparent power"
  | "voltage"
  | "current"
  | "frequency"
  | "time"
  | "fabrication number";

export interface ValueInformation {
  readonly quantity: Quantity;
  readonly unit: string | null;
  /** The number is multiplied by 10^exponent. */
  readonly exponent: number;
  /** `true`: export to the grid (VIFE 3C); `false`: import. */
  readonly backward: boolean;
  /** 1, 2 or 3; 0: total of all phases. */
  readonly phase: 0 | 1 | 2 | 3;
  /** Manufacturer-specific codes after VIFE FF, one byte each; empty for standard quantities. */
  readonly manufacturer: readonly number[];
}

/** Matches codes equal to `from` outside the `mask` bits; the `mask` bits are added to `exponent`. */
interface Row {
  readonly from: number;
  readonly mask: number;
  readonly quantity: Quantity;
  readonly unit: string | null;
  readonly exponent: number;
}

const row = (from: number, mask: number, quantity: Quantity, unit: string | null, exponent: number): Row => ({
  from,
  mask,
  quantity,
  unit,
  exponent,
});

/** Primary VIF (table 10). */
const PRIMARY: readonly Row[] = [
  row(0x00, 7, "energy", "Wh", -3),
  row(0x28, 7, "power", "W", -3),
  row(0x6c, 1, "time", null, 0),
  row(0x78, 0, "fabrication number", null, 0),
];
/** First extension table, after FB (table 12). */
const FIRST_EXTENSION: readonly Row[] = [
  row(0x00, 1, "energy", "Wh", 5),
  row(0x02, 1, "reactive energy", "varh", 3),
  row(0x04, 1, "apparent energy", "VAh", 3),
  row(0x14, 3, "reactive power", "var", 0),
  row(0x28, 1, "power", "W", 5),
  row(0x2c, 3, "frequency", "Hz", -3),
  row(0x34, 3, "apparent power", "VA", 0),
];
/** Second extension table, after FD (table 14). */
const SECOND_EXTENSION: readonly Row[] = [row(0x40, 15, "voltage", "V", -9), row(0x50, 15, "current", "A", -12)];
const TABLES = new Map([
  [0xfb, FIRST_EXTENSION],
  [0xfd, SECOND_EXTENSION],
]);

/** Combinable VIFE (table 15). */
const FORWARD = 0x3b;
const BACKWARD = 0x3c;
const FACTOR = 0x70;
const FACTOR_1000 = 0x7d;
const SECOND_COMBINABLE = 0x7c;
const MANUFACTURER = 0x7f;

/**
 * @param vif VIF and VIFEs
 * @returns `null` for a VIF that is not in the tables, or a VIFE that is not supported
 */
export function valueInformation(vif: Uint8Array): ValueInformation | null {
  const table = TABLES.get(vif[0] as number);
  const code = (vif[table === undefined ? 0 : 1] ?? 0x80) & 0x7f;
  const found = (table ?? PRIMARY).find(({ from, mask }) => (code & ~mask) === from);
  if (found === undefined) return null;
  let exponent = found.exponent + (code & found.mask & (found.quantity === "time" ? 0 : 0x7f));
  let backward = false;
  let phase: 0 | 1 | 2 | 3 = 0;
  let manufacturer: readonly number[] = [];
  for (let i = table === undefined ? 1 : 2; i < vif.length; i++) {
    const modifier = (vif[i] as number) & 0x7f;
    if (modifier === BACKWARD) backward = true;
    else if ((modifier & 0x78) === FACTOR) exponent += (modifier & 7) - 6;
    else if (modifier === FACTOR_1000) exponent += 3;
    else if (modifier === MANUFACTURER) {
      manufacturer = [...vif.subarray(i + 1)].map((byte) => byte & 0x7f);
      if (manufacturer.length === 0) return null;
      break;
    } else if (modifier === SECOND_COMBINABLE) {
      const next = (vif[++i] ?? 0) & 0x7f;
      if (next < 1 || next > 3) return null;
      phase = next as 1 | 2 | 3;
    } else if (modifier !== FORWARD && modifier !== 0) return null;
  }
  return { quantity: found.quantity, unit: found.unit, exponent, backward, phase, manufacturer };
}
