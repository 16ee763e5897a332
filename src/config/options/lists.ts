/** Positional lists defined by the user: an item of `lists:`. */
import * as z from "zod/mini";
import { option, text, whole } from "./option.ts";

export const ELEMENT_TYPES = [
  "u8",
  "u16",
  "u32",
  "u64",
  "i8",
  "i16",
  "i32",
  "i64",
  "f32",
  "f64",
  "octets",
  "text",
  "bool",
  "enum",
] as const;
const OBIS = /^(?:\d{1,3}-\d{1,3}:)?\d{1,3}\.\d{1,3}\.\d{1,3}(?:\*\d{1,3})?$/;

const elementSchema = z.strictObject({
  skip: option(z.optional(z.boolean()), {
    title: { en: "Skip", de: "Überspringen" },
    help: { en: "An element to ignore; `- skip` is enough.", de: "Ein Element ohne Belang; `- skip` genügt." },
    example: "true",
  }),
  text: option(z.optional(text(64)), {
    title: { en: "Constant text", de: "Fester Text" },
    help: { en: "The list is recognised by this text.", de: "Die Liste wird an diesem Text erkannt." },
    example: "KFM_001",
  }),
  bytes: option(z.optional(z.string().check(z.regex(/^(?:[0-9A-Fa-f]{2}[\s:]?){1,64}$/))), {
    title: { en: "Constant bytes", de: "Feste Bytes" },
    help: { en: "The list is recognised by these bytes.", de: "Die Liste wird an diesen Bytes erkannt." },
    allowed: "bytes in hex",
    example: "0102FF",
  }),
  role: option(z.optional(z.enum(["meter_id", "meter_type", "clock"])), {
    title: { en: "Role", de: "Rolle" },
    help: { en: "The meter's number, its type or its clock.", de: "Nummer, Typ oder Uhr des Zählers." },
    example: "meter_id",
  }),
  obis: option(z.optional(z.string().check(z.regex(OBIS))), {
    title: { en: "OBIS code", de: "OBIS-Kennzahl" },
    help: { en: "A register, by its OBIS code.", de: "Ein Register mit seiner OBIS-Kennzahl." },
    allowed: "an OBIS code such as 1.8.0 or 1-0:1.8.0",
    example: '"1.7.0"',
  }),
  unit: option(z.optional(text(8)), {
    title: { en: "Unit", de: "Einheit" },
    help: { en: "Unit of the register.", de: "Einheit des Registers." },
    example: "W",
  }),
  scaler: option(z.optional(whole(-9, 9)), {
    title: { en: "Scaler", de: "Skalierung" },
    help: {
      en: "Power of ten that the raw value is multiplied by.",
      de: "Zehnerpotenz, mit der der Rohwert multipliziert wird.",
    },
    example: "0",
  }),
  type: option(z.optional(z.enum(ELEMENT_TYPES)), {
    title: { en: "Type", de: "Typ" },
    help: { en: "Type that the element must have.", de: "Typ, den das Element haben muss." },
    example: "u32",
  }),
  path: option(z.optional(z.array(whole(0, 255)).check(z.maxLength(10))), {
    title: { en: "Path", de: "Pfad" },
    help: {
      en: "Position of the element in nested structures: the index at each level, from 0; default: the next one in order.",
      de: "Position des Elements in verschachtelten Strukturen: der Index jeder Ebene, ab 0; sonst das nächste der Reihe nach.",
    },
    allowed: "a list of whole numbers from 0 to 255",
    example: "[0, 3]",
  }),
});

export const listSchema = z.strictObject({
  name: option(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,32}$/)), {
    title: { en: "Name", de: "Name" },
    help: { en: "Name of the list.", de: "Name der Liste." },
    allowed: "1 to 32 letters, digits, _ and -",
    example: "my-list",
  }),
  elements: option(
    z
      .array(
        option(elementSchema, {
          title: { en: "Element", de: "Element" },
          help: { en: "An element of the list, in order.", de: "Ein Element der Liste, der Reihe nach." },
          shorthand: "skip",
        }),
      )
      .check(z.minLength(1), z.maxLength(256)),
    {
      title: { en: "Elements", de: "Elemente" },
      help: { en: "The elements of the list, in order.", de: "Die Elemente der Liste, der Reihe nach." },
    },
  ),
});
