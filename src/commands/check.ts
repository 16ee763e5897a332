/**
 * `kaifa2mqtt check`: the effective configuration as `run` would use it, secrets masked, each value with its origin.
 * The output is valid YAML, except for the masked secrets.
 */
import type { Loaded } from "../config/load.ts";
import { type OptionRow, type OptionValue, placedOptions } from "../config/option-list.ts";
import { formatOrigin, NOWHERE } from "../config/raw.ts";
import { mask } from "../log/redact.ts";
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

/** The effective configuration for the status page: every value with its origin, secrets masked. */
export function settingsOf(loaded: Loaded): {
  file: string | null;
  values: { path: string; value: string; origin: string }[];
} {
  const values = entries(loaded).flatMap(({ path, value, origin }) =>
    value === null ? [] : [{ path, value: String(value), origin }],
  );
  return { file: loaded.file, values };
}

interface Entry {
  /** `meters[0].key` */
  readonly path: string;
  readonly row: OptionRow;
  readonly value: OptionValue | null;
  readonly origin: string;
}

/** Every option with its value, in the order of the table; `null` if it has none. */
function entries({ config, origins, hidden }: Loaded): Entry[] {
  return placedOptions(config).map(({ row, path, value: found }) => {
    const masked = found !== undefined && (row.about.secret === true || hidden.has(path));
    const value = masked ? "***" : (shown(found) ?? null);
    return { path, row, value, origin: formatOrigin(origins.get(path) ?? NOWHERE) };
  });
}

/** A value with possible secrets masked, such as a token in a URL. */
function shown(value: OptionValue | undefined): OptionValue | undefined {
  if (typeof value === "string") return mask(value);
  return typeof value === "object" ? value.map((item) => (typeof item === "string" ? mask(item) : item)) : value;
}

function textReport(loaded: Loaded): string {
  const source = loaded.file === null ? "environment only, no file" : loaded.file;
  const lines: { text: string; origin: string }[] = [];
  // Sections currently open: `meters`, `[0]`.
  let open: readonly string[] = [];
  for (const { path, value, origin } of entries(loaded)) {
    const steps = path.match(/\[\d+\]|[^.[\]]+/g) ?? [];
    const name = steps.at(-1) ?? "";
    const sections = steps.slice(0, -1);
    const same = sections.findIndex((step, depth) => step !== open[depth]);
    if (value === null && path !== "mqtt.server") continue;
    let dash = "";
    for (const [depth, step] of sections.entries()) {
      if (same < 0 || depth < same) continue;
      if (step.startsWith("[")) dash = "- ";
      else {
        lines.push({ text: `${indentOf(sections.slice(0, depth), dash)}${step}:`, origin: "" });
        dash = "";
      }
    }
    open = sections;
    const indent = indentOf(sections, dash);
    // A missing option is printed as a comment, so that the output stays a valid configuration.
    if (value !== null) lines.push({ text: `${indent}${name}: ${yamlValue(value)}`, origin });
    else lines.push({ text: `${indent}# server: provided by the Supervisor`, origin: "" });
  }
  const width = Math.min(64, Math.max(...lines.map((line) => line.text.length)));
  const body = lines.map(({ text, origin }) => (origin === "" ? text : `${text.padEnd(width)}  # ${origin}`));
  return `# kaifa2mqtt: effective configuration (${source})\n${body.join("\n")}\n`;
}

/** Two spaces per level; the first line of a list item starts with its dash. */
function indentOf(sections: readonly string[], dash: string): string {
  const blanks = "  ".repeat(sections.length);
  return dash === "" ? blanks : `${blanks.slice(dash.length)}${dash}`;
}

function yamlValue(value: OptionValue): string {
  const plain = alone(value);
  return typeof plain === "object" ? `[${plain.map(yamlScalar).join(", ")}]` : yamlScalar(plain);
}

/** A list of one value as the value itself, which is allowed in the file. */
function alone(value: OptionValue): OptionValue {
  return typeof value === "object" && value.length === 1 && value[0] !== undefined ? value[0] : value;
}

/** A scalar in YAML, quoted if a plain one would be parsed as something else. */
export function yamlScalar(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  const plain = /^[A-Za-z/.][\w/.:+@-]*$/.test(value) && !/:$/.test(value);
  const special = /^(?:true|false|yes|no|on|off|null|y|n)$/i.test(value) || /^\.?(?:inf|nan)$/i.test(value);
  return plain && !special ? value : JSON.stringify(value);
}

function jsonReport(loaded: Loaded): string {
  const values = entries(loaded)
    .filter(({ value }) => value !== null)
    .map(({ path, value, origin }) => ({ path, value: value === null ? null : alone(value), origin }));
  return `${JSON.stringify({ file: loaded.file, values, warnings: loaded.warnings }, null, 2)}\n`;
}
