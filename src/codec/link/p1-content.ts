/**
 * Parses and formats the lines of a P1 telegram: `1-0:1.8.1(123456.789*kWh)` (DSMR P1 Companion Standard 5.0.2, 6.4).
 * Numbers keep the exact digits, units are those of the telegram.
 */
import { CodecError } from "../codec-error.ts";
import { formatHex, parseHex } from "../hex.ts";
import { latin1Bytes, latin1Text } from "../latin1.ts";
import type { Decimal, Register } from "../telegram.ts";
import { roundDecimal } from "../values/decimal.ts";

/** Parsed P1 text. */
export interface P1Content {
  readonly registers: Register[];
  readonly meterTime: string | null;
  /** Daylight-saving bit of the DLMS clock status: 0x80 in summer, 0 in winter, `null` if the meter sends neither. */
  readonly clockStatus: number | null;
  readonly meterId: string | null;
  /** The header line after the slash, without control characters. */
  readonly listName: string | null;
  /** Lines that match no known form, verbatim. */
  readonly unread: readonly string[];
}

export const LINE_END = /\r\n|\n|\r/;
/** Bytes that no line may contain. The header line may: some meters send control characters in it. */
const NON_TEXT = /[^\t\r\n\x20-\x7E\xA0-\xFF]/;
/** A complete line, or a continuation line with more values for the previous line (DSMR 2 and 3). */
export const WELL_FORMED = /^(\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}([*.]\d{1,3})?)?(\([^()]*\))+$/;
const LINE = /^(\d{1,3}-\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[*.](\d{1,3}))?\s*((?:\([^()]*\)\s*)+)$/;
/** A line with values only: they belong to the code on the previous line. */
const CONTINUATION = /^(?:\([^()]*\)\s*)+$/;
const NUMBER = /^([+-]?)(\d{1,15})(?:\.(\d{1,9}))?$/;
const QUANTITY = /^([+-]?\d{1,15}(?:\.\d{1,9})?)\*([A-Za-z0-9%°/]{1,8})$/;
/** `YYMMDDhhmmssS`, or `YYYYMMDD hh:mm:ss` (observed on NES, Denmark). */
const TIME = /^(?:20)?(\d\d)(\d\d)(\d\d) ?(\d\d):?(\d\d):?(\d\d)([SW]?)$/;

/** The end line with its checksum; decrypted texts still contain it. */
const END = /^![0-9A-Fa-f]{0,4}$/;
/** The OBIS code that a DSMR 2.2 or 3.0 line gives for the values of a sub-meter: `0-2:24.2.1`. */
const NAMED_CODE = /^(\d{1,3}-\d{1,3}):(\d{1,3}\.\d{1,3}\.\d{1,3})(?:[*.](\d{1,3}))?$/;

/**
 * Parses a P1 text, starting at `/`. Numbers keep the exact digits, units are those of the telegram (kWh, kW, V …).
 * Lines not of the form `code(value)` are returned in `unread`.
 * @throws CodecError `malformed` if no line has that form or if control characters follow the header line
 */
export function parseP1(text: string): P1Content {
  const registers: Register[] = [];
  const unread: string[] = [];
  const texts = new Map<string, string>();
  let meterTime: string | null = null;
  let clockStatus: number | null = null;
  const [head = "", ...lines] = text.split(LINE_END);
  if (NON_TEXT.test(text.slice(head.length))) throw new CodecError("malformed", "P1: non-text bytes");
  const winter = head.startsWith("/ESO") ? 2 : 1;
  for (const line of joinContinued(lines)) {
    const match = LINE.exec(line);
    if (!match) {
      unread.push(line);
      continue;
    }
    const code = `${match[2]}.${match[3]}.${match[4]}`;
    const obis = `${match[1]}:${code}*${match[5] ?? "255"}`;
    const groups = groupsOf(match[6] as string);
    const register = parseRegister(obis, match[1] as string, code, groups, winter);
    if (obis.startsWith("0-0:1.0.0*")) {
      const time = timeOf(groups[0] as string);
      if (time) {
        meterTime = register.value as string;
        clockStatus = time[7] === "" ? null : time[7] === "S" ? 0x80 : 0;
      }
    }
    if (typeof register.value === "string" && !texts.has(obis)) texts.set(obis, register.value);
    registers.push(register);
  }
  if (registers.length === 0) throw new CodecError("malformed", "P1: no line of the form code(value)");
  const listName = head.slice(1).replace(/[^\x20-\x7E\xA0-\xFF]/g, "");
  return { registers, meterTime, clockStatus, meterId: meterId(texts), listName, unread };
}

/** Trims the lines, joins continuation lines to the line before and drops empty lines. */
function joinContinued(lines: readonly string[]): string[] {
  const joined: string[] = [];
  for (const each of lines) {
    const line = each.trim();
    const before = joined.at(-1);
    if (before !== undefined && line.startsWith("(") && CONTINUATION.test(line))
      joined[joined.length - 1] = before + line;
    else if (line !== "" && !(line.startsWith("!") && END.test(line))) joined.push(line);
  }
  return joined;
}

/** `(a)( b )` → a, b. Some meters print a space before the closing parenthesis (`00007137.694*kWh `). */
function groupsOf(text: string): string[] {
  const content = text.trim().slice(1, -1);
  if (!content.includes(")")) return [content.trim()];
  return content.split(/\)\s*\(/).map((group) => group.trim());
}

/** Meter number: 0-0:96.1.0 or .1 (DSMR equipment identifier), otherwise the logical device name. */
function meterId(texts: ReadonlyMap<string, string>): string | null {
  for (const code of ["0-0:96.1.0*255", "0-0:96.1.1*255", "0-0:42.0.0*255"]) {
    const text = texts.get(code);
    if (text) return text;
  }
  return null;
}

function parseRegister(
  obis: string,
  medium: string,
  code: string,
  groups: readonly string[],
  winter: number,
): Register {
  const last = groups.at(-1) as string;
  const quantity = QUANTITY.exec(last);
  // Sub-meter readings are preceded by their timestamp: (101209112500W)(12785.123*m3).
  if (quantity && (groups.length === 1 || (groups.length === 2 && !isNoTime(groups[0] as string)))) {
    return { obis, value: decimal(quantity[1] as string), unit: quantity[2] as string, scaler: null };
  }
  if (groups.length > 1) {
    const text = `(${groups.join(")(")})`;
    return parseNamedCode(groups) ?? { obis, value: text, unit: null, scaler: null };
  }
  const time = timeOf(last);
  if (time && isTime(code)) return { obis, value: isoTime(time, winter), unit: null, scaler: null };
  if (isCount(medium, code) && NUMBER.test(last)) return { obis, value: decimal(last), unit: null, scaler: null };
  return { obis, value: isHexText(medium, code) ? textOfHex(last) : last, unit: null, scaler: null };
}

/**
 * Parses a sub-meter reading in the DSMR 2.2 and 3.0 form, with the value on a separate line:
 * `0-2:24.3.0(211123200000)(00)(60)(1)(0-2:24.2.1)(m3)` `(13376.292)`: time, status, interval in minutes, number of
 * values, OBIS code, unit, value.
 * @returns `null` for any other form
 */
function parseNamedCode(groups: readonly string[]): Register | null {
  const [, , , count, name = "", unit = "", value = ""] = groups;
  const code = NAMED_CODE.exec(name);
  if (groups.length !== 7 || count !== "1" || !code || !NUMBER.test(value)) return null;
  if (isNoTime(groups[0] as string)) return null;
  return { obis: `${code[1]}:${code[2]}*${code[3] ?? "255"}`, value: decimal(value), unit, scaler: null };
}

/** Matches a valid time. Some meters print `632525252525W` (0xFF bytes converted to BCD) for an unset time. */
function timeOf(text: string): RegExpExecArray | null {
  const time = TIME.exec(text);
  if (time === null) return null;
  const [year, month, day, hour, minute, second] = time.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const lastDay = new Date(Date.UTC(2000 + year, month, 0)).getUTCDate();
  const exists = month >= 1 && month <= 12 && day >= 1 && day <= lastDay && hour < 24 && minute < 60 && second < 60;
  return exists ? time : null;
}

/**
 * Whether a timestamp shows that the sub-meter has not been read: an invalid time, or the initial value of its clock
 * (`000101000000W`). The value after it is not a reading and is kept as text.
 */
function isNoTime(text: string): boolean {
  const time = TIME.exec(text);
  return time !== null && (time[1] === "00" || timeOf(text) === null);
}

function isTime(code: string): boolean {
  return code === "1.0.0" || code === "0.9.2" || code.startsWith("1.6.") || code.startsWith("2.6.");
}

/** Bare digits are a number for electrical quantities, limits, states and event counters, else text (tariff, version). */
function isCount(medium: string, code: string): boolean {
  if (medium.startsWith("1-")) return !code.startsWith("0.");
  return code.startsWith("96.7.") || code === "96.3.10" || code === "17.0.0";
}

/** Identifiers and messages are hex-encoded text, two digits per character (DSMR 5.0.2, 6.4). */
function isHexText(medium: string, code: string): boolean {
  return medium.startsWith("0-") && (/^96\.(1|13)\./.test(code) || code === "42.0.0");
}

function textOfHex(value: string): string {
  if (value.length < 4 || value.length % 2 !== 0 || !/^[0-9A-Fa-f]+$/.test(value)) return value;
  const bytes = parseHex(value);
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f) ? latin1Text(bytes).trim() : value;
}

/** `-12.340` → -12340 × 10^-3, keeping the printed digits. */
function decimal(text: string): Decimal {
  const [whole = "", fraction = ""] = text.split(".");
  const digits = `${whole}${fraction}`.replace("+", "");
  const exponent = fraction ? -fraction.length : 0;
  const number = Number(digits);
  // 0 is added because -0 is 0.
  return { coefficient: Number.isSafeInteger(number) ? number + 0 : BigInt(digits), exponent };
}

/**
 * S and W mean summer and winter time in the meter's time zone: Central European Time, except for meters of the
 * Lithuanian grid operator ESO (recognised by the header line).
 * @param winter UTC offset in winter, in hours
 */
function isoTime(time: RegExpExecArray, winter: number): string {
  const [, year, month, day, hour, minute, second, season] = time;
  const offset = season === "S" ? `+0${winter + 1}:00` : season === "W" ? `+0${winter}:00` : "";
  return `20${year}-${month}-${day}T${hour}:${minute}:${second}${offset}`;
}

/**
 * Formats one line for `parseP1`: `1-0:1.8.1(012937.123*kWh)`.
 * @param values texts to put in parentheses; parentheses and line breaks in them are removed
 */
export function formatP1Line(code: string, ...values: readonly string[]): string {
  return code + values.map((value) => `(${value.replace(/[()\r\n]/g, "")})`).join("");
}

/**
 * Formats a number with a fixed number of digits: `whole` 6 and `fraction` 3 give DSMR's `F9(3,3)`, `012937.123`. Halves
 * round up; extra digits before the decimal point are kept.
 */
export function formatP1Number(value: Decimal, whole: number, fraction: number): string {
  const scaled = scaledExactly(value, fraction) ?? roundDecimal(value, fraction);
  const text = scaled.toString();
  const sign = text.startsWith("-") ? "-" : "";
  const digits = (sign === "" ? text : text.slice(1)).padStart(whole + fraction, "0");
  return fraction === 0 ? sign + digits : `${sign}${digits.slice(0, -fraction)}.${digits.slice(-fraction)}`;
}

/** The value in units of 10^-digits where that needs neither rounding nor a big integer; else `null`. */
function scaledExactly({ coefficient, exponent }: Decimal, digits: number): number | null {
  const shift = exponent + digits;
  if (typeof coefficient !== "number" || shift < 0 || shift > 15) return null;
  const scaled = coefficient * 10 ** shift;
  return Number.isSafeInteger(scaled) ? scaled : null;
}

/** Hex-encodes text as DSMR does for identifiers: two digits per character (DSMR 5.0.2, 6.4). */
export function formatP1Text(text: string): string {
  return formatHex(latin1Bytes(text));
}

/**
 * Formats a time as `YYMMDDhhmmssX` in Central European Time, as P1 readers expect; X is S in summer, W in winter.
 * @param time ISO 8601; a time without offset is the meter's local time and is written unchanged
 * @returns `null` if `time` is invalid
 */
export function formatP1Time(time: string): string | null {
  const match = /^20(\d\d)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(time);
  if (match === null) return null;
  const instant = Date.parse(match[7] === undefined ? `${time}+01:00` : time);
  if (Number.isNaN(instant)) return null;
  const summer = isSummer(instant);
  // Without an offset, the time is already the meter's local time.
  const wall = match[7] === undefined ? instant + HOUR_MS : instant + (summer ? 2 : 1) * HOUR_MS;
  return `${new Date(wall).toISOString().slice(2, 19).replace(/\D/g, "")}${summer ? "S" : "W"}`;
}

const HOUR_MS = 3_600_000;

/** European summer time: from the last Sunday in March to the last Sunday in October, 01:00 UTC (directive 2000/84/EC). */
function isSummer(instant: number): boolean {
  const year = new Date(instant).getUTCFullYear();
  const lastSunday = (month: number): number => {
    const last = new Date(Date.UTC(year, month + 1, 0, 1));
    return last.getTime() - last.getUTCDay() * 24 * HOUR_MS;
  };
  return instant >= lastSunday(2) && instant < lastSunday(9);
}
