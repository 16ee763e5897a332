/**
 * Generates the JSON Schema for editors, the example file and the reference tables of the documentation from the table
 * of options. `npm run docs` writes them to docs/; a test fails if the files there are out of date.
 */
import type * as z from "zod/mini";
import {
  about,
  allowedText,
  definition,
  displayPath,
  environmentName,
  OPTIONS,
  type OptionRow,
  rowAt,
  unwrap,
} from "./option-list.ts";
import type { About } from "./options/option.ts";
import { configSchema } from "./options.ts";
import { joinPath } from "./raw.ts";

export type Language = "en" | "de";

/** A key as people write it: hex digits with optional separators. */
const KEY_PATTERN = "^\\s*(?:0[xX])?(?:[0-9A-Fa-f][\\s:,;_-]*){32}$";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

interface Section {
  /** `meter`, `mqtt`, …; empty for top-level options. */
  readonly name: string;
  readonly about: About | null;
  readonly rows: readonly OptionRow[];
}

/** The sections in the order of the table. */
export function sections(): Section[] {
  const shape = definition(configSchema).shape ?? {};
  return Object.entries(shape).map(([name, schema]) => {
    const rows = OPTIONS.filter((row) => row.path[0] === name);
    const alone = rows.length === 1 && rows[0]?.path.length === 1;
    if (alone) return { name: "", about: null, rows };
    return { name: name === "meters" ? "meter" : name, about: about(schema) ?? null, rows };
  });
}

const nameOf = (row: OptionRow): string => row.path.at(-1) ?? "";

function propertyOf(row: OptionRow): Json {
  const { help } = row.about;
  const common = {
    title: row.about.title.en,
    description: row.about.unset === undefined ? help.en : `${help.en} Default: ${row.about.unset}.`,
    ...(row.default === null ? {} : { default: row.default }),
  };
  if (!row.many) return { ...common, ...singleValue(row, row.required) };
  const alone = singleValue(row, row.required);
  return { ...common, anyOf: [alone, { type: "array", items: singleValue(row, true) }] };
}

/** The schema of an option's value, without title and description. */
function singleValue(row: OptionRow, required: boolean): { readonly [key: string]: Json } {
  const { secret } = row.about;
  // An empty option counts as not set.
  const unset = required ? [] : ["null"];
  switch (row.type) {
    case "boolean":
      return { type: ["boolean", ...unset] };
    case "choice":
      return { enum: [...row.choices, ...(required ? [] : [null])] };
    case "number":
      return { type: [row.whole ? "integer" : "number", ...unset], minimum: row.least, maximum: row.most };
    case "text": {
      const isKey = secret === true && row.path[0] === "meters";
      const pattern = isKey ? KEY_PATTERN : row.pattern;
      const longest = row.longest === null ? {} : { maxLength: row.longest };
      // A key of 32 decimal digits, or a name that is a number, needs no quotes.
      const digits = isKey || pattern === null || new RegExp(pattern).test("12");
      return {
        type: ["string", ...(digits ? ["number"] : []), ...unset],
        ...(pattern === null ? {} : { pattern }),
        ...longest,
      };
    }
  }
}

/** A section or an option as JSON Schema. */
function schemaOf(schema: z.ZodMiniType, path: string): Json {
  const { shape, element } = definition(unwrap(schema));
  const said = about(schema);
  const row = rowAt(path);
  if (row !== undefined) return propertyOf(row);
  if (element !== undefined) {
    const item = schemaOf(element, `${path}[0]`);
    return { ...words(schema), anyOf: [{ type: "array", items: item }, item] };
  }
  const entries = Object.entries(shape ?? {});
  const required = entries.filter(([key]) => rowAt(joinPath(path, key))?.required === true).map(([key]) => key);
  const object = {
    ...words(schema),
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(entries.map(([key, child]) => [key, schemaOf(child, joinPath(path, key))])),
    ...(required.length === 0 ? {} : { required }),
  };
  return said?.shorthand === undefined ? object : { anyOf: [object, { const: said.shorthand }] };
}

/** JSON Schema of kaifa2mqtt.yaml (draft 7, which editors support). */
export function jsonSchema(): Json {
  const properties: Record<string, Json> = {};
  for (const [name, schema] of Object.entries(definition(configSchema).shape ?? {})) {
    const { element } = definition(unwrap(schema));
    if (name !== "meters" || element === undefined) properties[name] = schemaOf(schema, name);
    else {
      const meter = { ...(schemaOf(element, "meters[0]") as object), ...words(schema) };
      properties.meter = meter;
      properties.meters = {
        title: "Meters",
        description: "Several meters in one process, instead of `meter`.",
        type: "array",
        minItems: 1,
        items: meter,
      };
    }
  }
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of kaifa2mqtt",
    type: "object",
    additionalProperties: false,
    properties,
    not: { required: ["meter", "meters"] },
  };
}

function words(schema: z.ZodMiniType): { readonly title: string; readonly description: string } {
  const said = about(schema);
  return { title: said?.title.en ?? "", description: said?.help.en ?? "" };
}

function exampleOf(row: OptionRow): string {
  return row.about.example ?? (row.many ? `[${String(row.default ?? "")}]` : String(row.default ?? ""));
}

/** Options set in the example; all others are comments that show a value. */
const SHOWN = new Set(["meter.port", "meter.key", "mqtt.server"]);

/** An example of kaifa2mqtt.yaml with every option. Commented options show their default or a possible value. */
export function exampleYaml(): string {
  const lines = [
    "# yaml-language-server: $schema=./kaifa2mqtt.schema.json",
    "# Configuration of kaifa2mqtt, with every option. Only two are needed: the port, and the key from the grid operator.",
    "# `kaifa2mqtt check` reports errors, and where each value comes from.",
  ];
  for (const [name, schema] of Object.entries(definition(configSchema).shape ?? {})) {
    lines.push("");
    if (name === "meters") {
      const { element } = definition(unwrap(schema));
      lines.push(...exampleSection("meter", about(schema), element ?? schema, "meters[0]", ""));
    } else lines.push(...exampleEntry(name, schema, name, ""));
  }
  return `${lines.join("\n")}\n`;
}

/** An option, or a section with its options. */
function exampleEntry(name: string, schema: z.ZodMiniType, path: string, indent: string): string[] {
  const row = rowAt(path);
  if (row !== undefined) return exampleOption(row, indent);
  const { element } = definition(unwrap(schema));
  const said = about(schema);
  if (said?.exampleLines !== undefined) {
    const about = wrap(said.help.en, 108).map((line) => `${indent}# ${line}`);
    return [
      ...about,
      ...[`${name}:`, ...said.exampleLines.map((line) => `  ${line}`)].map((line) => `${indent}# ${line}`),
    ];
  }
  return exampleSection(name, said, element ?? schema, element === undefined ? path : `${path}[0]`, indent);
}

function exampleSection(
  name: string,
  said: About | undefined,
  schema: z.ZodMiniType,
  path: string,
  indent: string,
): string[] {
  const shape = Object.entries(definition(unwrap(schema)).shape ?? {});
  const shown = OPTIONS.some((row) => SHOWN.has(displayPath(row)) && displayPath(row).startsWith(`${name}.`));
  const children = shape.flatMap(([key, child]) => exampleEntry(key, child, joinPath(path, key), `${indent}  `));
  return [`${indent}# ${said?.help.en ?? ""}`, `${indent}${shown ? "" : "# "}${name}:`, ...children];
}

function exampleOption(row: OptionRow, indent: string): string[] {
  const mark = SHOWN.has(displayPath(row)) ? "" : "# ";
  const lines = wrap(row.about.help.en, 108).map((line) => `${indent}# ${line}`);
  const value = exampleOf(row);
  const plain =
    row.many || row.type !== "text" || /^(?:!secret )?[A-Za-z/][\w/.:+ -]*$/.test(value) || /^".*"$/.test(value);
  const note = row.default !== null ? "default" : row.about.unset === undefined ? "" : `unset: ${row.about.unset}`;
  const text = `${indent}${mark}${nameOf(row)}: ${plain ? value : JSON.stringify(value)}`;
  return [...lines, note === "" || mark === "" ? text : `${text}  # ${note}`];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const WORDS = {
  en: { head: ["Option", "Default", "Allowed", "Meaning"], secret: "Secret.", required: "required" },
  de: { head: ["Option", "Voreinstellung", "Erlaubt", "Bedeutung"], secret: "Geheim.", required: "notwendig" },
} as const;

/** The reference: a table for each section, with the name of each environment variable. */
export function referenceMarkdown(language: Language): string {
  const words = WORDS[language];
  const blocks = sections().map((section) => {
    const heading = section.name === "" ? `### \`${section.rows[0]?.path[0]}\`` : `### \`${section.name}\``;
    const intro = section.about === null ? [] : [section.about.help[language], ""];
    const rows = section.rows.map((row) => {
      const fallback = row.required ? words.required : defaultText(row);
      const secret = row.about.secret === true ? ` ${words.secret}` : "";
      const meaning = `${row.about.help[language]}${secret}`;
      const names = `\`${displayPath(row)}\`<br>\`${environmentName(row)}\``;
      return `| ${[names, fallback, cell(allowedText(row)), cell(meaning)].join(" | ")} |`;
    });
    const rule = `| ${words.head.map(() => "---").join(" | ")} |`;
    return [heading, "", ...intro, `| ${words.head.join(" | ")} |`, rule, ...rows].join("\n");
  });
  return `${blocks.join("\n\n")}\n`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function defaultText(row: OptionRow): string {
  if (row.about.unset !== undefined) return cell(row.about.unset);
  return row.default === null ? "" : `\`${Array.isArray(row.default) ? row.default.join(", ") : row.default}\``;
}

const BEGIN = "<!-- Generated from src/config/options.ts by `npm run docs`. -->";
const END = "<!-- Up to here. -->";

/** A document with its generated part replaced. */
export function withReference(document: string, language: Language): string {
  const [head = "", rest = ""] = document.split(BEGIN);
  const [, tail = ""] = rest.split(END);
  return `${head}${BEGIN}\n\n${referenceMarkdown(language)}\n${END}${tail}`;
}
