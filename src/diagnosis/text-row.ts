/** Shape of the wording of a diagnosis: symptom and remedy, in English and German. */

/** Placeholders of a sentence; empty strings if unknown. */
export interface TextFields {
  /** The port as configured, shortened if it is very long. */
  readonly label: string;
  /** The system title of the meter: `KFM6750000009`. */
  readonly meter: string;
  /** `2400 8E1` */
  readonly line: string;
  /** Why the last telegram was implausible. */
  readonly reason: string;
  /** The same in German. */
  readonly reasonDe: string;
}

/** One sentence in each language. */
export interface Words {
  readonly en: string;
  readonly de: string;
}

export interface Row {
  readonly text: { readonly en: (f: TextFields) => string; readonly de: (f: TextFields) => string };
  readonly cure: Words;
  /** Replaces `cure` in our container (docker-compose.yml), if the remedy differs there. */
  readonly inDocker?: Words;
}

/** No remedy needed. */
export const NONE: Words = { en: "", de: "" };

/** `before` followed by the meter; empty if the meter is unknown. */
export const ofMeter = (f: TextFields, before: string): string => (f.meter === "" ? "" : `${before}${f.meter}`);

/** `before` followed by the line settings; empty if they are unknown. */
export const at = (f: TextFields, before: string): string => (f.line === "" ? "" : `${before}${f.line}`);
