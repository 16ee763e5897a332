/**
 * The push object list (Blue Book, 4.4.8.2): a body that starts with a description of its values.
 *
 *     structure( array( {class, OBIS code, attribute, data index, …} × n ), value, value, … )
 *
 * Value i belongs to object i. If the first object is the push setup's own object list, the array is the value of that
 * object; otherwise the values start after the array. Both forms occur, with descriptors of four or six elements.
 */
import { type AxdrNode, TAG } from "../axdr/axdr-node.ts";
import { CodecError } from "../codec-error.ts";

/** A pushed value and the position of its OBIS code. */
export interface PushObject {
  /** Position of the six bytes of the OBIS code. */
  readonly obisAt: number;
  /** Index of the value among the elements of the body. */
  readonly valueAt: number;
  /** Index of the scaler_unit attribute, if it is also pushed. */
  readonly scalerUnitAt: number | undefined;
  /** The attribute, if it is not decoded into a register (capture time of a value, scaler of a value that is not pushed). */
  readonly unread?: number;
}

const PUSH_SETUP = 40;
const LOGICAL_NAME = 1;
/** Attribute 2 is the value in nearly every pushed class (data, register, clock …). */
const VALUE = 2;
/** The scaler_unit attribute by class: register 3, extended register 3, demand register 4. */
const SCALER_UNIT = new Map([
  [3, 3],
  [4, 3],
  [5, 4],
]);

/**
 * @returns `undefined` if the body is not a push list
 * @throws CodecError `unsupported` if it is one but the number of values differs from the number of objects
 */
export function readPushList(root: AxdrNode, bytes: Uint8Array): PushObject[] | undefined {
  const list = root.items[0];
  if (!list || list.items.length === 0 || !list.items.every(isDescriptor)) return undefined;
  const descriptors = list.items.map((item) => ({
    classId: item.items[0]?.value as number,
    obisAt: item.items[1]?.start as number,
    attribute: item.items[2]?.value as number,
  }));
  const first = descriptors[0];
  const namesItself = first?.classId === PUSH_SETUP && first.attribute === VALUE;
  let shift: number;
  if (root.items.length === descriptors.length && namesItself) shift = 0;
  else if (root.items.length === descriptors.length + 1) shift = 1;
  else {
    const values = root.items.length - 1;
    throw new CodecError("unsupported", `push list: ${descriptors.length} objects, but ${values} values`);
  }
  const objects: PushObject[] = [];
  descriptors.forEach(({ classId, obisAt, attribute }, index) => {
    const valueAt = index + shift;
    const node = root.items[valueAt] as AxdrNode;
    // Skip the object list itself and logical names, which only repeat the OBIS code.
    if (classId === PUSH_SETUP && node.items.length === descriptors.length) return;
    if (attribute === LOGICAL_NAME && node.end - node.start === 6 && sameCode(bytes, node.start, obisAt)) return;
    const others = descriptors.filter((other) => sameCode(bytes, other.obisAt, obisAt));
    const hasValue = others.some((other) => other.attribute === VALUE && other.classId === classId);
    const isScaler = attribute === SCALER_UNIT.get(classId);
    if (isScaler && hasValue) return;
    // Use another attribute as the value only if attribute 2 is not pushed (class 70, attribute 3: disconnector state).
    const isOther = attribute !== VALUE && others.some((other) => other.attribute === VALUE);
    if (classId === PUSH_SETUP || attribute === LOGICAL_NAME || isScaler || isOther) {
      objects.push({ obisAt, valueAt, scalerUnitAt: undefined, unread: attribute });
      return;
    }
    const scaler = descriptors.findIndex(
      (other) => other.attribute === SCALER_UNIT.get(other.classId) && sameCode(bytes, other.obisAt, obisAt),
    );
    objects.push({ obisAt, valueAt, scalerUnitAt: scaler < 0 ? undefined : scaler + shift });
  });
  return objects;
}

function isDescriptor(node: AxdrNode): boolean {
  const [classId, obis, attribute] = node.items;
  return (
    node.tag === TAG.structure &&
    node.items.length >= 4 &&
    classId?.tag === TAG.longUnsigned &&
    obis?.tag === TAG.octetString &&
    obis.end - obis.start === 6 &&
    attribute?.tag === TAG.integer
  );
}

function sameCode(bytes: Uint8Array, a: number, b: number): boolean {
  for (let i = 0; i < 6; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
