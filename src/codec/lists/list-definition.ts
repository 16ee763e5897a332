/**
 * How a positional list is written down: the same form for the built-in tables (position-lists.ts) and for those that a
 * user teaches (`lists:` of the configuration), so that a user's list becomes a built-in one by being moved.
 */

/** Types of A-XDR by the names of the configuration. `text` is a string of either kind, `octets` an octet-string. */
export type ElementType =
  | "u8"
  | "u16"
  | "u32"
  | "u64"
  | "i8"
  | "i16"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "octets"
  | "text"
  | "bool"
  | "enum";

/** What an element says of the meter beside its registers. */
export type ElementRole = "meter_id" | "meter_type" | "clock";

/** One element; exactly one of `skip`, `text`, `bytes`, `role` and `obis` says what it is. */
export interface ElementFields {
  /** Of no interest; with a `type` it helps to recognise the list. */
  readonly skip?: boolean | undefined;
  /** A constant: this text, whatever zeros or blanks fill it up. */
  readonly text?: string | undefined;
  /** A constant: these bytes, as hex digits. */
  readonly bytes?: string | undefined;
  readonly role?: ElementRole | undefined;
  /** A register: `1.7.0` or `1-0:1.7.0*255`. */
  readonly obis?: string | undefined;
  /** Of a register, as the telegram means it: `Wh`, `W`. */
  readonly unit?: string | null | undefined;
  /** Power of ten that the number is multiplied by. */
  readonly scaler?: number | undefined;
  readonly type?: ElementType | undefined;
  /** Index at each level, from 0; default: the next position of the outermost level. */
  readonly path?: readonly number[] | undefined;
}

export type ListElement = "skip" | ElementFields;

/** A list of positions. */
export interface ListDefinition {
  readonly name: string;
  readonly elements: readonly ListElement[];
}

/** What the built-in tables say beyond that, to be recognised without a constant. */
export interface BuiltInElement extends Omit<ElementFields, "type"> {
  readonly type?: ElementType | "array" | readonly ElementType[] | undefined;
  /** The text without what fills it up. */
  readonly pattern?: RegExp | undefined;
  /** Length of a string, bytes; `bytes` are then the first of them. */
  readonly length?: number | undefined;
}

export interface BuiltInList {
  readonly name: string;
  readonly elements: readonly ("skip" | BuiltInElement)[];
  /** Relations between the values (by position) that hold in every capture and are asked for where the types alone say little. */
  readonly sums?: readonly (readonly [total: number, first: number, second: number])[];
}
