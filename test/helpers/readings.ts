/** Hand-made decoded telegrams, and readings built from them. */
import type { Register, Telegram } from "../../src/codec/telegram.ts";
import type { MeterInfo, Reading } from "../../src/meter/events.ts";
import { buildReading } from "../../src/meter/reading.ts";

/** `["1-0:1.8.0*255", coefficient, exponent, unit]`, or `["0-0:96.1.0*255", text]`. */
export type Row = readonly [string, number | bigint, number, string | null] | readonly [string, string];

export function registersOf(rows: readonly Row[]): Register[] {
  return rows.map((row) =>
    row.length === 2
      ? { obis: row[0], value: row[1], unit: null, scaler: null }
      : { obis: row[0], value: { coefficient: row[1], exponent: row[2] }, unit: row[3], scaler: row[2] },
  );
}

/** The values of the documented Netz NÖ telegram (test/fixtures/telegrams), in order. */
export const NETZ_NOE: readonly Row[] = [
  ["1-0:1.8.0*255", 12937, 0, "Wh"],
  ["1-0:2.8.0*255", 0, 0, "Wh"],
  ["1-0:1.7.0*255", 0, 0, "W"],
  ["1-0:2.7.0*255", 0, 0, "W"],
  ["1-0:32.7.0*255", 2337, -1, "V"],
  ["1-0:52.7.0*255", 0, -1, "V"],
  ["1-0:72.7.0*255", 0, -1, "V"],
  ["1-0:31.7.0*255", 0, -2, "A"],
  ["1-0:51.7.0*255", 0, -2, "A"],
  ["1-0:71.7.0*255", 0, -2, "A"],
  ["1-0:13.7.0*255", 1000, -3, null],
];

export function telegramOf(rows: readonly Row[], fields: Partial<Telegram> = {}): Telegram {
  return {
    transport: "mbus",
    systemTitle: "4B464D6750000009",
    invocationCounter: 35,
    security: "encrypted",
    proof: "sum",
    meterTime: "2021-09-27T09:47:15+02:00",
    clockStatus: 128,
    meterId: "181220000009",
    layout: "flat",
    clocks: [],
    registers: registersOf(rows),
    ...fields,
  };
}

export const METER: MeterInfo = {
  id: "181220000009",
  name: "Kaifa MA309",
  manufacturer: "Kaifa",
  model: "MA309",
  serialNumber: "181220000009",
  systemTitle: "4B464D6750000009",
};

export function readingOf(
  rows: readonly Row[] = NETZ_NOE,
  { meter = METER, complete = true, ...fields }: Partial<Telegram> & { meter?: MeterInfo; complete?: boolean } = {},
): Reading {
  return buildReading(telegramOf(rows, fields), { meter, complete, receivedAt: 1_632_728_836_000 });
}
