/** Wording of diagnoses about the adapter or the serial server; `diagnosis.ts` selects them. */
import { at, NONE, type Row } from "./text-row.ts";

export const SOURCE_TEXTS = {
  starting: {
    text: { en: () => "Waiting for the first telegram.", de: () => "Wartet auf das erste Telegramm." },
    cure: NONE,
  },
  "no-device": {
    text: { en: (f) => `There is no device ${f.label}.`, de: (f) => `Das Gerät ${f.label} gibt es nicht.` },
    cure: {
      en: "Plug the adapter in and check the port; names under /dev/serial/by-id stay the same after a re-plug.",
      de: "Adapter anstecken und port prüfen; Namen unter /dev/serial/by-id bleiben nach dem Umstecken gleich.",
    },
    inDocker: {
      en: "Plug the adapter in, check KAIFA2MQTT_METER_PORT in .env, then run: docker compose up -d --force-recreate kaifa2mqtt.",
      de: "Adapter anstecken, KAIFA2MQTT_METER_PORT in .env prüfen, dann: docker compose up -d --force-recreate kaifa2mqtt.",
    },
  },
  pulled: {
    text: {
      en: (f) => `The adapter at ${f.label} has gone: it was unplugged, or its USB connection failed.`,
      de: (f) => `Der Adapter an ${f.label} ist weg: abgesteckt, oder die USB-Verbindung brach ab.`,
    },
    cure: {
      en: "Plug it in again; if that happens often, try another USB cable or socket, or a powered hub.",
      de: "Wieder anstecken; kommt es öfter vor, anderes USB-Kabel, andere Buchse oder aktiven Hub probieren.",
    },
    inDocker: {
      en: "Plug it in again, then run: docker compose restart kaifa2mqtt (docker-compose.hotplug.yml does without).",
      de: "Wieder anstecken, dann: docker compose restart kaifa2mqtt (mit docker-compose.hotplug.yml nicht nötig).",
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
      en: (f) => `${f.label} cannot be opened: permission denied.`,
      de: (f) => `${f.label} lässt sich nicht öffnen: keine Berechtigung.`,
    },
    cure: {
      en: "Add the user to the group that owns the device (usually dialout), then log in again or restart the service.",
      de: "Den Benutzer in die Gruppe des Geräts aufnehmen (meist dialout), dann neu anmelden oder den Dienst neu starten.",
    },
    inDocker: {
      en: "Set DIALOUT_GID in .env to the number that `stat -Lc %g` prints for this device, then run: docker compose up -d.",
      de: "DIALOUT_GID in .env auf die Nummer setzen, die `stat -Lc %g` für dieses Gerät ausgibt, dann: docker compose up -d.",
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
      en: "Set port to the adapter's device, for instance /dev/ttyUSB0; `kaifa2mqtt doctor` lists the available ones.",
      de: "Das Gerät des Adapters angeben, etwa /dev/ttyUSB0; `kaifa2mqtt doctor` zeigt, welche es gibt.",
    },
    inDocker: {
      en: "Set KAIFA2MQTT_METER_PORT in .env to one of those under /dev/serial/by-id, then run: docker compose up -d.",
      de: "KAIFA2MQTT_METER_PORT in .env auf eines von denen unter /dev/serial/by-id setzen, dann: docker compose up -d.",
    },
  },
  lineRefused: {
    text: {
      en: (f) => `${f.label} cannot be set up${at(f, " for ")}.`,
      de: (f) => `${f.label} lässt sich nicht einstellen${at(f, " auf ")}.`,
    },
    cure: {
      en: "Check port, baud_rate, data_bits, parity and stop_bits; not every adapter supports every setting.",
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
      en: "Check the port number and that the serial server runs; by default ser2net serves one client only.",
      de: "Portnummer prüfen, und ob der serielle Server läuft; ser2net bedient meist nur ein Programm.",
    },
  },
  /** A loopback address, used in a container. */
  loopback: {
    text: {
      en: (f) => `${f.label} cannot be reached.`,
      de: (f) => `${f.label} ist nicht erreichbar.`,
    },
    cure: {
      en: "In a container, 127.0.0.1 is the container itself: give the computer's address, or host.docker.internal.",
      de: "Im Container ist 127.0.0.1 der Container selbst: die Adresse des Rechners angeben, oder host.docker.internal.",
    },
  },
  lost: {
    text: {
      en: (f) => `The connection to ${f.label} broke off.`,
      de: (f) => `Die Verbindung zu ${f.label} ist abgebrochen.`,
    },
    cure: {
      en: "The bridge keeps trying; if it does not come back, check the serial server and the network.",
      de: "Es wird weiter versucht; bleibt sie weg, den seriellen Server und das Netz prüfen.",
    },
  },
} as const satisfies Readonly<Record<string, Row>>;
