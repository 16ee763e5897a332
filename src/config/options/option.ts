/** What every part of the table of options is made of: a schema, and what is said about it. */
import * as z from "zod/mini";

/** What is said about an option besides its type. */
export interface About {
  /** Label of the field in the add-on's form. */
  readonly title: { readonly en: string; readonly de: string };
  /** What it means, in a sentence or two. */
  readonly help: { readonly en: string; readonly de: string };
  /** Never logged, served or printed. */
  readonly secret?: true;
  /** What is allowed, where the type alone does not say it: completes "allowed: …". */
  readonly allowed?: string;
  /** A value for the example file. */
  readonly example?: string;
  /** What holds without a value, where that is no constant. */
  readonly unset?: string;
  /** Of a section in a list: an item may be just this word instead (`- skip` for `- { skip: true }`). */
  readonly shorthand?: string;
  /** Of a section or list: what the example file shows instead of its options one by one; lines of YAML. */
  readonly exampleLines?: readonly string[];
  /** Not shown in the app: the Supervisor or the image decides about it. */
  readonly addon?: false;
}

/** Everything that is said about options and sections, by schema. */
export const ABOUT = z.registry<About>();

export function option<Schema extends z.ZodMiniType>(schema: Schema, about: About): Schema {
  ABOUT.add(schema, about);
  return schema;
}

/** A text of 1 to `longest` characters. */
export const text = (longest = 256) => z.string().check(z.minLength(1), z.maxLength(longest));
/** A whole number within limits. */
export const whole = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most));

/** A topic to publish to (MQTT 5, 4.7): no wildcard, no NUL, no empty level at its ends, nothing of the broker's own ($). */
export const TOPIC = /^(?![$/])[^+#\0]*[^+#\0/]$/;
export const TOPIC_ALLOWED = "an MQTT topic without +, # and without / at its ends";

/** Whether host and port of an address can be ones (`mqtt://host:99999` cannot). */
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
