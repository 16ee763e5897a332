/** Rejects keys and logins in options that are logged, published or served, so that they never get there. */
import { keyLikeRuns, mask } from "../log/redact.ts";
import { allowedText, type OptionRow } from "./option-list.ts";

/**
 * Roughly a key's worth of hex digits: some may be missing, doubled or extra. Decimal digits alone are a metering point
 * number.
 */
const KEY = /^(?=.*[a-f])[0-9a-f]{28,36}$/i;
/** Two keys, or a key as the ASCII codes of its digits. A path may contain a container's hash. */
const LONG = 60;
const ABSOLUTE_PATH = /^\/\S*$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** `user:password@host`, with a scheme or without. */
const LOGIN = /:[^@]*@/;
/** Options that may look like a key: only the broker sees the user name; a list's constants are compared with telegrams. */
const NEITHER_SHOWN_NOR_SENT_ON = new Set(["mqtt.user", "lists.[].elements.[].bytes"]);

/** Why a text is rejected as the value of this option: it contains a secret. `null` if it does not. */
export function misplacedSecret(row: OptionRow | undefined, text: string): { found: string; allowed: string } | null {
  const path = row?.path.join(".") ?? "";
  if (row === undefined || row.about.secret === true || NEITHER_SHOWN_NOR_SENT_ON.has(path)) return null;
  if (text.includes("-----BEGIN") && !text.includes("PRIVATE KEY") && row.longest === 100_000) return null;
  const allowed = allowedText(row);
  if (holdsKey(text)) {
    const found = "a text with a key in it (or a colon is missing in the line after it)";
    return { found, allowed: `${allowed}; a key belongs in meter.key` };
  }
  if (path === "mqtt.server") {
    const addresses = text.split(/[\s,]+(?=\w+:\/\/)/);
    return addresses.map((address) => loginFault(address, allowed)).find((fault) => fault !== null) ?? null;
  }
  const plain = text.replace(/%40/g, "@").replace(/%3a/gi, ":");
  if (path === "meters.[].port" && plain.includes("@")) return { found: "an address with a login", allowed };
  if (LOGIN.test(plain)) return { found: "a text like `user:password@host`", allowed };
  return text.includes("PRIVATE KEY-----") ? { found: "a private key", allowed } : null;
}

function holdsKey(text: string): boolean {
  if (mask(text) === text) return false;
  return keyLikeRuns(text).some(({ text: run, digits }) => {
    if (digits.length >= LONG) return !ABSOLUTE_PATH.test(text);
    return KEY.test(digits) && !UUID.test(run);
  });
}

/** An unencoded `/`, `#` or `?` in the password of a URL ends it early: the rest would be parsed as host and path. */
function loginFault(text: string, allowed: string): { found: string; allowed: string } | null {
  const authority = text.replace(/^\w+:\/{0,2}/, "");
  const end = authority.lastIndexOf("@");
  if (end < 0) {
    const encoded = /%(?:40|3a)/i.test(authority.replace(/[?#].*$/s, ""));
    return encoded ? { found: "an address whose `@` or `:` around the password is encoded", allowed } : null;
  }
  const sign = /[/#?,\s]/.exec(authority.slice(0, end))?.[0];
  if (sign === undefined) return null;
  const found = `an address whose user or password has \`${sign}\` in it (\`${mask(text)}\`)`;
  const cure = `${allowed}, with the password in mqtt.password, or ${encodeURIComponent(sign)} for ${sign} in the address`;
  return { found, allowed: cure };
}

/** A note on an unencoded `@` or `:` in the password of a URL: accepted here, but other programs parse it differently. */
export function unencodedLogin(address: string): string[] {
  const login = /^\w+:\/\/(.*)@/s.exec(address)?.[1] ?? "";
  const password = login.slice(login.indexOf(":") + 1);
  const signs = ["@", ":"].filter((sign) => login.includes(":") && password.includes(sign));
  return signs.map(
    (sign) =>
      `mqtt.server: the password in the address has \`${sign}\` in it; write ${encodeURIComponent(sign)} for it, or put the password into mqtt.password.`,
  );
}
