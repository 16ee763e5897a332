/** Logs changes of the diagnosis. The level says how much is broken and who can fix it. */

import type { ComponentLog } from "../log/component-log.ts";
import type { Diagnosis, DiagnosisCode } from "./diagnosis-code.ts";

/** Only the user can fix these. */
const NEEDS_USER: ReadonlySet<DiagnosisCode> = new Set<DiagnosisCode>([
  "permission",
  "not-a-serial-device",
  "key-missing",
  "key-wrong",
  "authentication",
]);

/** Logs one line if the code changed; none if only the wording did. */
export function logDiagnosis(log: ComponentLog, current: Diagnosis, previous: Diagnosis): void {
  if (current.code === previous.code) return;
  const text = current.cure.en === "" ? current.text.en : `${current.text.en} ${current.cure.en}`;
  if (current.code === "starting") log.debug(text);
  else if (current.code === "ok") log.info(text);
  else if (NEEDS_USER.has(current.code)) log.error(text);
  else log.warn(text);
}
