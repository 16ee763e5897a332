/** The decode page's own words, in English and German; those shared with the status page are in http/page/words.ts. */
import { fillIn, type Language, WORDS as STATUS, type Texts } from "../http/page/words.ts";

const WORDS = {
  title: ["Read a smart meter's telegram", "Telegramm eines Smart Meters lesen"],
  intro: [
    "Paste hex digits or a log, drop a capture, or listen to the adapter. Everything happens in this browser: nothing is sent, and the key is forgotten when the page is closed.",
    "Hex-Ziffern oder ein Log einfügen, eine Aufzeichnung hierher ziehen oder am Adapter mithören. Alles geschieht in diesem Browser: nichts wird gesendet, und der Schlüssel ist vergessen, sobald die Seite geschlossen wird.",
  ],
  key: STATUS.key,
  authenticationKey: STATUS.authenticationKey,
  showKeys: ["Show the keys", "Schlüssel anzeigen"],
  wrongKey: [
    "Not a key: {0}. A key has 32 hex digits.",
    "Das ist kein Schlüssel. Ein Schlüssel hat 32 Hex-Ziffern (0-9, A-F), hier sind es {1} Zeichen.",
  ],
  input: ["Bytes: hex digits, or lines of a log", "Bytes: Hex-Ziffern oder Zeilen eines Logs"],
  openFile: ["Open a file", "Datei öffnen"],
  example: ["Example", "Beispiel"],
  clear: ["Clear", "Leeren"],
  dropNote: [
    "Or drop a file anywhere on this page: hex, binary, a log, up to 8 MB.",
    "Oder eine Datei auf die Seite ziehen: Hex, binär, Log, bis 8 MB.",
  ],
  tooLarge: [
    "This file has {0} MB; up to 8 MB are read here. kaifa2mqtt decode reads captures of any size.",
    "Diese Datei hat {0} MB; hier werden bis 8 MB gelesen. kaifa2mqtt decode liest Aufzeichnungen jeder Größe.",
  ],
  unreadable: ["This file cannot be read.", "Diese Datei lässt sich nicht lesen."],
  listenTitle: ["Listen to the adapter", "Am Adapter mithören"],
  listenText: [
    "Opens the USB adapter that you choose, tries the usual settings, and says what is wrong. Nothing is sent to the meter, except to an AMIS meter of Netz OÖ: it asks for an answer of one byte (E5). Only one program can read the adapter: stop the bridge first.",
    "Öffnet den USB-Adapter, den Sie wählen, probiert die üblichen Einstellungen und sagt, was los ist. An den Zähler wird nichts gesendet; nur ein AMIS-Zähler der Netz OÖ, der danach fragt, bekommt sein Antwort-Byte (E5). Nur ein Programm kann den Adapter lesen: vorher die Brücke anhalten.",
  ],
  noSerial: [
    "This browser does not let pages use a serial port. Chrome and Edge on a computer do, for a file that you have saved, for localhost, and over https.",
    "Dieser Browser erlaubt Seiten keine serielle Schnittstelle. Chrome und Edge am Computer tun es: bei einer gespeicherten Datei, bei localhost und über https.",
  ],
  save: ["Save this page as a file", "Diese Seite als Datei speichern"],
  line: ["Line settings", "Einstellung"],
  auto: ["automatic", "automatisch"],
  amis: ["AMIS: up to a minute", "AMIS: bis zu einer Minute"],
  listen: ["Choose adapter and listen", "Adapter wählen und mithören"],
  stop: ["Stop", "Anhalten"],
  progress: ["{0}: {1} s, {2} bytes", "{0}: {1} s, {2} Bytes"],
  telegramsAt: ["Telegrams arrive at {0}.", "Telegramme kommen mit {0}."],
  cannotOpen: [
    "The browser cannot open the port: another program has it open, or your user may not use it.",
    "Der Browser kann die Schnittstelle nicht öffnen: ein anderes Programm hat sie offen, oder dem Benutzer fehlt die Berechtigung.",
  ],
  cannotOpenCure: [
    "Stop the other program (kaifa2mqtt, ser2net); on Linux add your user to the group dialout and log in again.",
    "Das andere Programm anhalten (kaifa2mqtt, ser2net); unter Linux den Benutzer in die Gruppe dialout aufnehmen und neu anmelden.",
  ],
  results: ["Result", "Ergebnis"],
  summary: ["Telegrams: {0}. Faults: {1}.", "Telegramme: {0}. Fehler: {1}."],
  "kind-hex": ["Read as hex digits, {0} bytes.", "Als Hex-Ziffern gelesen, {0} Bytes."],
  "kind-log": [
    "Read as a log: {0} bytes were taken from its lines.",
    "Als Log gelesen: {0} Bytes aus seinen Zeilen genommen.",
  ],
  "kind-binary": ["Read as is, {0} bytes.", "Unverändert gelesen, {0} Bytes."],
  skipped: ["{0} bytes belong to no telegram.", "{0} Bytes gehören zu keinem Telegramm."],
  limited: ["The first {0} are shown.", "Die ersten {0} werden gezeigt."],
  templateTitle: STATUS.templateTitle,
  templateText: STATUS.templateText,
  byteAt: ["byte {0}", "Byte {0}"],
  lineAt: ["line {0}", "Zeile {0}"],
  place: ["Bytes {0} to {1} of the input{2}.", "Bytes {0} bis {1} der Eingabe{2}."],
  placeLine: [", from line {0} on", ", ab Zeile {0}"],
  placeEmpty: ["At byte {0} of the input{1}.", "Bei Byte {0} der Eingabe{1}."],
  readings: ["Readings", "Werte"],
  unit: ["Unit", "Einheit"],
  meter: STATUS.diagnosisMeter,
  time: STATUS.diagnosisTime,
  transport: STATUS.diagnosisTransport,
  layout: ["Layout", "Aufbau"],
  security: STATUS.diagnosisSecurity,
  systemTitle: STATUS.diagnosisTitle,
  counter: ["Invocation counter", "Aufrufzähler"],
  notRead: ["Not read", "Nicht gelesen"],
  empty: ["The input is empty.", "Die Eingabe ist leer."],
  noBytes: [
    "Neither hex digits, nor a log with bytes in it, nor a P1 telegram.",
    "Weder Hex-Ziffern noch ein Log mit Bytes darin noch ein P1-Telegramm.",
  ],
  noTelegram: ["No telegram in {0} bytes.", "Kein Telegramm in {0} Bytes."],
  badLine: ["Line {0} holds something other than hex digits.", "Zeile {0} enthält anderes als Hex-Ziffern."],
  privacy: [
    "This page is a single file without a server: its own Content-Security-Policy forbids every connection.",
    "Diese Seite ist eine einzige Datei ohne Server: ihre Content-Security-Policy verbietet jede Verbindung.",
  ],
  version: ["kaifa2mqtt {0}", "kaifa2mqtt {0}"],
} as const satisfies Texts;

export type Word = keyof typeof WORDS;

/** The text in a language, `{0}` … replaced. */
export function say(language: Language, word: Word, ...values: readonly string[]): string {
  return fillIn(WORDS[word], language, values);
}

export function isWord(text: string): text is Word {
  return text in WORDS;
}
