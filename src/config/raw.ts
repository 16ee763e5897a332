/**
 * The unvalidated configuration: a tree of texts, each with its origin. Scalars stay text, so that a key of 32 decimal
 * digits, or one like 12E45…, is never parsed as a number.
 */

/** Where a value comes from. */
export interface Origin {
  readonly layer: "default" | "file" | "environment" | "flag";
  /** The file as named to the user, the variable or the flag; `null` for a default. */
  readonly file: string | null;
  /** Line in the file, from 1. */
  readonly line: number | null;
}

export interface RawScalar {
  readonly kind: "scalar";
  readonly text: string;
  readonly origin: Origin;
  /** Its path in the document, as the user wrote it. */
  readonly path: string;
  /** Read from `secrets.yaml` or a `_FILE`: not shown by `check`. */
  readonly hidden?: boolean;
}

export interface RawMap {
  readonly kind: "map";
  readonly entries: Map<string, Raw>;
  readonly origin: Origin;
  readonly path: string;
}

export interface RawList {
  readonly kind: "list";
  readonly items: Raw[];
  readonly origin: Origin;
  readonly path: string;
}

export type Raw = RawScalar | RawMap | RawList;

export const NOWHERE: Origin = { layer: "default", file: null, line: null };

export function emptyMap(path = "", origin: Origin = NOWHERE): RawMap {
  return { kind: "map", entries: new Map(), origin, path };
}

/** `kaifa2mqtt.yaml:3`, `KAIFA2MQTT_METER_KEY`, `default`. */
export function formatOrigin(origin: Origin): string {
  if (origin.file === null) return "default";
  return origin.line === null ? origin.file : `${origin.file}:${origin.line}`;
}

/** `meters` and `0` give `meters[0]`, `mqtt` and `server` give `mqtt.server`. */
export function joinPath(parent: string, key: string | number): string {
  if (typeof key === "number") return `${parent}[${key}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

/**
 * Sets a scalar at a path, replacing the value of a lower layer and creating missing sections and list items.
 * @returns false if a lower layer has something other than a section or list on the path.
 */
export function put(root: RawMap, path: readonly (string | number)[], scalar: RawScalar): boolean {
  let node: Raw = root;
  for (const [depth, key] of path.entries()) {
    const next: Raw =
      depth === path.length - 1
        ? scalar
        : typeof path[depth + 1] === "number"
          ? { kind: "list", items: [], origin: scalar.origin, path: joinPath(node.path, key) }
          : emptyMap(joinPath(node.path, key), scalar.origin);
    if (typeof key === "number") {
      if (node.kind !== "list" || key > node.items.length) return false;
      if (depth === path.length - 1 || node.items[key] === undefined) node.items[key] = next;
      node = node.items[key] as Raw;
    } else {
      if (node.kind !== "map") return false;
      const existing = node.entries.get(key);
      if (depth === path.length - 1 || existing === undefined || isUnset(existing)) node.entries.set(key, next);
      node = node.entries.get(key) as Raw;
    }
  }
  return true;
}

/** An empty text counts as not set: `key:`, `password: ""`, a form field left empty, `${VARIABLE:-}` in a compose file. */
export function isUnset(node: Raw): boolean {
  return node.kind === "scalar" && node.text.trim() === "";
}
