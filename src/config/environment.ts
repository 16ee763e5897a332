/**
 * Every option as an environment variable: its path in capitals, `KAIFA2MQTT_METER_KEY`, `KAIFA2MQTT_MQTT_SERVER`; for
 * several meters `KAIFA2MQTT_METERS_0_KEY`, `KAIFA2MQTT_METERS_1_KEY`, …, and likewise for every list of sections. A name
 * ending in `_FILE` gives a file to read the value from (Docker secrets).
 */

import { existsSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { echo, mask } from "../log/redact.ts";
import type { ConfigFault } from "./config-error.ts";
import { environmentName, OPTIONS, type OptionRow } from "./option-list.ts";
import { optionMeantBy } from "./other-names.ts";
import { joinPath, put, type RawMap } from "./raw.ts";
import { readText } from "./read-text.ts";
import { suggest } from "./suggest.ts";

const PREFIX = "KAIFA2MQTT_";
/** Variables of ours that are not options. */
const RESERVED = new Set(["KAIFA2MQTT_CONFIG"]);
const BY_NAME = new Map(OPTIONS.map((row) => [environmentName(row), row]));

interface Variable {
  readonly row: OptionRow;
  /** The indices that the name gives, one per list on the path. */
  readonly indices: readonly number[];
  readonly fromFile: boolean;
}

function indicesOf(name: string): number[] {
  return [...name.matchAll(/_(\d{1,4})(?=_)/g)].map((match) => Number(match[1]));
}

/** Numbers in the name are list indices: `METERS_1_KEY`, `OUTPUTS_P1_0_LISTEN`. Without one, the first item is meant. */
function recognise(name: string): Variable | null {
  const indices = indicesOf(name);
  const words = name.replace(/_\d{1,4}(?=_)/g, "");
  const plain = indices.length > 0 ? words.replace(/^KAIFA2MQTT_METERS_/, `${PREFIX}METER_`) : words;
  if (indices.length > 0 && plain === words && words.startsWith(`${PREFIX}METER_`)) return null;
  const fits = (row: OptionRow | undefined): row is OptionRow =>
    row !== undefined && row.path.filter((key) => key === "[]").length >= indices.length;
  const row = BY_NAME.get(plain);
  if (fits(row)) return { row, indices, fromFile: false };
  const fileRow = plain.endsWith("_FILE") ? BY_NAME.get(plain.slice(0, -"_FILE".length)) : undefined;
  return fits(fileRow) ? { row: fileRow, indices, fromFile: true } : null;
}

/** Overlays the environment on the values of the files. Empty variables count as not set (`${VARIABLE:-}` in compose files). */
export function overlayEnvironment(
  root: RawMap,
  env: Readonly<Record<string, string | undefined>>,
  faults: ConfigFault[],
  warnings: string[],
): void {
  const usedBy = new Map<string, string>();
  const names = Object.keys(env).filter((name) => name.startsWith(PREFIX) && !RESERVED.has(name));
  // Not localeCompare: its tables cost 7 MB of resident memory.
  // Sort list items by index, so that item 0 exists before item 1 is added.
  const order = (name: string) =>
    `${indicesOf(name)
      .map((index) => String(index).padStart(4, "0"))
      .join("_")} ${name}`;
  for (const name of names.sort((a, b) => (order(a) < order(b) ? -1 : 1))) {
    const value = env[name];
    if (value === undefined || value.trim() === "") continue;
    const variable = recognise(name);
    if (variable === null) {
      // Not a fault: Kubernetes, for instance, sets KAIFA2MQTT_PORT for a service called kaifa2mqtt.
      const meant = meantBy(name.slice(PREFIX.length));
      warnings.push(
        `The environment variable ${mask(name)} is unknown and ignored${meant === null ? "." : `; did you mean ${PREFIX}${meant}?`}`,
      );
      continue;
    }
    const { row, indices, fromFile } = variable;
    const counted = [...indices];
    const path = row.path.map((key) => (key === "[]" ? (counted.shift() ?? 0) : key));
    const spot = path.reduce<string>((parent, key) => joinPath(parent, key), "");
    const index = indices[0] ?? 0;
    const shown = name.startsWith(`${PREFIX}METER_`) ? spot.replace("meters[0]", "meter") : spot;
    const other = usedBy.get(spot);
    if (other !== undefined) {
      const found = `a value in ${name} as well as in ${other}`;
      faults.push({ file: name, line: null, path: shown, found, allowed: "one of the two variables" });
      continue;
    }
    usedBy.set(spot, name);
    let text = value;
    if (fromFile) {
      const read = readText(value, name, shown);
      if ("fault" in read) {
        faults.push({ ...read.fault, found: `${read.fault.found} (${echoPath(value)})` });
        continue;
      }
      text = read.text.replace(/[\r\n]+$/, "");
    }
    const origin = { layer: "environment" as const, file: name, line: null };
    const done = put(root, path, { kind: "scalar", text, origin, path: shown, hidden: fromFile });
    // A text in the file in place of a section is reported there.
    if (!done && index > 0) {
      const item = row.path[0] === "meters" ? "meter" : "item";
      const found = `${item} number ${index} without ${item === "meter" ? "a meter" : "an item"} number ${index - 1}`;
      faults.push({ file: name, line: null, path: shown, found, allowed: `${item}s counted from 0 without a gap` });
    }
  }
}

/** The name (without our prefix) of the variable that was probably meant. */
function meantBy(name: string): string | null {
  const [, section = "", rest = ""] = /^([A-Z]+?)S?(?:_\d+)?_(.+)$/.exec(name) ?? [];
  const option = optionMeantBy(rest === "" ? name : rest, rest === "" ? "" : section.toLowerCase());
  const known = [...BY_NAME.keys()].map((each) => each.slice(PREFIX.length));
  const near = suggest(name, known);
  if (near !== null && (option === null || near.startsWith(`${section}_`))) {
    const here = option?.startsWith(`${section.toLowerCase()}.`) === true;
    if (!here) return near;
  }
  if (option === null) return near ?? known.find((each) => each.endsWith(`_${name}`)) ?? null;
  return option.replaceAll(".", "_").toUpperCase();
}

/** The path in a `_FILE` variable for a message, unless it may be the secret itself, pasted instead of a path. */
function echoPath(path: string): string {
  const folder = dirname(path);
  const isPath = isAbsolute(path) && folder !== "/" && existsSync(folder);
  const shown = echo(path);
  return isPath && shown.startsWith("`") ? shown.slice(1, -1) : `a path of ${path.length} characters`;
}
