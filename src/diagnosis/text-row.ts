/** The form of a diagnosis in words: what is seen, and what to do about it, in English and German. */

/** What a sentence may mention. Empty texts where nothing is known. */
export interface TextFields {
  /** The port as the user wrote it, shortened if it is very long. */
  readonly label: string;
  /** `KFM6750000009`, the system title of the meter. */
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
  /** What to do instead where the program runs in our container (docker-compose.yml), if that differs. */
  readonly inDocker?: Words;
}

/** No cure is needed. */
export const NONE: Words = { en: "", de: "" };

/** The meter, if it is known, behind these words. */
export const ofMeter = (f: TextFields, before: string): string => (f.meter === "" ? "" : `${before}${f.meter}`);

/** The line settings, if they are known, behind these words. */
export const at = (f: TextFields, before: string): string => (f.line === "" ? "" : `${before}${f.line}`);
