/**
 * Definition format of a positional list. The built-in tables (position-lists.ts) and user-defined lists (`lists:` in the
 * configuration) share it, so a user's list can be moved into the built-in tables unchanged.
 */

/** A-XDR types as named in the configuration. `text` is any string type; `octets` is an octet-string. */
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

/** Meter data that is not a register. */
export type ElementRole = "meter_id" | "meter_type" | "clock";

/** One element. Exactly one of `skip`, `text`, `bytes`, `role` and `obis` must be set. */
export interface ElementFields {
  /** Ignored; with a `type`, it still helps to identify the list. */
  readonly skip?: boolean | undefined;
  /** A constant text; zero or space padding is ignored. */
  readonly text?: string | undefined;
  /** Constant bytes, in hex. */
  readonly bytes?: string | undefined;
  readonly role?: ElementRole | undefined;
  /** OBIS code of a register: `1.7.0` or `1-0:1.7.0*255`. */
  readonly obis?: string | undefined;
  /** Unit of the register in the telegram: `Wh`, `W`. */
  readonly unit?: string | null | undefined;
  /** The value is multiplied by 10^scaler. */
  readonly scaler?: number | undefined;
  readonly type?: ElementType | undefined;
  /** Index at each nesting level, starting at 0. Default: the next position at the outermost level. */
  readonly path?: readonly number[] | undefined;
}

export type ListElement = "skip" | ElementFields;

/** A positional list. */
export interface ListDefinition {
  readonly name: string;
  readonly elements: readonly ListElement[];
}

/** Extra fields for the built-in tables, which identify lists that have no constant. */
export interface BuiltInElement extends Omit<ElementFields, "type"> {
  readonly type?: ElementType | "array" | readonly ElementType[] | undefined;
  /** Matched against the text without its padding. */
  readonly pattern?: RegExp | undefined;
  /** Length of a string in bytes; `bytes` then matches its beginning. */
  readonly length?: number | undefined;
}

export interface BuiltInList {
  readonly name: string;
  readonly elements: readonly ("skip" | BuiltInElement)[];
  /** Sums between values (by position) that hold in every capture; checked when the types alone do not identify the list. */
  readonly sums?: readonly (readonly [total: number, first: number, second: number])[];
}
