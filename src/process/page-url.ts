/** URL of the status page for a browser on another computer: the link on the device page of Home Assistant. */
import { isLoopback } from "./loopback.ts";

/**
 * `http.url` if it is configured; else the address that the page listens on, if that is a single network address. No
 * guesses: none where the page listens on all addresses or on loopback only, and none in a container or the app, whose
 * addresses are of no use outside.
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
