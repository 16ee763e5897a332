/** RPC over WebSocket at `/rpc`: requests are answered, and each reading is sent as a NotifyStatus. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { ComponentLog } from "../../log/component-log.ts";
import { isLoopback, isLoopbackHost } from "../../process/loopback.ts";
import { MAX_MESSAGE, type ShellyRpc } from "./shelly-rpc.ts";

/** Maximum number of unsent bytes per client; a client that falls further behind is disconnected. */
const MAX_UNREAD = 65_536;
/** WebSocket status code (IANA registry). */
const TRY_AGAIN_LATER = 1013;

export class ShellyWebSocket {
  readonly #rpc: ShellyRpc;
  readonly #host: string;
  readonly #onRequest: (address: string) => void;
  readonly #log: ComponentLog;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });
  /** Client → the name (`src`) in its requests. The listener bounds the number of connections. */
  readonly #clients = new Map<WebSocket, string | null>();

  /** @param onRequest called with the client's address for each connection and request */
  constructor(rpc: ShellyRpc, host: string, onRequest: (address: string) => void, log: ComponentLog) {
    this.#rpc = rpc;
    this.#host = host;
    this.#onRequest = onRequest;
    this.#log = log;
  }

  /** Takes the upgrade requests of an HTTP server. */
  attach(server: Server): void {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (!this.#isAllowed(request)) return void socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n");
      this.#server.handleUpgrade(request, socket, head, (client) => this.#accept(client, request));
    });
  }

  /** Sends the newest reading to all clients. */
  notify(): void {
    for (const [client, name] of this.#clients) {
      const frame = this.#rpc.notification(name);
      if (frame !== null) this.#send(client, frame);
    }
  }

  /** Disconnects all clients, because they would otherwise keep treating the last notification as current. */
  closeClients(): void {
    for (const client of this.#clients.keys()) client.close(TRY_AGAIN_LATER, "no reading of the meter");
  }

  /** Only `/rpc`, no cross-site scripts, and on the loopback interface only this computer's own names. */
  #isAllowed({ url, headers: { host, origin } }: IncomingMessage): boolean {
    if (url?.split("?")[0] !== "/rpc") return false;
    if (isLoopback(this.#host) && !isLoopbackHost(host)) return false;
    return origin === undefined || origin.replace(/^https?:\/\//, "") === host;
  }

  #accept(client: WebSocket, request: IncomingMessage): void {
    const address = request.socket.remoteAddress ?? "unknown";
    this.#clients.set(client, null);
    this.#onRequest(address);
    client.on("close", () => this.#clients.delete(client));
    // On an error, the library closes the connection with the protocol's status code.
    client.on("error", () => undefined);
    client.on("message", (data: Buffer) => {
      this.#onRequest(address);
      const answer = this.#rpc.answer(data.toString("utf8"));
      if (answer === null) return client.close(1007, "not an RPC request");
      this.#clients.set(client, answer.src);
      this.#send(client, answer.frame);
    });
  }

  #send(client: WebSocket, frame: string): void {
    if (client.bufferedAmount > MAX_UNREAD) {
      this.#log.debug(`a WebSocket client has not read ${MAX_UNREAD} bytes: disconnected`);
      client.terminate();
    } else if (client.readyState === client.OPEN) client.send(frame);
  }
}
