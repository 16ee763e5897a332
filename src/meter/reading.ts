/** Converts a telegram to a reading: display units, keys and topics, and the meter's id. */

import { keyOfCode, type Quantity, quantityOf, shiftOf, topicOf } from "../catalogue/quantities.ts";
import type { Decimal, Register, Telegram } from "../codec/telegram.ts";
import { formatDecimal } from "../codec/values/decimal.ts";
import type { MeterInfo, Reading, ReadingValue } from "./events.ts";

/** Import, export and net active power. */
const NET_POWER: readonly string[] = ["1.7.0", "2.7.0", "16.7.0"];

/** A power register of a telegram, with its row in the table of quantities. */
interface Power {
  readonly register: Register;
  readonly row: Quantity;
}

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
  const keys = new Set<string>();
  const add = (value: ReadingValue): void => {
    if (keys.has(value.key) || (!complete && value.quantity?.kind !== "gauge")) return;
    keys.add(value.key);
    values.push(value);
  };
  const topics = new Set<string>();
  const powers = new Map<string, Power>();
  for (const register of telegram.registers) {
    const topic = topicOf(register.obis);
    const row = quantityOf(register.obis);
    if (row !== null && NET_POWER.includes(row.code) && !powers.has(row.code)) powers.set(row.code, { register, row });
    // No meter was observed to send a code twice in one telegram. A topic holds one value, so the first one wins.
    if (topics.has(topic)) continue;
    topics.add(topic);
    // The topic of a numeric quantity is announced with its unit; Home Assistant rejects text there.
    if (typeof register.value === "string" && row !== null && row.kind !== "text") continue;
    add(toValue(register, topic, row, keys));
  }
  const net = netPower(powers);
  if (net !== null && !keys.has("power_net")) add(toValue(net, topicOf(net.obis), quantityOf(net.obis), keys));
  return { meter, meterTime: telegram.meterTime, receivedAt, complete, values, telegram };
}

/** One register in its display unit. If the unit does not fit the quantity, the value is published as sent, under its code. */
function toValue(register: Register, topic: string, row: Quantity | null, taken: ReadonlySet<string>): ReadingValue {
  const { obis, value, unit } = register;
  if (typeof value === "string") {
    const quantity = row?.kind === "text" ? row : null;
    return { obis, topic, key: quantity?.key ?? keyOfCode(topic), text: value, numeric: false, unit: null, quantity };
  }
  const shift = row === null || row.kind === "text" ? null : shiftOf(row, unit);
  // Two channels (B) of one quantity in one telegram: the second is published under its code.
  if (row === null || shift === null || taken.has(row.key)) {
    return { obis, topic, key: keyOfCode(topic), text: formatDecimal(value), numeric: true, unit, quantity: null };
  }
  const text = formatDecimal(value, shift);
  return { obis, topic, key: row.key, text, numeric: true, unit: row.unit, quantity: row };
}

/**
 * Net power (16.7.0), computed from 1.7.0 and 2.7.0 if the meter does not send it; `null` unless it sends both, in watts.
 * @param powers the power registers that the meter sends, by code
 */
function netPower(powers: ReadonlyMap<string, Power>): Register | null {
  const watts = (code: string): Decimal | null => {
    const power = powers.get(code);
    if (power === undefined || typeof power.register.value === "string") return null;
    const { value, unit } = power.register;
    const shift = shiftOf(power.row, unit);
    return shift === null ? null : { ...value, exponent: value.exponent + shift };
  };
  if (powers.has("16.7.0")) return null;
  const [imported, exported] = [watts("1.7.0"), watts("2.7.0")];
  if (imported === null || exported === null) return null;
  return { obis: "1-0:16.7.0*255", value: subtract(imported, exported), unit: "W", scaler: null };
}

/** a - b, exactly. */
export function subtract(a: Decimal, b: Decimal): Decimal {
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
