/** URL of the status page for browsers on other computers: the link on Home Assistant's device page. */
import { isLoopback } from "./loopback.ts";

/**
 * `http.url` if configured; otherwise the page's listen address, if it is a single network address. It never guesses:
 * no URL if the page listens on all addresses or only on loopback, and none in a container or the app, whose addresses
 * don't work outside.
 */
export function pageUrl(
  http: { readonly enabled: boolean; readonly host: string; readonly port: number; readonly url?: string | undefined },
  supervised: boolean,
): { configurationUrl?: string } {
  if (!http.enabled || supervised) return {};
  if (http.url !== undefined) return { configurationUrl: http.url };
  const { host, port } = http;
  if (isLoopback(host) || /^(0\.0\.0\.0|\[?::\]?|)$/.test(host)) return {};
  return { configurationUrl: `http://${host.includes(":") ? `[${host}]` : host}:${port}/` };
}
