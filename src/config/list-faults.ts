/** Finds `lists:` entries that cannot be used, or that match the same telegram as another one; each with its line. */
import type { ElementFields, ListDefinition } from "../codec/lists/list-definition.ts";
import { listProblems } from "../codec/lists/list-problems.ts";
import { overlappingDocumentedLists } from "../codec/lists/position-lists.ts";
import type { ConfigFault } from "./config-error.ts";
import { isUnset, joinPath, type Raw, type RawMap } from "./raw.ts";

/** Checks that the table of options cannot express: the elements of a list together, and lists against each other. */
export function listFaults(root: RawMap): ConfigFault[] {
  const lists = root.entries.get("lists");
  if (lists?.kind !== "list") return [];
  return listProblems(lists.items.map(listOf)).map(({ list, element, field, found, allowed }) => {
    const listNode = lists.items[list] as Raw;
    const elements = childOf(listNode, "elements");
    const elementNode = element === null || elements?.kind !== "list" ? undefined : elements.items[element];
    const fieldNode = field === null || elementNode === undefined ? undefined : childOf(elementNode, field);
    const { origin, path } = fieldNode ?? elementNode ?? listNode;
    const named = path === "" ? joinPath("lists", list) : path;
    return { file: origin.file, line: origin.line, path: named, found, allowed };
  });
}

/** A note for each list that overrides a built-in one: allowed, but perhaps not intended. */
export function listNotes(lists: readonly ListDefinition[]): string[] {
  return lists.flatMap((list) => {
    const overlapping = overlappingDocumentedLists(list);
    if (overlapping.length === 0) return [];
    const names =
      overlapping.length === 1 ? `the built-in list ${overlapping[0]}` : `the built-in lists ${overlapping.join(", ")}`;
    return [`telegrams of ${names} could match your list ${list.name}, too; yours takes precedence`];
  });
}

/** The parts of the list that are valid; the others already have a fault. */
function listOf(node: Raw): ListDefinition {
  const elements = childOf(node, "elements");
  const items = elements?.kind === "list" ? elements.items : [];
  return { name: textOf(node, "name") ?? "", elements: items.map(elementOf) };
}

function elementOf(node: Raw): ElementFields {
  if (node.kind === "scalar") return { skip: true };
  const number = (name: string): number | undefined => {
    const text = textOf(node, name);
    return text === undefined || !Number.isInteger(Number(text)) ? undefined : Number(text);
  };
  const path = childOf(node, "path");
  const texts = path?.kind === "list" ? path.items.map((item) => (item.kind === "scalar" ? item.text : "")) : [];
  const indices = (path?.kind === "scalar" ? (path.text.match(/[^\s,[\]]+/g) ?? []) : texts).map(Number);
  const bytes = textOf(node, "bytes")?.replace(/[\s:]/g, "");
  const fields = {
    skip: textOf(node, "skip") === undefined ? undefined : true,
    text: textOf(node, "text"),
    bytes: bytes === undefined || /^(?:[0-9a-f]{2})+$/i.test(bytes) ? bytes : undefined,
    role: textOf(node, "role"),
    obis: textOf(node, "obis"),
    unit: textOf(node, "unit"),
    scaler: number("scaler"),
    type: textOf(node, "type")?.toLowerCase(),
    path: indices.length > 0 && indices.every((index) => Number.isInteger(index) && index >= 0) ? indices : undefined,
  };
  // Unknown names already have a fault and are ignored here.
  return fields as ElementFields;
}

function childOf(node: Raw, name: string): Raw | undefined {
  const child = node.kind === "map" ? node.entries.get(name) : undefined;
  return child === undefined || isUnset(child) ? undefined : child;
}

function textOf(node: Raw, name: string): string | undefined {
  const child = childOf(node, name);
  return child?.kind === "scalar" ? child.text.trim() : undefined;
}
