/** Whether an address is reachable only from this computer. */

/** Whether a listen host is loopback: `localhost`, `127.0.0.0/8` or `::1`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Whether a `Host` header names this computer. This detects DNS rebinding: a foreign page whose name resolves to
 * 127.0.0.1 sends that name here.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|::1)(?::\d+)?$/i.test(host ?? "");
}
