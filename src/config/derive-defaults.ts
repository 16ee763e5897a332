/**
 * Derives what depends on the validated values and the environment: defaults that are not constants, advice for the
 * user, and the list of secret values.
 */
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type * as z from "zod/mini";
import { METER_LIMITS } from "../catalogue/meter-limits.ts";
import { OPTIONS } from "./option-list.ts";
import type { Config, configSchema } from "./options.ts";
import type { Origin } from "./raw.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The broker if none is configured and there is no Supervisor to ask. */
const DEFAULT_SERVER = "mqtt://localhost:1883";

/** Whether we run under the Home Assistant Supervisor. */
export function underSupervisor(env: Environment): boolean {
  return (env.SUPERVISOR_TOKEN ?? "") !== "";
}

/** Whether we run in our container image, which sets RUN_AS (drop-privileges.ts). */
export function inImage(env: Environment): boolean {
  return (env.RUN_AS ?? "") !== "";
}

/** Where the program runs; the wording of advice depends on it. */
export function deploymentOf(env: Environment): "app" | "docker" | "host" {
  return underSupervisor(env) ? "app" : inImage(env) ? "docker" : "host";
}

/** Name of the device in the container (docker-compose.yml), whatever its name on the host. */
const DEVICE_IN_CONTAINER = "/dev/ttyUSB0";

/** The port as the user wrote it: docker-compose.yml maps the device to a fixed name and passes its own in DEVICE_ON_HOST. */
export function portAsTyped(port: string, deviceOnHost: string | undefined): string {
  return port === DEVICE_IN_CONTAINER && deviceOnHost ? deviceOnHost : port;
}

/**
 * Fills in the defaults that no layer set.
 * @param root prefix of absolute folders; for tests
 */
export function deriveDefaults(
  checked: z.output<typeof configSchema>,
  origins: Map<string, Origin>,
  env: Environment,
  root?: string,
): Config {
  const config = { ...checked, data_dir: checked.data_dir ?? defaultDataDir(env, root) };
  takeLoginFromServer(config, origins);
  if (config.mqtt.server === undefined && !underSupervisor(env)) config.mqtt.server = [DEFAULT_SERVER];
  if (underSupervisor(env) && !origins.has("http.enabled")) config.http.enabled = true;
  if ((underSupervisor(env) || inImage(env)) && !origins.has("http.host")) config.http.host = "0.0.0.0";
  return config;
}

/** Moves the login of `mqtt://user:password@host` to its own options, so that the URL holds no secret. All servers share one login, the first. */
function takeLoginFromServer(config: Config, origins: Map<string, Origin>): void {
  const origin = origins.get("mqtt.server");
  config.mqtt.server = config.mqtt.server?.map((address) => {
    const match = /^(\w+:\/\/)([^/@]*(?:@[^/@]*)*)@([^@]*)$/.exec(address);
    if (match === null) return address;
    const [, scheme = "", login = "", rest = ""] = match;
    const colon = login.indexOf(":");
    const parts = {
      user: decode(colon < 0 ? login : login.slice(0, colon)),
      password: colon < 0 ? "" : decode(login.slice(colon + 1)),
    };
    for (const name of ["user", "password"] as const) {
      if (config.mqtt[name] !== undefined || parts[name] === "") continue;
      config.mqtt[name] = parts[name];
      if (origin !== undefined) origins.set(`mqtt.${name}`, origin);
    }
    return `${scheme}${rest}`;
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The folder for persistent state if `data_dir` is not set. */
export function defaultDataDir(env: Environment, root = "/"): string {
  // systemd names several folders separated by colons; the first is ours.
  const systemd = env.STATE_DIRECTORY?.split(":")[0];
  if (systemd) return systemd;
  if (underSupervisor(env) || inImage(env)) return join(root, "data");
  const state = env.XDG_STATE_HOME;
  return state ? join(state, "kaifa2mqtt") : join(env.HOME || homedir(), ".local", "state", "kaifa2mqtt");
}

/** Warnings about values that are allowed but probably not intended. */
export function advice(config: Config): string[] {
  const warnings: string[] = [];
  for (const [index, meter] of config.meters.entries()) {
    if (meter.key !== undefined || meter.port.startsWith("simulator:")) continue;
    const path = config.meters.length === 1 ? "meter.key" : `meters[${index}].key`;
    warnings.push(`${path} is not set: only unencrypted telegrams can be read. Your grid operator provides the key.`);
  }
  if (config.mqtt.password !== undefined && config.mqtt.user === undefined) {
    warnings.push("mqtt.password is set, but mqtt.user is not: most brokers refuse that.");
  }
  const { ledger, powerPlots, statusPage, publicationHistory } = METER_LIMITS;
  const count = config.meters.length;
  const exceeded = [
    count > ledger ? `the ledger ${ledger}` : "",
    count > powerPlots && config.http.enabled ? `power plots ${powerPlots}` : "",
    count > statusPage && config.http.enabled ? `the status page ${statusPage}` : "",
    count > publicationHistory ? `the record of published meters ${publicationHistory}` : "",
  ].filter(Boolean);
  if (exceeded.length > 0) {
    warnings.push(
      `${count} meters: all of them are read and published, but some features have a limit: ${exceeded.join(", ")} (docs/scale.md).`,
    );
  }
  return warnings;
}

/** Warns about variables for a single meter if the file has several. */
export function ambiguousVariables(origins: ReadonlyMap<string, Origin>): string[] {
  return [...origins]
    .filter(([, { layer, file }]) => layer === "environment" && file?.startsWith("KAIFA2MQTT_METER_"))
    .map(
      ([path, { file }]) =>
        `${file} sets ${path} for the first of several meters (KAIFA2MQTT_METERS_0_… makes that explicit).`,
    );
}

/** Warns about files with secrets that are readable by every user. */
export function readableByAll(files: readonly string[], origins: ReadonlyMap<string, Origin>): string[] {
  const holders = new Set<string | null>();
  for (const row of OPTIONS.filter((option) => option.about.secret === true)) {
    for (const [path, origin] of origins) {
      if (path.replace(/\[\d+\]/g, ".[]") === row.path.join(".")) holders.add(origin.file);
    }
  }
  return files.flatMap((file) => {
    const mode = process.platform === "win32" ? 0 : (statSync(file, { throwIfNoEntry: false })?.mode ?? 0);
    const holds = [...holders].some((holder) => holder !== null && file.endsWith(holder.replace(/^(?:\.\.?\/)+/, "")));
    if ((mode & 0o004) === 0 || !holds) return [];
    return [
      `${file} contains a key or password and is readable by every user of this computer; run \`chmod 600 ${file}\` (or 640).`,
    ];
  });
}

/** Every secret value of a configuration. */
export function secretsOf(config: Config): string[] {
  const { mqtt, http, homeassistant } = config;
  const keys = config.meters.flatMap((meter) => [meter.key, meter.authentication_key]);
  // A path to a key file is not secret; PEM text is.
  const pem = mqtt.key?.includes("-----BEGIN") ? mqtt.key : undefined;
  return [...keys, mqtt.password, http.token, homeassistant.token, pem].filter(
    (secret) => secret !== undefined && secret !== "",
  ) as string[];
}
