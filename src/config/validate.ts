/** Turns the tree of texts into the typed configuration and reports unknown names, wrong types and exceeded limits, each with its place. */
import type * as z from "zod/mini";
import { echo, echoName } from "../log/redact.ts";
import type { ConfigFault } from "./config-error.ts";
import { describeWrongKey } from "./hex-key.ts";
import { misplacedSecret } from "./misplaced-secret.ts";
import {
  about,
  allowedText,
  definition,
  displayPath,
  OPTIONS,
  type OptionRow,
  rowAt,
  unwrap,
  valueOfList,
} from "./option-list.ts";
import { configSchema } from "./options.ts";
import { optionMeantBy, sectionMeantBy } from "./other-names.ts";
import { wrongPort } from "./port-hint.ts";
import { formatOrigin, isUnset, joinPath, type Origin, type Raw, type RawMap } from "./raw.ts";
import { suggest } from "./suggest.ts";

export interface Validated {
  /** `null` if there are faults. */
  readonly config: z.output<typeof configSchema> | null;
  readonly faults: ConfigFault[];
  /** Where each value comes from, by its path in the configuration (`meters[0].key`); what is missing here is a default. */
  readonly origins: Map<string, Origin>;
  /** Paths whose values are not to be shown (besides those of options that are secrets). */
  readonly hidden: Set<string>;
}

const NUMBER = /^[+-]?(?:\d+(?:\.\d+)?|\.\d+)$/;
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

/** How a rejected value is shown; a secret only by its shape. */
function show(row: OptionRow | undefined, text: string, hidden: boolean): string {
  if (row?.about.secret === true && row.path[0] === "meters") return describeWrongKey(text);
  if (row?.about.secret === true || hidden) return `a text of ${text.length} characters`;
  return echo(text);
}

export function validate(root: RawMap): Validated {
  const walk = new Walk();
  const plain = walk.convert(configSchema, root, "");
  const { faults, origins, hidden, nodes } = walk;
  const faulty = new Set(walk.faultyPaths);
  const result = configSchema.safeParse(plain);
  if (result.success) return { config: faults.length === 0 ? result.data : null, faults, origins, hidden };
  for (const issue of result.error.issues) {
    const path = issue.path.reduce<string>((parent, key) => joinPath(parent, key as string | number), "");
    // No second fault for a value inside a broken section, or one that is already reported.
    if ([...faulty].some((other) => path === other || path.startsWith(`${other}.`) || path.startsWith(`${other}[`)))
      continue;
    faulty.add(path);
    const row = rowAt(path);
    const node = nodes.get(path);
    const allowed = row === undefined ? allowedSection(path, issue) : allowedText(row);
    if (node?.kind === "list") {
      const found = `a list with ${node.items.length} items`;
      faults.push({ file: node.origin.file, line: node.origin.line, path: node.path, found, allowed });
    } else if (node?.kind === "scalar" && !isUnset(node)) {
      const found = show(row, node.text, node.hidden === true);
      faults.push({ file: node.origin.file, line: node.origin.line, path: node.path, found, allowed });
    } else {
      // A missing option has no line of its own: report that of its section.
      const parent = nodes.get(path.replace(/(?:\.|^)[^.]*$/, "")) ?? root;
      const missing = row === undefined ? path.replace("meters", "meter") : path.replace(/^.*\./, "");
      const where = row === undefined ? missing : joinPath(parent.path, missing);
      faults.push({ file: parent.origin.file, line: parent.origin.line, path: where, found: "nothing", allowed });
    }
  }
  return { config: null, faults, origins, hidden };
}

/** Completes "allowed: …" for a section or list that is wrong as a whole. */
function allowedSection(path: string, issue: { readonly code?: string; readonly maximum?: unknown }): string {
  if (issue.code === "too_big") return `a list of at most ${String(issue.maximum)} items`;
  return path === "meters" ? "a section `meter:` with `port` and `key`" : "a section";
}

/** Walks schema and tree in parallel and converts texts to the types of the schema. */
class Walk {
  readonly faults: ConfigFault[] = [];
  readonly faultyPaths: string[] = [];
  readonly origins = new Map<string, Origin>();
  readonly hidden = new Set<string>();
  readonly nodes = new Map<string, Raw>();

  convert(schema: z.ZodMiniType, raw: Raw, path: string): unknown {
    this.nodes.set(path, raw);
    const { shape, element } = definition(unwrap(schema));
    if (shape !== undefined) {
      const shorthand = about(schema)?.shorthand;
      if (shorthand !== undefined && raw.kind === "scalar" && raw.text.trim() === shorthand)
        return { [shorthand]: true };
      return this.#section(shape, raw, path);
    }
    if (isUnset(raw)) return undefined;
    const value = valueOfList(schema);
    if (value !== null) {
      if (raw.kind !== "map") this.origins.set(path, raw.origin);
      if (raw.kind === "scalar" && raw.hidden === true) this.hidden.add(path);
      // Check before splitting: the pieces of a key look harmless.
      const misplaced = misplacedSecret(rowAt(path), textOf(raw));
      if (misplaced !== null) return this.#fault(raw, path, misplaced.found, misplaced.allowed);
      return itemsOf(raw).map((item, index) => this.convert(value, item, joinPath(path, index)));
    }
    if (element !== undefined) {
      if (raw.kind !== "list")
        return this.#fault(raw, path, this.#kind(raw, path), "a list, each item begun with `- `");
      return raw.items.map((item, index) => this.convert(element, item, joinPath(path, index)));
    }
    return this.#value(definition(unwrap(schema)).type, raw, path);
  }

  #value(type: string, raw: Raw, path: string): unknown {
    const row = rowAt(path);
    const allowed = row === undefined ? "a value" : allowedText(row);
    if (raw.kind !== "scalar") return this.#fault(raw, path, this.#kind(raw, path), allowed);
    this.origins.set(path, raw.origin);
    if (raw.hidden === true) this.hidden.add(path);
    const text = raw.text.trim();
    if (type === "number") {
      return NUMBER.test(text) ? Number(text) : this.#fault(raw, path, show(row, text, raw.hidden === true), allowed);
    }
    if (type === "boolean") {
      const value = BOOLEANS[text.toLowerCase()];
      return value ?? this.#fault(raw, path, show(row, text, raw.hidden === true), allowed);
    }
    if (type === "enum") return text.toLowerCase();
    const misplaced = misplacedSecret(row, text);
    if (misplaced !== null) return this.#fault(raw, path, misplaced.found, misplaced.allowed);
    const wrong = path.startsWith("meters[") && path.endsWith("].port") ? wrongPort(text) : null;
    if (wrong !== null) return this.#fault(raw, path, wrong, allowed);
    return row?.about.secret === true ? raw.text : text;
  }

  #section(shape: Readonly<Record<string, z.ZodMiniType>>, raw: Raw, path: string): unknown {
    if (isUnset(raw)) return {};
    if (raw.kind !== "map") {
      return this.#fault(raw, path, this.#kind(raw, path), `a section with ${Object.keys(shape).join(", ")}`);
    }
    const plain: Record<string, unknown> = {};
    for (const [name, child] of raw.entries) {
      const schema = Object.hasOwn(shape, name) ? shape[name] : undefined;
      if (schema === undefined) {
        this.#unknown(name, child, shape, path);
        continue;
      }
      const value = this.convert(schema, child, joinPath(path, name));
      if (value !== undefined) plain[name] = value;
    }
    return plain;
  }

  #unknown(name: string, child: Raw, shape: Readonly<Record<string, z.ZodMiniType>>, path: string): void {
    const names = Object.keys(shape).map((known) => (path === "" && known === "meters" ? "meter" : known));
    const candidates = meantBy(name, child, path, names);
    const hint = candidates.length === 0 ? "" : ` (did you mean ${candidates.join(" or ")}?)`;
    const { file, line } = child.origin;
    const found = `the unknown name ${echoName(name, candidates.length > 0)}${hint}`;
    this.faults.push({ file, line, path: child.path, found, allowed: names.join(", ") });
  }

  #kind(raw: Raw, path: string): string {
    if (raw.kind === "map") return "a section";
    return raw.kind === "list"
      ? "a list"
      : show(rowAt(path), raw.text, raw.hidden === true || rowAt(path) === undefined);
  }

  #fault(raw: Raw, path: string, found: string, allowed: string): undefined {
    this.faults.push({ file: raw.origin.file, line: raw.origin.line, path: raw.path, found, allowed });
    this.faultyPaths.push(path);
    return undefined;
  }
}

/** The option that an unknown name probably means: by meaning, by spelling, or the same name in another section. */
function meantBy(name: string, child: Raw, path: string, names: readonly string[]): string[] {
  const section = path.replace(/^meters(?:\[\d+\])?/, "meter").replace(/[.[].*$/, "");
  const synonym = child.kind === "scalar" ? optionMeantBy(name, section) : path === "" ? sectionMeantBy(name) : null;
  const near = suggest(name, names);
  // A misspelt name of this section is likelier than another program's name for an option elsewhere.
  const isHere = synonym?.startsWith(`${section}.`) === true;
  if (near !== null && !isHere) return [`\`${near}\``];
  if (synonym !== null) return [`\`${synonym}${synonym === "mqtt.server" ? ": mqtt://host:port" : ""}\``];
  // The name may belong to another section: `server` under `homeassistant`.
  return OPTIONS.filter((row) => row.path.at(-1) === name).map((row) => `\`${displayPath(row)}\``);
}

/** The values of a list of values. A single value is a list of one; a text may hold several. */
function itemsOf(raw: Raw): readonly Raw[] {
  if (raw.kind === "list") return raw.items.filter((item) => !isUnset(item));
  if (raw.kind === "map") return [raw];
  const texts = raw.text.replace(/^\s*\[(.*)\]\s*$/s, "$1").split(/[\s,]+/);
  return texts.filter((text) => text !== "").map((text) => ({ ...raw, text }));
}

/** A list of values as one text. */
function textOf(raw: Raw): string {
  if (raw.kind === "scalar") return raw.text.trim();
  return raw.kind === "list" ? raw.items.map(textOf).join(" ") : "";
}

/** The fault for two values that must differ: placed at the second, naming the first. */
export function sameValueFault(first: Raw, second: Raw, allowed: string): ConfigFault {
  const found = `the same value as ${first.path} (${formatOrigin(first.origin)})`;
  return { file: second.origin.file, line: second.origin.line, path: second.path, found, allowed };
}
