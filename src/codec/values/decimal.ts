/** Exact decimal numbers: coefficient × 10^exponent, without binary rounding. */
import type { Decimal } from "../telegram.ts";

/**
 * `12.937` for 12937 and a shift of -3. Keeps every digit the meter sent; adds only leading zeros, or trailing zeros for
 * a positive exponent.
 * @param shift additional power of ten, for example -3 for Wh to kWh
 */
export function formatDecimal(decimal: Decimal, shift = 0): string {
  const exponent = decimal.exponent + shift;
  const text = decimal.coefficient.toString();
  if (exponent === 0) return text;
  if (exponent > 0) return text === "0" ? text : text + "0".repeat(exponent);
  const negative = text.startsWith("-");
  const digits = (negative ? text.slice(1) : text).padStart(1 - exponent, "0");
  const point = digits.length + exponent;
  return `${negative ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** The nearest double; `JSON.stringify` writes it in its shortest form (230.4). */
export function decimalToNumber(decimal: Decimal): number {
  const { coefficient, exponent } = decimal;
  if (typeof coefficient === "number") {
    if (exponent === 0) return coefficient;
    // Both operands are exact doubles, so one correctly rounded operation yields the nearest double.
    if (exponent < 0 && exponent >= -22) return coefficient / POWERS[-exponent as 0];
    if (exponent > 0 && exponent <= 22) return coefficient * POWERS[exponent as 0];
  }
  return Number(`${coefficient}e${exponent}`);
}

/** Powers of ten that are exact as doubles. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`)) as [number, ...number[]];

/** The number in JSON notation, without trailing zeros after the point; exact even if a double is not. */
export function decimalToJson(decimal: Decimal): string {
  const text = formatDecimal(decimal);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** The value in units of 10^-digits, with halves rounded away from zero: 12.9375 and 3 give 12938. */
export function roundDecimal({ coefficient, exponent }: Decimal, digits: number): bigint {
  const shift = exponent + digits;
  const value = BigInt(coefficient);
  if (shift >= 0) return value * 10n ** BigInt(shift);
  const unit = 10n ** BigInt(-shift);
  const half = value < 0n ? -unit / 2n : unit / 2n;
  return (value + half) / unit;
}

/** Parses `-12.340` or `1e-7`. @throws RangeError for anything else, or an exponent beyond ±400 */
export function parseDecimal(text: string): Decimal {
  const match = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  const shift = Number(match?.[4] ?? 0);
  if (!match || Math.abs(shift) > 400) throw new RangeError(`not a decimal number: ${text}`);
  const fraction = match[3] ?? "";
  const exponent = shift - fraction.length || 0;
  const digits = `${match[2]}${fraction}`;
  // Fifteen digits are always a safe integer.
  if (digits.length <= 15) return { coefficient: Number(match[1] === "-" ? `-${digits}` : digits) || 0, exponent };
  const big = BigInt(`${match[1] === "-" ? "-" : ""}${digits}`);
  const coefficient = Number(big);
  return { coefficient: Number.isSafeInteger(coefficient) ? coefficient : big, exponent };
}

/** The shortest decimal that reads back as the same float64. @returns `null` for NaN and infinities */
export function decimalFromNumber(value: number): Decimal | null {
  if (!Number.isFinite(value)) return null;
  return Number.isSafeInteger(value) ? { coefficient: value || 0, exponent: 0 } : parseDecimal(String(value));
}

/** The shortest decimal that reads back as the same float32. @returns `null` for NaN and infinities */
export function decimalFromFloat32(value: number): Decimal | null {
  if (!Number.isFinite(value)) return null;
  // Nine digits always suffice for a float32.
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return normalize(parseDecimal(text));
  }
  return normalize(parseDecimal(value.toPrecision(9)));
}

/** Drops trailing zeros after the point (`12.340` → `12.34`) and gives whole numbers an exponent of 0. */
function normalize(decimal: Decimal): Decimal {
  let { coefficient, exponent } = decimal;
  if (typeof coefficient === "bigint") return decimal;
  while (exponent < 0 && coefficient % 10 === 0) {
    coefficient /= 10;
    exponent++;
  }
  while (exponent > 0 && Number.isSafeInteger(coefficient * 10)) {
    coefficient *= 10;
    exponent--;
  }
  return { coefficient: coefficient || 0, exponent };
}
