/** Sentences about the missed, filled and unfilled hours of Home Assistant's statistics. No DOM. */
import type { PageBackfill } from "../page-model.ts";
import { type Language, say } from "./words.ts";

export function backfillSentences(
  { comparedAt, error, missed, filled, left }: PageBackfill,
  language: Language,
): string[] {
  const time = (at: number): string =>
    new Date(at).toLocaleString(language === "de" ? "de-AT" : "en-GB", { dateStyle: "short", timeStyle: "short" });
  const sentences: string[] = [];
  if (missed !== null) {
    sentences.push(say(language, "backfillMissed", String(missed.hours), time(missed.from), time(missed.to)));
  }
  if (filled !== null) sentences.push(say(language, "backfillFilled", String(filled.hours)));
  for (const { hours, reason, pending } of left) {
    sentences.push(say(language, pending ? "backfillPending" : "backfillLeft", String(hours), reason[language]));
  }
  if (error !== null) sentences.push(say(language, "backfillFault", error));
  else if (comparedAt === null) sentences.push(say(language, "backfillSoon"));
  else if (missed === null) sentences.push(say(language, "backfillNone"));
  return sentences;
}
