/**
 * Keeps secrets out of everything that is printed, logged, published or served, in two ways:
 *
 * - `echo` and `mask` are for user input that may contain a secret in the wrong place (a key as a file name, a login in
 *   a URL). Every message that repeats user input passes it through one of them.
 * - `Redactor` knows the secrets of a valid configuration and removes them from any text, in any notation. The logger
 *   and `main.ts` use it.
 */
import { printable } from "./printable.ts";

const MASK = "***";

/** Minimum number of hex digits treated as a key or part of one. */
const KEY_DIGITS = 16;
/** Separators that people put between the digits of a key. */
const SEPARATOR = String.raw`(?:[\s:,;._\-/|\\"'()[\]{}]|0x|\\x|%20)*`;
const DIGIT_RUN = new RegExp(`(?:0x)?[0-9a-f](?:${SEPARATOR}[0-9a-f]){${KEY_DIGITS - 1},}`, "gi");
/** Network addresses have many digits and dots but aren't keys. */
const NETWORK_ADDRESS =
  /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\w.])|\[[0-9a-f:.]*::[0-9a-f:.]*(?:%\w+)?\](?::\d{1,5})?/gi;
const BASE64_KEY = /(?<![\w+/])[\w+/-]{22}==/g;
const PEM = /-----BEGIN[\s\S]*/g;
/** Names that udev derives from the adapter; its serial number may be as long as a key. */
const DEVICE_LINK = /^\/dev\/serial\/by-(?:id|path)\/(?:usb|pci|platform)-[\w.:+-]+$/;
/** Everything up to the last `@`, except the scheme in front. */
const LOGIN = /^(\s*(?:mqtts?|wss?|tcp|https?|file|simulator):\/{0,3})?[\s\S]*(?:@|%40)/i;
const MOST_SHOWN = 80;

/** Runs of at least 16 hex digits in any grouping, except network addresses; each with its bare digits. */
export function keyLikeRuns(text: string): { readonly text: string; readonly digits: string }[] {
  return [...text.matchAll(DIGIT_RUN)].flatMap(([run]) => {
    const digits = run
      .replace(NETWORK_ADDRESS, "")
      .replace(/0x|\\x|%20/gi, "")
      .replace(/[^0-9a-f]/gi, "");
    return digits.length >= KEY_DIGITS ? [{ text: run, digits }] : [];
  });
}

/** `mask` for keys only: for whole messages, in which an `@` doesn't mark the end of a login. */
export function maskKeys(text: string): string {
  let masked = text.replace(PEM, MASK).replace(BASE64_KEY, MASK);
  for (const run of keyLikeRuns(masked)) masked = masked.replace(run.text, MASK);
  return masked;
}

/**
 * User input with everything masked that could be a secret: 16 or more hex digits in any grouping, everything before an
 * `@`, a query string, a key in base64 or PEM. Control characters are escaped. For names of files, ports and variables;
 * for values see `echo`.
 */
export function mask(text: string): string {
  if (DEVICE_LINK.test(text)) return text;
  const withoutLogin = text
    .replace(LOGIN, (_, scheme: string | undefined) => `${scheme ?? ""}${MASK}@`)
    .replace(/^((?:mqtts?|wss?|tcp|https?):[^?#]*[?#]).+/is, `$1${MASK}`);
  const shown = printable(maskKeys(withoutLogin));
  return shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown;
}

/** Patterns that clearly aren't passwords and are shown unchanged. `***` is what `mask` inserts. */
const HARMLESS: readonly RegExp[] = [
  // a number with a unit, a version
  /^[+-]?\d[\d.,]*(?: ?[a-z%]{1,4})?$/i,
  // up to five words; digits only after a separator, except in `kaifa2mqtt`
  /^(?:\p{L}+|kaifa2mqtt)(?:[ _.-](?:\p{L}+|\d{1,4})){0,4}$/u,
  // an address or host, with a port and a path
  /^(?:[a-z]+:\/{0,2})?(?:\*\*\*@)?(?:localhost|\p{L}[\p{L}-]*|[\w-]+(?:\.[\w-]+)+|\[[0-9a-z:.%]+\])?(?::\d{1,6})?(?:\/[\w./-]*)?(?:[?#]\*\*\*)?$/iu,
  /^[a-z]+:\/\/[\w.-]*(?::\d{1,6})?\/?$/i,
  // a path, with anything after it possibly masked
  /^(?:[a-z]:|file:|\.{1,2})?[\\/][^@"'`$%&*=<>|]*(?:\*\*\*)?$/iu,
  // a topic
  /^(?:\p{L}[\p{L}\d_-]*|[+#]|)(?:\/(?:\p{L}[\p{L}\d_-]*|[+#]|))+$/u,
];

/**
 * User input as shown in a message: in backquotes with `mask` applied if it is clearly harmless (a word, a number, an
 * address, a path), otherwise only its length. Messages must repeat configuration values only through this function.
 */
export function echo(text: string): string {
  const trimmed = text.trim();
  const shown = mask(trimmed);
  if (HARMLESS.some((pattern) => pattern.test(shown))) return `\`${shown}\``;
  const [run] = keyLikeRuns(trimmed);
  if (run?.text === trimmed) return `${run.digits.length} hex digits`;
  return `a text of ${trimmed.length} characters`;
}

/**
 * Same for the name of an option, a secret or a layout that doesn't exist.
 * @param near whether it resembles an existing name, so it is a typo and not a secret
 */
export function echoName(text: string, near = false): string {
  const name = text.trim();
  const words = /^\p{L}+(?:[ _.-](?:\p{L}+|\d{1,4}))*$/u.test(name) || (near && /^[\p{L}\d _.-]+$/u.test(name));
  const harmless = (words || /^\w{1,3}$/.test(name)) && name.length <= 40 && mask(name) === name;
  return harmless ? `\`${name}\`` : `a name of ${name.length} characters`;
}

function quote(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}

/** A key as hex digits of either case with separators, as decimal bytes (a printed array), and as base64. */
function keyPatterns(digits: string): string[] {
  const bytes = Buffer.from(digits, "hex");
  const hex = [...digits].join("(?:[\\s:,;_-]|0x)*");
  const decimal = [...bytes].join('\\s*,\\s*(?:"\\d{1,2}"\\s*:\\s*)?');
  return [hex, `\\b${decimal}\\b`, quote(bytes.toString("base64")), quote(bytes.toString("base64url"))];
}

/** A password in plain text, in a URL, in JSON, and as base64. */
function textPatterns(text: string): string[] {
  const forms = [
    text,
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    Buffer.from(text).toString("base64"),
  ];
  // A very short password would otherwise match inside other words.
  return [...new Set(forms)].map((form) => (form.length < 4 ? `(?<!\\w)${quote(form)}(?!\\w)` : quote(form)));
}

export class Redactor {
  readonly #patterns = new Set<string>();
  #pattern: RegExp | null = null;

  constructor(secrets: Iterable<string> = []) {
    for (const secret of secrets) this.add(secret);
  }

  add(secret: string): void {
    if (secret.trim() === "") return;
    const digits = secret.replace(/[\s:,;_-]|0x/gi, "");
    const patterns = /^(?:[0-9a-f]{2}){8,}$/i.test(digits) ? keyPatterns(digits.toLowerCase()) : textPatterns(secret);
    for (const pattern of patterns) this.#patterns.add(pattern);
    // Longest first, so that a secret that contains another one is masked completely.
    const longestFirst = [...this.#patterns].sort((a, b) => b.length - a.length);
    this.#pattern = new RegExp(longestFirst.join("|"), "gi");
  }

  text(text: string): string {
    return this.#pattern === null ? text : text.replace(this.#pattern, MASK);
  }

  /** A copy of the value for JSON, with every string redacted; errors, bytes and bigints are made printable. */
  value(value: unknown, depth = 0): unknown {
    if (typeof value === "string") return this.text(value);
    if (typeof value === "bigint") return this.text(value.toString());
    if (value === null || typeof value !== "object") return typeof value === "function" ? "[function]" : value;
    if (depth > 6) return "[…]";
    if (value instanceof Uint8Array) return this.text(Buffer.from(value).toString("hex"));
    if (value instanceof Error) {
      const { name, message, stack, cause } = value;
      const code = (value as NodeJS.ErrnoException).code;
      return this.value({ name, code, message, stack, cause }, depth + 1);
    }
    if (value instanceof Date) return value.toISOString();
    if (Array.isArray(value)) {
      // JSON puts each array element on its own line, so no pattern would match these bytes.
      const bytes = value.length >= 8 && value.every((item) => Number.isInteger(item) && item >= 0 && item <= 255);
      if (bytes && this.text(value.join(",")) !== value.join(",")) return MASK;
      return value.slice(0, 100).map((item) => this.value(item, depth + 1));
    }
    const entries = value instanceof Map ? [...value.entries()] : Object.entries(value);
    return Object.fromEntries(
      entries.slice(0, 100).map(([key, item]) => [this.text(String(key)), this.value(item, depth + 1)]),
    );
  }
}
