/**
 * Decodes the typed tree of a telegram body into registers. The tree determines the layout (telegrams.md, 5):
 *
 *     flat        clock, (OBIS, value, {scaler, unit}) …, meter number          Netz NÖ / EVN
 *     nested      OBIS, clock, {OBIS, value, {scaler, unit}} …                  TINETZ, Salzburg, Vorarlberg, IKB …
 *     array       array of {OBIS, value} or {OBIS, value, {scaler, unit}}       Aidon; EGD (Czechia)
 *     obis-pairs  (list name or clock,) OBIS, value, OBIS, value …              Kamstrup, Landis+Gyr E450
 *     push-list   [{class, OBIS, attribute, index} …], value, value …           Iskraemeco AM550, Landis+Gyr
 *
 * In the first four, each OBIS code is followed by its value; a 6-byte octet-string in a value position is a value. Any
 * other body must match one of the documented positional lists, or the telegram is rejected.
 */
import { type AxdrNode, isContainer, isString, TAG } from "../axdr/axdr-node.ts";
import { clockText, isNothing, readText, readValue } from "../axdr/axdr-value.ts";
import type { Register } from "../telegram.ts";
import { looksLikeDateTime } from "../values/date-time.ts";
import type { ObisNames } from "../values/obis.ts";
import { unitName } from "../values/unit.ts";
import type { PositionReading } from "./compiled-list.ts";
import { matchDocumented, type UserLists } from "./position-lists.ts";
import { type PushObject, readPushList } from "./push-list.ts";
import { listPositions, UnknownListError } from "./unknown-list.ts";
import { typeName, UnreadValues } from "./unread-values.ts";

/** A decoded body. */
export interface Body {
  readonly layout: string;
  readonly registers: Register[];
  readonly meterId: string | null;
  readonly meterType: string | null;
  /** The list name at the start of the body. */
  readonly listName: string | null;
  /** Positions of the 12-byte clocks. */
  readonly clocks: number[];
  /** Descriptions of the values that were not decoded into registers. */
  readonly unread: readonly string[];
}

/**
 * @param lists user-defined lists; they take precedence over every other layout
 * @throws CodecError `unsupported` for a body that fits no layout (an `UnknownListError`; its message lists the types)
 */
export function readBody(root: AxdrNode, bytes: Uint8Array, names: ObisNames, lists: UserLists): Body {
  const reading = lists.match(root, bytes);
  if (reading !== undefined) return positionBody(reading);
  const collector = new Collector(bytes, names);
  if (isContainer(root)) {
    const objects = readPushList(root, bytes);
    if (objects) {
      collector.addPushList(root.items, objects);
      if (collector.registers.length > 0) return collector.body("push-list");
    } else {
      const items = labelled(root);
      if (collector.addLabelled(items, true) && collector.registers.length > 0) {
        if (items !== root.items) {
          collector.unread.add("in front of the list", root.items[0] as AxdrNode, bytes);
          return collector.body("descriptors");
        }
        return collector.body(root.tag === TAG.structure ? collector.layout() : "array");
      }
    }
  }
  const list = matchDocumented(root, bytes);
  if (list) return positionBody(list);
  throw new UnknownListError(`the body matches no known layout: ${describeTree(root)}`, listPositions(root, bytes));
}

function positionBody({ layout, registers, meterId, meterType, clock }: PositionReading): Body {
  return {
    layout,
    registers: [...registers],
    meterId,
    meterType,
    listName: null,
    clocks: clock < 0 ? [] : [clock],
    unread: [],
  };
}

/** The elements with the OBIS codes. EGD sends them as the second of two elements, after the meter type as an enum. */
function labelled(root: AxdrNode): readonly AxdrNode[] {
  const [first, second] = root.items;
  if (root.items.length === 2 && first?.tag === TAG.enum && second?.tag === TAG.array) return second.items;
  return root.items;
}

/** Priority of the meter number sources; the highest wins (product.md, MQTT topics). */
const ID_RANK = { deviceNumber: 4, logicalDeviceName: 3, gs1: 2, unlabelled: 1, none: 0 } as const;

class Collector {
  readonly registers: Register[] = [];
  readonly clocks: number[] = [];
  readonly unread = new UnreadValues();
  readonly #bytes: Uint8Array;
  readonly #names: ObisNames;
  #meterId: string | null = null;
  #listName: string | null = null;
  #idRank = 0;
  #nested = false;
  #scaled = false;

  constructor(bytes: Uint8Array, names: ObisNames) {
    this.#bytes = bytes;
    this.#names = names;
  }

  body(layout: string): Body {
    const { registers, clocks } = this;
    const unread = this.unread.list();
    return { layout, registers, meterId: this.#meterId, meterType: null, listName: this.#listName, clocks, unread };
  }

  layout(): string {
    if (this.#nested) return "nested";
    return this.#scaled ? "flat" : "obis-pairs";
  }

  /** Reads elements that consist of OBIS codes and values. @returns whether every element was recognised */
  addLabelled(items: readonly AxdrNode[], outermost: boolean): boolean {
    const count = items.length;
    for (let i = 0; i < count; i++) {
      const node = items[i] as AxdrNode;
      if (node.tag === TAG.octetString && this.#isObis(node) && i + 1 < count) {
        const value = items[i + 1] as AxdrNode;
        // A list of pairs may start with the logical name of the push setup.
        if (i === 0 && this.#isPushSetup(node) && this.#isObis(value) && count % 2 === 1) continue;
        const scalerUnit = items[i + 2];
        i++;
        if (scalerUnit && isScalerUnit(scalerUnit)) {
          this.#add(node.start, value, scalerUnit);
          i++;
        } else {
          this.#add(node.start, value, undefined);
        }
      } else if (isContainer(node)) {
        if (!this.addLabelled(node.items, false)) return false;
        this.#nested = true;
      } else if (!isNothing(node) && !(outermost && this.#isUnlabelled(node, i, count))) {
        return false;
      }
    }
    return true;
  }

  addPushList(items: readonly AxdrNode[], objects: readonly PushObject[]): void {
    for (const object of objects) {
      const value = items[object.valueAt] as AxdrNode;
      if (object.unread !== undefined) {
        const code = this.#names.format(this.#bytes, object.obisAt);
        this.unread.add(`${code} attribute ${object.unread}`, value, this.#bytes);
        continue;
      }
      const scalerUnit = object.scalerUnitAt === undefined ? undefined : items[object.scalerUnitAt];
      this.#add(object.obisAt, value, scalerUnit && isScalerUnit(scalerUnit) ? scalerUnit : undefined);
    }
  }

  /** Accepts a list name or clock before the first code, and a meter number after the last value. */
  #isUnlabelled(node: AxdrNode, index: number, count: number): boolean {
    if (index === 0) {
      if (this.#isClock(node)) {
        this.clocks.push(node.start);
        return true;
      }
      if (!isString(node)) return false;
      this.#listName = readText(node, this.#bytes);
      if (this.#listName === null) this.unread.add("in front of the first code", node, this.#bytes);
      return true;
    }
    // A code at the end has no value, so the elements before it may not be pairs at all.
    if (index !== count - 1 || !isString(node) || this.#isObis(node)) return false;
    const text = readText(node, this.#bytes);
    if (text !== null) this.#offerId(text, ID_RANK.unlabelled);
    else this.unread.add("behind the last value", node, this.#bytes);
    return true;
  }

  #add(obisAt: number, node: AxdrNode, scalerUnit: AxdrNode | undefined): void {
    if (isNothing(node)) return;
    const bytes = this.#bytes;
    const c = bytes[obisAt + 2] as number;
    const d = bytes[obisAt + 3] as number;
    const obis = this.#names.format(bytes, obisAt);
    // A container is not a single value, and the push setup (25.9) describes the telegram itself.
    if (isContainer(node) || (c === 25 && d === 9)) {
      if (!this.#isName(obisAt, node)) this.unread.add(obis, node, bytes);
      return;
    }
    if (this.#isClock(node)) {
      this.clocks.push(node.start);
      this.registers.push({ obis, value: clockText(node, bytes) as string, unit: null, scaler: null });
      return;
    }
    const scaler = scalerUnit ? (scalerUnit.items[0]?.value as number) : null;
    const value = readValue(node, bytes, scaler ?? 0, c, d);
    if (value === null) {
      this.unread.add(obis, node, bytes);
      return;
    }
    if (typeof value === "string") {
      this.#noteId(obisAt, value);
      this.registers.push({ obis, value, unit: null, scaler: null });
      return;
    }
    const unit = scalerUnit ? unitName(scalerUnit.items[1]?.value as number) : null;
    if (scaler !== null) this.#scaled = true;
    if (c === 96) this.#noteId(obisAt, String(value.coefficient));
    this.registers.push({ obis, value, unit, scaler });
  }

  #noteId(obisAt: number, text: string): void {
    const bytes = this.#bytes;
    const b = bytes[obisAt + 1] as number;
    const code =
      ((bytes[obisAt + 2] as number) << 16) | ((bytes[obisAt + 3] as number) << 8) | (bytes[obisAt + 4] as number);
    // 0-0:96.1.0, or channel 1 on electricity meters that number channels from 1; 0-1:96.1.0 is a submeter.
    const own = b === 0 || (b === 1 && bytes[obisAt] === 1);
    if (!own) return;
    if (code === 0x600100) this.#offerId(text, ID_RANK.deviceNumber);
    else if (code === 0x2a0000) this.#offerId(text, ID_RANK.logicalDeviceName);
    else if (code === 0x000005 && bytes[obisAt] === 1) this.#offerId(text, ID_RANK.gs1);
  }

  #offerId(text: string, rank: number): void {
    if (rank <= this.#idRank || text === "") return;
    this.#meterId = text;
    this.#idRank = rank;
  }

  /** Six bytes with medium 0 … 15 (printable characters start at 32). */
  #isObis(node: AxdrNode): boolean {
    return node.tag === TAG.octetString && node.end - node.start === 6 && (this.#bytes[node.start] as number) < 16;
  }

  /** Whether the value is the logical name of its object, which equals the OBIS code. */
  #isName(obisAt: number, node: AxdrNode): boolean {
    if (!this.#isObis(node)) return false;
    for (let i = 0; i < 6; i++) if (this.#bytes[node.start + i] !== this.#bytes[obisAt + i]) return false;
    return true;
  }

  #isPushSetup(node: AxdrNode): boolean {
    return this.#bytes[node.start + 2] === 25 && this.#bytes[node.start + 3] === 9;
  }

  #isClock(node: AxdrNode): boolean {
    if (node.tag !== TAG.dateTime && (node.tag !== TAG.octetString || node.end - node.start !== 12)) return false;
    return looksLikeDateTime(this.#bytes, node.start);
  }
}

/** `02 02 | 0F scaler | 16 unit` */
function isScalerUnit(node: AxdrNode): boolean {
  return (
    node.tag === TAG.structure &&
    node.items.length === 2 &&
    node.items[0]?.tag === TAG.integer &&
    node.items[1]?.tag === TAG.enum
  );
}

const MAX_DESCRIPTION = 300;

/** The types of a tree without values, for users to report: `structure of 4 (octetString[12], longUnsigned ×3)`. */
function describeTree(root: AxdrNode): string {
  const text = describeNode(root);
  return text.length > MAX_DESCRIPTION ? `${text.slice(0, MAX_DESCRIPTION)}…` : text;
}

function describeNode(node: AxdrNode): string {
  const name = typeName(node);
  if (isString(node)) return `${name}[${node.end - node.start}]`;
  if (!isContainer(node)) return name;
  const parts: string[] = [];
  let length = 0;
  let repeated = 0;
  for (let i = 0; i < node.items.length && length < MAX_DESCRIPTION; i++) {
    const part = describeNode(node.items[i] as AxdrNode);
    if (part === parts.at(-1)?.replace(/ ×\d+$/, "")) {
      repeated++;
      parts[parts.length - 1] = `${part} ×${repeated}`;
    } else {
      parts.push(part);
      length += part.length;
      repeated = 1;
    }
  }
  return `${name} of ${node.items.length} (${parts.join(", ")})`;
}
