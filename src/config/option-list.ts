/** The options as a flat list, read from the schema: for environment variables, messages, `check` and documentation. */
import type * as z from "zod/mini";
import { ABOUT, type About } from "./options/option.ts";
import { configSchema } from "./options.ts";

type Scalar = string | number | boolean;
/** The value of an option. */
export type OptionValue = Scalar | readonly Scalar[];
export type OptionType = "text" | "number" | "boolean" | "choice";

/** One option. */
export interface OptionRow {
  /** Path in the configuration; the index of a list of sections is `[]`: `["meters", "[]", "key"]`, `["mqtt", "server"]`. */
  readonly path: readonly string[];
  /** Type of the value, or of each value in a list. */
  readonly type: OptionType;
  /** Whether it is a list of values. A single value is a list of one; a text may hold several, separated by commas or blanks. */
  readonly many: boolean;
  readonly choices: readonly string[];
  /** Limits of a number. */
  readonly least: number | null;
  readonly most: number | null;
  readonly whole: boolean;
  /** Maximum length of a text, in characters. */
  readonly longest: number | null;
  /** Regular expression that a text must match, if any. */
  readonly pattern: string | null;
  readonly default: OptionValue | null;
  readonly required: boolean;
  readonly about: About;
}

type Definition = {
  readonly type: string;
  readonly innerType?: z.ZodMiniType;
  readonly element?: z.ZodMiniType;
  readonly shape?: Readonly<Record<string, z.ZodMiniType>>;
  readonly entries?: Readonly<Record<string, string>>;
  readonly defaultValue?: unknown;
  readonly format?: string;
  readonly checks?: readonly { readonly _zod: { readonly def: unknown } }[];
};

/** The definition behind a zod schema. */
export function definition(schema: z.ZodMiniType): Definition {
  return schema._zod.def as unknown as Definition;
}

/** The schema without its wrappers (optional, default, prefault). */
export function unwrap(schema: z.ZodMiniType): z.ZodMiniType {
  const inner = definition(schema).innerType;
  return inner === undefined ? schema : unwrap(inner);
}

/** The description attached to a schema or to one of its wrappers. */
export function about(schema: z.ZodMiniType): About | undefined {
  const inner = definition(schema).innerType;
  return ABOUT.get(schema) ?? (inner === undefined ? undefined : about(inner));
}

function isOptional(schema: z.ZodMiniType): boolean {
  return ["optional", "default", "prefault"].includes(definition(schema).type);
}

function defaultOf(schema: z.ZodMiniType): OptionValue | null {
  const { type, defaultValue } = definition(schema);
  return type === "default" ? (defaultValue as OptionValue) : null;
}

/** The schema of the values of a list of values; `null` for a list of sections and everything else. */
export function valueOfList(schema: z.ZodMiniType): z.ZodMiniType | null {
  const { element } = definition(unwrap(schema));
  if (element === undefined) return null;
  const value = unwrap(element);
  return definition(value).shape === undefined ? value : null;
}

function limit(schema: z.ZodMiniType, check: "greater_than" | "less_than" | "max_length"): number | null {
  for (const { _zod } of definition(schema).checks ?? []) {
    const found = _zod.def as { check: string; value?: number; maximum?: number };
    if (found.check === check) return found.value ?? found.maximum ?? null;
  }
  return null;
}

function patternOf(schema: z.ZodMiniType): string | null {
  for (const { _zod } of definition(schema).checks ?? []) {
    const found = _zod.def as { pattern?: RegExp };
    if (found.pattern !== undefined) return found.pattern.source;
  }
  return null;
}

const TYPES: Readonly<Record<string, OptionType>> = {
  string: "text",
  number: "number",
  boolean: "boolean",
  enum: "choice",
};

function rowsOf(schema: z.ZodMiniType, path: readonly string[]): OptionRow[] {
  const value = valueOfList(schema);
  const inner = value ?? unwrap(schema);
  const { type, shape, element, entries } = definition(inner);
  if (shape !== undefined) return Object.entries(shape).flatMap(([key, child]) => rowsOf(child, [...path, key]));
  if (element !== undefined) return rowsOf(element, [...path, "[]"]);
  const optionType = TYPES[type];
  const said = about(schema);
  if (optionType === undefined || said === undefined) throw new Error(`option ${path.join(".")} is not described`);
  return [
    {
      path,
      type: optionType,
      many: value !== null,
      choices: Object.values(entries ?? {}),
      least: limit(inner, "greater_than"),
      most: limit(inner, "less_than"),
      whole: definition(inner).format === "safeint",
      longest: limit(inner, "max_length"),
      pattern: patternOf(inner),
      default: defaultOf(schema),
      required: !isOptional(schema),
      about: said,
    },
  ];
}

/** Every option, in the order of the schema. */
export const OPTIONS: readonly OptionRow[] = rowsOf(configSchema, []);

/** `meters[].key` as documentation writes it for one meter: `meter.key`; `outputs.p1[].listen`: `outputs.p1.listen`. */
export function displayPath(row: OptionRow): string {
  return row.path
    .filter((key) => key !== "[]")
    .join(".")
    .replace(/^meters\./, "meter.");
}

/** The environment variable of an option: `KAIFA2MQTT_METER_KEY`, `KAIFA2MQTT_MQTT_SERVER`. */
export function environmentName(row: OptionRow): string {
  return `KAIFA2MQTT_${displayPath(row).replaceAll(".", "_").toUpperCase()}`;
}

/** An option with its path and value in a configuration. */
export interface PlacedOption {
  readonly row: OptionRow;
  /** `meters[0].key`, `outputs.p1[1].listen`. */
  readonly path: string;
  readonly value: OptionValue | undefined;
}

/** Every option of a configuration with its value, in the order of the table; once per item for options in lists. */
export function placedOptions(config: unknown): PlacedOption[] {
  return place(configSchema, config, [], "");
}

function place(schema: z.ZodMiniType, value: unknown, rowPath: readonly string[], path: string): PlacedOption[] {
  const { shape, element } = definition(unwrap(schema));
  if (shape !== undefined) {
    const holder = (value ?? {}) as Readonly<Record<string, unknown>>;
    return Object.entries(shape).flatMap(([key, child]) =>
      place(child, holder[key], [...rowPath, key], path === "" ? key : `${path}.${key}`),
    );
  }
  if (element !== undefined && valueOfList(schema) === null) {
    const items = (value ?? []) as readonly unknown[];
    return items.flatMap((item, index) => place(element, item, [...rowPath, "[]"], `${path}[${index}]`));
  }
  const row = ROWS.get(rowPath.join("."));
  return row === undefined ? [] : [{ row, path, value: value as OptionValue | undefined }];
}

const ROWS = new Map(OPTIONS.map((row) => [row.path.join("."), row]));

/** The row of a path in the configuration: `meters[0].key`, and for an item of a list of values (`mqtt.server[1]`) that list's. */
export function rowAt(path: string): OptionRow | undefined {
  const of = (place: string) => ROWS.get(place.replace(/\[\d+\]/g, ".[]"));
  return of(path) ?? of(path.replace(/\[\d+\]$/, ""));
}

/** Completes "allowed: …". */
export function allowedText(row: OptionRow): string {
  if (row.about.allowed !== undefined) return row.about.allowed;
  // The limits apply to each value.
  switch (row.type) {
    case "choice":
      return row.choices.join(", ");
    case "boolean":
      return "true or false";
    case "number":
      return `a ${row.whole ? "whole " : ""}number from ${row.least} to ${row.most}`;
    case "text":
      return row.longest === null ? "a text" : `a text of at most ${row.longest} characters`;
  }
}
