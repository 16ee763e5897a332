/**
 * Date and time in M-Bus records (EN 13757-3, annex A):
 *
 *     type G (CP16)  day, month, year
 *     type F (CP32)  minute, hour, day, month, year
 *     type I (CP48)  second, minute, hour, day of the week, day, month, year, week, summer time
 *
 *     byte    7 6 5 4 3 2 1 0        of type I
 *     0       L S second             L leap year, S summer time
 *     1       V D minute             V time invalid, D sign of the summer time deviation
 *     2       weekday hour           1 Monday … 7 Sunday, 0 not specified
 *     3       year(low 3) day
 *     4       year(high 4) month
 *     5       deviation week
 *
 * All are local time, without a UTC offset.
 */
import { encodeDateTime } from "../values/date-time.ts";

const SUMMER_TIME = 0x80;
const INVALID = 0x01;

/**
 * @param at position of the data; `length` 6 (type I) or 4 (type F)
 * @returns the same time as a 12-byte DLMS date-time; `null` if it is invalid or of another type
 */
export function decodeRecordTime(bytes: Uint8Array, at: number, length: number): Uint8Array | null {
  if (length !== 6 && length !== 4) return null;
  const withSeconds = length === 6;
  const byte = (offset: number): number => bytes[at + offset] as number;
  const minutes = byte(withSeconds ? 1 : 0);
  const hours = byte(withSeconds ? 2 : 1);
  const days = byte(withSeconds ? 3 : 2);
  const months = byte(withSeconds ? 4 : 3);
  const second = withSeconds ? byte(0) & 0x3f : 0;
  const minute = minutes & 0x3f;
  const hour = hours & 0x1f;
  const day = days & 0x1f;
  const month = months & 0x0f;
  const year = 2000 + ((days >> 5) | ((months & 0xf0) >> 1));
  if (second > 59 || minute > 59 || hour > 23 || day < 1 || month < 1 || month > 12) return null;
  // Reject impossible dates such as 31 February: the 12 bytes could not be parsed again.
  if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return null;
  const summer = withSeconds ? (byte(0) & 0x40) !== 0 : (hours & 0x80) !== 0;
  const invalid = (minutes & 0x80) !== 0;
  const dateTime = encodeDateTime({
    ...{ year, month, day, hour, minute, second, offset: null },
    status: (summer ? SUMMER_TIME : 0) | (invalid ? INVALID : 0),
  });
  const weekday = withSeconds ? hours >> 5 : 0;
  // Keep the weekday as sent, so that a mismatch with the date stays visible.
  dateTime[4] = weekday === 0 ? 0xff : weekday;
  return dateTime;
}

/** Encodes a 12-byte DLMS date-time as type I (6 bytes). The week is the ISO 8601 week number. */
export function encodeRecordTime(dateTime: Uint8Array): Uint8Array {
  const byte = (offset: number): number => dateTime[offset] as number;
  const year = ((byte(0) << 8) | byte(1)) % 100;
  const summer = (byte(11) & SUMMER_TIME) !== 0 ? 0x40 : 0;
  const leap = year % 4 === 0 ? 0x80 : 0;
  const week = weekOf(2000 + year, byte(2), byte(3));
  return Uint8Array.of(
    leap | summer | byte(7),
    byte(6),
    (byte(4) << 5) | byte(5),
    ((year & 7) << 5) | byte(3),
    ((year & 0x78) << 1) | byte(2),
    week,
  );
}

function weekOf(year: number, month: number, day: number): number {
  const date = new Date(Date.UTC(year, month - 1, day));
  // ISO 8601: a week belongs to the year that contains its Thursday.
  date.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const begun = Date.UTC(date.getUTCFullYear(), 0, 1);
  return Math.ceil(((date.getTime() - begun) / 86_400_000 + 1) / 7);
}
