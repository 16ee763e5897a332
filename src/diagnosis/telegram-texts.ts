/** Wording of diagnoses about telegrams with intact frames; `diagnosis.ts` selects them. */
import { NONE, ofMeter, type Row } from "./text-row.ts";

export const TELEGRAM_TEXTS = {
  ok: {
    text: {
      en: (f) => `All well: telegrams${ofMeter(f, " of meter ")} arrive and are accepted.`,
      de: (f) => `Alles gut: Telegramme${ofMeter(f, " des Zählers ")} kommen an und werden übernommen.`,
    },
    cure: NONE,
  },
  "no-content": {
    text: {
      en: (f) => `Frames${ofMeter(f, " of meter ")} arrive intact, but hold no readable telegram.`,
      de: (f) => `Rahmen${ofMeter(f, " des Zählers ")} kommen heil an, enthalten aber kein lesbares Telegramm.`,
    },
    cure: {
      en: "Please download a capture from the status page and open an issue with it.",
      de: "Bitte auf der Statusseite eine Aufzeichnung laden und damit einen Issue öffnen.",
    },
  },
  "key-missing": {
    text: {
      en: (f) => `Encrypted telegrams${ofMeter(f, " of meter ")} arrive, but no key is configured.`,
      de: (f) =>
        `Verschlüsselte Telegramme${ofMeter(f, " des Zählers ")} kommen an, aber es ist kein Schlüssel angegeben.`,
    },
    cure: {
      en: "Ask the grid operator for the key (GUEK, 32 hex digits) and set it as the meter's key.",
      de: "Den Schlüssel (GUEK, 32 Hex-Ziffern) beim Netzbetreiber anfordern und als key des Zählers eintragen.",
    },
  },
  "key-wrong": {
    text: {
      en: (f) =>
        `Telegrams arrive but cannot be decrypted: the key does not fit ${f.meter ? `meter ${f.meter}` : "this meter"}.`,
      de: (f) =>
        `Telegramme kommen an, lassen sich aber nicht entschlüsseln: der Schlüssel passt nicht zu${f.meter ? ` ${f.meter}` : " diesem Zähler"}.`,
    },
    cure: {
      en: "Compare all 32 digits with the operator's; use the encryption key (GUEK); a new meter has a new key.",
      de: "Alle 32 Ziffern vergleichen; gemeint ist der GUEK; ein getauschter Zähler hat einen neuen Schlüssel.",
    },
  },
  authentication: {
    text: {
      en: (f) =>
        `Telegrams decrypt, but the authentication key does not fit ${f.meter ? `meter ${f.meter}` : "this meter"}.`,
      de: (f) =>
        `Die Entschlüsselung klappt, aber der Authentifizierungsschlüssel passt nicht zu${f.meter ? ` ${f.meter}` : " diesem Zähler"}.`,
    },
    cure: {
      en: "Correct authentication_key (GAK), or leave it out: telegrams are then read without being verified.",
      de: "authentication_key (GAK) berichtigen oder weglassen: dann wird gelesen, ohne die Echtheit zu prüfen.",
    },
  },
  untagged: {
    text: {
      en: (f) => `Telegrams${ofMeter(f, " of meter ")} carry no authentication tag, so they are refused.`,
      de: (f) => `Telegramme${ofMeter(f, " des Zählers ")} tragen keine Authentifizierung und werden verworfen.`,
    },
    cure: {
      en: "If this meter never sends tags, remove authentication_key; if it did before, somebody may be forging telegrams.",
      de: "Sendet der Zähler nie welche, authentication_key weglassen; tat er es bisher, fälscht vielleicht jemand.",
    },
  },
  unsupported: {
    text: {
      en: (f) => `Telegrams${ofMeter(f, " of meter ")} arrive intact, but their layout is not known yet.`,
      de: (f) => `Telegramme${ofMeter(f, " des Zählers ")} kommen heil an, aber ihr Aufbau ist noch unbekannt.`,
    },
    cure: {
      en: "`kaifa2mqtt decode` writes a template for `lists:`; or open an issue with a capture: it can be added.",
      de: "`kaifa2mqtt decode` schreibt eine Vorlage für `lists:`; oder Issue mit Aufzeichnung öffnen, das lässt sich ergänzen.",
    },
  },
  replayed: {
    text: {
      en: () => "Telegrams are refused: their invocation counter does not grow, so they are old ones sent again.",
      de: () => "Telegramme werden verworfen: ihr Zählwert steigt nicht, es sind also alte, noch einmal gesendet.",
    },
    cure: {
      en: "If the meter's counter really restarted, stop the bridge and delete state.json in its data folder.",
      de: "Zählt der Zähler wirklich neu, die Brücke anhalten und state.json in ihrem Datenordner löschen.",
    },
  },
  downgraded: {
    text: {
      en: () => "Unencrypted telegrams are refused: this meter was seen encrypted before.",
      de: () => "Unverschlüsselte Telegramme werden verworfen: dieser Zähler sendete zuvor verschlüsselt.",
    },
    cure: {
      en: "If the operator switched encryption off, stop the bridge and delete state.json in its data folder.",
      de: "Ist die Verschlüsselung abgeschaltet, die Brücke anhalten und state.json in ihrem Datenordner löschen.",
    },
  },
  implausible: {
    text: {
      en: (f) => `Telegrams are refused as implausible${f.reason === "" ? "" : `: ${f.reason}`}.`,
      de: (f) => `Telegramme werden als unglaubwürdig verworfen${f.reasonDe === "" ? "" : `: ${f.reasonDe}`}.`,
    },
    cure: {
      en: "If the values are right, they are accepted after a few telegrams; if not, the log says why.",
      de: "Stimmen die Werte, werden sie nach einigen Telegrammen übernommen; sonst steht der Grund im Log.",
    },
  },
} as const satisfies Readonly<Record<string, Row>>;
