/** Formats telegrams and faults for `decode`: NDJSON as in the contract (product.md), or a table. */

import { quantityOf } from "../catalogue/quantities.ts";
import type { Register, Telegram } from "../codec/telegram.ts";
import { decimalToJson, formatDecimal } from "../codec/values/decimal.ts";
import { printable } from "../log/printable.ts";

/** One line; keys in the order of the contract, numbers with all their digits, even beyond double precision. */
export function telegramToJson(telegram: Telegram): string {
  const { transport, systemTitle, invocationCounter, security, meterTime, meterId } = telegram;
  const head = JSON.stringify({ transport, systemTitle, invocationCounter, security, meterTime, meterId });
  const values = telegram.registers.map(({ obis, value, unit }) => {
    const text = typeof value === "string" ? JSON.stringify(value) : decimalToJson(value);
    return `{"obis":${JSON.stringify(obis)},"value":${text},"unit":${JSON.stringify(unit)}}`;
  });
  return `${head.slice(0, -1)},"values":[${values.join(",")}]}\n`;
}

export function faultToJson(error: string, message: string, offset: number): string {
  return `${JSON.stringify({ error, message, offset })}\n`;
}

/** @param number of the reading, from 1 */
export function telegramToText(telegram: Telegram, number: number, offset: number): string {
  const { transport, systemTitle, invocationCounter, security, meterTime, meterId, layout } = telegram;
  const facts: [string, string | number | null][] = [
    ["meter", meterId],
    ["time", meterTime],
    ["transport", transport],
    ["layout", layout],
    ["security", security],
    ["system title", systemTitle],
    ["invocation counter", invocationCounter],
    ["not read", telegram.unread?.length || null],
  ];
  const known = facts.filter(([, value]) => value !== null).map(([name, value]) => `  ${name.padEnd(20)}${value}`);
  const rows = telegram.registers.map(rowOf);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length), 0));
  // Right-align numbers with each other; long texts do not widen the column.
  const numbers = telegram.registers.map(({ value }) => (typeof value === "string" ? 0 : formatDecimal(value).length));
  const width = Math.max(...numbers, 0);
  const table = rows.map(([obis = "", name = "", value = "", unit = ""]) =>
    `  ${obis.padEnd(widths[0] ?? 0)}  ${name.padEnd(widths[1] ?? 0)}  ${value.padStart(width)} ${unit}`.trimEnd(),
  );
  const unread = (telegram.unread ?? []).map((text) => `  not read: ${text}`);
  return `Reading ${number} (byte ${offset})\n${[...known, ...table, ...unread].map(printable).join("\n")}\n\n`;
}

function rowOf({ obis, value, unit }: Register): string[] {
  const name = quantityOf(obis)?.name.en ?? "";
  return [obis, name, typeof value === "string" ? value : formatDecimal(value), unit ?? ""];
}

export function faultToText(code: string, message: string, offset: number): string {
  return `Fault (byte ${offset}): ${code}: ${printable(message)}\n\n`;
}
