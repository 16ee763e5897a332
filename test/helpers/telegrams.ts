/** Decoded telegrams of a Kaifa MA309 of Netz NÖ, with adjustable values; for tests of the stages after the codec. */
import type { Decimal, Proof, Register, Telegram } from "../../src/codec/telegram.ts";

export interface TelegramValues {
  /** Invocation counter; each step advances the clock by 5 s. */
  counter: number;
  /** Wh */
  import: number;
  export: number;
  /** W */
  power: number;
  fed: number;
  /** Per phase, V and A. */
  volts: readonly [number, number, number];
  amperes: readonly [number, number, number];
  systemTitle: string;
  meterId: string;
  proof: Proof;
  /** Offset of the meter's clock, milliseconds ahead. */
  ahead: number;
}

export const START = Date.UTC(2026, 10, 22, 12, 0, 0);
export const PERIOD_MS = 5_000;

const decimal = (coefficient: number, exponent: number): Decimal => ({ coefficient, exponent });
const register = (code: string, coefficient: number, scaler: number, unit: string | null): Register => ({
  obis: `1-0:${code}*255`,
  value: decimal(coefficient, scaler),
  unit,
  scaler,
});

/** Telegram number `counter` of a house that imports 720 W (1 Wh per 5 s). Missing values are derived from that. */
export function netzNoe(given: Partial<TelegramValues> = {}): Telegram {
  const { counter = 0, power = 720, fed = 0, volts = [230, 231, 232], amperes = [1.2, 1.1, 1], ahead = 0 } = given;
  const { import: imported = 1_000_000 + counter, export: exported = 5_000 } = given;
  const time = new Date(START + counter * PERIOD_MS + ahead);
  return {
    transport: "mbus",
    systemTitle: given.systemTitle ?? "4B464D6550000009",
    invocationCounter: 1_000 + counter,
    security: "encrypted",
    proof: given.proof ?? "sum",
    meterTime: `${time.toISOString().slice(0, 19)}+00:00`,
    clocks: [clockBytes(time), clockBytes(time)],
    clockStatus: 0,
    meterId: given.meterId ?? "181210000009",
    layout: "flat",
    registers: [
      register("1.8.0", imported, 0, "Wh"),
      register("2.8.0", exported, 0, "Wh"),
      register("1.7.0", power, 0, "W"),
      register("2.7.0", fed, 0, "W"),
      ...volts.map((volt, index) => register(`${32 + 20 * index}.7.0`, Math.round(volt * 10), -1, "V")),
      ...amperes.map((ampere, index) => register(`${31 + 20 * index}.7.0`, Math.round(ampere * 100), -2, "A")),
      register("13.7.0", 990, -3, null),
    ],
  };
}

/** The 12 bytes of a DLMS clock in UTC, as hex digits. */
export function clockBytes(time: Date): string {
  const hex = (value: number, digits = 2): string => value.toString(16).padStart(digits, "0");
  const day = hex(time.getUTCMonth() + 1) + hex(time.getUTCDate()) + hex(time.getUTCDay() || 7);
  const clock = hex(time.getUTCHours()) + hex(time.getUTCMinutes()) + hex(time.getUTCSeconds());
  return `${hex(time.getUTCFullYear(), 4)}${day}${clock}00000000`.toUpperCase();
}

/** The same telegram with one register changed. */
export function withRegister(telegram: Telegram, code: string, change: Partial<Register>): Telegram {
  const registers = telegram.registers.map((one) => (one.obis === `1-0:${code}*255` ? { ...one, ...change } : one));
  return { ...telegram, registers };
}

/** The number of one register; `undefined` if the telegram has none. */
export function numberIn(telegram: Telegram, code: string): number | undefined {
  const value = telegram.registers.find(({ obis }) => obis === `1-0:${code}*255`)?.value;
  if (value === undefined || typeof value === "string") return undefined;
  return Number(value.coefficient) * 10 ** value.exponent;
}
