/**
 * Instants with the UTC offset of their local time. An offset sent by the meter is used unchanged; without one, its clock
 * is taken as local time in the configured zone, else in the system's.
 */

/** A point in time and the UTC offset of its local time. */
export interface LocalInstant {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Minutes east of UTC. */
  readonly offset: number;
}

/** The UTC offset of a zone at an instant, minutes east of UTC. */
export type ZoneOffset = (at: number) => number;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
const ISO = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * @param zone IANA name (`Europe/Vienna`); `undefined`: the system's zone. The result throws a RangeError for a name
 *   unknown to Node; the configuration has already checked it.
 */
export function zoneOffset(zone: string | undefined): ZoneOffset {
  if (zone === undefined) return (at) => -new Date(at).getTimezoneOffset();
  let format: Intl.DateTimeFormat | null = null;
  // Offsets change only at quarter boundaries, so the result is valid for a whole quarter.
  let known = { quarter: Number.NaN, offset: 0 };
  return (at) => {
    const quarter = Math.floor(at / QUARTER_MS);
    if (known.quarter !== quarter) {
      const start = quarter * QUARTER_MS;
      format ??= formatOf(zone);
      const part = Object.fromEntries(format.formatToParts(start).map(({ type, value }) => [type, Number(value)]));
      const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part;
      const local = Date.UTC(year, month - 1, day, hour, minute, second);
      known = { quarter, offset: Math.round((local - start) / MINUTE_MS) };
    }
    return known.offset;
  };
}

function formatOf(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

/**
 * Parses an ISO 8601 time. Without an offset it is local time in the zone: in the hour repeated in autumn, the instant
 * nearest to `expected` is chosen; in the hour skipped in spring, the offset before the change applies.
 * @param expected milliseconds since 1970
 * @returns `null` for a text that is not a time
 */
export function parseLocal(text: string, zone: ZoneOffset, expected: number): LocalInstant | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = match.slice(1, 6).map(Number);
  const local = Date.UTC(year, month - 1, day, hour, minute, Number(match[6] ?? 0), milliseconds(match[7]));
  if (Number.isNaN(local)) return null;
  const suffix = match[8];
  if (suffix === undefined) return nearestOf(local, zone, expected);
  const offset = parseOffset(suffix);
  return { at: local - offset * MINUTE_MS, offset };
}

/** Every instant with this local time in the zone: one, two in the hour repeated in autumn, none in the hour skipped in spring. */
export function instantsOf(local: number, zone: ZoneOffset): LocalInstant[] {
  const offsets = new Set([zone(local - DAY_MS), zone(local + DAY_MS)]);
  return [...offsets]
    .map((offset) => ({ at: local - offset * MINUTE_MS, offset }))
    .filter(({ at, offset }) => zone(at) === offset)
    .sort((a, b) => a.at - b.at);
}

function nearestOf(local: number, zone: ZoneOffset, expected: number): LocalInstant {
  const [first, second] = instantsOf(local, zone);
  if (first === undefined) {
    const at = local - zone(local - DAY_MS) * MINUTE_MS;
    return { at, offset: zone(at) };
  }
  if (second === undefined) return first;
  return Math.abs(second.at - expected) < Math.abs(first.at - expected) ? second : first;
}

/** `2026-03-29T03:00:00+02:00`, without milliseconds. */
export function formatLocal({ at, offset }: LocalInstant): string {
  const sign = offset < 0 ? "-" : "+";
  const minutes = Math.abs(offset);
  const pad = (value: number): string => String(value).padStart(2, "0");
  return `${localText({ at, offset })}${sign}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

/** `2026-03-29T03:00:00`, as a wall clock shows it. Such texts sort like their times. */
export function localText({ at, offset }: LocalInstant): string {
  return new Date(localTime({ at, offset })).toISOString().slice(0, 19);
}

/** The same as a number: the local time in milliseconds since 1970, as if it were UTC. */
export function localTime({ at, offset }: LocalInstant): number {
  return at + offset * MINUTE_MS;
}

function parseOffset(text: string): number {
  if (text === "Z") return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(4, 6));
  return text.startsWith("-") ? -minutes : minutes;
}

function milliseconds(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(3, "0"));
}
