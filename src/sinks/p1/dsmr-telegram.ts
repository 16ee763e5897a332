/**
 * The readings of a meter as a DSMR 5.0 telegram (P1 Companion Standard 5.0.2, 6.12), the counterpart of the codec's P1
 * decoder. It contains only values sent by the meter. DSMR has energy per tariff; for a meter with totals only, they are
 * given as totals (1.8.0, as in Luxembourg and Sweden) and as tariff 1 with indicator 0001, so that every reader gets the
 * right sum.
 */
import { formatP1Line, formatP1Number, formatP1Text, formatP1Time } from "../../codec/link/p1-content.ts";
import { encodeP1 } from "../../codec/link/p1-telegram.ts";
import type { Decimal } from "../../codec/telegram.ts";
import { decimalFromNumber, parseDecimal } from "../../codec/values/decimal.ts";
import type { MeterInfo } from "../../meter/events.ts";
import { demandOf } from "../output/demand.ts";
import type { MeterFeed } from "../output/meter-feed.ts";
import { directedPower, PHASES } from "../output/power.ts";

const TARIFFS = 8;
/** C of voltage, current, power import, power export of phase L1; L2 has 20 more, L3 40 more. */
const VOLTAGE = 32;
const CURRENT = 31;
const IMPORT = 21;
const EXPORT = 22;

/** The telegram of the current values; `null` until the registers of a new meter are confirmed (its first telegram). */
export function dsmrTelegram(feed: MeterFeed): Uint8Array | null {
  const { reading } = feed;
  if (reading === null || !reading.complete) return null;
  return encodeP1(head(reading.meter), [
    formatP1Line("1-3:0.2.8", "50"),
    ...time(reading.meterTime),
    formatP1Line("0-0:96.1.1", formatP1Text(numberOf(reading.meter))),
    ...energies(feed),
    ...demand(feed),
    ...power("1-0:1.7.0", "1-0:2.7.0", directedPower(feed)),
    ...PHASES.flatMap((phase, index) =>
      quantity(feed, `voltage_${phase}`, `1-0:${VOLTAGE + 20 * index}.7.0`, 3, 1, "V"),
    ),
    ...PHASES.flatMap((phase, index) =>
      quantity(feed, `current_${phase}`, `1-0:${CURRENT + 20 * index}.7.0`, 3, 2, "A"),
    ),
    ...PHASES.flatMap((phase, index) =>
      power(`1-0:${IMPORT + 20 * index}.7.0`, `1-0:${EXPORT + 20 * index}.7.0`, directedPower(feed, `_${phase}`)),
    ),
  ]);
}

/** `/KFM5kaifa2mqtt`: the manufacturer's FLAG id if the system title has one, and the name of this program. */
function head({ systemTitle }: MeterInfo): string {
  const flag = Buffer.from(systemTitle?.slice(0, 6) ?? "", "hex").toString("latin1");
  return `/${/^[A-Z]{3}$/.test(flag) ? flag : "KMQ"}5kaifa2mqtt`;
}

function numberOf({ serialNumber, systemTitle, id }: MeterInfo): string {
  return serialNumber ?? systemTitle ?? id;
}

function time(meterTime: string | null): string[] {
  const text = meterTime === null ? null : formatP1Time(meterTime);
  return text === null ? [] : [formatP1Line("0-0:1.0.0", text)];
}

function energies(feed: MeterFeed): string[] {
  const imported = energy(feed, "energy_import", "1-0:1.8");
  const exported = energy(feed, "energy_export", "1-0:2.8");
  const indicator = feed.text("obis_0_0_96_14_0");
  const tariff = indicator ?? (imported.totalOnly ? "0001" : null);
  return [
    ...imported.lines,
    ...exported.lines,
    ...(tariff === null ? [] : [formatP1Line("0-0:96.14.0", /^\d+$/.test(tariff) ? tariff.padStart(4, "0") : tariff)]),
  ];
}

/** The tariffs without a total if the meter has any; else its total, once as such and once as tariff 1. */
function energy(feed: MeterFeed, key: string, code: string): { lines: string[]; totalOnly: boolean } {
  const lines: string[] = [];
  for (let tariff = 1; tariff <= TARIFFS; tariff++) {
    lines.push(...quantity(feed, `${key}_t${tariff}`, `${code}.${tariff}`, 6, 3, "kWh"));
  }
  if (lines.length > 0) return { lines, totalOnly: false };
  const total = ["0", "1"].flatMap((tariff) => quantity(feed, key, `${code}.${tariff}`, 6, 3, "kWh"));
  return { lines: total, totalOnly: total.length > 0 };
}

/** The Belgian lines (e-MUCS P1): average of the current quarter, and monthly peak with the end of its quarter. */
function demand(feed: MeterFeed): string[] {
  const { average, peak } = demandOf(feed);
  const kilowatts = (watts: number): string => `${formatP1Number({ coefficient: watts, exponent: -3 }, 2, 3)}*kW`;
  const end = peak === null ? null : formatP1Time(peak.end);
  return [
    ...(average === null ? [] : [formatP1Line("1-0:1.4.0", kilowatts(average))]),
    ...(peak === null || end === null ? [] : [formatP1Line("1-0:1.6.0", end, kilowatts(peak.power))]),
  ];
}

function quantity(feed: MeterFeed, key: string, code: string, whole: number, fraction: number, unit: string): string[] {
  const value = feed.value(key);
  if (!value?.numeric) return [];
  return [formatP1Line(code, `${formatP1Number(parseDecimal(value.text), whole, fraction)}*${unit}`)];
}

function power(
  importCode: string,
  exportCode: string,
  { imported, exported }: { imported: number | null; exported: number | null },
): string[] {
  const line = (code: string, watts: number | null): string[] => {
    const value = watts === null ? null : kilo(decimalFromNumber(watts));
    return value === null ? [] : [formatP1Line(code, `${formatP1Number(value, 2, 3)}*kW`)];
  };
  return [...line(importCode, imported), ...line(exportCode, exported)];
}

function kilo(watts: Decimal | null): Decimal | null {
  return watts === null ? null : { ...watts, exponent: watts.exponent - 3 };
}
