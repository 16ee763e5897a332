/** Checks which meter each output shows: required if there are several, and it must be a configured one. */
import { echoName, mask } from "../log/redact.ts";
import type { ConfigFault } from "./config-error.ts";
import { isUnset, type Raw, type RawMap } from "./raw.ts";

/** Maximum number of ids listed in a message. */
const MOST_SHOWN = 20;

/** Faults in `outputs.*.meter`. If a meter has no `id`, its id is unknown until it sends, so any id is accepted. */
export function outputMeterFaults(root: RawMap): ConfigFault[] {
  const [meters, outputs] = [root.entries.get("meters"), root.entries.get("outputs")];
  if (meters?.kind !== "list" || outputs?.kind !== "map") return [];
  const ids = meters.items.map((meter) => textOf(meter, "id"));
  const known = ids.flatMap((id) => id ?? []);
  const faults: ConfigFault[] = [];
  for (const [name, list] of outputs.entries) {
    if (list.kind !== "list") continue;
    for (const [index, output] of list.items.entries()) {
      if (textOf(output, "listen") === null && textOf(output, "port") === null) continue;
      const meter = textOf(output, "meter");
      const missing = meter === null && ids.length > 1;
      const unknown = meter !== null && known.length === ids.length && !known.includes(meter);
      if (!missing && !unknown) continue;
      faults.push({
        file: output.origin.file,
        line: output.origin.line,
        path: `outputs.${name}[${index}].meter`,
        found: meter === null ? "nothing" : echoName(meter, true),
        allowed: `the id of one of the meters${known.length === 0 ? "; give each an id" : `: ${known.slice(0, MOST_SHOWN).map(mask).join(", ")}${known.length > MOST_SHOWN ? ", …" : ""}`}`,
      });
    }
  }
  return faults;
}

function textOf(node: Raw, name: string): string | null {
  const child = node.kind === "map" ? node.entries.get(name) : undefined;
  return child?.kind !== "scalar" || isUnset(child) ? null : child.text.trim();
}
