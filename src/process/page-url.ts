/** Under which address a browser elsewhere reaches the status page, for the link on the device page of Home Assistant. */
import { isLoopback } from "./loopback.ts";

/**
 * `http.url` as it is configured; else the address that the page listens on, if that is one certain address of the
 * network. Nothing rather than a guess: not where the page listens on all addresses or on this computer only, and not in
 * a container or the app, whose addresses nobody outside can use.
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
