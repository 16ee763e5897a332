/** The HTTP server of an output: limits and headers around a Hono app. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { isLoopback, isLoopbackHost } from "../../process/loopback.ts";
import { type PolledPagesOptions, servePolledPages } from "./polled-pages.ts";

/** Maximum size of a request body, bytes. */
const MAX_BODY = 8_192;
const REQUEST_MS = 10_000;
/** Keep-alive timeout; polling clients send the next request within seconds. */
const KEEP_ALIVE_MS = 65_000;
/** A client that reads none of its response for this long is disconnected. */
const IDLE_MS = 120_000;

/** What the adapter to Node's server adds to each request. */
export interface HttpBindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
}
export type HttpApp = Hono<{ Bindings: HttpBindings }>;
export type HttpContext = Context<{ Bindings: HttpBindings }>;

/** Features of a server besides its routes. */
export interface HttpExtras extends Pick<PolledPagesOptions, "pages" | "onRequest"> {
  /** The listen host. */
  readonly host: string;
}

/**
 * The server, not listening yet: for `Listener`.
 * @param requestMs timeout for a complete request, headers and body
 */
export function createHttpServer(app: HttpApp, requestMs = REQUEST_MS, extras: HttpExtras | null = null): Server {
  const routes = getRequestListener(app.fetch);
  const listener = extras === null ? routes : withPolledPages(extras, routes);
  // Node checks for slow requests at this interval; the default is 30 s.
  const server = createServer({ connectionsCheckingInterval: requestMs / 2 }, listener);
  server.headersTimeout = requestMs;
  server.requestTimeout = requestMs;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.timeout = IDLE_MS;
  server.maxHeadersCount = 64;
  return server;
}

function withPolledPages({ pages, onRequest, host }: HttpExtras, routes: RequestListener): RequestListener {
  const admits = isLoopback(host) ? isLoopbackHost : () => true;
  return servePolledPages({ pages, onRequest, admits, routes });
}

/**
 * Headers and limits for every route: no caching, no content sniffing, no CORS, bounded bodies; on the loopback interface
 * only requests for this computer's own names are answered (protection from DNS rebinding).
 * @param onRequest called with the client's address
 */
export function guardHttp(app: HttpApp, host: string, onRequest: (address: string) => void): void {
  const loopback = isLoopback(host);
  app.use(async (c, next) => {
    c.header("cache-control", "no-store");
    c.header("x-content-type-options", "nosniff");
    if (loopback && !isLoopbackHost(c.req.header("host"))) return c.json({ error: "unknown host name" }, 403);
    onRequest(clientAddress(c));
    return next();
  });
  // Only these read a body; for others, checking the limit would cost more than the response.
  app.on(
    ["POST", "PUT"],
    "*",
    bodyLimit({ maxSize: MAX_BODY, onError: (c) => c.json({ error: "request too large" }, 413) }),
  );
}

/** The client's address, without port. */
function clientAddress(c: HttpContext): string {
  return c.env?.incoming?.socket.remoteAddress ?? "unknown";
}
