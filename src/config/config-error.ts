/** The error that reports all faults of the configuration together. */
import { maskKeys } from "../log/redact.ts";

/** Maximum number of faults shown; the message says how many more there are. */
const MOST_SHOWN = 200;

/** One fault. Never contains a secret: user input is included only through `echo` or `mask` (log/redact.ts). */
export interface ConfigFault {
  /** The file, or the name of the environment variable or the flag, that the value comes from; `null` if there is none. */
  readonly file: string | null;
  /** Line in the file, from 1; `null` outside of files. */
  readonly line: number | null;
  /** Path in the document, as the user wrote it: `meter.key`, `meters[1].port`. Empty for the whole document. */
  readonly path: string;
  readonly found: string;
  readonly allowed: string;
}

/** One line: `kaifa2mqtt.yaml:3: meter.key: found 31 hex digits; allowed: 32 hex digits`. */
export function formatFault(fault: ConfigFault): string {
  const place = fault.file === null ? "" : fault.line === null ? `${fault.file}: ` : `${fault.file}:${fault.line}: `;
  const path = fault.path === "" ? "" : `${fault.path}: `;
  return `${place}${maskKeys(path)}found ${maskKeys(fault.found)}; allowed: ${fault.allowed}`;
}

/** The configuration cannot be used; the message lists every fault. Exit code 78. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly ConfigFault[];
  constructor(faults: readonly ConfigFault[]) {
    const heading =
      faults.length === 1 ? "The configuration has a fault:" : `The configuration has ${faults.length} faults:`;
    const shown = faults.slice(0, MOST_SHOWN).map((fault) => `  ${formatFault(fault)}`);
    const more = faults.length > MOST_SHOWN ? [`  and ${faults.length - MOST_SHOWN} more`] : [];
    super([heading, ...shown, ...more].join("\n"));
    this.faults = faults;
  }
}
