/** The wording of every diagnosis: those of the source, of the line and of telegrams in one table. */
import type { DiagnosisCode } from "./diagnosis-code.ts";
import { LINE_TEXTS } from "./line-texts.ts";
import { SOURCE_TEXTS } from "./source-texts.ts";
import { TELEGRAM_TEXTS } from "./telegram-texts.ts";
import type { Row } from "./text-row.ts";

/** A diagnosis, or a particular case of one that deserves its own words. */
export type TextKey = keyof typeof SOURCE_TEXTS | keyof typeof LINE_TEXTS | keyof typeof TELEGRAM_TEXTS;

export const DIAGNOSIS_TEXTS: Readonly<Record<DiagnosisCode | TextKey, Row>> = {
  ...SOURCE_TEXTS,
  ...LINE_TEXTS,
  ...TELEGRAM_TEXTS,
};
