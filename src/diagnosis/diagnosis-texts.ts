/** The wording of every diagnosis, in English and German: facts as a table, decided on in `diagnosis.ts`. */
import type { DiagnosisCode } from "./diagnosis-code.ts";

/** What a sentence may mention. Empty texts where nothing is known. */
export interface TextFields {
  /** The port as the user wrote it, cut if very long. */
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

interface Row {
  readonly text: { readonly en: (f: TextFields) => string; readonly de: (f: TextFields) => string };
  readonly cure: { readonly en: string; readonly de: string };
}

/** Particular cases of a code that deserve their own words. */
type Variant =
  | "pulled"
  | "lost"
  | "refused"
  | "noFile"
  | "ended"
  | "lineRefused"
  | "silentNow"
  | "silentServer"
  | "amis"
  | "amisServer"
  | "silentOptical"
  | "idle"
  | "onlyZeros"
  | "lineIsEven"
  | "lineIsOdd"
  | "noiseServer"
  | "pieces"
  | "untagged"
  | "replayed"
  | "downgraded"
  | "anotherChecksum";

const NONE = { en: "", de: "" };
const ofMeter = (f: TextFields, before: string) => (f.meter === "" ? "" : `${before}${f.meter}`);
const at = (f: TextFields, before: string) => (f.line === "" ? "" : `${before}${f.line}`);

export const DIAGNOSIS_TEXTS: Readonly<Record<DiagnosisCode | Variant, Row>> = {
  starting: {
    text: { en: () => "Waiting for the first telegram.", de: () => "Wartet auf das erste Telegramm." },
    cure: NONE,
  },
  ok: {
    text: {
      en: (f) => `All well: telegrams${ofMeter(f, " of meter ")} arrive and are accepted.`,
      de: (f) => `Alles gut: Telegramme${ofMeter(f, " des Zählers ")} kommen an und werden übernommen.`,
    },
    cure: NONE,
  },
  "no-device": {
    text: { en: (f) => `There is no device ${f.label}.`, de: (f) => `Das Gerät ${f.label} gibt es nicht.` },
    cure: {
      en: "Plug the adapter in and check the port; names under /dev/serial/by-id stay the same after a re-plug.",
      de: "Adapter anstecken und port prüfen; Namen unter /dev/serial/by-id bleiben nach dem Umstecken gleich.",
    },
  },
  pulled: {
    text: {
      en: (f) => `The adapter at ${f.label} has gone: unplugged, or its USB connection broke off.`,
      de: (f) => `Der Adapter an ${f.label} ist weg: abgesteckt, oder die USB-Verbindung brach ab.`,
    },
    cure: {
      en: "Plug it in again; if that happens often, try another USB cable or socket, or a powered hub.",
      de: "Wieder anstecken; kommt es öfter vor, anderes USB-Kabel, andere Buchse oder aktiven Hub probieren.",
    },
  },
  noFile: {
    text: { en: (f) => `There is no capture ${f.label}.`, de: (f) => `Die Aufzeichnung ${f.label} gibt es nicht.` },
    cure: { en: "Check the path after file:.", de: "Den Pfad hinter file: prüfen." },
  },
  ended: {
    text: {
      en: () => "The capture has been played to its end.",
      de: () => "Die Aufzeichnung ist bis zum Ende abgespielt.",
    },
    cure: NONE,
  },
  permission: {
    text: {
      en: (f) => `${f.label} may not be opened: permission denied.`,
      de: (f) => `${f.label} lässt sich nicht öffnen: keine Berechtigung.`,
    },
    cure: {
      en: "Add the user to the group that owns the device (usually dialout); in compose: group_add with its number.",
      de: "Den Benutzer in die Gruppe des Geräts aufnehmen (meist dialout); in compose: group_add mit ihrer Nummer.",
    },
  },
  busy: {
    text: {
      en: (f) => `${f.label} is in use by another program.`,
      de: (f) => `${f.label} wird schon von einem anderen Programm benutzt.`,
    },
    cure: {
      en: "Stop the other program (kaifareader, ser2net, a second bridge, brltty); only one can read the adapter.",
      de: "Das andere Programm beenden (kaifareader, ser2net, zweite Brücke, brltty); nur eines kann lesen.",
    },
  },
  "not-a-serial-device": {
    text: {
      en: (f) => `${f.label} is not a serial device.`,
      de: (f) => `${f.label} ist keine serielle Schnittstelle.`,
    },
    cure: {
      en: "Give the device of the adapter, for instance /dev/ttyUSB0; `kaifa2mqtt doctor` lists what there is.",
      de: "Das Gerät des Adapters angeben, etwa /dev/ttyUSB0; `kaifa2mqtt doctor` zeigt, welche es gibt.",
    },
  },
  lineRefused: {
    text: {
      en: (f) => `${f.label} cannot be set up${at(f, " for ")}.`,
      de: (f) => `${f.label} lässt sich nicht einstellen${at(f, " auf ")}.`,
    },
    cure: {
      en: "Check port, baud_rate, data_bits, parity and stop_bits; not every adapter can do every setting.",
      de: "port, baud_rate, data_bits, parity und stop_bits prüfen; nicht jeder Adapter kann jede Einstellung.",
    },
  },
  unreachable: {
    text: { en: (f) => `${f.label} cannot be reached.`, de: (f) => `${f.label} ist nicht erreichbar.` },
    cure: {
      en: "Check host name, port and network, and that the serial server (ser2net, ESP) is switched on.",
      de: "Rechnername, Port und Netz prüfen, und ob der serielle Server (ser2net, ESP) eingeschaltet ist.",
    },
  },
  refused: {
    text: {
      en: (f) => `${f.label} refuses the connection.`,
      de: (f) => `${f.label} lehnt die Verbindung ab.`,
    },
    cure: {
      en: "Check the port number and that the serial server runs; ser2net serves one client unless told otherwise.",
      de: "Portnummer prüfen, und ob der serielle Server läuft; ser2net bedient meist nur ein Programm.",
    },
  },
  lost: {
    text: {
      en: (f) => `The connection to ${f.label} broke off.`,
      de: (f) => `Die Verbindung zu ${f.label} ist abgebrochen.`,
    },
    cure: {
      en: "It is tried again; if it stays away, look at the serial server and the network.",
      de: "Es wird weiter versucht; bleibt sie weg, nach dem seriellen Server und dem Netz sehen.",
    },
  },
  silence: {
    text: {
      en: (f) => `${f.label} is open, but nothing arrives.`,
      de: (f) => `${f.label} ist offen, aber es kommt nichts an.`,
    },
    cure: {
      en: "Have the grid operator switch the interface on; use an M-Bus slave (not master) adapter on RJ12 pins 3 and 4.",
      de: "Schnittstelle beim Netzbetreiber freischalten; M-Bus-Slave-Adapter (kein Master) an RJ12-Pins 3 und 4.",
    },
  },
  silentNow: {
    text: {
      en: (f) => `Telegrams came, but now nothing arrives at ${f.label}.`,
      de: (f) => `Es kamen Telegramme, doch nun kommt an ${f.label} nichts mehr an.`,
    },
    cure: {
      en: "Check the cable between meter and adapter; after work at the meter the interface may be switched off.",
      de: "Kabel zwischen Zähler und Adapter prüfen; nach Arbeiten am Zähler kann die Schnittstelle aus sein.",
    },
  },
  silentServer: {
    text: {
      en: (f) => `${f.label} is connected, but sends nothing.`,
      de: (f) => `${f.label} ist verbunden, sendet aber nichts.`,
    },
    cure: {
      en: "Check that the serial server opens its port (2400 8E1) and the meter's interface is switched on.",
      de: "Prüfen, ob der serielle Server seinen Port öffnet (2400 8E1) und die Schnittstelle des Zählers frei ist.",
    },
  },
  noise: {
    text: {
      en: (f) =>
        `Bytes arrive${at(f, " at ")}, but no telegrams: wrong baud rate or parity, or no M-Bus slave adapter.`,
      de: (f) => `Es kommen Bytes${at(f, " mit ")}, aber keine Telegramme: Baudrate, Parität oder Adapter falsch.`,
    },
    cure: {
      en: "Leave baud_rate and parity unset (2400, auto) for M-Bus; `kaifa2mqtt doctor` tries the usual settings.",
      de: "Für M-Bus baud_rate und parity weglassen (2400, auto); `kaifa2mqtt doctor` probiert die üblichen aus.",
    },
  },
  noiseServer: {
    text: {
      en: (f) => `Bytes arrive from ${f.label}, but no telegrams: its baud rate or parity is wrong.`,
      de: (f) => `Von ${f.label} kommen Bytes, aber keine Telegramme: Baudrate oder Parität dort falsch.`,
    },
    cure: {
      en: "Set the serial server to raw mode and to the meter's line settings, 2400 8E1 for M-Bus, else 8N1.",
      de: "Den seriellen Server auf Rohdaten und die Werte des Zählers stellen, bei M-Bus 2400 8E1, sonst 8N1.",
    },
  },
  onlyZeros: {
    text: {
      en: () => "Nothing but zero bytes arrive: the adapter cannot hear the M-Bus.",
      de: () => "Es kommen nur Null-Bytes an: der Adapter kann den M-Bus nicht hören.",
    },
    cure: {
      en: "A plain USB-serial or RS485 cable will not do: use an M-Bus slave adapter (P1: a cable that inverts).",
      de: "Ein USB-Seriell- oder RS485-Kabel genügt nicht: M-Bus-Slave-Adapter nehmen (P1: invertierendes Kabel).",
    },
  },
  "wrong-parity": {
    text: {
      en: (f) => `Bytes go missing${at(f, " at ")}: the parity setting does not fit the meter.`,
      de: (f) => `Bytes gehen verloren${at(f, " bei ")}: die Parität passt nicht zum Zähler.`,
    },
    cure: {
      en: "Remove parity from the configuration (auto finds it).",
      de: "parity aus der Konfiguration nehmen (auto findet sie).",
    },
  },
  lineIsEven: {
    text: {
      en: (f) => `Bytes go missing${at(f, " at ")}: the meter sends with even parity.`,
      de: (f) => `Bytes gehen verloren${at(f, " bei ")}: der Zähler sendet mit gerader Parität.`,
    },
    cure: {
      en: "Remove parity from the configuration (auto finds it), or set parity: even.",
      de: "parity aus der Konfiguration nehmen (auto findet sie) oder parity: even setzen.",
    },
  },
  lineIsOdd: {
    text: {
      en: (f) => `Bytes go missing${at(f, " at ")}: the meter sends with odd parity.`,
      de: (f) => `Bytes gehen verloren${at(f, " bei ")}: der Zähler sendet mit ungerader Parität.`,
    },
    cure: { en: "Set parity: odd.", de: "parity: odd setzen." },
  },
  checksum: {
    text: {
      en: () => "Telegrams arrive damaged: the checksums of their frames are wrong.",
      de: () => "Telegramme kommen beschädigt an: die Prüfsummen ihrer Rahmen stimmen nicht.",
    },
    cure: {
      en: "Check cable, plug and adapter; leave parity on auto; on an M-Bus Slave Click remove pull-up R5.",
      de: "Kabel, Stecker und Adapter prüfen; parity auf auto lassen; beim M-Bus Slave Click Pull-up R5 auslöten.",
    },
  },
  pieces: {
    text: {
      en: () => "Telegrams arrive in pieces: some of their frames are missing.",
      de: () => "Telegramme kommen lückenhaft an: einzelne Rahmen fehlen.",
    },
    cure: {
      en: "Check cable, plug and adapter; leave parity on auto; is another program reading the same port?",
      de: "Kabel, Stecker und Adapter prüfen; parity auf auto lassen; liest ein anderes Programm mit?",
    },
  },
  anotherChecksum: {
    text: {
      en: () =>
        "Telegrams arrive whole, but their check sum is always wrong in the same way: it is not one known here.",
      de: () => "Telegramme kommen ganz an, doch ihre Prüfsumme weicht immer gleich ab: sie ist hier nicht bekannt.",
    },
    cure: {
      en: "The cable is not at fault. Please download a capture from the status page and open an issue with it.",
      de: "Am Kabel liegt es nicht. Bitte auf der Statusseite eine Aufzeichnung laden und einen Issue öffnen.",
    },
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
  idle: {
    text: {
      en: () => "Only link-layer frames without content arrive: the meter is there, but pushes no telegrams.",
      de: () => "Es kommen nur Rahmen ohne Inhalt an: der Zähler ist da, sendet aber keine Telegramme.",
    },
    cure: {
      en: "Ask the grid operator to switch the customer interface on (push of telegrams).",
      de: "Beim Netzbetreiber die Kundenschnittstelle (Versand der Telegramme) freischalten lassen.",
    },
  },
  amis: {
    text: {
      en: () => "An AMIS meter (Netz OÖ) searches for its reader. It is answered, but no data follow.",
      de: () => "Ein AMIS-Zähler (Netz OÖ) sucht seinen Leser. Er bekommt Antwort, sendet aber keine Daten.",
    },
    cure: {
      en: "The answer does not reach it: the optical head must also send; check its seat, and set 9600 8E1.",
      de: "Die Antwort kommt nicht an: der Lesekopf muss auch senden können; Sitz und 9600 8E1 prüfen.",
    },
  },
  amisServer: {
    text: {
      en: () => "An AMIS meter (Netz OÖ) searches again: over the network our answer comes too late, or not at all.",
      de: () => "Ein AMIS-Zähler (Netz OÖ) sucht weiter: übers Netz kommt die Antwort zu spät oder gar nicht an.",
    },
    cure: {
      en: "It must be there within half a second: let the serial server pass bytes on at once, or use a USB head.",
      de: "Sie muss binnen einer halben Sekunde da sein: den Server sofort senden lassen oder USB-Lesekopf nehmen.",
    },
  },
  silentOptical: {
    text: {
      en: (f) => `${f.label} is open, but nothing arrives.`,
      de: (f) => `${f.label} ist offen, aber es kommt nichts an.`,
    },
    cure: {
      en: "Have the interface switched on, check the head's seat; AMIS (Netz OÖ): cover closed (symbol S1 off), wait a minute.",
      de: "Schnittstelle freischalten lassen, Sitz des Kopfs prüfen; AMIS (Netz OÖ): Klemmdeckel zu (S1 aus), eine Minute warten.",
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
      en: "If the meter really counts anew, stop the bridge and delete state.json in its data folder.",
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
      en: "Right values are accepted after a few telegrams; if not, look at the reason in the log.",
      de: "Stimmen die Werte, werden sie nach einigen Telegrammen übernommen; sonst steht der Grund im Log.",
    },
  },
};
