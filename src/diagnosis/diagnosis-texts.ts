/** The wording of every diagnosis: source, line and telegrams in one table. */
import type { DiagnosisCode } from "./diagnosis-code.ts";
import { LINE_TEXTS } from "./line-texts.ts";
import { SOURCE_TEXTS } from "./source-texts.ts";
import { TELEGRAM_TEXTS } from "./telegram-texts.ts";
import type { Row } from "./text-row.ts";

/** A diagnosis code, or a special case of one with its own wording. */
export type TextKey = keyof typeof SOURCE_TEXTS | keyof typeof LINE_TEXTS | keyof typeof TELEGRAM_TEXTS;

export const DIAGNOSIS_TEXTS: Readonly<Record<DiagnosisCode | TextKey, Row>> = {
  ...SOURCE_TEXTS,
  ...LINE_TEXTS,
  ...TELEGRAM_TEXTS,
};
