/** Address and token of Home Assistant. */
import type { Config } from "../config/options.ts";
import type { Access } from "./connect.ts";

/** The Supervisor's proxy to Home Assistant (`homeassistant_api: true` in the app's config.yaml). */
const SUPERVISOR = "http://supervisor/core";

/**
 * The configured access, else the Supervisor's proxy in the app.
 * @param supervisorToken `SUPERVISOR_TOKEN`
 * @returns a sentence naming what is missing, if anything is
 */
export function accessOf(
  { url, token }: Pick<Config["homeassistant"], "url" | "token">,
  supervisorToken: string | undefined,
): Access | string {
  if (url !== undefined && token !== undefined) return { url, token };
  const isProxy = url === undefined || url.replace(/\/+$/, "") === SUPERVISOR;
  if (isProxy && token === undefined && supervisorToken) return { url: SUPERVISOR, token: supervisorToken };
  const missing = [
    ...(url === undefined ? ["homeassistant.url"] : []),
    ...(token === undefined ? ["homeassistant.token"] : []),
  ];
  return `${missing.join(" and ")} must be set to read and write its statistics (a long-lived access token: your profile, Security)`;
}
