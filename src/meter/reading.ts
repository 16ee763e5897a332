/** Converts a telegram to a reading: display units, keys and topics, and the meter's id. */

import { keyOfCode, placeOf, type Quantity, shiftOf } from "../catalogue/quantities.ts";
import type { Decimal, Register, Telegram } from "../codec/telegram.ts";
import { formatDecimal } from "../codec/values/decimal.ts";
import type { MeterInfo, Reading, ReadingValue } from "./events.ts";

/** Longest `<meter>` in topics; meter numbers have at most 20 characters. */
const MAX_ID_LENGTH = 64;

/**
 * `<meter>` in topics and unique ids: the configured id, else the meter number in the telegram, else the system title,
 * reduced to `[A-Za-z0-9_-]`; `null` if the telegram does not identify its meter.
 */
export function meterIdOf(telegram: Telegram, configuredId?: string): string | null {
  const candidates = [configuredId, telegram.meterId, telegram.systemTitle];
  for (const candidate of candidates) {
    const id = candidate?.replace(/[^A-Za-z0-9_-]/g, "").slice(0, MAX_ID_LENGTH);
    // "bridge" is reserved: <base>/bridge/state belongs to the bridge itself.
    if (id) return id === "bridge" ? "bridge_" : id;
  }
  return null;
}

export interface ReadingOptions {
  readonly meter: MeterInfo;
  /** When the last byte arrived, wall clock milliseconds. */
  readonly receivedAt: number;
  /** `false`: instantaneous values only; registers and unknown codes are withheld (see acceptance.ts). */
  readonly complete: boolean;
}

/** The reading of an accepted telegram. Missing units must already be filled in (profiles.ts); none are guessed here. */
export function buildReading(telegram: Telegram, { meter, receivedAt, complete }: ReadingOptions): Reading {
  const values: ReadingValue[] = [];
  // Arrays: a telegram has a dozen codes, and a `Set` of so few costs more than looking through them.
  const topics: string[] = [];
  const add = (value: ReadingValue): void => {
    if (!hasKey(values, value.key) && (complete || value.quantity?.kind === "gauge")) values.push(value);
  };
  const powers: ActivePowers = { imported: null, exported: null, net: null };
  for (const register of telegram.registers) {
    const { topic, quantity } = placeOf(register.obis);
    notePower(powers, register, quantity);
    // No meter was observed to send a code twice in one telegram. A topic holds one value, so the first one wins.
    if (topics.includes(topic)) continue;
    topics.push(topic);
    // The topic of a numeric quantity is announced with its unit; Home Assistant rejects text there.
    if (typeof register.value === "string" && quantity !== null && quantity.kind !== "text") continue;
    add(toValue(register, topic, quantity, values));
  }
  const net = netPower(powers);
  if (net !== null && !hasKey(values, "power_net")) {
    const { topic, quantity } = placeOf(net.obis);
    add(toValue(net, topic, quantity, values));
  }
  return { meter, meterTime: telegram.meterTime, receivedAt, complete, values, telegram };
}

function hasKey(values: readonly ReadingValue[], key: string): boolean {
  for (const value of values) if (value.key === key) return true;
  return false;
}

/** One register in its display unit. If the unit does not fit the quantity, the value is published as sent, under its code. */
function toValue(
  register: Register,
  topic: string,
  row: Quantity | null,
  taken: readonly ReadingValue[],
): ReadingValue {
  const { obis, value, unit } = register;
  if (typeof value === "string") {
    const quantity = row?.kind === "text" ? row : null;
    return { obis, topic, key: quantity?.key ?? keyOfCode(topic), text: value, numeric: false, unit: null, quantity };
  }
  const shift = row === null || row.kind === "text" ? null : shiftOf(row, unit);
  // Two channels (B) of one quantity in one telegram: the second is published under its code.
  if (row === null || shift === null || hasKey(taken, row.key)) {
    return { obis, topic, key: keyOfCode(topic), text: formatDecimal(value), numeric: true, unit, quantity: null };
  }
  const text = formatDecimal(value, shift);
  return { obis, topic, key: row.key, text, numeric: true, unit: row.unit, quantity: row };
}

/** The first 1.7.0, 2.7.0 and 16.7.0 of a telegram. */
interface ActivePowers {
  imported: Register | null;
  exported: Register | null;
  net: Register | null;
}

function notePower(powers: ActivePowers, register: Register, quantity: Quantity | null): void {
  switch (quantity?.code) {
    case "1.7.0":
      powers.imported ??= register;
      break;
    case "2.7.0":
      powers.exported ??= register;
      break;
    case "16.7.0":
      powers.net ??= register;
      break;
  }
}

/**
 * Net power (16.7.0), computed from 1.7.0 and 2.7.0 if the meter does not send it; `null` unless it sends both, in watts.
 */
function netPower({ imported, exported, net }: ActivePowers): Register | null {
  if (net !== null) return null;
  const [a, b] = [watts(imported), watts(exported)];
  if (a === null || b === null) return null;
  return { obis: "1-0:16.7.0*255", value: subtract(a, b), unit: "W", scaler: null };
}

function watts(register: Register | null): Decimal | null {
  if (register === null || typeof register.value === "string") return null;
  const { quantity } = placeOf(register.obis);
  const shift = quantity === null ? null : shiftOf(quantity, register.unit);
  const { coefficient, exponent } = register.value;
  return shift === null ? null : { coefficient, exponent: exponent + shift };
}

/** a - b, exactly. */
export function subtract(a: Decimal, b: Decimal): Decimal {
  if (a.exponent === b.exponent && typeof a.coefficient === "number" && typeof b.coefficient === "number") {
    const coefficient = a.coefficient - b.coefficient;
    if (Number.isSafeInteger(coefficient)) return { coefficient, exponent: a.exponent };
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const at = (d: Decimal): bigint => BigInt(d.coefficient) * 10n ** BigInt(d.exponent - exponent);
  const difference = at(a) - at(b);
  const small = Number(difference);
  return { coefficient: Number.isSafeInteger(small) ? small : difference, exponent };
}

/**
 * The whole reading as one JSON object: `time`, `meter`, and each value under its key. Numbers keep their exact digits:
 * they are written as text, since a JavaScript number would round them.
 */
export function readingToJson(reading: Omit<Reading, "telegram">): string {
  const fields = reading.values.map(({ key, text, numeric }) => `"${key}":${numeric ? text : JSON.stringify(text)}`);
  const time = JSON.stringify(reading.meterTime);
  const meter = JSON.stringify(reading.meter.id);
  return `{${[`"time":${time}`, `"meter":${meter}`, ...fields].join(",")}}`;
}
