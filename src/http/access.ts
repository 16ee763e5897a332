/**
 * Access control. In the Home Assistant app, only the Supervisor's ingress is served, which has authenticated the user.
 * Elsewhere, everyone who can connect is served; with a token, only clients that present it (`Authorization: Bearer …`,
 * or a session cookie after login). Cross-site requests that change or test anything are refused.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { isLoopbackHost } from "../process/loopback.ts";

/** The Supervisor's address in the app network: ingress requests come from nowhere else. */
export const INGRESS_PEER = "172.30.32.2";

/** Header that only a script of the same origin can set: we send no CORS headers that would allow others. */
export const SCRIPT_HEADER = "x-kaifa2mqtt";

const COOKIE = "kaifa2mqtt_session";

export interface AccessOptions {
  /** The only address served; `null`: any. */
  readonly onlyPeer: string | null;
  /** `http.token` */
  readonly token: string | null;
  /** Whether it listens on the loopback interface only. */
  readonly loopback: boolean;
}

/** The parts of a request that access depends on. Header names in lower case. */
export interface RequestFacts {
  readonly method: string;
  readonly path: string;
  readonly peer: string | undefined;
  header(name: string): string | undefined;
}

export type Verdict = "ok" | "wrong-peer" | "wrong-host" | "cross-site" | "login";

/** Served without a token: liveness and health. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/live", "/health"]);
/** What the login form needs, and the help pages. */
const LOGIN_PATHS: ReadonlySet<string> = new Set([
  "/",
  "/help.html",
  "/help.de.html",
  "/page.js",
  "/page.css",
  "/icon.svg",
  "/api/login",
]);

export class Access {
  readonly #options: AccessOptions;
  /** New at each start, so a restart logs everyone out. */
  readonly #secret = randomBytes(32);

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  judge(request: RequestFacts): Verdict {
    const { onlyPeer, token, loopback } = this.#options;
    if (onlyPeer !== null && plainAddress(request.peer) !== onlyPeer) return "wrong-peer";
    // DNS rebinding: a foreign site whose name resolves to 127.0.0.1 is detected by its Host header.
    if (loopback && token === null && onlyPeer === null && !isLoopbackHost(request.header("host"))) return "wrong-host";
    if (request.method !== "GET" && request.method !== "HEAD" && !this.#sameSite(request)) return "cross-site";
    if (token === null || OPEN_PATHS.has(request.path) || LOGIN_PATHS.has(request.path)) return "ok";
    return this.loggedIn(request) ? "ok" : "login";
  }

  /** Whether the request carries the token or a valid session cookie. */
  loggedIn(request: RequestFacts): boolean {
    if (this.#options.token === null) return false;
    const [, bearer] = /^Bearer\s+(.+)$/i.exec(request.header("authorization") ?? "") ?? [];
    if (bearer !== undefined) return this.isToken(bearer);
    const [, session] = new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]{64})`).exec(request.header("cookie") ?? "") ?? [];
    return session !== undefined && equal(session, this.#session());
  }

  isToken(text: string): boolean {
    return this.#options.token !== null && equal(text, this.#options.token);
  }

  /** `Set-Cookie` after login, valid for a month; after logout, one that deletes it. */
  cookie(loggedIn: boolean): string {
    const value = loggedIn ? this.#session() : "";
    return `${COOKIE}=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${loggedIn ? 2_592_000 : 0}`;
  }

  #session(): string {
    return createHmac("sha256", this.#secret)
      .update(this.#options.token ?? "")
      .digest("hex");
  }

  #sameSite(request: RequestFacts): boolean {
    const site = request.header("sec-fetch-site");
    if (site !== undefined && site !== "same-origin" && site !== "none") return false;
    return request.header(SCRIPT_HEADER) !== undefined;
  }
}

/** Compares in constant time. */
function equal(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function plainAddress(peer: string | undefined): string | undefined {
  return peer?.replace(/^::ffff:/, "");
}

/** Security headers of every answer. The page has no inline script or style and loads nothing from other hosts. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; " +
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "SAMEORIGIN",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};
