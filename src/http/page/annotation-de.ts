/** The labels and values of the byte table in German; the codec (codec/inspect) gives them in English. */

const LABELS: Readonly<Record<string, string>> = {
  "not readable": "nicht lesbar",
  "not recognised": "nicht erkannt",
  "length of the system title": "Länge des System-Titels",
  "system title": "System-Titel",
  length: "Länge",
  "security control": "Sicherheits-Byte",
  "invocation counter": "Aufrufzähler",
  ciphertext: "verschlüsselter Inhalt",
  "authentication tag": "Authentifizierungs-Tag",
  "date-time": "Datum und Zeit",
  structure: "Struktur",
  array: "Feld",
  contents: "Inhalt",
  text: "Text",
  value: "Wert",
  null: "leer",
  "frame without content": "Rahmen ohne Inhalt",
  "M-Bus start, length": "M-Bus-Start, Länge",
  "C field": "C-Feld",
  "A field": "A-Feld",
  "CI field": "CI-Feld",
  checksum: "Prüfsumme",
  stop: "Stopp",
  "HDLC flag": "HDLC-Flag",
  "format, length": "Format, Länge",
  destination: "Ziel",
  source: "Quelle",
  control: "Steuerfeld",
  block: "Block",
  "P1 head": "P1-Kopf",
  line: "Zeile",
  "end, CRC": "Ende, CRC",
  ID: "Nummer",
  manufacturer: "Hersteller",
  version: "Version",
  medium: "Energieart",
  "access number": "Zugriffsnummer",
  status: "Zustand",
  configuration: "Konfiguration",
  filler: "Füllbytes",
  records: "Datensätze",
};

/** Pieces of values, in the order in which they are replaced. */
const VALUES: readonly (readonly [RegExp, string])[] = [
  [/^right$/, "stimmt"],
  [/^none$/, "keine"],
  [/^broadcast$/, "an alle"],
  [/\b(\d+) bytes$/, "$1 Bytes"],
  [/^records with a long header$/, "Datensätze mit langem Kopf"],
  [/^mode (\d+)/, "Modus $1"],
  [/\bencrypted\b/, "verschlüsselt"],
  [/\bauthenticated\b/, "authentifiziert"],
  [/\bbroadcast key\b/, "Rundruf-Schlüssel"],
  [/\bcompressed\b/, "komprimiert"],
  [/, suite (\d+)$/, ", Suite $1"],
  [/^segment (\d+)/, "Segment $1"],
  [/, more follow$/, ", weitere folgen"],
  [/, last$/, ", letztes"],
];

/** A span's label in German; terms of the standard (data-notification, STSAP) and OBIS codes are kept. */
export function germanLabel(label: string): string {
  const part = label.endsWith(" (continued)") ? label.slice(0, -" (continued)".length) : label;
  const german = LABELS[part] ?? part;
  return part === label ? german : `${german} (Fortsetzung)`;
}

/** A span's value in German, unless the span is a register. */
export function germanValue(value: string): string {
  return VALUES.reduce((text, [pattern, german]) => text.replace(pattern, german), value);
}
