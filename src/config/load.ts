/**
 * The configuration from all its layers: defaults < file (YAML, the app's options.json or the predecessor's
 * meter.json) < environment < flags. Each value keeps its origin, and all faults are reported together. Reads only, writes nothing.
 */
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import type * as z from "zod/mini";
import { joinMeters, joinOutputs, OPTIONS_JSON } from "./addon-options.ts";
import { ConfigError, type ConfigFault } from "./config-error.ts";
import {
  advice,
  ambiguousVariables,
  deriveDefaults,
  readableByAll,
  secretsOf,
  underSupervisor,
} from "./derive-defaults.ts";
import { overlayEnvironment } from "./environment.ts";
import { listFaults, listNotes } from "./list-faults.ts";
import { importMeterJson, isMeterJson } from "./meter-json.ts";
import { unencodedLogin } from "./misplaced-secret.ts";
import { definition, unwrap, valueOfList } from "./option-list.ts";
import { type Config, configSchema } from "./options.ts";
import { outputMeterFaults } from "./output-meters.ts";
import { emptyMap, isUnset, type Origin, put, type Raw, type RawMap } from "./raw.ts";
import { fileLabel } from "./read-text.ts";
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
  /** Warnings for the user, one sentence each. */
  readonly warnings: readonly string[];
  /** Every secret value, so that the logger can mask it. */
  readonly secrets: readonly string[];
}

/** @throws ConfigError with every fault. */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const { env } = options;
  const found = findFile(options);
  const faults: ConfigFault[] = [];
  const warnings: string[] = [];
  let root = emptyMap();
  const files: string[] = [];
  let legacy = false;
  let cut = false;
  if (found.file !== null) {
    // Imported only if there is a file: a container configured by its environment alone does not need the parser.
    const { parseYamlFile } = await import("./yaml-file.ts");
    const parsed = parseYamlFile(found.file, found.label);
    cut = parsed.cut;
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
  // If the file could not be read, missing options cannot be judged.
  const readable = faults.length === 0 || root.entries.size > 0;
  if (found.label === OPTIONS_JSON) {
    joinMeters(root);
    joinOutputs(root);
  }
  faults.push(...listMeters(root));
  const fileMeters = root.entries.get("meters");
  wrapSingles(configSchema, root);
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
  const isNew = (fault: ConfigFault) => !known.has(`${fault.line} ${fault.path}`);
  // If a limit cut the file short, only unknown names are certain faults: a missing value may follow after the cut.
  const isCertain = (fault: ConfigFault) => !cut || fault.found.startsWith("the unknown name");
  if (readable) faults.push(...validated.faults.filter((fault) => isNew(fault) && isCertain(fault)));
  if (!cut) faults.push(...duplicateMeters(root), ...outputMeterFaults(root), ...newFaults(listFaults(root), faults));
  if (faults.length > 0 || validated.config === null) throw new ConfigError(inOrder(faults));

  const { origins } = validated;
  warnings.push(...(validated.config.mqtt.server ?? []).flatMap(unencodedLogin));
  const config = deriveDefaults(validated.config, origins, env, options.root);
  if (fileMeters?.kind === "list" && fileMeters.items.length > 1) warnings.push(...ambiguousVariables(origins));
  warnings.push(...listNotes(config.lists), ...advice(config), ...readableByAll(files, origins));
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

/** The file installed by the Debian package. */
const PACKAGED = "/etc/kaifa2mqtt/kaifa2mqtt.yaml";

/** The first existing file in the search order (product.md). */
function findFile(options: LoadOptions): { file: string | null; label: string; tried: string[] } {
  const { env, cwd, root = "/" } = options;
  const named = options.file ?? (env.KAIFA2MQTT_CONFIG || undefined);
  if (named !== undefined) {
    const file = resolve(cwd, named);
    return { file, label: fileLabel(file, named), tried: [] };
  }
  const candidates = [
    ...(underSupervisor(env) ? [OPTIONS_JSON] : []),
    "/config/kaifa2mqtt.yaml",
    "./kaifa2mqtt.yaml",
    PACKAGED,
    "/etc/kaifareader/meter.json",
  ];
  const tried: string[] = [];
  for (const label of candidates) {
    const file = isAbsolute(label) ? join(root, relative("/", label)) : resolve(cwd, label);
    const empty = label === PACKAGED && isEmpty(file);
    if (existsSync(file) && !empty) return { file, label: label.replace(/^\.\//, ""), tried: [] };
    tried.push(empty ? `${label}, which contains only comments` : label);
  }
  return { file: null, label: "", tried };
}

/** Whether a file holds only comments, like the Debian package's file before it is edited. Such a file is skipped. */
function isEmpty(file: string): boolean {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .every((line) => /^\s*(?:#.*)?$/.test(line));
  } catch {
    return false;
  }
}

/** Turns `meter:` into a list of one, so that the code below only knows `meters`. */
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

/** Turns a single section into a list of one where a list of sections is allowed (except `meters`, which has `meter`). */
function wrapSingles(schema: z.ZodMiniType, node: Raw | undefined): void {
  const { shape } = definition(unwrap(schema));
  if (shape === undefined || node?.kind !== "map") return;
  for (const [name, child] of Object.entries(shape)) {
    const found = node.entries.get(name);
    const isList = definition(unwrap(child)).element !== undefined && valueOfList(child) === null;
    if (name !== "meters" && isList && found?.kind === "map") {
      node.entries.set(name, { kind: "list", items: [found], origin: found.origin, path: found.path });
    } else wrapSingles(child, found);
  }
}

/** Whether a higher layer names a broker: a meter.json with SOLARVIEW disables MQTT unless one does. */
function namesServerBeyondFile(root: RawMap): boolean {
  const mqtt = root.entries.get("mqtt");
  const server = mqtt?.kind === "map" ? mqtt.entries.get("server") : undefined;
  return server !== undefined && server.origin.layer !== "file";
}

function removeDisabled(root: RawMap): void {
  const mqtt = root.entries.get("mqtt");
  if (mqtt?.kind === "map" && mqtt.entries.get("enabled")?.origin.layer === "file") mqtt.entries.delete("enabled");
}

/** Two meters on one port would take each other's bytes; two with the same id would overwrite each other's values. */
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
      else
        faults.push(sameValueFault(first, node, `${name === "id" ? "an id" : `a ${name}`} of its own for each meter`));
    }
  }
  return faults;
}

/** Drops faults at places that already have one: consequences of a fault are not reported. */
function newFaults(faults: readonly ConfigFault[], known: readonly ConfigFault[]): ConfigFault[] {
  return faults.filter(({ path }) => !known.some((other) => other.path.startsWith(path) && other.path !== ""));
}
