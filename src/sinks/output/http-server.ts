/** HTTP for outputs: a bounded server for a Hono app that only reads. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { isLoopback, isLoopbackHost } from "../../process/loopback.ts";

/** Bytes of a request's body. */
const MAX_BODY = 8_192;
/** A request must be complete, headers and body, within this time. */
const REQUEST_MS = 10_000;
/** A connection without a request is closed after this time; pollers ask again within seconds. */
const KEEP_ALIVE_MS = 65_000;
/** Answers that a client doesn't take within this time end the connection. */
const IDLE_MS = 120_000;

/** What the adapter to Node's server puts into each request. */
export interface HttpBindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
}
export type HttpApp = Hono<{ Bindings: HttpBindings }>;
export type HttpContext = Context<{ Bindings: HttpBindings }>;

/** The server, not listening yet: for `Listener`. */
export function createHttpServer(app: HttpApp): Server {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.headersTimeout = REQUEST_MS;
  server.requestTimeout = REQUEST_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.timeout = IDLE_MS;
  server.maxHeadersCount = 64;
  return server;
}

/**
 * What every answer of an output needs: nothing is cached, nothing is sniffed, no other site's script may read it, a body
 * is bounded, and on the loopback interface only requests to this computer's own names are answered (DNS rebinding).
 * @param asked is told the address of each client
 */
export function guardHttp(app: HttpApp, host: string, asked: (address: string) => void): void {
  const loopback = isLoopback(host);
  app.use(async (c, next) => {
    c.header("cache-control", "no-store");
    c.header("x-content-type-options", "nosniff");
    if (loopback && !isLoopbackHost(c.req.header("host"))) return c.json({ error: "unknown host name" }, 403);
    asked(peerOf(c));
    return next();
  });
  app.use(bodyLimit({ maxSize: MAX_BODY, onError: (c) => c.json({ error: "request too large" }, 413) }));
}

/** The client's address, without port. */
export function peerOf(c: HttpContext): string {
  return c.env?.incoming?.socket.remoteAddress ?? "unknown";
}
