/**
 * Pages that clients poll, answered with as little work as possible. The first request of a connection goes through Node's HTTP
 * parser. If the same bytes come again, as one piece and while nothing else is pending, they get the page at once: that saves the
 * parser and its request and response objects, more than half of the processor time (docs/benchmarks.md). Everything else goes to
 * Node's parser and the routes.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { PreparedAnswer } from "./prepared-answer.ts";

/** Different requests that are remembered per connection, and the longest of them, bytes. */
const MAX_KNOWN = 4;
const MAX_LENGTH = 2_048;

/** The page as it is now; `null`: there is none, the routes answer. */
export type PolledPage = () => PreparedAnswer | null;

export interface PolledPagesOptions {
  /** By the request's target: path and query. */
  readonly pages: ReadonlyMap<string, PolledPage>;
  /** Whether requests with this `Host` header are answered. */
  readonly admits: (host: string | undefined) => boolean;
  /** Called with the client's address for each request. */
  readonly onRequest: (address: string) => void;
  /** Answers all other requests. */
  readonly routes: (request: IncomingMessage, response: ServerResponse) => void;
  /** Seconds. */
  readonly keepAlive: number;
}

/** What is known of a connection. */
interface Connection {
  /** Gets what comes over the connection. */
  readonly read: (piece: Buffer) => void;
  readonly known: { readonly bytes: Buffer; readonly page: PolledPage }[];
  /** Whether each piece so far was one whole request without a body: then the next piece begins with a request. */
  aligned: boolean;
  /** Requests that the routes have not yet answered. */
  pending: number;
  /** Requests in the piece that is being parsed, and the page that answered the last one. */
  requests: number;
  page: PolledPage | null;
}

export class PolledPages {
  readonly #options: PolledPagesOptions;
  readonly #connections = new WeakMap<Socket, Connection>();

  constructor(options: PolledPagesOptions) {
    this.#options = options;
  }

  /** For the server's `request` event. */
  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { pages, admits, onRequest, routes } = this.#options;
    const connection = this.#connections.get(request.socket);
    if (connection !== undefined) {
      connection.requests++;
      if (mayHaveBody(request)) connection.aligned = false;
    }
    const page = request.method === "GET" ? pages.get(request.url ?? "") : undefined;
    const answer = page !== undefined && admits(request.headers.host) ? page() : null;
    if (page === undefined || answer === null) {
      if (connection !== undefined) {
        connection.pending++;
        response.once("close", () => connection.pending--);
      }
      return void routes(request, response);
    }
    if (connection !== undefined && request.httpVersion === "1.1" && response.shouldKeepAlive) connection.page = page;
    onRequest(request.socket.remoteAddress ?? "unknown");
    response.writeHead(200, answer.headers as string[]);
    response.end(answer.body);
  };

  /** Looks at what comes over a server's connections before Node's parser does. To be called after WebSockets are attached. */
  attach(server: Server): void {
    if (server.listenerCount("upgrade") > 0) {
      // From then on the connection belongs to the WebSocket.
      server.prependListener("upgrade", (_request, socket: Socket) => {
        const connection = this.#connections.get(socket);
        if (connection !== undefined) socket.off("data", connection.read);
      });
    }
    server.on("connection", (socket: Socket) => {
      const [parse, ...others] = socket.listeners("data");
      // Should Node ever do this in another way, its parser gets every request.
      if (parse === undefined || others.length > 0) return;
      const read = (piece: Buffer): void => {
        if (this.#repeat(socket, connection, piece)) return;
        connection.requests = 0;
        connection.page = null;
        parse.call(socket, piece);
        this.#learn(connection, piece);
      };
      const connection: Connection = { read, known: [], aligned: true, pending: 0, requests: 0, page: null };
      this.#connections.set(socket, connection);
      socket.off("data", parse as (piece: Buffer) => void);
      socket.on("data", read);
    });
  }

  /** @returns whether the piece was a known request and has been answered */
  #repeat(socket: Socket, { known, aligned, pending }: Connection, piece: Buffer): boolean {
    // A client that doesn't read its answers is left to Node's server, which stops reading from it.
    if (!aligned || pending > 0 || socket.writableLength > 0) return false;
    for (const { bytes, page } of known) {
      if (bytes.length !== piece.length || !bytes.equals(piece)) continue;
      const answer = page();
      if (answer === null) return false;
      this.#options.onRequest(socket.remoteAddress ?? "unknown");
      socket.write(answer.bytes(this.#options.keepAlive, Date.now()));
      return true;
    }
    return false;
  }

  #learn(connection: Connection, piece: Buffer): void {
    const { known, page, requests } = connection;
    if (requests !== 1 || piece.indexOf("\r\n\r\n") !== piece.length - 4) connection.aligned = false;
    if (!connection.aligned || page === null || piece.length > MAX_LENGTH) return;
    if (known.length === MAX_KNOWN) known.shift();
    known.push({ bytes: Buffer.from(piece), page });
  }
}

function mayHaveBody({ method, headers }: IncomingMessage): boolean {
  return (
    method !== "GET" ||
    headers["content-length"] !== undefined ||
    headers["transfer-encoding"] !== undefined ||
    headers.upgrade !== undefined ||
    headers.expect !== undefined
  );
}
