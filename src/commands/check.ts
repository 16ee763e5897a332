/**
 * `kaifa2mqtt check`: the effective configuration as `run` would use it, secrets masked, each value with its origin.
 * What it prints is YAML again, but for the secrets.
 */
import type { Loaded } from "../config/load.ts";
import { OPTIONS, type OptionRow } from "../config/option-list.ts";
import { formatOrigin, NOWHERE } from "../config/raw.ts";
import type { CommandContext } from "./command.ts";
import { readSettings } from "./settings.ts";

/** Exit code 0; a ConfigError (78) is explained by `main.ts`. */
export async function command(context: CommandContext): Promise<number> {
  const loaded = await readSettings(context);
  context.stdout.write(context.options.json === true ? jsonReport(loaded) : textReport(loaded));
  if (context.options.json !== true) {
    for (const warning of loaded.warnings) context.stderr.write(`warning: ${warning}\n`);
  }
  return 0;
}

interface Entry {
  /** `meters[0].key` */
  readonly path: string;
  readonly row: OptionRow;
  readonly value: string | number | boolean | null;
  readonly origin: string;
}

/** Every option with its value, in the order of the schema; options without a value come as `null`. */
function entries(loaded: Loaded): Entry[] {
  const { config, origins, hidden } = loaded;
  const result: Entry[] = [];
  const add = (row: OptionRow, path: string, holder: unknown) => {
    const found = (holder as Record<string, string | number | boolean | undefined>)[row.path.at(-1) ?? ""];
    const masked = found !== undefined && (row.about.secret === true || hidden.has(path));
    const value = masked ? "***" : (found ?? null);
    result.push({ path, row, value, origin: formatOrigin(origins.get(path) ?? NOWHERE) });
  };
  const meterRows = OPTIONS.filter((row) => row.path[0] === "meters");
  for (const [index, meter] of config.meters.entries()) {
    for (const row of meterRows) add(row, `meters[${index}].${row.path.at(-1)}`, meter);
  }
  for (const row of OPTIONS.filter((option) => option.path[0] !== "meters")) {
    const section = row.path.length === 1 ? config : (config as unknown as Record<string, unknown>)[row.path[0] ?? ""];
    add(row, row.path.join("."), section);
  }
  return result;
}

function textReport(loaded: Loaded): string {
  const source = loaded.file === null ? "environment only, no file" : loaded.file;
  const lines: { text: string; origin: string }[] = [];
  const heading = (text: string) => lines.push({ text, origin: "" });
  let section = "";
  for (const { path, row, value, origin } of entries(loaded)) {
    const index = /^meters\[(\d+)\]/.exec(path)?.[1];
    const here = index ?? (row.path.length > 1 ? (row.path[0] ?? "") : "");
    const begins = here !== section;
    section = here;
    if (begins && index === "0") heading("meters:");
    if (begins && index === undefined && here !== "") heading(`${here}:`);
    const indent = index === undefined ? (here === "" ? "" : "  ") : begins ? "  - " : "    ";
    // A missing option is shown as a comment, so that the output remains a configuration.
    const name = row.path.at(-1) ?? "";
    if (value !== null) lines.push({ text: `${indent}${name}: ${yamlScalar(value)}`, origin });
    else if (path === "mqtt.server") heading(`${indent}# server: the Supervisor is asked for it`);
    else if (begins) lines.push({ text: `${indent}{}`, origin: "" });
  }
  const width = Math.min(64, Math.max(...lines.map((line) => line.text.length)));
  const body = lines.map(({ text, origin }) => (origin === "" ? text : `${text.padEnd(width)}  # ${origin}`));
  return `# kaifa2mqtt: effective configuration (${source})\n${body.join("\n")}\n`;
}

/** A scalar as YAML writes it: quoted where a plain one would be read as something else. */
export function yamlScalar(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  const plain = /^[A-Za-z/.][\w/.:+@-]*$/.test(value) && !/:$/.test(value);
  const special = /^(?:true|false|yes|no|on|off|null|y|n)$/i.test(value) || /^\.?(?:inf|nan)$/i.test(value);
  return plain && !special ? value : JSON.stringify(value);
}

function jsonReport(loaded: Loaded): string {
  const values = entries(loaded)
    .filter(({ value }) => value !== null)
    .map(({ path, value, origin }) => ({ path, value, origin }));
  return `${JSON.stringify({ file: loaded.file, values, warnings: loaded.warnings }, null, 2)}\n`;
}
