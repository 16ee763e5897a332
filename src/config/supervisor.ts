/**
 * Queries the Home Assistant Supervisor for the broker, if none is configured (`GET /services/mqtt`, allowed by
 * `services: [mqtt:want]` in config.yaml), and for Home Assistant's language (`GET /core/api/config`, its proxy to Home
 * Assistant's REST API, allowed by `homeassistant_api: true`). developers.home-assistant.io/docs/apps/communication
 */
import { request } from "node:http";

/** The Supervisor's address inside an app. */
const SUPERVISOR_URL = "http://supervisor";
const ANSWER_MS = 10_000;
/** Timeout for the language: it delays the bridge's start, which must not wait for a Home Assistant that is still starting. */
const LANGUAGE_MS = 3_000;
/** Its answers have a few hundred bytes, a few thousand with all integrations; anything longer is not the Supervisor. */
const ANSWER_BYTES = 64 * 1024;
const PAUSE_MS = { first: 1_000, longest: 30_000 };

/** What the bridge needs to connect; fits the section `mqtt` of the configuration. */
export interface OfferedBroker {
  readonly server: string;
  readonly user?: string;
  readonly password?: string;
}

export type SupervisorErrorCode = "no-broker" | "unreachable" | "refused" | "unintelligible";

/** The Supervisor gives no usable answer. The message says what to do. */
export class SupervisorError extends Error {
  override readonly name = "SupervisorError";
  readonly code: SupervisorErrorCode;
  constructor(code: SupervisorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Asks once.
 * @throws SupervisorError
 */
export async function askForBroker(token: string, url: string = SUPERVISOR_URL): Promise<OfferedBroker> {
  const { status, body } = await get(`${url}/services/mqtt`, token);
  if (status === 401 || status === 403) {
    throw new SupervisorError(
      "refused",
      `The Supervisor does not allow us to query the MQTT broker (HTTP ${status}). Reinstall the app, or set mqtt.server yourself.`,
    );
  }
  const answer = parse(body);
  if (answer?.result !== "ok") {
    throw new SupervisorError(
      "no-broker",
      "Home Assistant offers no MQTT broker. Install and start the app 'Mosquitto broker' (Settings, Apps), or set mqtt.server to a broker of your own.",
    );
  }
  return brokerOf(answer.data);
}

/**
 * The language of Home Assistant, as a tag (`de`, `en-GB`). Asks once, for 3 s at most.
 * @throws SupervisorError
 */
export async function askForLanguage(token: string, url: string = SUPERVISOR_URL): Promise<string> {
  const { status, body } = await get(`${url}/core/api/config`, token, LANGUAGE_MS);
  if (status !== 200)
    throw new SupervisorError("refused", `The Supervisor does not pass on Home Assistant's settings (HTTP ${status}).`);
  const { language } = (parse(body, "Home Assistant's settings") ?? {}) as { language?: unknown };
  if (typeof language !== "string")
    throw new SupervisorError("unintelligible", "Home Assistant's settings name no language.");
  return language;
}

/**
 * Polls until there is a broker or `signal` is aborted (then `null`), with a back-off from 1 s to 30 s. `onTrouble` gets
 * every failure; the caller limits the logging of repeated ones.
 */
export async function waitForBroker(
  token: string,
  signal: AbortSignal,
  onTrouble: (error: SupervisorError) => void,
  { url = SUPERVISOR_URL, firstPauseMs = PAUSE_MS.first }: { url?: string; firstPauseMs?: number } = {},
): Promise<OfferedBroker | null> {
  for (let pause = firstPauseMs; !signal.aborted; pause = Math.min(pause * 2, PAUSE_MS.longest)) {
    try {
      return await askForBroker(token, url);
    } catch (error) {
      if (!(error instanceof SupervisorError)) throw error;
      onTrouble(error);
    }
    await sleep(pause, signal);
  }
  return null;
}

type Answer = { readonly result?: unknown; readonly data?: unknown };

function parse(body: string, about = "the MQTT broker"): Answer | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" ? value : null;
  } catch {
    throw new SupervisorError("unintelligible", `The Supervisor's answer about ${about} is not JSON.`);
  }
}

/** `port` comes as a number or as text; `username` and `password` may be missing or empty. */
function brokerOf(data: unknown): OfferedBroker {
  const { host, port, ssl, username, password } = (data ?? {}) as Record<string, unknown>;
  const number = Number(port);
  if (typeof host !== "string" || host === "" || !Number.isInteger(number) || number < 1 || number > 65_535) {
    throw new SupervisorError(
      "unintelligible",
      "The Supervisor names an MQTT broker without host or port. Restart the broker's app, or set mqtt.server yourself.",
    );
  }
  const address = host.includes(":") ? `[${host}]` : host;
  return {
    server: `${ssl === true ? "mqtts" : "mqtt"}://${address}:${number}`,
    ...(typeof username === "string" && username !== "" ? { user: username } : {}),
    ...(typeof password === "string" && password !== "" ? { password } : {}),
  };
}

/** Uses node:http, because `fetch` costs several megabytes. */
function get(url: string, token: string, limitMs = ANSWER_MS): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      const message = `The Supervisor cannot be reached at ${url} (${error.message}).`;
      reject(new SupervisorError("unreachable", message, { cause: error }));
    };
    const asked = request(
      url,
      {
        headers: { authorization: `Bearer ${token}`, accept: "application/json" },
        signal: AbortSignal.timeout(limitMs),
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          body += text;
          if (body.length > ANSWER_BYTES) response.destroy(new Error("its answer does not end"));
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.on("error", fail);
      },
    );
    asked.on("error", fail);
    asked.end();
  });
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
