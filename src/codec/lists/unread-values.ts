/** Describes values of an accepted body that were not decoded, so that nothing is dropped silently. */
import { type AxdrNode, isContainer, isNumeric, isString, TAG } from "../axdr/axdr-node.ts";
import { isNothing, readText } from "../axdr/axdr-value.ts";
import { formatHex } from "../hex.ts";

/** Maximum number of values described; the rest are only counted. */
const MAX_DESCRIBED = 64;
/** Maximum length of one description, in characters. */
const MAX_TEXT = 80;
const TAG_NAMES = new Map<number, string>(Object.entries(TAG).map(([name, tag]) => [tag, name]));
const NONE: readonly string[] = [];

export class UnreadValues {
  #described: string[] | null = null;
  #more = 0;

  /** @param name OBIS code of the value, or its location in the telegram */
  add(name: string, node: AxdrNode, bytes: Uint8Array): void {
    if (isNothing(node)) return;
    this.#described ??= [];
    if (this.#described.length < MAX_DESCRIBED) this.#described.push(`${name}: ${describeValue(node, bytes)}`);
    else this.#more++;
  }

  /** One text for each value: `1-0:99.1.0*255: array of 3`. */
  list(): readonly string[] {
    if (this.#described === null) return NONE;
    return this.#more === 0 ? this.#described : [...this.#described, `${this.#more} more`];
  }
}

/** Name of an A-XDR type: `octetString`, `tag 34`. */
export function typeName(node: AxdrNode): string {
  return TAG_NAMES.get(node.tag) ?? `tag ${node.tag}`;
}

function describeValue(node: AxdrNode, bytes: Uint8Array): string {
  if (isContainer(node)) return `${typeName(node)} of ${node.items.length}`;
  if (isNumeric(node) || node.tag === TAG.enum || node.tag === TAG.boolean || node.tag === TAG.bcd) {
    return `${typeName(node)} ${node.value}`;
  }
  const text = (isString(node) ? readText(node, bytes) : null) ?? formatHex(bytes, node.start, node.end);
  return `${typeName(node)} ${text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text}`.trimEnd();
}
