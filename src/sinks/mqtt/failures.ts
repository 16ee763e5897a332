/** What keeps us from the broker, in words, each with its cure. */

/** Reason code of MQTT 5: "session taken over". */
export const TAKEN_OVER = 142;

/** The broker lets us in and closes the connection at once, several times in a row, and does not say why. */
export const THROWN_OUT = "thrown-out";

export interface Failure {
  /** Tells kinds of failure apart, so that each is told once. */
  readonly key: string;
  readonly text: string;
}

const LOGIN =
  "the login: check mqtt.user and mqtt.password (in Home Assistant: Settings, Add-ons, Mosquitto broker, Logins)";

/** Reason codes of CONNACK: MQTT 3.1.1, 3.2.2.3 (1 … 5) and MQTT 5, 3.2.2.2 (128 and above). */
const REFUSALS: Readonly<Record<number, { key: string; text: string }>> = {
  1: { key: "protocol-version", text: "this version of MQTT: set mqtt.version to 4 (MQTT 3.1.1)" },
  2: { key: "client-id", text: "our client id: set another mqtt.client_id" },
  3: { key: "unavailable", text: "us for now: it says that its service is unavailable" },
  4: { key: "login", text: LOGIN },
  5: { key: "login", text: LOGIN },
  132: { key: "protocol-version", text: "this version of MQTT: set mqtt.version to 4 (MQTT 3.1.1)" },
  133: { key: "client-id", text: "our client id: set another mqtt.client_id" },
  134: { key: "login", text: LOGIN },
  135: { key: "login", text: LOGIN },
  136: { key: "unavailable", text: "us for now: it says that its service is unavailable" },
  137: { key: "unavailable", text: "us for now: it says that it is busy" },
  138: { key: "banned", text: "us: it has banned this client" },
  140: { key: "login", text: LOGIN },
};

const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (is the broker running, are host and port right?)",
  ENOTFOUND: "its name is unknown: check mqtt.server (in a container, localhost is the container itself)",
  EAI_AGAIN: "its name cannot be looked up at present: check mqtt.server and the network",
  EHOSTUNREACH: "the host cannot be reached: check the address and the network",
  ENETUNREACH: "the network cannot be reached",
  ETIMEDOUT: "the host does not answer: check address, port and firewall",
  ECONNRESET: "it closed the connection: a port for TLS wants mqtts://, one without wants mqtt://",
  EPROTO: "it does not speak TLS at this port: mqtt:// instead of mqtts://, or another port?",
  ERR_INVALID_URL: "this is no address: mqtt://host:1883 is one",
  closed: "the connection was lost",
};

const CERTIFICATE = /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/;

/** Puts an error of MQTT.js, of the system or of TLS into words. `label` is the server, without user and password. */
export function describeFailure(error: unknown, label: string): Failure {
  const { code, message } = firstCause(error);
  const broker = `the broker at ${label}`;
  if (code === TAKEN_OVER) {
    const cure = "Is the bridge running twice? Else give each its own mqtt.client_id";
    return {
      key: String(TAKEN_OVER),
      text: `another client takes our place at ${broker} again and again: two programs use the same client id. ${cure}`,
    };
  }
  if (code === THROWN_OUT) {
    const cure =
      "Most likely two programs use the same client id: is the bridge running twice? Else the broker's log tells why";
    return {
      key: String(TAKEN_OVER),
      text: `${broker} closes our connection again and again as soon as it is made. ${cure}`,
    };
  }
  if (typeof code === "number") {
    const refusal = REFUSALS[code] ?? { key: `refused-${code}`, text: `us (reason ${code})` };
    return { key: refusal.key, text: `${broker} refuses ${refusal.text}. Trying on` };
  }
  if (code === "ENOENT" || code === "EACCES") {
    return {
      key: "file",
      text: `a file named in mqtt.ca, mqtt.cert or mqtt.key cannot be read: ${message}. Trying on`,
    };
  }
  if (code !== undefined && CERTIFICATE.test(code)) {
    const cure = "give the authority's certificate as mqtt.ca, and the host under the name in the certificate";
    return {
      key: "certificate",
      text: `${broker} shows a certificate that cannot be trusted (${message}): ${cure}. Trying on`,
    };
  }
  const reason = code === undefined ? undefined : SYSTEM[code];
  if (reason !== undefined) return { key: code ?? "", text: `cannot reach ${broker}: ${reason}. Trying on` };
  return { key: code ?? message, text: `cannot reach ${broker}: ${message}. Trying on` };
}

/** Node tries all addresses of a name and collects the failures: the first one tells enough. */
function firstCause(error: unknown): { code?: string | number; message: string } {
  const { code, message, errors } = (error ?? {}) as { code?: unknown; message?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return firstCause(errors[0]);
  const text = typeof message === "string" && message !== "" ? message : "unknown reason";
  return typeof code === "string" || typeof code === "number" ? { code, message: text } : { message: text };
}
