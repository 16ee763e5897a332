/**
 * The configuration from all its layers: defaults < file (YAML, the add-on's options.json or the predecessor's
 * meter.json) < environment < flags. Each value remembers its origin; every fault is found in one go. Nothing is written.
 */
import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import { joinMeters, OPTIONS_JSON } from "./addon-options.ts";
import { ConfigError, type ConfigFault } from "./config-error.ts";
import { overlayEnvironment } from "./environment.ts";
import { importMeterJson, isMeterJson } from "./meter-json.ts";
import { OPTIONS } from "./option-list.ts";
import type { Config } from "./options.ts";
import { emptyMap, isUnset, type Origin, put, type Raw, type RawMap } from "./raw.ts";
import { sameValueFault, validate } from "./validate.ts";

export interface LoadOptions {
  /** `--config`; must exist. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Values from the command line, above all layers: path in the configuration, value, and the flag's name. */
  readonly flags?: readonly {
    readonly path: readonly (string | number)[];
    readonly value: string;
    readonly flag: string;
  }[];
  /** Where the absolute folders of the search order begin; for tests. */
  readonly root?: string;
}

export interface Loaded {
  readonly config: Config;
  /** The file that was read, as named in messages; `null` with the environment alone. */
  readonly file: string | null;
  /** Where each value comes from, by its path in the configuration (`meters[0].key`); what is missing here is a default. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Paths whose values came from secrets.yaml or a `_FILE` and are not to be shown (besides options that are secrets). */
  readonly hidden: ReadonlySet<string>;
  /** What should be told to the user, a sentence each. */
  readonly warnings: readonly string[];
  /** Every secret value, for the logger to hide. */
  readonly secrets: readonly string[];
}

/** Default broker where none is named and no Supervisor can be asked. */
export const DEFAULT_SERVER = "mqtt://localhost:1883";

/** @throws ConfigError with every fault. */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const { env } = options;
  const found = findFile(options);
  const faults: ConfigFault[] = [];
  const warnings: string[] = [];
  let root = emptyMap();
  const files: string[] = [];
  let legacy = false;
  if (found.file !== null) {
    // Loaded only where there is a file: a container that is steered by its environment does without.
    const { parseYamlFile } = await import("./yaml-file.ts");
    const parsed = parseYamlFile(found.file, found.label);
    files.push(found.file, ...parsed.secretFiles);
    faults.push(...parsed.faults);
    root = parsed.root;
    legacy = isMeterJson(root);
    if (legacy) {
      const imported = importMeterJson(root);
      root = imported.root;
      faults.push(...imported.faults);
      warnings.push(...imported.notes.map((note) => `${found.label}: ${note}`));
    }
  }
  // A file that could not be read says nothing of what is missing in it.
  const readable = faults.length === 0 || root.entries.size > 0;
  if (found.label === OPTIONS_JSON) joinMeters(root);
  faults.push(...listMeters(root));
  const fileMeters = root.entries.get("meters");
  overlayEnvironment(root, env, faults, warnings);
  for (const { path, value, flag } of options.flags ?? []) {
    const origin = { layer: "flag" as const, file: flag, line: null };
    put(root, path, { kind: "scalar", text: value, origin, path: path.join(".").replace(/\.(\d+)\./g, "[$1].") });
  }
  if (legacy && namesServerBeyondFile(root)) removeDisabled(root);
  if (root.entries.size === 0 && found.file === null) {
    throw new ConfigError([
      {
        file: null,
        line: null,
        path: "",
        found: `no configuration (looked for ${found.tried.join(", ")})`,
        allowed:
          "one of these files with `meter:` and its `port` and `key`, or KAIFA2MQTT_METER_PORT and KAIFA2MQTT_METER_KEY",
      },
    ]);
  }
  const validated = validate(root);
  const known = new Set(faults.map((fault) => `${fault.line} ${fault.path}`));
  if (readable) faults.push(...validated.faults.filter((fault) => !known.has(`${fault.line} ${fault.path}`)));
  faults.push(...duplicateMeters(root));
  if (faults.length > 0 || validated.config === null) throw new ConfigError(inOrder(faults));

  const config = { ...validated.config, data_dir: validated.config.data_dir ?? defaultDataDir(env, options.root) };
  const origins = validated.origins;
  takeLoginFromServer(config, origins);
  if (config.mqtt.server === undefined && !underSupervisor(env)) config.mqtt.server = DEFAULT_SERVER;
  if (underSupervisor(env) && !origins.has("http.enabled")) config.http.enabled = true;
  if ((underSupervisor(env) || inImage(env)) && !origins.has("http.host")) config.http.host = "0.0.0.0";
  if (fileMeters?.kind === "list" && fileMeters.items.length > 1) {
    for (const [path, origin] of origins) {
      if (origin.layer === "environment" && /^KAIFA2MQTT_METER_/.test(origin.file ?? "")) {
        warnings.push(
          `${origin.file} sets ${path}: of several meters the first (KAIFA2MQTT_METERS_0_… says so plainly).`,
        );
      }
    }
  }
  for (const [index, meter] of config.meters.entries()) {
    if (meter.key === undefined && !meter.port.startsWith("simulator:")) {
      const path = config.meters.length === 1 ? "meter.key" : `meters[${index}].key`;
      warnings.push(
        `${path} is not set: only telegrams that are not encrypted can be read. The grid operator hands out the key.`,
      );
    }
  }
  if (config.mqtt.password !== undefined && config.mqtt.user === undefined) {
    warnings.push("mqtt.password is set, but mqtt.user is not: most brokers hang up on that.");
  }
  warnings.push(...readableByAll(files, origins));
  return {
    config,
    file: found.file === null ? null : found.label,
    origins,
    hidden: validated.hidden,
    warnings,
    secrets: secretsOf(config),
  };
}

/** File by file, from top to bottom. */
function inOrder(faults: readonly ConfigFault[]): ConfigFault[] {
  const files = [...new Set(faults.map((fault) => fault.file))];
  return files.flatMap((file) =>
    faults.filter((fault) => fault.file === file).sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  );
}

/** Whether the Home Assistant Supervisor runs us. */
export function underSupervisor(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env.SUPERVISOR_TOKEN ?? "") !== "";
}

/** Whether this is our container image, which sets RUN_AS (step-down.ts). */
function inImage(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env.RUN_AS ?? "") !== "";
}

/** The first of the search order that exists (product.md). */
function findFile(options: LoadOptions): { file: string | null; label: string; tried: string[] } {
  const { env, cwd, root = "/" } = options;
  const named = options.file ?? (env.KAIFA2MQTT_CONFIG || undefined);
  if (named !== undefined) return { file: resolve(cwd, named), label: named, tried: [] };
  const candidates = [
    ...(underSupervisor(env) ? [OPTIONS_JSON] : []),
    "/config/kaifa2mqtt.yaml",
    "./kaifa2mqtt.yaml",
    "/etc/kaifa2mqtt/kaifa2mqtt.yaml",
    "/etc/kaifareader/meter.json",
  ];
  for (const label of candidates) {
    const file = isAbsolute(label) ? join(root, relative("/", label)) : resolve(cwd, label);
    if (existsSync(file)) return { file, label: label.replace(/^\.\//, ""), tried: [] };
  }
  return { file: null, label: "", tried: candidates };
}

/** `meter:` is a list of one; from here on there is only `meters`. */
function listMeters(root: RawMap): ConfigFault[] {
  const one = root.entries.get("meter");
  const many = root.entries.get("meters");
  if (one === undefined) {
    if (many !== undefined && isUnset(many)) root.entries.delete("meters");
    return [];
  }
  root.entries.delete("meter");
  if (many !== undefined && !isUnset(many)) {
    const found = "`meter` as well as `meters`";
    return [{ file: one.origin.file, line: one.origin.line, path: "meter", found, allowed: "one of the two" }];
  }
  if (one.kind === "list") {
    const found = "a list";
    const allowed = "a section with port and key (`meters:` takes a list)";
    return [{ file: one.origin.file, line: one.origin.line, path: "meter", found, allowed }];
  }
  if (isUnset(one)) root.entries.delete("meters");
  else root.entries.set("meters", { kind: "list", items: [one], origin: one.origin, path: "meters" });
  return [];
}

/** A meter.json with SOLARVIEW switches MQTT off, unless a higher layer names a broker. */
function namesServerBeyondFile(root: RawMap): boolean {
  const mqtt = root.entries.get("mqtt");
  const server = mqtt?.kind === "map" ? mqtt.entries.get("server") : undefined;
  return server !== undefined && server.origin.layer !== "file";
}

function removeDisabled(root: RawMap): void {
  const mqtt = root.entries.get("mqtt");
  if (mqtt?.kind === "map" && mqtt.entries.get("enabled")?.origin.layer === "file") mqtt.entries.delete("enabled");
}

/** Two meters at one port would steal each other's bytes; two with one id would overwrite each other's values. */
function duplicateMeters(root: RawMap): ConfigFault[] {
  const list = root.entries.get("meters");
  if (list?.kind !== "list") return [];
  const faults: ConfigFault[] = [];
  for (const name of ["port", "id"]) {
    const seen = new Map<string, Raw>();
    for (const meter of list.items) {
      const node = meter.kind === "map" ? meter.entries.get(name) : undefined;
      if (node?.kind !== "scalar" || isUnset(node)) continue;
      const text = node.text.trim();
      if (name === "port" && /^(?:simulator|file):/.test(text)) continue;
      const first = seen.get(text);
      if (first === undefined) seen.set(text, node);
      else faults.push(sameValueFault(first, node, `a ${name} of its own for each meter`));
    }
  }
  return faults;
}

/** `mqtt://user:password@host` is split, so that the address holds no secret. */
function takeLoginFromServer(config: Config, origins: Map<string, Origin>): void {
  const match = /^(\w+:\/\/)([^/@]*(?:@[^/@]*)*)@([^@]*)$/.exec(config.mqtt.server ?? "");
  if (match === null) return;
  const [, scheme = "", login = "", rest = ""] = match;
  config.mqtt.server = `${scheme}${rest}`;
  const origin = origins.get("mqtt.server");
  const colon = login.indexOf(":");
  const decode = (text: string) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  const parts = {
    user: decode(colon < 0 ? login : login.slice(0, colon)),
    password: colon < 0 ? "" : decode(login.slice(colon + 1)),
  };
  for (const name of ["user", "password"] as const) {
    if (config.mqtt[name] !== undefined || parts[name] === "") continue;
    config.mqtt[name] = parts[name];
    if (origin !== undefined) origins.set(`mqtt.${name}`, origin);
  }
}

/** Where is kept what must be remembered, if `data_dir` does not say. */
export function defaultDataDir(env: Readonly<Record<string, string | undefined>>, root = "/"): string {
  // systemd names several folders separated by colons; the first is ours.
  const systemd = env.STATE_DIRECTORY?.split(":")[0];
  if (systemd) return systemd;
  if (underSupervisor(env) || inImage(env)) return join(root, "data");
  const state = env.XDG_STATE_HOME;
  return state ? join(state, "kaifa2mqtt") : join(env.HOME || homedir(), ".local", "state", "kaifa2mqtt");
}

/** Files with a secret that every user of the computer may read. */
function readableByAll(files: readonly string[], origins: ReadonlyMap<string, Origin>): string[] {
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
      `${file} holds a key or password and every user of this computer may read it; \`chmod 600 ${file}\` (or 640) ends that.`,
    ];
  });
}

/** Every secret value of a configuration. */
export function secretsOf(config: Config): string[] {
  const { mqtt, http } = config;
  const keys = config.meters.flatMap((meter) => [meter.key, meter.authentication_key]);
  // A path to a key file is no secret, the PEM text is.
  const pem = mqtt.key?.includes("-----BEGIN") ? mqtt.key : undefined;
  return [...keys, mqtt.password, http.token, pem].filter(
    (secret) => secret !== undefined && secret !== "",
  ) as string[];
}
