/** Positions and values of a body that fits no layout, from which a list can be written (list-template.ts). */
import { type AxdrNode, isContainer, isNumeric, isString, TAG } from "../axdr/axdr-node.ts";
import { readText, readValue } from "../axdr/axdr-value.ts";
import { CodecError } from "../codec-error.ts";
import { formatHex } from "../hex.ts";
import { formatDateTime, looksLikeDateTime } from "../values/date-time.ts";
import { formatDecimal } from "../values/decimal.ts";
import type { ElementType } from "./list-definition.ts";

/** Maximum number of positions reported; no known telegram has even a quarter of that. */
const MAX_POSITIONS = 256;

/** One value of the body. */
export interface ListPosition {
  /** Index at each nesting level, starting at 0. */
  readonly path: readonly number[];
  /** Type as named in the configuration; `null` for types without a name there ("no value", bit strings, times). */
  readonly type: ElementType | null;
  /** The raw value: a number, quoted text, hex digits or a time. */
  readonly raw: string;
  /** The number, without a scaler; `null` for anything else. */
  readonly number: number | null;
  /** The text, if printable. */
  readonly text: string | null;
  /** Whether it is a date and time. */
  readonly clock: boolean;
}

/** A body that fits no layout. */
export class UnknownListError extends CodecError {
  readonly positions: readonly ListPosition[];
  constructor(message: string, positions: readonly ListPosition[]) {
    super("unsupported", message);
    this.positions = positions;
  }
}

/** All values and empty containers of the body, in order; at most 256. */
export function listPositions(root: AxdrNode, bytes: Uint8Array): ListPosition[] {
  const positions: ListPosition[] = [];
  const visit = (node: AxdrNode, path: readonly number[]): void => {
    if (positions.length >= MAX_POSITIONS) return;
    if (isContainer(node) && node.items.length > 0) {
      for (const [index, item] of node.items.entries()) visit(item, [...path, index]);
    } else positions.push(positionOf(node, path, bytes));
  };
  visit(root, []);
  return positions;
}

function positionOf(node: AxdrNode, path: readonly number[], bytes: Uint8Array): ListPosition {
  const clock =
    node.end - node.start === 12 && (isString(node) || node.tag === TAG.dateTime)
      ? looksLikeDateTime(bytes, node.start)
      : false;
  const text = isString(node) && !clock ? readText(node, bytes) : null;
  const counts = isNumeric(node) || node.tag === TAG.enum || node.tag === TAG.boolean;
  return {
    path,
    type: typeOf(node, text),
    raw: rawOf(node, bytes, text, clock),
    number: counts ? Number(node.value) : null,
    text: text === "" ? null : text,
    clock,
  };
}

const TYPES = new Map<number, ElementType>([
  [TAG.unsigned, "u8"],
  [TAG.longUnsigned, "u16"],
  [TAG.doubleLongUnsigned, "u32"],
  [TAG.long64Unsigned, "u64"],
  [TAG.integer, "i8"],
  [TAG.long, "i16"],
  [TAG.doubleLong, "i32"],
  [TAG.long64, "i64"],
  [TAG.float32, "f32"],
  [TAG.float64, "f64"],
  [TAG.boolean, "bool"],
  [TAG.enum, "enum"],
]);

function typeOf(node: AxdrNode, text: string | null): ElementType | null {
  if (isString(node)) return text === null && node.tag === TAG.octetString ? "octets" : "text";
  return TYPES.get(node.tag) ?? null;
}

function rawOf(node: AxdrNode, bytes: Uint8Array, text: string | null, clock: boolean): string {
  if (isContainer(node)) return "empty";
  if (node.tag === TAG.null || node.tag === TAG.dontCare) return "no value";
  if (clock) return formatDateTime(bytes, node.start) ?? formatHex(bytes, node.start, node.end);
  if (text !== null) return JSON.stringify(text);
  if (isString(node)) return formatHex(bytes, node.start, node.end);
  const value = readValue(node, bytes, 0, 0, 0);
  if (value === null) return "no value";
  return typeof value === "string" ? value : formatDecimal(value);
}
