/**
 * The options of the Home Assistant app: reads `/data/options.json`, and generates the form (`options` and `schema` in
 * hassio-addon/config.yaml, and its translations) from the table of options (`npm run docs`).
 *
 * The form has `meter`, whose port is picked from the serial devices, and `meters`, a list of further meters and of
 * ports that the picker does not offer (tcp://host:port). The program takes only one of the two.
 */
import type * as z from "zod/mini";
import { about, definition, OPTIONS, type OptionRow, unwrap } from "./option-list.ts";
import type { About } from "./options/option.ts";
import { configSchema } from "./options.ts";
import { emptyMap, isUnset, type Raw, type RawMap } from "./raw.ts";

/** Where the Supervisor writes the options. */
export const OPTIONS_JSON = "/data/options.json";

/** Makes `meter` the first of `meters` if it has a port, and removes what is empty. */
export function joinMeters(root: RawMap): void {
  const one = root.entries.get("meter");
  const many = root.entries.get("meters");
  const more = many?.kind === "list" ? many.items : [];
  if (many?.kind === "list" && more.length === 0) root.entries.delete("meters");
  if (one?.kind !== "map" || many?.kind !== "list" || more.length === 0) return;
  const port = one.entries.get("port");
  root.entries.delete("meter");
  if (port !== undefined && !isUnset(port)) root.entries.set("meters", { ...many, items: [one, ...more] });
}

type Value = string | number | boolean;
/** `options` in config.yaml: the initial values of the form. */
export type FormDefaults = Record<string, Record<string, Value> | []>;
/** `schema` in config.yaml. */
export type FormSchema = Record<string, string | Record<string, string> | [Record<string, string>]>;

/** A section of the form with its options. */
interface FormSection {
  readonly rows: readonly OptionRow[];
  readonly about: About | undefined;
  /** Whether the form shows it as a list of sections. */
  readonly list: boolean;
}

/**
 * The options in the form, by section, in the order of the table, without those that the image sets. The form nests
 * only one level, so each output is a section: `outputs.p1` becomes `outputs_p1`.
 */
function sections(): Map<string, FormSection> {
  const form = new Map<string, FormSection>();
  const add = (name: string, place: string, schema: z.ZodMiniType) => {
    const rows = OPTIONS.filter((row) => row.path.join(".").startsWith(`${place}.`) || row.path.join(".") === place);
    const shown = rows.filter((row) => row.about.addon !== false);
    if (about(schema)?.addon === false || shown.length === 0) return;
    const list = definition(unwrap(schema)).element !== undefined && name !== "meters" && !name.startsWith(NESTED);
    form.set(name, { rows: shown, about: about(schema), list });
  };
  for (const [name, schema] of Object.entries(definition(configSchema).shape ?? {})) {
    const { shape } = definition(unwrap(schema));
    if (name !== "outputs" || shape === undefined) add(name, name, schema);
    else for (const [output, child] of Object.entries(shape)) add(`${NESTED}${output}`, `outputs.${output}`, child);
  }
  return form;
}

const NESTED = "outputs_";

const nameOf = (row: OptionRow): string => row.path.at(-1) ?? "";
/** Whether this is a top-level option and not a section. */
const isAlone = (rows: readonly OptionRow[]): boolean => rows.length === 1 && rows[0]?.path.length === 1;

/** Moves the form's `outputs_p1` to `outputs.p1`, and so on; empty ones are dropped. */
export function joinOutputs(root: RawMap): void {
  const outputs = new Map<string, Raw>();
  for (const [name, node] of root.entries) {
    if (!name.startsWith(NESTED)) continue;
    root.entries.delete(name);
    if (node.kind === "map") outputs.set(name.slice(NESTED.length), { ...node, path: node.path.replace("_", ".") });
  }
  if (outputs.size > 0) root.entries.set("outputs", { ...emptyMap("outputs", root.origin), entries: outputs });
}

/**
 * Defaults, because the form would otherwise show switches and choices wrongly. All are optional in the schema, so that
 * options saved by an older version stay valid when a new one is added.
 */
export function formDefaults(): FormDefaults {
  const form: FormDefaults = { meter: {}, meters: [] };
  for (const [section, { rows, list }] of sections()) {
    if (isAlone(rows)) continue;
    const given = rows.filter((row) => row.default !== null && !row.many && row.about.unsetInApp === undefined);
    const values = Object.fromEntries(given.map((row) => [nameOf(row), row.default as Value]));
    form[section === "meters" ? "meter" : section] = list ? [] : values;
  }
  return form;
}

export function formSchema(): FormSchema {
  const form: FormSchema = {};
  for (const [section, { rows, list }] of sections()) {
    const types = Object.fromEntries(rows.map((row) => [nameOf(row), typeOf(row)]));
    if (section === "meters") {
      form.meter = { ...types, port: "device(subsystem=tty)?" };
      form.meters = [{ ...types, port: "str" }];
    } else if (isAlone(rows)) form[section] = types[section] ?? "str?";
    else form[section] = list ? [types] : types;
  }
  return form;
}

/** The Supervisor's name of a type (supervisor/apps/options.py). */
function typeOf(row: OptionRow): string {
  // Several values in one text, separated by commas.
  if (row.many) return "str?";
  if (row.about.secret === true) return "password?";
  switch (row.type) {
    case "boolean":
      return "bool?";
    case "choice":
      return `list(${row.choices.join("|")})?`;
    case "number":
      return `${row.whole ? "int" : "float"}(${row.least ?? ""},${row.most ?? ""})?`;
    case "text":
      return "str?";
  }
}

interface Translation {
  readonly name: string;
  readonly description: string;
  readonly fields?: Record<string, Translation>;
}

/** `configuration` in translations/<language>.yaml. */
export function formTranslations(language: "en" | "de"): Record<string, Translation> {
  const form: Record<string, Translation> = {};
  for (const [section, { rows, about }] of sections()) {
    const fields: Record<string, Translation> = Object.fromEntries(
      rows.map((row) => [nameOf(row), { name: row.about.title[language], description: descriptionOf(row, language) }]),
    );
    if (section === "meters") {
      const port = { name: fields.port?.name ?? "port", description: PICKER[language] };
      form.meter = { ...METERS.meter[language], fields: { ...fields, port } };
      form.meters = { ...METERS.meters[language], fields };
    } else if (isAlone(rows)) form[section] = fields[section] as Translation;
    else form[section] = { name: about?.title[language] ?? section, description: about?.help[language] ?? "", fields };
  }
  return form;
}

function descriptionOf(row: OptionRow, language: "en" | "de"): string {
  const more = [row.about.unsetInApp?.[language], row.many ? SEVERAL[language] : undefined];
  return [row.about.help[language], ...more].filter((words) => words !== undefined).join(" ");
}

const SEVERAL = { en: "Several are separated by commas.", de: "Mehrere werden durch Beistriche getrennt." };

const PICKER = {
  en: "The adapter at the meter. Names with /dev/serial/by-id stay the same when it is plugged in elsewhere. For a meter over the network leave this empty and use the list of further meters.",
  de: "Der Adapter am Zähler. Namen mit /dev/serial/by-id bleiben gleich, wenn er woanders eingesteckt wird. Für einen Zähler über das Netz leer lassen und die Liste weiterer Zähler verwenden.",
};

const METERS = {
  meter: {
    en: {
      name: "Meter",
      description: "The port that the meter is connected to, and the key of the grid operator. Nothing else is needed.",
    },
    de: {
      name: "Zähler",
      description:
        "Der Anschluss, an dem der Zähler hängt, und der Schlüssel des Netzbetreibers. Mehr ist nicht nötig.",
    },
  },
  meters: {
    en: {
      name: "Further meters",
      description: "Further meters, and meters over the network: there the port is tcp://host:port.",
    },
    de: {
      name: "Weitere Zähler",
      description: "Weitere Zähler, und Zähler über das Netz: dort ist der Anschluss tcp://host:port.",
    },
  },
};
