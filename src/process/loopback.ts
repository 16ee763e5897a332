/** Whether an address is reachable from this computer only. */

/** `localhost`, `127.0.0.0/8` or `::1`: a host to listen on. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Whether a `Host` header names this computer. A page elsewhere whose name was made to point at 127.0.0.1 (DNS rebinding)
 * gives itself away by this header.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|::1)(?::\d+)?$/i.test(host ?? "");
}
