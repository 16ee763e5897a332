/** Building blocks of the table of options: a schema and its description. */
import * as z from "zod/mini";

/** The description of an option, apart from its type. */
export interface About {
  /** Label of the field in the app's form. */
  readonly title: { readonly en: string; readonly de: string };
  /** Its meaning, in one or two sentences. */
  readonly help: { readonly en: string; readonly de: string };
  /** Never logged, served or printed. */
  readonly secret?: true;
  /** Completes "allowed: …" if the type alone does not say enough. */
  readonly allowed?: string;
  /** A value for the example file. */
  readonly example?: string;
  /** The default in words, if it is not a constant. */
  readonly unset?: string;
  /** For a section in a list: a word accepted as an item by itself (`- skip` for `- { skip: true }`). */
  readonly shorthand?: string;
  /** For a section or list: lines of YAML that the example file shows instead of its options. */
  readonly exampleLines?: readonly string[];
  /** `false`: not in the app's form, because the Supervisor or the image sets it. */
  readonly addon?: false;
  /** Set if the option has a default but starts empty in the app's form: what an empty field means there. */
  readonly unsetInApp?: { readonly en: string; readonly de: string };
}

/** Descriptions of options and sections, by schema. */
export const ABOUT = z.registry<About>();

export function option<Schema extends z.ZodMiniType>(schema: Schema, about: About): Schema {
  ABOUT.add(schema, about);
  return schema;
}

/** A text of 1 to `longest` characters. */
export const text = (longest = 256) => z.string().check(z.minLength(1), z.maxLength(longest));
/** A whole number within limits. */
export const whole = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most));

/** A topic to publish to (MQTT 5, 4.7): no wildcard, no NUL, no leading or trailing slash, no `$` topic of the broker. */
export const TOPIC = /^(?![$/])[^+#\0]*[^+#\0/]$/;
export const TOPIC_ALLOWED = "an MQTT topic without +, # and without / at its ends";

/** Whether host and port of a URL are valid (`mqtt://host:99999` is not). */
export function isAddress(text: string): boolean {
  try {
    return new URL(text).hostname !== "" && new URL(text).port !== "0";
  } catch {
    return false;
  }
}

const LISTEN = /^(?:\[[0-9a-fA-F:.]+\]|[^\s/:[\]]+):\d{1,5}$/;
/** `HOST:PORT`, an address to listen on; IPv6 in brackets. */
export const listenAddress = () =>
  z.string().check(
    z.regex(LISTEN),
    z.refine((address) => isAddress(`tcp://${address}`)),
  );
export const LISTEN_ALLOWED =
  "HOST:PORT, such as 127.0.0.1:2000 for this computer only or 0.0.0.0:2000 for the network";

const METER_ID = /^(?!bridge$)[A-Za-z0-9_-]{1,64}$/;
/** The `id` of a meter. */
export const meterId = () => z.string().check(z.regex(METER_ID));
