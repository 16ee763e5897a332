/** Wording of diagnoses about the line: silence, or bytes that are not telegrams; `diagnosis.ts` selects them. */
import { at, type Row } from "./text-row.ts";

export const LINE_TEXTS = {
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
      en: (f) => `Telegrams arrived before, but now nothing arrives at ${f.label}.`,
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
    inDocker: {
      en: "Leave baud_rate and parity unset; or: docker compose stop kaifa2mqtt, docker compose run --rm kaifa2mqtt doctor.",
      de: "baud_rate und parity weglassen; sonst: docker compose stop kaifa2mqtt, docker compose run --rm kaifa2mqtt doctor.",
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
      en: () => "Only zero bytes arrive: the adapter cannot hear the M-Bus.",
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
        "Telegrams arrive complete, but their checksum is always wrong in the same way: this kind is not known.",
      de: () => "Telegramme kommen ganz an, doch ihre Prüfsumme weicht immer gleich ab: sie ist hier nicht bekannt.",
    },
    cure: {
      en: "The cable is not at fault. Please download a capture from the status page and open an issue with it.",
      de: "Am Kabel liegt es nicht. Bitte auf der Statusseite eine Aufzeichnung laden und einen Issue öffnen.",
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
      en: () => "An AMIS meter (Netz OÖ) is searching for its reader. It was answered, but no data followed.",
      de: () => "Ein AMIS-Zähler (Netz OÖ) sucht seinen Leser. Er bekommt Antwort, sendet aber keine Daten.",
    },
    cure: {
      en: "The answer does not reach it: the optical head must also send; check its seat, and set 9600 8E1.",
      de: "Die Antwort kommt nicht an: der Lesekopf muss auch senden können; Sitz und 9600 8E1 prüfen.",
    },
  },
  amisServer: {
    text: {
      en: () => "An AMIS meter (Netz OÖ) keeps searching: over the network our answer comes too late, or not at all.",
      de: () => "Ein AMIS-Zähler (Netz OÖ) sucht weiter: übers Netz kommt die Antwort zu spät oder gar nicht an.",
    },
    cure: {
      en: "It must be there within half a second: let the serial server pass bytes on at once, or use a USB head.",
      de: "Sie muss binnen einer halben Sekunde da sein: den Server sofort senden lassen oder USB-Lesekopf nehmen.",
    },
  },
} as const satisfies Readonly<Record<string, Row>>;
