/**
 * Every option as an environment variable: its path in capitals, `KAIFA2MQTT_METER_KEY`, `KAIFA2MQTT_MQTT_SERVER`; for
 * several meters `KAIFA2MQTT_METERS_0_KEY`, `KAIFA2MQTT_METERS_1_KEY`, … With `_FILE` appended the value is read from
 * that file (Docker secrets).
 */
import type { ConfigFault } from "./config-error.ts";
import { environmentName, OPTIONS, type OptionRow } from "./option-list.ts";
import { put, type RawMap } from "./raw.ts";
import { readText } from "./read-text.ts";
import { suggest } from "./suggest.ts";

const PREFIX = "KAIFA2MQTT_";
/** Names of ours that are no options. */
const RESERVED = new Set(["KAIFA2MQTT_CONFIG"]);
const BY_NAME = new Map(OPTIONS.map((row) => [environmentName(row), row]));

interface Variable {
  readonly row: OptionRow;
  /** Which of `meters`. */
  readonly index: number;
  readonly fromFile: boolean;
}

function recognise(name: string): Variable | null {
  const numbered = /^KAIFA2MQTT_METERS_(\d{1,3})_(.+)$/.exec(name);
  const index = numbered === null ? 0 : Number(numbered[1]);
  const plain = numbered === null ? name : `${PREFIX}METER_${numbered[2]}`;
  const row = BY_NAME.get(plain);
  if (row !== undefined) return { row, index, fromFile: false };
  const fileRow = plain.endsWith("_FILE") ? BY_NAME.get(plain.slice(0, -"_FILE".length)) : undefined;
  return fileRow === undefined ? null : { row: fileRow, index, fromFile: true };
}

/** Puts the variables over what the files said. Empty variables count as not set (`${VARIABLE:-}` in compose files). */
export function overlayEnvironment(
  root: RawMap,
  env: Readonly<Record<string, string | undefined>>,
  faults: ConfigFault[],
  warnings: string[],
): void {
  const usedBy = new Map<string, string>();
  const names = Object.keys(env).filter((name) => name.startsWith(PREFIX) && !RESERVED.has(name));
  // Not localeCompare: its tables take 7 MB of memory for as long as the bridge runs.
  const order = (name: string) => name.replace(/\d+/g, (digits) => digits.padStart(6, "0"));
  for (const name of names.sort((a, b) => (order(a) < order(b) ? -1 : 1))) {
    const value = env[name];
    if (value === undefined || value.trim() === "") continue;
    const variable = recognise(name);
    if (variable === null) {
      // Not a fault: Kubernetes, for instance, sets KAIFA2MQTT_PORT for a service called kaifa2mqtt.
      const meant = suggest(
        name.slice(PREFIX.length),
        [...BY_NAME.keys()].map((known) => known.slice(PREFIX.length)),
      );
      warnings.push(
        `The environment variable ${name} is unknown and ignored${meant === null ? "." : `; did you mean ${PREFIX}${meant}?`}`,
      );
      continue;
    }
    const { row, index, fromFile } = variable;
    const path = row.path.map((key) => (key === "[]" ? index : key));
    const spot = path.join(".").replace(/^meters\.(\d+)\./, "meters[$1].");
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
        faults.push({ ...read.fault, found: `${read.fault.found} (${value})` });
        continue;
      }
      text = read.text.replace(/[\r\n]+$/, "");
    }
    const origin = { layer: "environment" as const, file: name, line: null };
    const done = put(root, path, { kind: "scalar", text, origin, path: shown, hidden: fromFile });
    // Where a file has a text in the place of a section, that is its fault and is told as such.
    if (!done && index > 0) {
      const found = `meter number ${index} without a meter number ${index - 1}`;
      faults.push({ file: name, line: null, path: shown, found, allowed: "meters counted from 0 without a gap" });
    }
  }
}
