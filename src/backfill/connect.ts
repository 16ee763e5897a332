/** Opens the WebSocket for Home Assistant's client library, with `ws` because Node 20 has no WebSocket client. */
import { Connection, type HaWebSocket } from "home-assistant-js-websocket";
import { WebSocket } from "ws";

const CONNECT_MS = 15_000;
/** A year of hourly rows of one entity takes about 1 MB. */
const LARGEST_BYTES = 64 * 1024 * 1024;

export interface Access {
  /** `http://homeassistant.local:8123`, or the Supervisor's proxy `http://supervisor/core`. */
  readonly url: string;
  readonly token: string;
}

export type HomeAssistantErrorCode = "unreachable" | "refused" | "failed";

/** A request to Home Assistant failed. The message says why and never contains the token. */
export class HomeAssistantError extends Error {
  override readonly name = "HomeAssistantError";
  readonly code: HomeAssistantErrorCode;
  constructor(code: HomeAssistantErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** `ws://host:8123/api/websocket`; without `/api` for the Supervisor's proxy. */
export function webSocketUrl(url: string): string {
  const base = url.replace(/\/+$/, "").replace(/^http/, "ws");
  return base === "ws://supervisor/core" ? `${base}/websocket` : `${base}/api/websocket`;
}

/**
 * Connects once and logs in; close the connection when done.
 * @throws HomeAssistantError `unreachable` or `refused`
 */
export async function connect({ url, token }: Access, signal: AbortSignal): Promise<Connection> {
  const socket = await logIn(url, token, signal);
  const connection = new Connection(socket as unknown as HaWebSocket, {
    setupRetry: 0,
    // No reconnect: this run fails, and the next one resumes.
    createSocket: () => Promise.reject(new HomeAssistantError("unreachable", "the connection is lost")),
  });
  connection.addEventListener("disconnected", () => connection.close());
  return connection;
}

function logIn(url: string, token: string, signal: AbortSignal): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(webSocketUrl(url), {
      handshakeTimeout: CONNECT_MS,
      maxPayload: LARGEST_BYTES,
      perMessageDeflate: false,
    });
    const fail = (error: Error): void => {
      stop();
      // Errors of an abandoned socket are ignored.
      socket.on("error", () => undefined);
      socket.terminate();
      reject(error);
    };
    const unreachable = (why: string): void => {
      fail(new HomeAssistantError("unreachable", `Home Assistant cannot be reached at ${withoutLogin(url)} (${why})`));
    };
    const onMessage = (data: unknown): void => {
      const { type, ha_version: version } = parse(String(data));
      if (type === "auth_required") socket.send(JSON.stringify({ type: "auth", access_token: token }));
      else if (type === "auth_invalid") {
        fail(
          new HomeAssistantError(
            "refused",
            "Home Assistant refuses the token: create a new one in your profile, Security",
          ),
        );
      } else if (type === "auth_ok") {
        stop();
        socket.on("error", () => undefined);
        resolve(Object.assign(socket, { haVersion: String(version ?? "") }));
      } else unreachable("what answers there is not Home Assistant");
    };
    const onError = (error: Error): void => unreachable(error.message);
    const onClose = (): void => unreachable("the connection was closed");
    const onAbort = (): void => unreachable("stopped");
    const timer = setTimeout(() => unreachable("no answer"), CONNECT_MS);
    const stop = (): void => {
      clearTimeout(timer);
      socket.off("message", onMessage).off("error", onError).off("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    socket.on("message", onMessage).on("error", onError).on("close", onClose);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

function parse(text: string): { type?: unknown; ha_version?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}

function withoutLogin(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//").replace(/[?#].*$/, "");
}
