/** Options of the ledger of quarter hours: an item of `tariff_windows:`, and `time_zone`. */
import * as z from "zod/mini";
import { option, text, whole } from "./option.ts";

const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/;
const TIME_ALLOWED = 'a time such as "10:00", in quotes';
export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export const timeZoneSchema = z.optional(text(64).check(z.refine(isTimeZone)));
export const TIME_ZONE_ALLOWED = "a name of the IANA time zone database, such as Europe/Vienna";

export const tariffWindowSchema = z.strictObject({
  name: option(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,32}$/)), {
    title: { en: "Name", de: "Name" },
    help: { en: "Name of the window, in topics and entities.", de: "Name des Fensters, in Topics und Entitäten." },
    allowed: "1 to 32 letters, digits, _ and -",
    example: "summer",
  }),
  months: option(
    z._default(z.array(whole(1, 12)).check(z.minLength(1), z.maxLength(12)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    {
      title: { en: "Months", de: "Monate" },
      help: { en: "Months in which the window applies, 1 to 12.", de: "Monate, in denen das Fenster gilt, 1 bis 12." },
      allowed: "a list of whole numbers from 1 to 12",
      example: "[4, 5, 6, 7, 8, 9]",
    },
  ),
  weekdays: option(z._default(z.array(z.enum(WEEKDAYS)).check(z.minLength(1), z.maxLength(7)), [...WEEKDAYS]), {
    title: { en: "Weekdays", de: "Wochentage" },
    help: { en: "Days on which the window applies.", de: "Tage, an denen das Fenster gilt." },
    allowed: "a list of mon, tue, wed, thu, fri, sat, sun",
    example: "[mon, tue, wed, thu, fri, sat, sun]",
  }),
  from: option(z.string().check(z.regex(TIME)), {
    title: { en: "From", de: "Von" },
    help: {
      en: "Local time at which the window begins (inclusive).",
      de: "Ortszeit, zu der das Fenster beginnt (einschließlich).",
    },
    allowed: TIME_ALLOWED,
    example: '"10:00"',
  }),
  to: option(z.string().check(z.regex(TIME)), {
    title: { en: "To", de: "Bis" },
    help: {
      en: "Local time at which the window ends (exclusive), 24:00 for midnight; if earlier than `from`, it ends on the next day.",
      de: "Ortszeit, zu der das Fenster endet (ausschließlich), 24:00 für Mitternacht; liegt sie vor `from`, endet es am nächsten Tag.",
    },
    allowed: TIME_ALLOWED,
    example: '"16:00"',
  }),
  time_zone: option(z.optional(text(64).check(z.refine(isTimeZone))), {
    title: { en: "Time zone", de: "Zeitzone" },
    help: {
      en: "Time zone of months, weekdays and times of this window.",
      de: "Zeitzone von Monaten, Wochentagen und Uhrzeiten dieses Fensters.",
    },
    allowed: TIME_ZONE_ALLOWED,
    example: "Europe/Vienna",
    unset: "the meter's own offset, else `time_zone`",
  }),
});
