/** Connection errors as readable text, each with a fix. */
import { type Phrase, reasonOf, TAKEN_OVER } from "./reason-codes.ts";

export { TAKEN_OVER };

/** The broker accepts the connection and closes it immediately, several times in a row, without a reason. */
export const THROWN_OUT = "thrown-out";

export interface ConnectionProblem {
  /** Identifies the kind of failure, so that each is reported only once. */
  readonly key: string;
  readonly text: string;
  /** The same in German, for the status page. */
  readonly de: string;
  /** The broker answered and refuses us: retry only after long pauses. */
  readonly refused?: boolean;
}

const SYSTEM: Readonly<Record<string, Phrase>> = {
  ECONNREFUSED: {
    en: "nothing listens there (is the broker running, are host and port right? In a container, 127.0.0.1 is the container itself)",
    de: "dort antwortet kein Programm (läuft der Broker, stimmen Rechner und Port? In einem Container ist 127.0.0.1 der Container selbst)",
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
    en: "it closed the connection: a TLS port needs mqtts://, a plain one mqtt://",
    de: "er hat die Verbindung geschlossen: ein Port mit TLS braucht mqtts://, einer ohne mqtt://",
  },
  EPROTO: {
    en: "it does not speak TLS at this port: mqtt:// instead of mqtts://, or another port?",
    de: "an diesem Port spricht er kein TLS: mqtt:// statt mqtts://, oder ein anderer Port?",
  },
  ERR_INVALID_URL: {
    en: "this is not a valid address, such as mqtt://host:1883",
    de: "das ist keine Adresse: mqtt://rechner:1883 wäre eine",
  },
  closed: { en: "the connection was lost", de: "die Verbindung ist abgebrochen" },
};

const CERTIFICATE = /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/;

/**
 * Describes an error from MQTT.js, the system or TLS.
 * @param label the server, without user and password
 * @param reference the server to use instead, as named by the broker (MQTT 5)
 */
export function describeConnectionError(error: unknown, label: string, reference?: string): ConnectionProblem {
  const { code, message } = firstCause(error);
  const broker = `the broker at ${label}`;
  if (code === TAKEN_OVER) {
    return {
      key: String(TAKEN_OVER),
      text:
        `another client takes our place at ${broker} again and again: two programs use the same client id. ` +
        "Is the bridge running twice? Otherwise give each its own mqtt.client_id",
      de:
        `Ein anderer Client verdrängt uns immer wieder beim Broker ${label}: zwei Programme benutzen dieselbe Client-ID. ` +
        "Läuft die Brücke zweimal? Sonst jedem eine eigene mqtt.client_id geben",
      refused: true,
    };
  }
  if (code === THROWN_OUT) {
    return {
      key: String(TAKEN_OVER),
      text:
        `${broker} repeatedly closes our connection right after it is established. ` +
        "Most likely two programs use the same client id: is the bridge running twice? Otherwise the broker's log says why",
      de:
        `Der Broker ${label} schließt unsere Verbindung immer wieder, sobald sie steht. ` +
        "Wahrscheinlich benutzen zwei Programme dieselbe Client-ID: läuft die Brücke zweimal? Sonst steht der Grund im Log des Brokers",
      refused: true,
    };
  }
  if (typeof code === "number") {
    const { key, refuses, cure } = reasonOf(code);
    const server = reference?.slice(0, 200);
    const [named, genannt] = server === undefined ? ["", ""] : [` (it names ${server})`, ` (er nennt ${server})`];
    return {
      key,
      text: `${broker} refuses ${refuses.en}${named}: ${cure.en}. Retrying`,
      de: `Der Broker ${label} verweigert ${refuses.de}${genannt}: ${cure.de}. Es wird weiter versucht`,
      refused: true,
    };
  }
  if (code === "ENOENT" || code === "EACCES") {
    return {
      key: "file",
      text: `a file named in mqtt.ca, mqtt.cert or mqtt.key cannot be read: ${message}. Retrying`,
      de: `Eine Datei aus mqtt.ca, mqtt.cert oder mqtt.key lässt sich nicht lesen: ${message}. Es wird weiter versucht`,
    };
  }
  if (code !== undefined && CERTIFICATE.test(code)) {
    const cure = "set mqtt.ca to the authority's certificate, and use the host name in the certificate";
    const cureDe =
      "das Zertifikat der Zertifizierungsstelle als mqtt.ca angeben, und den Rechner so, wie er im Zertifikat heißt";
    return {
      key: "certificate",
      text: `${broker} presents an untrusted certificate (${message}): ${cure}. Retrying`,
      de: `Dem Zertifikat von ${label} ist nicht zu trauen (${message}): ${cureDe}. Es wird weiter versucht`,
    };
  }
  const reason = code === undefined ? undefined : SYSTEM[code];
  return {
    key: reason === undefined ? (code ?? message) : (code ?? ""),
    text: `cannot reach ${broker}: ${reason?.en ?? message}. Retrying`,
    de: `Der Broker ${label} ist nicht erreichbar: ${reason?.de ?? message}. Es wird weiter versucht`,
  };
}

/** The broker closes the connection whenever a certain message is published. */
export function describeCulprit(topic: string, bytes: number, label: string): ConnectionProblem {
  return {
    key: `culprit ${topic}`,
    text:
      `the broker at ${label} closes the connection each time we publish ${topic} (${bytes} bytes): it is not sent any ` +
      "more, nor is anything larger, until the broker has been restarted. Allow larger packets there " +
      "(Mosquitto: max_packet_size); its log says more",
    de:
      `Der Broker ${label} schließt die Verbindung jedes Mal, wenn wir ${topic} veröffentlichen (${bytes} Bytes): das ` +
      "wird nicht mehr gesendet, und Größeres auch nicht, bis der Broker neu gestartet ist. Dort größere Pakete zulassen " +
      "(Mosquitto: max_packet_size); mehr steht im Log des Brokers",
  };
}

/** The broker sends a packet larger than we accept. */
export function describeOversize(bytes: number, muteMinutes: number, label: string): ConnectionProblem {
  return {
    key: "oversize",
    text:
      `the broker at ${label} sends a message of ${bytes} bytes on a topic that we subscribe to: the connection is closed, ` +
      `and nothing is subscribed to for ${muteMinutes} minutes. Remove what is retained on the topics that we read (docs/mqtt.md)`,
    de:
      `Der Broker ${label} sendet eine Nachricht von ${bytes} Bytes auf einem Topic, das wir abonnieren: die Verbindung wird ` +
      `geschlossen und ${muteMinutes} Minuten lang nichts abonniert. Entfernen, was auf den Topics gespeichert ist, die wir lesen (docs/mqtt.md)`,
  };
}

/** Node tries all addresses of a host and collects the errors: the first one is enough. */
function firstCause(error: unknown): { code?: string | number; message: string } {
  const { code, message, errors } = (error ?? {}) as { code?: unknown; message?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return firstCause(errors[0]);
  const text = typeof message === "string" && message !== "" ? message : "unknown reason";
  return typeof code === "string" || typeof code === "number" ? { code, message: text } : { message: text };
}
