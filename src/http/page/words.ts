/** Every word of the page, in English and German. */

export type Language = "en" | "de";

/** Texts by key: [English, German]. */
export type Texts = Readonly<Record<string, readonly [en: string, de: string]>>;

/** Word by key: [English, German]. */
export const WORDS = {
  skip: ["Skip to content", "Zum Inhalt springen"],
  meters: ["Meters", "Zähler"],
  meterOk: ["well", "in Ordnung"],
  meterWait: ["waiting", "wartet"],
  meterBad: ["has a problem", "gestört"],
  allWell: [
    "All well: telegrams of all {0} meters arrive and are accepted.",
    "Alles gut: Telegramme aller {0} Zähler kommen an und werden übernommen.",
  ],
  someWrong: ["Problem with {0} of {1} meters.", "{0} von {1} Zählern gestört."],
  noTelegramSince: ["No telegram for {0}.", "Seit {0} kein Telegramm."],
  brokerAway: ["Not connected to the broker {0}.", "Keine Verbindung zum Broker {0}."],
  lost: [
    "The bridge has not answered for {0}: the values below are from before that.",
    "Die Brücke antwortet seit {0} nicht: die Werte unten sind von davor.",
  ],
  lostCure: [
    "Check that kaifa2mqtt is running and that this device is on the same network. Retrying …",
    "Prüfen, ob kaifa2mqtt läuft und dieses Gerät im selben Netz ist. Es wird weiter versucht …",
  ],
  help: ["More about this", "Mehr dazu"],
  lastValue: ["last: {0} W, {1} ago", "zuletzt {0} W, vor {1}"],
  asOf: ["as of {0} ago", "Stand vor {0}"],
  since: [", since {0}", ", seit {0}"],
  plotEnds: ["Nothing new for {0}.", "Seit {0} nichts Neues."],
  now: ["Power now", "Leistung jetzt"],
  importing: ["drawn from the grid", "aus dem Netz bezogen"],
  exporting: ["fed into the grid", "ins Netz eingespeist"],
  idle: ["neither drawn nor fed in", "weder Bezug noch Einspeisung"],
  todayImport: ["Import today", "Bezug heute"],
  todayExport: ["Export today", "Einspeisung heute"],
  totalImport: ["Import, meter reading", "Bezug, Zählerstand"],
  totalExport: ["Export, meter reading", "Einspeisung, Zählerstand"],
  phases: ["Phases", "Phasen"],
  noValues: ["No values yet.", "Noch keine Werte."],
  noPhases: ["This meter sends no values by phase.", "Dieser Zähler sendet keine Werte je Phase."],
  voltage: ["Voltage", "Spannung"],
  current: ["Current", "Strom"],
  powerImport: ["Import", "Bezug"],
  powerExport: ["Export", "Einspeisung"],
  powerFactor: ["Power factor", "Leistungsfaktor"],
  notConnected: ["not connected", "nicht angeschlossen"],
  powerTitle: ["Power", "Leistung"],
  energyTitle: ["Energy", "Energie"],
  importKey: ["Import", "Bezug"],
  exportKey: ["Export", "Einspeisung"],
  range: ["Range", "Zeitraum"],
  range10m: ["10 min", "10 min"],
  range1h: ["1 h", "1 h"],
  range24h: ["24 h", "24 h"],
  range7d: ["7 days", "7 Tage"],
  range31d: ["31 days", "31 Tage"],
  hours: ["by hour", "je Stunde"],
  days: ["by day", "je Tag"],
  ledgerTitle: ["Quarter hours, days, months", "Viertelstunden, Tage, Monate"],
  ledgerDay: ["Day", "Tag"],
  ledgerMonth: ["Month", "Monat"],
  ledgerYear: ["Year", "Jahr"],
  ledgerDate: ["Date", "Datum"],
  ledgerBack: ["Back", "Zurück"],
  ledgerForward: ["Forward", "Weiter"],
  ledgerNone: ["No data for this period.", "Für diesen Zeitraum gibt es keine Daten."],
  ledgerPeak: ["Highest quarter hour: {0} kW, {1}.", "Höchste Viertelstunde: {0} kW, {1}."],
  ledgerSum: ["Import {0} kWh, export {1} kWh.", "Bezug {0} kWh, Einspeisung {1} kWh."],
  ledgerMarked: [
    "Hatched ({0}): a gap, an incomplete interval, an adjusted clock or a register that went down. Not zero: the table shows the energy.",
    "Schraffiert ({0}): Lücke, angebrochener Abschnitt, gestellte Uhr oder gesunkener Zählerstand. Nicht null: die Energie steht in der Tabelle.",
  ],
  ledgerWindows: ["Shaded: {0}.", "Hinterlegt: {0}."],
  ledgerStart: ["From", "Von"],
  ledgerEnd: ["To", "Bis"],
  ledgerMark: ["Mark", "Vermerk"],
  markGap: ["gap", "Lücke"],
  markReset: ["reset", "Rücksprung"],
  markPeak: ["peak", "Spitze"],
  noData: ["No values in this range yet.", "Noch keine Werte in diesem Zeitraum."],
  powerSummary: ["Power plot: {0} to {1} W, mean {2} W", "Leistung im Verlauf: {0} bis {1} W, im Mittel {2} W"],
  energySummary: [
    "Energy bars: import {0} kWh, export {1} kWh",
    "Energie als Balken: Bezug {0} kWh, Einspeisung {1} kWh",
  ],
  pathTitle: ["From the adapter to the broker", "Vom Adapter zum Broker"],
  backfillTitle: ["Hours that Home Assistant missed", "Stunden, die Home Assistant fehlten"],
  backfillNone: ["Home Assistant has every hour.", "Home Assistant hat jede Stunde."],
  backfillSoon: ["Not compared yet.", "Noch nicht verglichen."],
  backfillMissed: [
    "Home Assistant missed {0} h between {1} and {2}.",
    "Home Assistant fehlten {0} h zwischen {1} und {2}.",
  ],
  backfillFilled: ["{0} h were filled from the ledger.", "{0} h wurden aus der Aufzeichnung nachgetragen."],
  backfillPending: ["{0} h must wait: {1}.", "{0} h muss noch warten: {1}."],
  backfillLeft: ["{0} h cannot be filled: {1}.", "{0} h lassen sich nicht nachtragen: {1}."],
  backfillFault: ["The statistics cannot be compared: {0}", "Die Statistik lässt sich nicht vergleichen: {0}"],
  outputsTitle: ["Outputs for other machines", "Ausgänge für andere Geräte"],
  outputClients: ["{0} clients", "{0} Clients"],
  outputAge: ["reading {0} s old", "Ablesung {0} s alt"],
  outputStale: ["too old: no live values are served", "zu alt: es werden keine Momentanwerte geliefert"],
  outputWaiting: ["no reading yet", "noch keine Ablesung"],
  outputClosed: ["port not open, see the log", "Port nicht offen, siehe Protokoll"],
  adapter: ["Adapter", "Adapter"],
  line: ["Line", "Leitung"],
  frames: ["Frames", "Rahmen"],
  decryption: ["Decryption", "Entschlüsselung"],
  acceptance: ["Acceptance", "Annahme"],
  broker: ["Broker", "Broker"],
  lightOk: ["works", "in Ordnung"],
  lightWait: ["waiting", "wartet"],
  lightBad: ["does not work", "gestört"],
  lightUnknown: ["unknown", "unbekannt"],
  lightOff: ["not set up", "nicht eingerichtet"],
  opened: ["opened {0}×", "{0}× geöffnet"],
  bytes: ["{0} bytes", "{0} Bytes"],
  telegramsCount: ["{0} telegrams", "{0} Telegramme"],
  accepted: ["{0} accepted", "{0} übernommen"],
  messages: ["{0} messages", "{0} Nachrichten"],
  damaged: ["{0} damaged", "{0} beschädigt"],
  unread: ["{0} not decrypted", "{0} nicht entschlüsselt"],
  refused: ["{0} rejected", "{0} verworfen"],
  pathNotes: ["Port {0} · bytes outside of telegrams: {1}", "Port {0} · Bytes außerhalb von Telegrammen: {1}"],
  csv: ["Download as CSV", "Als CSV laden"],
  diagnosisCardTitle: ["Diagnosis", "Diagnose"],
  diagnosisNow: ["Diagnosis", "Befund"],
  diagnosisMeter: ["Meter", "Zähler"],
  diagnosisPort: ["Port", "Port"],
  diagnosisTransport: ["Transport", "Übertragung"],
  diagnosisSecurity: ["Security", "Sicherheit"],
  diagnosisTitle: ["System title", "System-Titel"],
  diagnosisPeriod: ["Telegrams every", "Telegramme alle"],
  diagnosisLast: ["Last accepted", "Zuletzt übernommen"],
  diagnosisTime: ["Clock of the meter", "Uhr des Zählers"],
  diagnosisAccepted: ["Accepted", "Übernommen"],
  diagnosisRejected: ["Rejected", "Verworfen"],
  nothing: ["nothing", "nichts"],
  "security-none": ["not encrypted", "unverschlüsselt"],
  "security-encrypted": ["encrypted", "verschlüsselt"],
  "security-authenticated": ["authenticated", "authentifiziert"],
  "security-authenticated+encrypted": ["encrypted and authenticated", "verschlüsselt und authentifiziert"],
  logTitle: ["Log", "Log"],
  logLevel: ["Show", "Anzeigen"],
  logText: [
    "The last 500 lines that log.level lets through. Keys and passwords are masked.",
    "Die letzten 500 Zeilen, die log.level durchlässt. Schlüssel und Passwörter sind unkenntlich.",
  ],
  settingsTitle: ["Configuration in force", "Geltende Konfiguration"],
  settingsText: [
    "Every value and its origin, as printed by kaifa2mqtt check. Keys and passwords are masked.",
    "Jeder Wert mit seiner Herkunft, wie bei kaifa2mqtt check. Schlüssel und Passwörter sind unkenntlich.",
  ],
  option: ["Option", "Option"],
  origin: ["Origin", "Herkunft"],
  valuesTitle: ["All values", "Alle Werte"],
  omitted: ["{0} more values are not shown.", "{0} weitere Werte werden nicht gezeigt."],
  quantity: ["Quantity", "Größe"],
  value: ["Value", "Wert"],
  telegramsTitle: ["Last telegrams", "Letzte Telegramme"],
  telegramsText: [
    "The bytes as received, and what they mean. Keys are never shown.",
    "Die empfangenen Bytes und ihre Bedeutung. Schlüssel werden nie gezeigt.",
  ],
  noTelegrams: ["No telegram has arrived yet.", "Noch kein Telegramm empfangen."],
  "outcome-checksum": ["checksum", "Prüfsumme"],
  "outcome-framing": ["damaged", "beschädigt"],
  "outcome-segmentation": ["incomplete", "unvollständig"],
  "outcome-key-missing": ["no key", "kein Schlüssel"],
  "outcome-key-wrong": ["wrong key", "falscher Schlüssel"],
  "outcome-authentication": ["not authentic", "nicht echt"],
  "outcome-malformed": ["malformed", "fehlerhaft"],
  "outcome-unsupported": ["unknown layout", "unbekannter Aufbau"],
  "outcome-implausible": ["implausible", "unglaubwürdig"],
  wire: ["On the wire", "Auf der Leitung"],
  plaintext: ["Decrypted", "Entschlüsselt"],
  bytesColumn: ["Bytes", "Bytes"],
  meaning: ["Meaning", "Bedeutung"],
  content: ["Content", "Inhalt"],
  anonymous: ["replace meter number and system title", "Zählernummer und System-Titel ersetzen"],
  capture: ["Download a capture", "Aufzeichnung herunterladen"],
  decodeLink: ["Decode other telegrams", "Andere Telegramme lesen"],
  templateTitle: ["Unknown list", "Unbekannte Liste"],
  templateText: [
    "A template to complete for the configuration (docs/lists.md). The text after # is guesswork and has no effect.",
    "Eine Vorlage für die Konfiguration, zum Ergänzen (docs/lists.md). Was hinter # steht, ist nur vermutet und bewirkt nichts.",
  ],
  captureText: [
    "For an issue. With numbers replaced, telegrams are encrypted again with a key made up for this file; readings and times stay.",
    "Für einen Issue. Mit ersetzten Nummern werden Telegramme mit einem Schlüssel nur für diese Datei neu verschlüsselt; Werte und Zeiten bleiben.",
  ],
  keyTitle: ["Test a key", "Schlüssel testen"],
  keyText: [
    "Tries a key on the incoming telegrams. It is not saved: if it fits, enter it in the configuration.",
    "Probiert einen Schlüssel an den ankommenden Telegrammen. Er wird nicht gespeichert: wenn er passt, in die Konfiguration eintragen.",
  ],
  key: ["Encryption key (GUEK), 32 hex digits", "Schlüssel (GUEK), 32 Hex-Ziffern"],
  authenticationKey: [
    "Authentication key (GAK), if there is one",
    "Authentifizierungsschlüssel (GAK), falls vorhanden",
  ],
  testKey: ["Test", "Testen"],
  "key-fits": ["This key fits.", "Dieser Schlüssel passt."],
  "key-wrong": ["This key does not fit this meter.", "Dieser Schlüssel passt nicht zu diesem Zähler."],
  "key-authentication-wrong": [
    "The encryption key fits, the authentication key does not.",
    "Der Schlüssel passt, der Authentifizierungsschlüssel nicht.",
  ],
  "key-none": [
    "No encrypted telegram has arrived yet; try again later.",
    "Noch kein verschlüsseltes Telegramm empfangen; bitte später noch einmal versuchen.",
  ],
  "key-invalid": ["A key has 32 hex digits (0-9, A-F).", "Ein Schlüssel hat 32 Hex-Ziffern (0-9, A-F)."],
  "key-plain": [
    "This meter does not encrypt: no key needed.",
    "Dieser Zähler verschlüsselt nicht: kein Schlüssel nötig.",
  ],
  "key-failed": ["The test could not be run.", "Der Test war nicht möglich."],
  offline: ["The bridge does not answer. Retrying …", "Die Brücke antwortet nicht. Neuer Versuch …"],
  loginTitle: ["Log in", "Anmelden"],
  loginText: ["This page asks for the token from http.token.", "Diese Seite verlangt das Token aus http.token."],
  token: ["Token", "Token"],
  login: ["Log in", "Anmelden"],
  logout: ["Log out", "Abmelden"],
  loginWrong: ["This token is wrong.", "Dieses Token stimmt nicht."],
  otherLanguage: ["DE: Deutsch", "EN: English"],
  themeAuto: ["Auto", "Auto"],
  themeLight: ["Light", "Hell"],
  themeDark: ["Dark", "Dunkel"],
  theme: ["Colours: {0}", "Farben: {0}"],
  lastTelegram: ["Last telegram {0}, every {1} s", "Letztes Telegramm {0}, alle {1} s"],
  lastTelegramOnly: ["Last telegram {0}", "Letztes Telegramm {0}"],
  justNow: ["just now", "gerade eben"],
  ago: ["{0} ago", "vor {0}"],
  version: ["kaifa2mqtt {0}, running for {1}", "kaifa2mqtt {0}, läuft seit {1}"],
  unknownMeter: ["No meter yet", "Noch kein Zähler"],
} as const satisfies Texts;

export type Word = keyof typeof WORDS;

/** One text in a language, `{0}` … replaced. */
export function fillIn([en, de]: Texts[string], language: Language, values: readonly string[]): string {
  return (language === "de" ? de : en).replace(/\{(\d)\}/g, (_, index: string) => values[Number(index)] ?? "");
}

/** The text in a language, `{0}` … replaced. */
export function say(language: Language, word: Word, ...values: readonly string[]): string {
  return fillIn(WORDS[word], language, values);
}

export function isWord(text: string): text is Word {
  return text in WORDS;
}

/** The outcome of a telegram in words: `ok`, or its error code. */
export function outcomeText(outcome: string, language: Language): string {
  const word = `outcome-${outcome}`;
  return isWord(word) ? say(language, word) : outcome;
}

/** Formats digits for the language; keeps the number of decimals. */
export function number(language: Language, text: string): string {
  const digits = text.split(".")[1]?.length ?? 0;
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    Number(text),
  );
}

/** `47 s`, then as `duration`. */
export function age(language: Language, ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  return seconds < 120 ? `${number(language, String(seconds))} s` : duration(ms);
}

/** `2 d 4 h`, `3 h 12 min`, `5 min`. */
export function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1_440)} d ${Math.floor((minutes % 1_440) / 60)} h`;
}
