/** What keeps us from the broker, in words, each with its cure. */

/** Reason code of MQTT 5: "session taken over". */
export const TAKEN_OVER = 142;

/** The broker lets us in and closes the connection at once, several times in a row, and does not say why. */
export const THROWN_OUT = "thrown-out";

export interface Failure {
  /** Tells kinds of failure apart, so that each is told once. */
  readonly key: string;
  readonly text: string;
  /** The same in German, for the status page. */
  readonly de: string;
}

/** A phrase in English and German. */
interface Phrase {
  readonly en: string;
  readonly de: string;
}

const LOGIN: Phrase = {
  en: "the login: check mqtt.user and mqtt.password (in Home Assistant: Settings, Add-ons, Mosquitto broker, Logins)",
  de: "die Anmeldung: mqtt.user und mqtt.password prüfen (in Home Assistant: Einstellungen, Add-ons, Mosquitto broker, Logins)",
};
const VERSION_UNKNOWN: Phrase = {
  en: "this version of MQTT: set mqtt.version to 4 (MQTT 3.1.1)",
  de: "diese Version von MQTT: mqtt.version auf 4 (MQTT 3.1.1) setzen",
};
const CLIENT_ID: Phrase = {
  en: "our client id: set another mqtt.client_id",
  de: "unsere Client-ID: eine andere mqtt.client_id setzen",
};
const UNAVAILABLE: Phrase = {
  en: "us for now: it says that its service is unavailable",
  de: "vorerst die Verbindung: er meldet, dass sein Dienst nicht verfügbar ist",
};

/** Reason codes of CONNACK: MQTT 3.1.1, 3.2.2.3 (1 … 5) and MQTT 5, 3.2.2.2 (128 and above). */
const REFUSALS: Readonly<Record<number, { key: string; text: Phrase }>> = {
  1: { key: "protocol-version", text: VERSION_UNKNOWN },
  2: { key: "client-id", text: CLIENT_ID },
  3: { key: "unavailable", text: UNAVAILABLE },
  4: { key: "login", text: LOGIN },
  5: { key: "login", text: LOGIN },
  132: { key: "protocol-version", text: VERSION_UNKNOWN },
  133: { key: "client-id", text: CLIENT_ID },
  134: { key: "login", text: LOGIN },
  135: { key: "login", text: LOGIN },
  136: { key: "unavailable", text: UNAVAILABLE },
  137: {
    key: "unavailable",
    text: {
      en: "us for now: it says that it is busy",
      de: "vorerst die Verbindung: er meldet, dass er überlastet ist",
    },
  },
  138: {
    key: "banned",
    text: { en: "us: it has banned this client", de: "die Verbindung: er hat diesen Client gesperrt" },
  },
  140: { key: "login", text: LOGIN },
};

const SYSTEM: Readonly<Record<string, Phrase>> = {
  ECONNREFUSED: {
    en: "nothing listens there (is the broker running, are host and port right?)",
    de: "dort antwortet kein Programm (läuft der Broker, stimmen Rechner und Port?)",
  },
  ENOTFOUND: {
    en: "its name is unknown: check mqtt.server (in a container, localhost is the container itself)",
    de: "sein Name ist unbekannt: mqtt.server prüfen (in einem Container ist localhost der Container selbst)",
  },
  EAI_AGAIN: {
    en: "its name cannot be looked up at present: check mqtt.server and the network",
    de: "sein Name lässt sich derzeit nicht auflösen: mqtt.server und das Netz prüfen",
  },
  EHOSTUNREACH: {
    en: "the host cannot be reached: check the address and the network",
    de: "der Rechner ist nicht erreichbar: Adresse und Netz prüfen",
  },
  ENETUNREACH: { en: "the network cannot be reached", de: "das Netz ist nicht erreichbar" },
  ETIMEDOUT: {
    en: "the host does not answer: check address, port and firewall",
    de: "der Rechner antwortet nicht: Adresse, Port und Firewall prüfen",
  },
  ECONNRESET: {
    en: "it closed the connection: a port for TLS wants mqtts://, one without wants mqtt://",
    de: "er hat die Verbindung geschlossen: ein Port mit TLS braucht mqtts://, einer ohne mqtt://",
  },
  EPROTO: {
    en: "it does not speak TLS at this port: mqtt:// instead of mqtts://, or another port?",
    de: "an diesem Port spricht er kein TLS: mqtt:// statt mqtts://, oder ein anderer Port?",
  },
  ERR_INVALID_URL: {
    en: "this is no address: mqtt://host:1883 is one",
    de: "das ist keine Adresse: mqtt://rechner:1883 wäre eine",
  },
  closed: { en: "the connection was lost", de: "die Verbindung ist abgebrochen" },
};

const CERTIFICATE = /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/;

/** Puts an error of MQTT.js, of the system or of TLS into words. `label` is the server, without user and password. */
export function describeFailure(error: unknown, label: string): Failure {
  const { code, message } = firstCause(error);
  const broker = `the broker at ${label}`;
  if (code === TAKEN_OVER) {
    return {
      key: String(TAKEN_OVER),
      text:
        `another client takes our place at ${broker} again and again: two programs use the same client id. ` +
        "Is the bridge running twice? Else give each its own mqtt.client_id",
      de:
        `Ein anderer Client verdrängt uns immer wieder beim Broker ${label}: zwei Programme benutzen dieselbe Client-ID. ` +
        "Läuft die Brücke zweimal? Sonst jedem eine eigene mqtt.client_id geben",
    };
  }
  if (code === THROWN_OUT) {
    return {
      key: String(TAKEN_OVER),
      text:
        `${broker} closes our connection again and again as soon as it is made. ` +
        "Most likely two programs use the same client id: is the bridge running twice? Else the broker's log tells why",
      de:
        `Der Broker ${label} schließt unsere Verbindung immer wieder, sobald sie steht. ` +
        "Wahrscheinlich benutzen zwei Programme dieselbe Client-ID: läuft die Brücke zweimal? Sonst steht der Grund im Log des Brokers",
    };
  }
  if (typeof code === "number") {
    const refusal = REFUSALS[code] ?? {
      key: `refused-${code}`,
      text: { en: `us (reason ${code})`, de: `die Verbindung (Grund ${code})` },
    };
    return {
      key: refusal.key,
      text: `${broker} refuses ${refusal.text.en}. Trying on`,
      de: `Der Broker ${label} verweigert ${refusal.text.de}. Es wird weiter versucht`,
    };
  }
  if (code === "ENOENT" || code === "EACCES") {
    return {
      key: "file",
      text: `a file named in mqtt.ca, mqtt.cert or mqtt.key cannot be read: ${message}. Trying on`,
      de: `Eine Datei aus mqtt.ca, mqtt.cert oder mqtt.key lässt sich nicht lesen: ${message}. Es wird weiter versucht`,
    };
  }
  if (code !== undefined && CERTIFICATE.test(code)) {
    const cure = "give the authority's certificate as mqtt.ca, and the host under the name in the certificate";
    const cureDe =
      "das Zertifikat der Zertifizierungsstelle als mqtt.ca angeben, und den Rechner so, wie er im Zertifikat heißt";
    return {
      key: "certificate",
      text: `${broker} shows a certificate that cannot be trusted (${message}): ${cure}. Trying on`,
      de: `Dem Zertifikat von ${label} ist nicht zu trauen (${message}): ${cureDe}. Es wird weiter versucht`,
    };
  }
  const reason = code === undefined ? undefined : SYSTEM[code];
  return {
    key: reason === undefined ? (code ?? message) : (code ?? ""),
    text: `cannot reach ${broker}: ${reason?.en ?? message}. Trying on`,
    de: `Der Broker ${label} ist nicht erreichbar: ${reason?.de ?? message}. Es wird weiter versucht`,
  };
}

/** Node tries all addresses of a name and collects the failures: the first one tells enough. */
function firstCause(error: unknown): { code?: string | number; message: string } {
  const { code, message, errors } = (error ?? {}) as { code?: unknown; message?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return firstCause(errors[0]);
  const text = typeof message === "string" && message !== "" ? message : "unknown reason";
  return typeof code === "string" || typeof code === "number" ? { code, message: text } : { message: text };
}
