/** The states that the diagnosis distinguishes, from the adapter to the reading, and the shape of a diagnosis. */

export type DiagnosisCode =
  | "starting"
  | "no-device"
  | "permission"
  | "busy"
  | "not-a-serial-device"
  | "unreachable"
  | "silence"
  | "noise"
  | "wrong-parity"
  | "checksum"
  | "no-content"
  | "key-missing"
  | "key-wrong"
  | "authentication"
  | "unsupported"
  | "implausible"
  | "ok";

export interface Diagnosis {
  readonly code: DiagnosisCode;
  /** One sentence: the symptom and what it means. */
  readonly text: { readonly en: string; readonly de: string };
  /** One sentence: what to do; empty if all is well. */
  readonly cure: { readonly en: string; readonly de: string };
}
