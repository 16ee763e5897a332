/** The states that the diagnosis distinguishes between adapter and reading, and the form of a diagnosis. */

/** Every state that is distinguished. */
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
  /** One sentence: what is seen and what it means. */
  readonly text: { readonly en: string; readonly de: string };
  /** One sentence: what to do; empty when all is well. */
  readonly cure: { readonly en: string; readonly de: string };
}
