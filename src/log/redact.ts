/** Takes secrets out of texts, in any spelling that a log could show them in. Used by the logger and by `main.ts`. */

const MASK = "***";

function quote(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}

/** A key as digits of either case with separators, as bytes in decimal (a printed array), as base64. */
function keyPatterns(digits: string): string[] {
  const bytes = Buffer.from(digits, "hex");
  const hex = [...digits].join("(?:[\\s:,;_-]|0x)*");
  const decimal = [...bytes].join('\\s*,\\s*(?:"\\d{1,2}"\\s*:\\s*)?');
  return [hex, `\\b${decimal}\\b`, quote(bytes.toString("base64")), quote(bytes.toString("base64url"))];
}

/** A password as it is, within a URL, within JSON, as base64. */
function textPatterns(text: string): string[] {
  const forms = [
    text,
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    Buffer.from(text).toString("base64"),
  ];
  // A very short one would otherwise be found within every other word.
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
    // The longest first, so that a secret that contains another is masked whole.
    const longestFirst = [...this.#patterns].sort((a, b) => b.length - a.length);
    this.#pattern = new RegExp(longestFirst.join("|"), "gi");
  }

  text(text: string): string {
    return this.#pattern === null ? text : text.replace(this.#pattern, MASK);
  }

  /** A copy of a value made for JSON, with every text in it redacted; errors, bytes and big integers are made printable. */
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
      // Bytes in an array would be found by no pattern once they stand in lines of their own.
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
