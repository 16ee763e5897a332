/** `kaifa2mqtt migrate meter.json`: prints the equivalent kaifa2mqtt.yaml. */
import { resolve } from "node:path";
import { ConfigError, type ConfigFault } from "../config/config-error.ts";
import { importMeterJson, isMeterJson } from "../config/meter-json.ts";
import { OPTIONS, type OptionRow } from "../config/option-list.ts";
import type { Raw, RawMap, RawScalar } from "../config/raw.ts";
import { fileLabel } from "../config/read-text.ts";
import { validate } from "../config/validate.ts";
import { parseYamlFile } from "../config/yaml-file.ts";
import { yamlScalar } from "./check.ts";
import { type CommandContext, UsageError } from "./command.ts";

/** @throws ConfigError if the file cannot be read or has faults */
export async function command(context: CommandContext): Promise<number> {
  const [typed] = context.args;
  if (typed === undefined) throw new UsageError("migrate needs the path of kaifareader's meter.json");
  const file = resolve(context.cwd, typed);
  const label = fileLabel(file, typed);
  const { root, faults } = parseYamlFile(file, label);
  if (faults.length > 0) throw new ConfigError(faults);
  if (!isMeterJson(root)) throw new ConfigError([notMeterJson(label)]);
  const imported = importMeterJson(root);
  const validated = validate(imported.root);
  const all = [...imported.faults, ...validated.faults];
  if (all.length > 0) throw new ConfigError(all);
  context.stdout.write(toYaml(imported.root, label, imported.notes));
  return 0;
}

function notMeterJson(label: string): ConfigFault {
  const found = "a file without any key of kaifareader";
  return {
    file: label,
    line: null,
    path: "",
    found,
    allowed: "kaifareader's meter.json (key_hex_string, loglevel, …)",
  };
}

function toYaml(root: RawMap, label: string, notes: readonly string[]): string {
  const lines = [`# kaifa2mqtt.yaml, made from ${label} by kaifa2mqtt migrate.`, ...notes.map((note) => `# ${note}`)];
  let section = "";
  for (const row of OPTIONS) {
    const node = at(root, row);
    if (node === null) continue;
    const name = row.path[0] === "meters" ? "meter" : (row.path[0] ?? "");
    if (name !== section) lines.push("", `${name}:`);
    section = name;
    const value = row.type === "text" ? yamlScalar(node.text.trim()) : node.text.trim();
    lines.push(`  ${row.path.at(-1)}: ${value}  # was ${node.path}`);
  }
  return `${lines.join("\n")}\n`;
}

function at(root: RawMap, row: OptionRow): RawScalar | null {
  let node: Raw | undefined = root;
  for (const key of row.path) {
    if (node?.kind === "list") node = node.items[0];
    else if (node?.kind === "map") node = node.entries.get(key);
  }
  return node?.kind === "scalar" ? node : null;
}
