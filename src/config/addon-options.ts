/**
 * The options of the Home Assistant add-on: `/data/options.json` on the way in; the form (`options`, `schema` in
 * hassio-addon/config.yaml, and its translations), made from the table of options, on the way out (`npm run docs`).
 *
 * The form has `meter`, whose port is picked from the serial devices, and `meters`, a list for further meters and for
 * ports that no picker knows (tcp://host:port). The program knows only one of the two at a time.
 */
import { about, definition, OPTIONS, type OptionRow } from "./option-list.ts";
import { configSchema } from "./options.ts";
import { isUnset, type RawMap } from "./raw.ts";

/** Where the Supervisor puts the options. */
export const OPTIONS_JSON = "/data/options.json";

/** `meter`, if it has a port, becomes the first of `meters`; what is empty goes. */
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
/** What stands under `options` in config.yaml: the values that the form begins with. */
export type FormDefaults = Record<string, Record<string, Value> | []>;
/** What stands under `schema`. */
export type FormSchema = Record<string, Record<string, string> | [Record<string, string>]>;

/** The options that the form shows, by section, in the order of the table; what the image decides about is left out. */
function sections(): Map<string, OptionRow[]> {
  const shape = definition(configSchema).shape ?? {};
  const grouped = new Map<string, OptionRow[]>();
  for (const row of OPTIONS) {
    const name = row.path[0] ?? "";
    const section = shape[name];
    if (row.about.addon === false || (section !== undefined && about(section)?.addon === false)) continue;
    grouped.set(name, [...(grouped.get(name) ?? []), row]);
  }
  return grouped;
}

const nameOf = (row: OptionRow): string => row.path.at(-1) ?? "";

/**
 * Only values that hold without being set: switches and choices would else be shown wrongly. All are optional in the
 * schema, so that an option that a later version adds does not invalidate what was saved before.
 */
export function formDefaults(): FormDefaults {
  const form: FormDefaults = { meter: {}, meters: [] };
  for (const [section, rows] of sections()) {
    const given = rows.filter((row) => row.default !== null);
    const values = Object.fromEntries(given.map((row) => [nameOf(row), row.default as Value]));
    form[section === "meters" ? "meter" : section] = values;
  }
  return form;
}

export function formSchema(): FormSchema {
  const form: FormSchema = {};
  for (const [section, rows] of sections()) {
    const types = Object.fromEntries(rows.map((row) => [nameOf(row), typeOf(row)]));
    if (section === "meters") {
      form.meter = { ...types, port: "device(subsystem=tty)?" };
      form.meters = [{ ...types, port: "str" }];
    } else form[section] = types;
  }
  return form;
}

/** The Supervisor's name of a type (supervisor/apps/options.py). */
function typeOf(row: OptionRow): string {
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

/** What stands under `configuration` in translations/<language>.yaml. */
export function formTranslations(language: "en" | "de"): Record<string, Translation> {
  const shape = definition(configSchema).shape ?? {};
  const form: Record<string, Translation> = {};
  for (const [section, rows] of sections()) {
    const fields = Object.fromEntries(
      rows.map((row) => [nameOf(row), { name: row.about.title[language], description: row.about.help[language] }]),
    );
    if (section === "meters") {
      const port = { name: fields.port?.name ?? "port", description: PICKER[language] };
      form.meter = { ...METERS.meter[language], fields: { ...fields, port } };
      form.meters = { ...METERS.meters[language], fields };
    } else {
      const said = shape[section] === undefined ? undefined : about(shape[section]);
      form[section] = { name: said?.title[language] ?? section, description: said?.help[language] ?? "", fields };
    }
  }
  return form;
}

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
