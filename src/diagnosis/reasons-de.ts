/**
 * German translations of the reasons why telegrams are refused. Acceptance and codec give the reasons in English; each
 * sentence is matched by a pattern whose groups carry the figures over.
 */

const REASONS: readonly (readonly [pattern: RegExp, german: string])[] = [
  // src/acceptance/consistency.ts, list-shape.ts
  [/^(\S+) is measured in (.+), the telegram says (.+)$/, "$1 hat die Einheit $2, im Telegramm steht $3"],
  [
    /^the clock of the header, (\S+), is not that of the body, (\S+)$/,
    "die Uhrzeit im Kopf, $1, ist eine andere als im Inhalt, $2",
  ],
  [/^(\S+) is weekday (\d+), the clock says (\d+)$/, "$1 ist Wochentag $2, die Uhr sagt $3"],
  [/^meter number (\S+) does not fit system title (.+)$/, "die Zählernummer $1 passt nicht zum System-Titel $2"],
  [/^(\S+) is negative: (\S+)$/, "$1 ist negativ: $2"],
  [/^(\S+) is (\S+), expected 0 or (\S+) to (\S+) V$/, "$1 ist $2, erwartet 0 oder $3 bis $4 V"],
  [/^(\S+) is (\S+), expected at most (.+)$/, "$1 ist $2, erwartet höchstens $3"],
  [/^(\S+) is (\S+), expected (\S+) to (.+)$/, "$1 ist $2, erwartet $3 bis $4"],
  [
    /^the power is (\S+) W, voltages and currents allow (\S+) W$/,
    "die Leistung ist $1 W, Spannungen und Ströme lassen $2 W zu",
  ],
  [/^import \((\S+) W\) and export \((\S+) W\) at once$/, "Bezug ($1 W) und Einspeisung ($2 W) zugleich"],
  // src/acceptance/replay-guard.ts
  [
    /^the telegram is not encrypted, but this meter was seen encrypted$/,
    "das Telegramm ist unverschlüsselt, aber dieser Zähler sendete zuvor verschlüsselt",
  ],
  [
    /^the telegram is authenticated only, and not verified, but this meter was seen encrypted$/,
    "das Telegramm ist nur authentifiziert und nicht geprüft, aber dieser Zähler sendete zuvor verschlüsselt",
  ],
  // src/acceptance/plausibility.ts, decision.ts
  [/^system title was (\S+), is (\S+)$/, "der System-Titel war $1, ist jetzt $2"],
  [/^the meter's number was (.+), is (.+)$/, "die Zählernummer war $1, ist jetzt $2"],
  [/^(\S+) was (.+), is (.+)$/, "$1 war $2, ist jetzt $3"],
  [/^invocation counter (\d+) after (\d+): .+$/, "Aufrufzähler $1 nach $2: ein altes Telegramm noch einmal"],
  [/^a list that this meter has not sent before$/, "eine Liste, die dieser Zähler noch nie gesendet hat"],
  [/^the list has "(.*)" where it had "(.*)"$/, "die Liste enthält „$1“, wo „$2“ stand"],
  [
    /^every register is 0, and nothing is known of this meter$/,
    "alle Register sind 0, und der Zähler ist noch unbekannt",
  ],
  [/^every register is 0, (\S+) was (\S+)$/, "alle Register sind 0, $1 war $2"],
  [/^(\S+) fell from (\S+) to (\S+)$/, "$1 ist von $2 auf $3 gefallen"],
  [
    /^(\S+) went from (\S+) to (\S+) within (\S+) s, at most (\S+) more is possible$/,
    "$1 ging in $4 s von $2 auf $3, höchstens $5 mehr sind möglich",
  ],
  [/^(\S+) rose by (\S+) within (\S+) s at (\S+) W or less$/, "$1 stieg in $3 s um $2, bei höchstens $4 W"],
  [/^the meter's clock went back by (\S+) s$/, "die Uhr des Zählers ging um $1 s zurück"],
  [
    /^the meter's clock went forward by (\S+) s more than has passed$/,
    "die Uhr des Zählers ging um $1 s weiter vor, als vergangen sind",
  ],
  [/^the first telegram after (\S+) s$/, "das erste Telegramm nach $1 s"],
  [
    /^nothing is known of this meter, .+$/,
    "dieser Zähler ist noch unbekannt, und kein zweites Telegramm hat das erste bestätigt",
  ],
  // src/codec
  [
    /^the telegram is encrypted, but no key is configured$/,
    "das Telegramm ist verschlüsselt, und kein Schlüssel ist angegeben",
  ],
  [
    /^deciphering yields no telegram: .+$/,
    "beim Entschlüsseln entsteht kein Telegramm: der Schlüssel passt nicht zu diesem Zähler",
  ],
  [
    /^the authentication tag does not match: .+$/,
    "das Authentifizierungs-Tag stimmt nicht: falscher Authentifizierungsschlüssel, oder Bytes wurden verändert",
  ],
  [/^.*checksum.*$/, "eine Prüfsumme stimmt nicht"],
];

/** What each fault code means; used for sentences without a translation. */
const CODES: Readonly<Record<string, string>> = {
  checksum: "eine Prüfsumme stimmt nicht",
  framing: "der Rahmen ist beschädigt",
  segmentation: "ein Teil des Telegramms fehlt",
  "key-missing": "verschlüsselt, und kein Schlüssel ist angegeben",
  "key-wrong": "der Schlüssel passt nicht",
  authentication: "die Echtheit ist nicht bestätigt",
  malformed: "der Inhalt ist nicht lesbar",
  unsupported: "der Aufbau ist unbekannt",
  implausible: "unglaubwürdig",
};

/** The reason in German; `null` if there is no translation. */
export function germanReason(reason: string): string | null {
  for (const [pattern, german] of REASONS) {
    if (pattern.test(reason)) return reason.replace(pattern, german);
  }
  return null;
}

/** The reason in German, or the meaning of its code. */
export function germanReasonOr(code: string, reason: string): string {
  return germanReason(reason) ?? CODES[code] ?? code;
}
