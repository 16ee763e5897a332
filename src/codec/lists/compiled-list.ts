/**
 * A positional list compiled for matching: checks whether a body fits it, reads the body, and finds out whether two lists
 * could match the same body.
 */
import { type AxdrNode, isContainer, isNumeric, isString, TAG } from "../axdr/axdr-node.ts";
import { isNothing, readText, readValue } from "../axdr/axdr-value.ts";
import { parseHex } from "../hex.ts";
import { latin1Bytes, latin1Text } from "../latin1.ts";
import type { Register } from "../telegram.ts";
import { formatDateTime, looksLikeDateTime } from "../values/date-time.ts";
import { formatObis, parseObis } from "../values/obis.ts";
import type { BuiltInElement, BuiltInList, ElementRole, ElementType } from "./list-definition.ts";

/** A body that fits a list. */
export interface PositionReading {
  /** Name of the list, such as `KFM_001-13`. */
  readonly layout: string;
  readonly registers: readonly Register[];
  readonly meterId: string | null;
  readonly meterType: string | null;
  /** Offset of the 12-byte clock in the body; -1 if the list has no clock. */
  readonly clock: number;
}

/** A-XDR tags accepted for each element type. */
const TAGS: Readonly<Record<ElementType | "array", readonly number[]>> = {
  u8: [TAG.unsigned],
  u16: [TAG.longUnsigned],
  u32: [TAG.doubleLongUnsigned],
  u64: [TAG.long64Unsigned],
  i8: [TAG.integer],
  i16: [TAG.long],
  i32: [TAG.doubleLong],
  i64: [TAG.long64],
  f32: [TAG.float32],
  f64: [TAG.float64],
  octets: [TAG.octetString],
  text: [TAG.octetString, TAG.visibleString, TAG.utf8String],
  bool: [TAG.boolean],
  enum: [TAG.enum],
  array: [TAG.array],
};
const CLOCK_TAGS = [TAG.octetString, TAG.dateTime];
/** Maximum length of a meter number or meter type. */
const MAX_TEXT = 64;

/** One element with its OBIS code and hex digits parsed. */
interface Cell {
  readonly path: readonly number[];
  /** `null`: any type that the other fields of the element allow. */
  readonly tags: readonly number[] | null;
  readonly skip: boolean;
  readonly text: string | undefined;
  readonly bytes: Uint8Array | undefined;
  readonly role: ElementRole | undefined;
  readonly pattern: RegExp | undefined;
  readonly length: number | undefined;
  readonly register: CellRegister | undefined;
}

interface CellRegister {
  readonly obis: string;
  /** OBIS value groups C and D. */
  readonly c: number;
  readonly d: number;
  readonly unit: string | null;
  readonly scaler: number | null;
  readonly isMeterNumber: boolean;
}

export interface CompiledList {
  readonly name: string;
  /** Number of elements at the outermost level. */
  readonly count: number;
  readonly cells: readonly Cell[];
  readonly sums: BuiltInList["sums"];
}

/** @throws RangeError for an invalid OBIS code or invalid hex digits; `listProblems` reports which */
export function compileList(list: BuiltInList): CompiledList {
  let next = 0;
  const cells = list.elements.map((element): Cell => {
    const fields: BuiltInElement = element === "skip" ? { skip: true } : element;
    const path = fields.path === undefined || fields.path.length === 0 ? [next] : fields.path;
    next = (path[0] as number) + 1;
    return {
      path,
      tags: tagsOf(fields),
      skip: fields.skip === true,
      text: fields.text,
      bytes: fields.bytes === undefined ? undefined : parseHex(fields.bytes),
      role: fields.role,
      pattern: fields.pattern,
      length: fields.length,
      register: fields.obis === undefined ? undefined : registerOf(fields.obis, fields),
    };
  });
  const count = Math.max(0, ...cells.map(({ path }) => (path[0] as number) + 1));
  return { name: list.name, count, cells, sums: list.sums };
}

function tagsOf({ type, text, role }: BuiltInElement): readonly number[] | null {
  if (typeof type === "string") return TAGS[type] ?? null;
  if (type !== undefined) return type.flatMap((one) => TAGS[one]);
  if (role === "clock") return CLOCK_TAGS;
  return text !== undefined || role === "meter_type" ? TAGS.text : null;
}

function registerOf(obis: string, { unit = null, scaler }: BuiltInElement): CellRegister {
  const code = parseObis(obis);
  const [, b, c = 0, d = 0, e] = code;
  return {
    obis: formatObis(code),
    c,
    d,
    unit,
    scaler: scaler ?? (unit === null ? null : 0),
    isMeterNumber: b === 0 && c === 96 && d === 1 && e === 0,
  };
}

/** Whether the body matches this list. */
export function fitsList(list: CompiledList, root: AxdrNode, bytes: Uint8Array): boolean {
  if (!isContainer(root) || root.items.length !== list.count) return false;
  for (const cell of list.cells) {
    const node = nodeAt(root, cell.path);
    if (node === undefined || !fitsCell(cell, node, bytes)) return false;
  }
  const at = (i: number): bigint => BigInt(root.items[i]?.value ?? 0);
  return (list.sums ?? []).every(([total, first, second]) => at(total) === at(first) + at(second));
}

function nodeAt(root: AxdrNode, path: readonly number[]): AxdrNode | undefined {
  let node: AxdrNode | undefined = root;
  for (const index of path) node = node?.items[index];
  return node;
}

function fitsCell(cell: Cell, node: AxdrNode, bytes: Uint8Array): boolean {
  if (cell.tags !== null && !cell.tags.includes(node.tag)) return false;
  if (cell.skip && cell.tags === null) return true;
  if (isContainer(node)) return cell.skip;
  if (cell.length !== undefined && node.end - node.start !== cell.length) return false;
  if (cell.text !== undefined && trimmed(node, bytes) !== cell.text) return false;
  if (cell.pattern !== undefined && !cell.pattern.test(trimmed(node, bytes))) return false;
  if (cell.bytes !== undefined && !hasBytes(cell.bytes, node, bytes, cell.length === undefined)) return false;
  if (cell.role === "clock") return node.end - node.start === 12 && looksLikeDateTime(bytes, node.start);
  if (cell.role !== undefined && cell.pattern === undefined) return textOf(node, bytes) !== null;
  return true;
}

function hasBytes(expected: Uint8Array, node: AxdrNode, bytes: Uint8Array, exactly: boolean): boolean {
  const length = node.end - node.start;
  if (exactly ? length !== expected.length : length < expected.length) return false;
  return expected.every((byte, i) => bytes[node.start + i] === byte);
}

/** A meter number or meter type: printable text or an integer. `null` for anything else. */
function textOf(node: AxdrNode, bytes: Uint8Array): string | null {
  if (!isString(node)) return isNumeric(node) && Number.isInteger(Number(node.value)) ? String(node.value) : null;
  const text = readText(node, bytes)?.trim() ?? "";
  return text === "" || text.length > MAX_TEXT ? null : text;
}

/** A string without its trailing zero or space padding. */
function trimmed(node: AxdrNode, bytes: Uint8Array): string {
  return latin1Text(bytes, node.start, node.end).replace(/[\0 ]+$/, "");
}

/** Reads a body that fits the list. */
export function readList(list: CompiledList, root: AxdrNode, bytes: Uint8Array): PositionReading {
  const registers: Register[] = [];
  let meterId: string | null = null;
  let meterType: string | null = null;
  let clock = -1;
  for (const { path, role, pattern, register } of list.cells) {
    const node = nodeAt(root, path);
    if (node === undefined) continue;
    if (role === "meter_id") meterId = pattern === undefined ? textOf(node, bytes) : trimmed(node, bytes);
    else if (role === "meter_type") meterType = pattern === undefined ? textOf(node, bytes) : trimmed(node, bytes);
    else if (role === "clock") clock = node.start;
    if (register === undefined || isNothing(node)) continue;
    const { obis, unit, scaler, c, d, isMeterNumber } = register;
    if (isString(node) && node.end - node.start === 12 && looksLikeDateTime(bytes, node.start)) {
      const time = formatDateTime(bytes, node.start);
      if (clock < 0) clock = node.start;
      if (time !== null) registers.push({ obis, value: time, unit: null, scaler: null });
      continue;
    }
    const value = readValue(node, bytes, scaler ?? 0, c, d);
    if (value === null) continue;
    if (isMeterNumber) meterId ??= textOf(node, bytes);
    registers.push(
      typeof value === "string" ? { obis, value, unit: null, scaler: null } : { obis, value, unit, scaler },
    );
  }
  return { layout: list.name, registers, meterId, meterType, clock };
}

/** Whether some body could fit both lists. */
export function couldOverlap(a: CompiledList, b: CompiledList): boolean {
  if (a.count !== b.count) return false;
  return a.cells.every((one) => b.cells.every((other) => couldBoth(one, other)));
}

/** Whether one body could satisfy both elements. */
function couldBoth(a: Cell, b: Cell): boolean {
  const depth = Math.min(a.path.length, b.path.length);
  for (let i = 0; i < depth; i++) if (a.path[i] !== b.path[i]) return true;
  if (a.path.length !== b.path.length) {
    // The shorter path leads to a container that holds the other element.
    const outer = a.path.length < b.path.length ? a : b;
    return outer.skip && (outer.tags === null || outer.tags.includes(TAG.array));
  }
  const [left, right] = [allowedTags(a), allowedTags(b)];
  if (!left.some((tag) => right.includes(tag))) return false;
  const [content, other] = constantOf(a) === null ? [constantOf(b), a] : [constantOf(a), b];
  return content === null || acceptsContent(other, content);
}

/** Tags of every type except containers and "no value". */
const LEAF_TAGS: readonly number[] = [...new Set(Object.values(TAGS).flat()), TAG.dateTime].filter(
  (tag) => tag !== TAG.array,
);
/** `-1` covers all remaining types: other containers, "no value", rare types. */
const ANY_TAG = [...LEAF_TAGS, TAG.array, -1];

function allowedTags(cell: Cell): readonly number[] {
  if (cell.tags !== null) return cell.tags;
  if (cell.skip) return ANY_TAG;
  return cell.role === undefined && cell.bytes === undefined ? [...LEAF_TAGS, -1] : LEAF_TAGS;
}

/** The bytes an element must contain; `null` if they may vary. */
function constantOf(cell: Cell): Uint8Array | null {
  if (cell.text !== undefined) return latin1Bytes(cell.text);
  return cell.length === undefined ? (cell.bytes ?? null) : null;
}

function acceptsContent(cell: Cell, content: Uint8Array): boolean {
  const constant = constantOf(cell);
  const text = latin1Text(content).replace(/[\0 ]+$/, "");
  if (constant !== null) return latin1Text(constant).replace(/[\0 ]+$/, "") === text;
  if (cell.length !== undefined && cell.length < content.length) return false;
  if (cell.pattern !== undefined && !cell.pattern.test(text)) return false;
  if (cell.role === "clock") return content.length === 12 && looksLikeDateTime(content, 0);
  return true;
}
