/**
 * DLMS date-time (Blue Book, 4.1.6.1), 12 bytes:
 *
 *     year (2) | month | day | weekday | hour | minute | second | hundredths | deviation (2) | clock status
 *
 * FF (FFFF for the year) means "not specified". The deviation is in minutes from local time to UTC, so the ISO 8601 offset
 * is its negative; 8000 means "not specified".
 */

const DEVIATION_UNSPECIFIED = -0x8000;

/** `2021-09-27T09:47:15+02:00`; without the offset if the meter sends no deviation; `null` for an invalid date-time. */
export function formatDateTime(bytes: Uint8Array, at = 0): string | null {
  if (!isDate(bytes, at) || !isTime(bytes, at + 5)) return null;
  const deviation = (((bytes[at + 9] as number) << 24) >> 16) | (bytes[at + 10] as number);
  return `${formatDate(bytes, at)}T${formatTime(bytes, at + 5)}${formatOffset(deviation)}`;
}

/** `2021-09-27` from year, month, day; `null` if one is not specified or the date does not exist. */
export function formatDate(bytes: Uint8Array, at = 0): string | null {
  if (!isDate(bytes, at)) return null;
  const year = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return `${year}-${twoDigits(bytes[at + 2] as number)}-${twoDigits(bytes[at + 3] as number)}`;
}

function isDate(bytes: Uint8Array, at: number): boolean {
  const year = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  const month = bytes[at + 2] as number;
  const day = bytes[at + 3] as number;
  return year >= 1000 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

/** `09:47:15` from hour, minute, second, hundredths (adds `.25` unless the hundredths are 0 or not specified). */
export function formatTime(bytes: Uint8Array, at = 0): string | null {
  if (!isTime(bytes, at)) return null;
  const hundredths = bytes[at + 3] as number;
  const fraction = hundredths > 0 && hundredths < 100 ? `.${twoDigits(hundredths)}` : "";
  const [hour, minute, second] = [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number];
  return `${twoDigits(hour)}:${twoDigits(minute)}:${twoDigits(second)}${fraction}`;
}

function isTime(bytes: Uint8Array, at: number): boolean {
  return (bytes[at] as number) < 24 && (bytes[at + 1] as number) < 60 && (bytes[at + 2] as number) < 60;
}

/**
 * Clock status byte; `null` if it is not specified. 01 invalid, 02 doubtful, 04 different clock base, 08 invalid clock
 * status, 80 daylight saving.
 */
export function clockStatus(bytes: Uint8Array, at = 0): number | null {
  const status = bytes[at + 11] as number;
  return status === 0xff ? null : status;
}

/** Whether the 12 bytes are a plausible date-time rather than text. */
export function looksLikeDateTime(bytes: Uint8Array, at = 0): boolean {
  const year = bytes[at] as number;
  const weekday = bytes[at + 4] as number;
  return (
    (year === 0x07 || year === 0x08) && (weekday <= 7 || weekday === 0xff) && isDate(bytes, at) && isTime(bytes, at + 5)
  );
}

function formatOffset(deviation: number): string {
  if (deviation === DEVIATION_UNSPECIFIED || deviation < -840 || deviation > 840) return "";
  const minutes = Math.abs(deviation);
  return `${deviation > 0 ? "-" : "+"}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function twoDigits(value: number): string {
  return TWO_DIGITS[value] as string;
}

const TWO_DIGITS = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, "0"));

/** Fields for `encodeDateTime`. */
export interface DateTimeFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** Default: not specified. */
  readonly hundredths?: number;
  /** Minutes east of UTC (+60 in winter, +120 in summer in Austria); `null`: not specified. */
  readonly offset: number | null;
  /** Clock status. Default 0. */
  readonly status?: number;
}

/** Encodes the 12 bytes; the weekday is computed from the date. */
export function encodeDateTime(fields: DateTimeFields): Uint8Array {
  const { year, month, day, hour, minute, second, hundredths = 0xff, offset, status = 0 } = fields;
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;
  const deviation = (offset === null ? DEVIATION_UNSPECIFIED : -offset) & 0xffff;
  const clock = [hour, minute, second, hundredths, deviation >> 8, deviation & 0xff, status];
  return Uint8Array.from([year >> 8, year & 0xff, month, day, weekday, ...clock]);
}
