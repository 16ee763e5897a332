/** Validates user-defined lists. Each problem has its location and what is allowed there. */
import { parseHex } from "../hex.ts";
import { parseObis } from "../values/obis.ts";
import { unitCode } from "../values/unit.ts";
import { type CompiledList, compileList, couldOverlap } from "./compiled-list.ts";
import type { ElementFields, ListDefinition } from "./list-definition.ts";

export interface ListProblem {
  /** Index of the list. */
  readonly list: number;
  /** Index of the element; `null`: the whole list. */
  readonly element: number | null;
  /** Name of the field in the element; `null`: the whole element. */
  readonly field: keyof ElementFields | null;
  readonly found: string;
  readonly allowed: string;
}

const KINDS = ["skip", "text", "bytes", "role", "obis"] as const;
const UNITS = "Wh, varh, VAh, W, var, VA, V, A, Hz";
/** Unit prefixes that users write by mistake; the base unit with a scaler replaces them. */
const PREFIXES: Readonly<Record<string, number>> = { k: 3, M: 6, m: -3 };

/** All problems, in list order; empty if every list is valid. */
export function listProblems(lists: readonly ListDefinition[]): ListProblem[] {
  const problems: ListProblem[] = [];
  const compiled: (CompiledList | null)[] = lists.map((list, index) => {
    const own = problemsOf(list).map((problem) => ({ list: index, ...problem }));
    problems.push(...own);
    return own.length === 0 ? compileList(list) : null;
  });
  compiled.forEach((list, index) => {
    const name = lists[index]?.name ?? "";
    const twin = lists.findIndex((other) => other.name === name);
    if (twin < index) {
      problems.push({
        ...{ list: index, element: null, field: null },
        found: `a second list with the name ${name}`,
        allowed: "a unique name for each list",
      });
      return;
    }
    const other = compiled.findIndex(
      (one, at) => at < index && list !== null && one !== null && couldOverlap(one, list),
    );
    if (other < 0) return;
    problems.push({
      ...{ list: index, element: null, field: null },
      found: `a telegram could match both this list and ${lists[other]?.name}`,
      allowed:
        "lists that differ in their number of elements, in a constant (text, bytes), or in the type of an element",
    });
  });
  return problems;
}

type OwnProblem = Omit<ListProblem, "list">;

function problemsOf({ elements }: ListDefinition): OwnProblem[] {
  const problems: OwnProblem[] = [];
  const codes = new Set<string>();
  const paths: (readonly number[])[] = [];
  const roles = new Set<string>();
  let next = 0;
  elements.forEach((element, index) => {
    const fields: ElementFields = element === "skip" ? { skip: true } : element;
    const add = (field: keyof ElementFields | null, found: string, allowed: string): void => {
      problems.push({ element: index, field, found, allowed });
    };
    const kinds = KINDS.filter((kind) => fields[kind] !== undefined && fields[kind] !== false);
    if (kinds.length !== 1) {
      add(null, kinds.length === 0 ? "none of them" : kinds.join(" and "), `one of ${KINDS.join(", ")}`);
    }
    checkRegister(fields, codes, add);
    if (fields.bytes !== undefined && !isHex(fields.bytes)) {
      add("bytes", `\`${fields.bytes}\``, "hex digits, two for each byte");
    }
    if (fields.role !== undefined) {
      if (roles.has(fields.role)) add("role", `${fields.role} a second time`, "each role once");
      roles.add(fields.role);
    }
    const path = fields.path === undefined || fields.path.length === 0 ? [next] : fields.path;
    next = (path[0] as number) + 1;
    const taken = paths.find((other) => samePlace(path, other));
    if (taken !== undefined) {
      const field = fields.path === undefined ? null : "path";
      add(field, `position ${path.join(", ")}, already used by an earlier element`, "each position once");
    }
    paths.push(path);
  });
  const nothing = elements.every((element) => element === "skip" || element.obis === undefined);
  if (nothing && problems.length === 0) {
    problems.push({
      ...{ element: null, field: null },
      found: "no register",
      allowed: "at least one element with `obis`",
    });
  }
  return problems;
}

function checkRegister(
  { obis, unit, scaler }: ElementFields,
  codes: Set<string>,
  add: (field: keyof ElementFields, found: string, allowed: string) => void,
): void {
  if (obis === undefined) {
    if (unit !== undefined) add("unit", "a unit without `obis`", "unit and scaler only with `obis`");
    else if (scaler !== undefined) add("scaler", "a scaler without `obis`", "unit and scaler only with `obis`");
    return;
  }
  try {
    const code = parseObis(obis).join(".");
    if (codes.has(code)) add("obis", `${obis} a second time`, "each OBIS code once");
    codes.add(code);
  } catch {
    add("obis", `\`${obis}\``, "an OBIS code such as 1.8.0 or 1-0:1.8.0");
  }
  if (unit === undefined || unit === null || isUnit(unit)) return;
  const prefix = PREFIXES[unit[0] ?? ""];
  const base = unit.slice(1);
  const hint =
    prefix !== undefined && isUnit(base) ? ` (here: unit: ${base}, with scaler: ${prefix + (scaler ?? 0)})` : "";
  add("unit", `\`${unit}\``, `${UNITS} and other units of DLMS, without a prefix${hint}`);
}

function isHex(text: string): boolean {
  try {
    return parseHex(text).length > 0;
  } catch {
    return false;
  }
}

function isUnit(name: string): boolean {
  try {
    return unitCode(name) !== 255;
  } catch {
    return false;
  }
}

/** Whether two paths point to the same position, or one lies inside the other. */
function samePlace(a: readonly number[], b: readonly number[]): boolean {
  const depth = Math.min(a.length, b.length);
  for (let i = 0; i < depth; i++) if (a[i] !== b[i]) return false;
  return true;
}
