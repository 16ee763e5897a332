/** Logs a change of diagnosis; the level says how much is broken and who can mend it. */

import type { ComponentLog } from "../log/component-log.ts";
import type { Diagnosis, DiagnosisCode } from "./diagnosis-code.ts";

/** Nobody but the user can mend these. */
const MUST_ACT: ReadonlySet<DiagnosisCode> = new Set<DiagnosisCode>([
  "permission",
  "not-a-serial-device",
  "key-missing",
  "key-wrong",
  "authentication",
]);

/** One line for a diagnosis that is another than the one before; none while only its wording changes. */
export function logDiagnosis(log: ComponentLog, now: Diagnosis, before: Diagnosis): void {
  if (now.code === before.code) return;
  const text = now.cure.en === "" ? now.text.en : `${now.text.en} ${now.cure.en}`;
  if (now.code === "starting") log.debug(text);
  else if (now.code === "ok") log.info(text);
  else if (MUST_ACT.has(now.code)) log.error(text);
  else log.warn(text);
}
