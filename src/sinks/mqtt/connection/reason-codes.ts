/**
 * MQTT 5 reason codes (2.4) from 0x80 as readable text, each with a fix; MQTT 3.1.1 codes (3.2.2.3) are mapped to them.
 */

/** A sentence or part of one, in English and, for the status page, in German. */
export interface Phrase {
  readonly en: string;
  readonly de: string;
}

export interface Reason {
  /** Identifies the kind of failure, so that each is reported only once. */
  readonly key: string;
  /** Completes "the broker at … refuses". */
  readonly refuses: Phrase;
  /** An imperative, without a period. */
  readonly cure: Phrase;
}

/** One row: key, what is refused in English and German, the fix in English and German. */
const row = (key: string, en: string, de: string, cure: Phrase): Reason => ({ key, refuses: { en, de }, cure });

const LOGIN = row("login", "the login", "die Anmeldung", {
  en: "check mqtt.user and mqtt.password (in Home Assistant: Settings, Apps, Mosquitto broker, Logins; in a .env file, put a password with $ or # in single quotes)",
  de: "mqtt.user und mqtt.password prüfen (in Home Assistant: Einstellungen, Apps, Mosquitto broker, Logins; in einer .env-Datei steht ein Passwort mit $ oder # in einfachen Anführungszeichen)",
});
const LOG: Phrase = { en: "the broker's log says more", de: "mehr steht im Log des Brokers" };
const REPORT: Phrase = {
  en: "set mqtt.version to 4 (MQTT 3.1.1), and please report it with the broker's name and version",
  de: "mqtt.version auf 4 (MQTT 3.1.1) setzen, und bitte mit Name und Version des Brokers melden",
};

export const TAKEN_OVER = 0x8e;
const NOT_AUTHORIZED = 0x87;
export const RETAIN_NOT_SUPPORTED = 0x9a;
export const QOS_NOT_SUPPORTED = 0x9b;

export const REASONS: Readonly<Record<number, Reason>> = {
  128: row("unspecified", "this and does not say why", "dies und sagt nicht, warum", LOG),
  129: row("malformed", "a packet that it cannot parse", "ein Paket, das er nicht lesen kann", REPORT),
  130: row("protocol-error", "a packet that it does not expect", "ein Paket, das er nicht erwartet", REPORT),
  131: row("implementation", "this by a rule of its own", "dies nach einer eigenen Regel", LOG),
  132: row("protocol-version", "this version of MQTT", "diese Version von MQTT", {
    en: "set mqtt.version to 4 (MQTT 3.1.1)",
    de: "mqtt.version auf 4 (MQTT 3.1.1) setzen",
  }),
  133: row("client-id", "our client id", "unsere Client-ID", {
    en: "set another mqtt.client_id",
    de: "eine andere mqtt.client_id setzen",
  }),
  134: LOGIN,
  135: LOGIN,
  136: row(
    "unavailable",
    "us for now and says that its service is unavailable",
    "vorerst die Verbindung und meldet, dass sein Dienst nicht verfügbar ist",
    LOG,
  ),
  137: row("busy", "us for now and says that it is busy", "vorerst die Verbindung und meldet, dass er überlastet ist", {
    en: "give it time, or raise its limit for connections",
    de: "ihm Zeit lassen oder seine Grenze für Verbindungen erhöhen",
  }),
  138: row(
    "banned",
    "us and says that it has banned this client",
    "die Verbindung und meldet, dass er diesen Client gesperrt hat",
    {
      en: "lift the ban at the broker",
      de: "die Sperre beim Broker aufheben",
    },
  ),
  139: row(
    "shutdown",
    "us for now because it is shutting down",
    "vorerst die Verbindung, weil er heruntergefahren wird",
    {
      en: "start it again if that was not intended",
      de: "wieder starten, wenn das nicht beabsichtigt war",
    },
  ),
  140: row("auth-method", "the authentication method", "die Art der Anmeldung", {
    en: "let it accept user and password, or a client certificate",
    de: "dort Benutzer und Passwort oder ein Client-Zertifikat zulassen",
  }),
  141: row(
    "keep-alive",
    "a connection on which it heard nothing for too long",
    "eine Verbindung, auf der er zu lange nichts gehört hat",
    { en: "check the network, or lower mqtt.keepalive", de: "das Netz prüfen oder mqtt.keepalive kleiner setzen" },
  ),
  142: row(
    "taken-over",
    "a second connection with the same client id",
    "eine zweite Verbindung mit derselben Client-ID",
    {
      en: "is the bridge running twice? Otherwise give each program its own mqtt.client_id",
      de: "läuft die Brücke zweimal? Sonst jedem Programm eine eigene mqtt.client_id geben",
    },
  ),
  143: row("topic-filter", "a topic that we subscribe to", "ein Topic, das wir abonnieren", {
    en: "check mqtt.base_topic, homeassistant.discovery_topic and homeassistant.status_topic",
    de: "mqtt.base_topic, homeassistant.discovery_topic und homeassistant.status_topic prüfen",
  }),
  144: row("topic-name", "the name of a topic", "den Namen eines Topics", {
    en: "check mqtt.base_topic and homeassistant.discovery_topic against its rules for topics",
    de: "mqtt.base_topic und homeassistant.discovery_topic mit seinen Regeln für Topics vergleichen",
  }),
  145: row(
    "packet-id",
    "a packet identifier that it considers in use",
    "eine Paketnummer, die er für vergeben hält",
    REPORT,
  ),
  146: row(
    "packet-id-unknown",
    "a packet identifier that it does not know",
    "eine Paketnummer, die er nicht kennt",
    REPORT,
  ),
  147: row("receive-maximum", "more unanswered messages", "weitere unbestätigte Nachrichten", REPORT),
  148: row("topic-alias", "a topic alias", "einen Topic-Alias", REPORT),
  149: row("too-large", "a packet that is too large for it", "ein Paket, das ihm zu groß ist", {
    en: "allow larger packets there (Mosquitto: max_packet_size)",
    de: "dort größere Pakete zulassen (Mosquitto: max_packet_size)",
  }),
  150: row("rate", "so many messages", "so viele Nachrichten", {
    en: "set publish.interval, or a higher rate limit at the broker",
    de: "publish.interval setzen oder die Grenze beim Broker erhöhen",
  }),
  151: row("quota", "this because a quota is used up", "dies, weil ein Kontingent erschöpft ist", {
    en: "raise the quota at the broker, or set publish.interval",
    de: "das Kontingent beim Broker erhöhen oder publish.interval setzen",
  }),
  152: row(
    "administrative",
    "us because its administrator has closed the connection",
    "die Verbindung, weil seine Verwaltung sie getrennt hat",
    { en: "ask who runs it", de: "bei der Verwaltung nachfragen" },
  ),
  153: row("payload-format", "the format of a payload", "die Form einer Nachricht", {
    en: "remove its rule for these topics",
    de: "seine Regel für diese Topics entfernen",
  }),
  154: row("retain", "retained messages", "gespeicherte Nachrichten (retain)", {
    en: "allow them there: without them values and entities are missing until they are sent again",
    de: "sie dort zulassen: ohne sie fehlen Werte und Entitäten, bis sie wieder gesendet werden",
  }),
  155: row("qos", "messages with QoS 1", "Nachrichten mit QoS 1", {
    en: "allow QoS 1 there",
    de: "dort QoS 1 zulassen",
  }),
  156: row(
    "other-server",
    "us and names another server for now",
    "die Verbindung und nennt vorerst einen anderen Server",
    {
      en: "set mqtt.server to that one",
      de: "mqtt.server auf diesen setzen",
    },
  ),
  157: row(
    "server-moved",
    "us and says that it has moved to another server",
    "die Verbindung und meldet, dass er auf einen anderen Server umgezogen ist",
    { en: "set mqtt.server to the new one", de: "mqtt.server auf den neuen setzen" },
  ),
  158: row("shared-subscriptions", "shared subscriptions", "geteilte Abonnements", REPORT),
  159: row("connection-rate", "so many connections in so short a time", "so viele Verbindungen in so kurzer Zeit", {
    en: "raise its limit, or wait",
    de: "seine Grenze erhöhen oder warten",
  }),
  160: row(
    "connect-time",
    "a connection that has lasted for its maximum time",
    "eine Verbindung, die seine Höchstdauer erreicht hat",
    { en: "no action needed, it is re-established", de: "nichts ist zu tun, sie wird neu aufgebaut" },
  ),
  161: row("subscription-ids", "subscription identifiers", "Nummern von Abonnements", REPORT),
  162: row("wildcards", "subscriptions with wildcards", "Abonnements mit Platzhaltern", {
    en: "allow them there if entities that no longer apply are to be removed",
    de: "sie dort zulassen, wenn Entitäten entfernt werden sollen, die nicht mehr gelten",
  }),
};

/** CONNACK return codes of MQTT 3.1.1. */
const OLD_CODES: Readonly<Record<number, number>> = { 1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87 };

/** @param code from a CONNACK, DISCONNECT, PUBACK or SUBACK, MQTT 3.1.1 or 5 */
export function reasonOf(code: number): Reason {
  const known = REASONS[OLD_CODES[code] ?? code];
  if (known !== undefined) return known;
  const hex = code.toString(16).padStart(2, "0");
  return row(`reason-${code}`, `this (reason code 0x${hex})`, `dies (Grund 0x${hex})`, LOG);
}

/**
 * Why a publication was refused, and what to do. Here "not authorized" means access rules, not the login. `text`
 * completes "the broker at … refuses".
 */
export function publishRefusal(topic: string, code: number): { text: Phrase; cure: Phrase } {
  if (code === NOT_AUTHORIZED) {
    const rule = `"topic readwrite ${topic.split("/")[0]}/#"`;
    return {
      text: {
        en: `what we publish on ${topic}: this user has no right to write there`,
        de: `was wir unter ${topic} veröffentlichen: dieser Benutzer darf dort nicht schreiben`,
      },
      cure: {
        en: `allow this user to write there (an ACL line such as ${rule})`,
        de: `diesem Benutzer dort das Schreiben erlauben (ACL-Zeile wie ${rule})`,
      },
    };
  }
  const { refuses, cure } = reasonOf(code);
  return {
    text: {
      en: `what we publish on ${topic}; it refuses ${refuses.en}`,
      de: `was wir unter ${topic} veröffentlichen; er verweigert ${refuses.de}`,
    },
    cure,
  };
}
